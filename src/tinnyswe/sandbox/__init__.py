"""Where learner code runs: policy as data, the backends that apply it, and the intake of a submission."""

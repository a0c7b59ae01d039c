"""The world of one run: engines, proxies and copies of the learner's program, in a bench process of their own."""

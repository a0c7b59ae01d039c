"""Standard-library-only code that runs inside the sandbox beside learner code; never imported by the grader."""

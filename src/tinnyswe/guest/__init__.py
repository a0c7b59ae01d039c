"""Standard-library-only code that runs inside the sandbox beside learner code. Copied in, never imported by the grader."""

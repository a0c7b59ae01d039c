"""Runs a lab's checks under a locked-down pytest and turns what happened into results, a verdict and a diagnosis."""

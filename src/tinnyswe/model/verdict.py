"""Outcomes of checks and verdicts of runs (design §1)."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Outcome(enum.StrEnum):
    """What became of one check, or of a whole run."""

    PASSED = "passed"
    FAILED = "failed"  # the learner's work
    ERROR = "error"  # ours, or the computer's
    TIMEOUT = "timeout"  # the run's budget ran out
    NOT_RUN = "not_run"  # a prerequisite did not pass, or it was not asked for


# The judge's own fault always wins the display: a learner is never told "failed" by a broken grader.
_WORST_FIRST = (Outcome.ERROR, Outcome.FAILED, Outcome.TIMEOUT, Outcome.NOT_RUN, Outcome.PASSED)

EXIT_CODES = {
    Outcome.PASSED: 0,
    Outcome.FAILED: 1,
    Outcome.ERROR: 3,
    Outcome.TIMEOUT: 4,
    Outcome.NOT_RUN: 0,  # an incomplete run is not a failure; it earns no receipt either
}


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome that speaks for all of them; no outcomes at all is `not_run`."""
    seen = set(outcomes)
    return next((outcome for outcome in _WORST_FIRST if outcome in seen), Outcome.NOT_RUN)

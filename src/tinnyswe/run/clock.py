"""The deadlines of a check and of its run."""

from __future__ import annotations

import time

from tinnyswe.grading.world import RunBudgetSpent


class Clock:
    """Seconds left; the check's own deadline never outlives the run's budget."""

    def __init__(self, run_seconds: float) -> None:
        self._run_ends = time.monotonic() + run_seconds
        self._check_started = time.monotonic()
        self._check_ends = self._run_ends
        self.check_seconds = run_seconds

    def begin(self, seconds: float) -> None:
        """Start a check's deadline. Raises RunBudgetSpent when nothing is left of the run."""
        if self.spent():
            raise RunBudgetSpent
        self.check_seconds = seconds
        self._check_started = time.monotonic()
        self._check_ends = min(self._run_ends, self._check_started + seconds)

    def left(self) -> float:
        """Seconds until the check's deadline, at least 0."""
        return max(0.0, self._check_ends - time.monotonic())

    def elapsed(self) -> float:
        return time.monotonic() - self._check_started

    def spent(self) -> bool:
        """True when the run's own budget is gone."""
        return time.monotonic() >= self._run_ends

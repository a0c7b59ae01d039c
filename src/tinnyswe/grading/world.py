"""What grading needs from a world; `tinnyswe.run` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tinnyswe.labkit import Expect
from tinnyswe.model.failure import FaultNote, LogTail
from tinnyswe.model.lab import CheckSpec


class RunBudgetSpent(Exception):
    """The whole run's time is over: verdict `timeout`, nobody's failure."""


class World(Protocol):
    """The running copies, networks and engines of one run."""

    def begin(self, check: CheckSpec, *, seconds: float) -> None:
        """Make ready for `check`: a fresh world unless it shares its predecessor's. Starts its deadline."""

    def end(self) -> None:
        """Undo what the check left behind (held requests, frozen processes) so that the next one starts clean."""

    def fixtures(self) -> Mapping[str, Any]:
        """Values by fixture name: app, net, and one per engine role."""

    def expect(self, check: str) -> Expect: ...
    def fault(self) -> FaultNote | None: ...
    def logs(self) -> tuple[LogTail, ...]: ...
    def trace(self) -> tuple[str, ...]: ...
    def spent(self) -> bool:
        """True when the run's budget (not the check's own deadline) is what ran out."""

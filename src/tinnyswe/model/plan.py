"""Everything one run needs, decided before it starts, as plain data handed to the bench."""

from __future__ import annotations

from pathlib import Path

from tinnyswe.model.base import Record
from tinnyswe.model.lab import Lab


class EngineChoice(Record, frozen=True, kw_only=True):
    """An installed engine chosen for a role. home: where its install lives."""

    role: str
    kind: str
    version: str
    home: Path
    binary_sha256: str = ""
    level: str = "real"


class Plan(Record, frozen=True, kw_only=True):
    """One run. `only` empty = every check.

    submission: folder of the taken-in files, read-only for the learner's program.
    scratch: folder of this run; the bench and everything below it writes only here.
    python: interpreter of the topic's environment, readable by the learner's uid.
    """

    lab: Lab
    seed: int
    practice: bool
    only: tuple[str, ...] = ()
    keep: bool = False
    submission: Path
    scratch: Path
    runtime: Path  # short per-user folder for sockets and leases
    python: Path
    engines: tuple[EngineChoice, ...] = ()
    run_seconds: float = 60.0
    stop_after: str = ""  # audit: end the run once this check has failed
    tier: str = "limits"  # the sandbox backend that runs it

"""Receipts, ledger entries and run records (design §5.2, §5.4)."""

from __future__ import annotations

from typing import Any, Literal

from tinnyswe.model.base import Record
from tinnyswe.model.events import CheckResult, EngineUsed
from tinnyswe.model.verdict import Outcome

FORMAT = 1

EntryKind = Literal["receipt", "prediction", "answers", "hint", "match", "sitting", "tick", "untick", "due"]


class Receipt(Record, frozen=True, kw_only=True):
    """The record of a passed run, complete enough to run it again. Holds no host name, user or path."""

    format: int = FORMAT
    lab: str
    revision: int
    lab_digest: str
    box: str
    seed: int
    parameters: dict[str, Any] = {}  # what was drawn from the seed and is needed to repeat the run
    submission: str  # digest in .tinny/objects
    verdict: Outcome
    checks: dict[str, Outcome]
    self_reported: tuple[str, ...] = ()
    level: str
    engines: tuple[EngineUsed, ...] = ()
    tier: str
    lock_digest: str
    tinnyswe: str
    python: str
    platform: str
    arch: str
    started: str  # ISO 8601, UTC
    elapsed: float  # seconds
    events: str  # digest of events.jsonl


class LedgerEntry(Record, frozen=True, kw_only=True):
    """One line of .tinny/ledger/<machine>.jsonl. prev: digest of the line before it, "" for the first."""

    format: int = FORMAT
    kind: str  # EntryKind, or one of a newer build: kept and skipped
    at: str  # ISO 8601, UTC
    prev: str
    body: dict[str, Any]


class RunVerdict(Record, frozen=True, kw_only=True):
    """verdict.json of a run folder."""

    format: int = FORMAT
    lab: str
    run: str  # folder name
    outcome: Outcome
    reason: str = ""
    practice: bool
    seed: int
    submission: str
    checks: tuple[CheckResult, ...] = ()
    diagnosis: tuple[str, ...] = ()  # ids of mutants this run behaves like, equal ones together
    started: str
    elapsed: float
    receipt: bool = False

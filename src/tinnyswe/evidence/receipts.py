"""Receipts: what a passed run leaves behind so that anyone can run it again (design §5.4)."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

import tinnyswe
from tinnyswe.evidence.ledger import Ledger
from tinnyswe.model.base import to_json
from tinnyswe.model.events import EngineUsed
from tinnyswe.model.evidence import FORMAT, LedgerEntry, Receipt, RunVerdict
from tinnyswe.model.lab import Lab
from tinnyswe.model.plan import Plan
from tinnyswe.model.verdict import Outcome

_WEAKEST_FIRST = ("contract", "lite", "real")


def refusal(plan: Plan, verdict: RunVerdict) -> str:
    """Say why this run earns no receipt, as one sentence for the learner; "" when it earns one."""
    passed = {result.check for result in verdict.checks if result.outcome is Outcome.PASSED}
    missing = [spec.id for spec in plan.lab.checks if spec.counts and spec.id not in passed]
    if verdict.outcome not in (Outcome.PASSED, Outcome.NOT_RUN):
        return "only a run that passed leaves a receipt"
    if plan.practice or verdict.practice:
        return "a practice run (a seed you chose) leaves no receipt; check again without --seed"
    if missing or plan.only or verdict.outcome is Outcome.NOT_RUN:
        left = f" ({', '.join(missing)} did not run)" if missing else ""
        return f"only a complete run leaves a receipt{left}; check again without --only"
    if not verdict.submission:
        return "your files were not stored with this run, so nobody could run it again"
    return ""


def make_receipt(
    plan: Plan,
    verdict: RunVerdict,
    *,
    engines: Iterable[EngineUsed],
    events: str,
    lock_digest: str,
    python: str,
    parameters: Mapping[str, Any] | None = None,
) -> Receipt:
    """Build the receipt of a run; ValueError when `refusal` has something to say.

    events: digest of events.jsonl. python: version of the interpreter that ran the learner's program.
    """
    refused = refusal(plan, verdict)
    if refused:
        raise ValueError(refused)
    used = tuple(engines)
    return Receipt(
        lab=plan.lab.id,
        revision=plan.lab.revision,
        lab_digest=plan.lab.digest,
        box=plan.lab.box,
        seed=plan.seed,
        parameters=dict(parameters or {}),
        submission=verdict.submission,
        verdict=verdict.outcome,
        checks={result.check: result.outcome for result in verdict.checks},
        self_reported=tuple(f"{result.check}: {mark}" for result in verdict.checks for mark in result.self_reported),
        level=_level(plan.lab, used),
        engines=used,
        tier=plan.tier,
        lock_digest=lock_digest,
        tinnyswe=tinnyswe.__version__,
        python=python,
        platform=platform.system().lower(),
        arch=platform.machine().lower(),
        started=verdict.started,
        elapsed=verdict.elapsed,
        events=events,
    )


def receipt_digest(receipt: Receipt) -> str:
    """Return the SHA-256 (hex) of a receipt's canonical JSON: its name in messages and on the command line."""
    return hashlib.sha256(to_json(receipt)).hexdigest()


def record_receipt(ledger: Ledger, receipt: Receipt, now: datetime) -> LedgerEntry:
    """Append a receipt to the ledger; the tick may be written once this returns. Raises TinnyError."""
    return ledger.append("receipt", msgspec.to_builtins(receipt), now)


def receipts(entries: Iterable[LedgerEntry]) -> tuple[Receipt, ...]:
    """Return the receipts among ledger entries, oldest first; those of a newer format are left out."""
    found = []
    for entry in entries:
        if entry.kind == "receipt" and entry.body.get("format", 0) == FORMAT:
            try:
                found.append(msgspec.convert(entry.body, Receipt))
            except msgspec.ValidationError:
                continue
    return tuple(found)


def _level(lab: Lab, engines: tuple[EngineUsed, ...]) -> str:
    """A proof is as strong as the weakest thing that took part."""
    levels = {lab.level, *(engine.level for engine in engines)}
    return next((level for level in _WEAKEST_FIRST if level in levels), lab.level)

"""What the ledger says, sorted by lab and box. Entries may come in any order and from several machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from tinnyswe.model.base import Record
from tinnyswe.model.evidence import FORMAT, LedgerEntry
from tinnyswe.model.verdict import Outcome


class Proof(Record, frozen=True, kw_only=True):
    """A passed receipt. at: when it was entered, UTC."""

    revision: int
    level: str
    at: datetime


class Facts(Record, frozen=True, kw_only=True):
    """proofs: by lab. due: when a lab or box was last called due. unticked: when a box or topic last was, by hand.

    touched: labs the ledger says anything about.
    """

    proofs: dict[str, tuple[Proof, ...]]
    due: dict[str, datetime]
    unticked: dict[str, datetime]
    touched: frozenset[str]

    def last_proof(self, labs: Iterable[str]) -> datetime | None:
        """When any of these labs was last passed, at any revision."""
        return max((proof.at for lab in labs for proof in self.proofs.get(lab, ())), default=None)


class _Receipt(msgspec.Struct):
    """The fields of model.evidence.Receipt that decide a state."""

    lab: str
    revision: int
    verdict: Outcome
    level: str
    format: int = FORMAT


def facts(entries: Sequence[LedgerEntry]) -> Facts:
    """Collect them. Entries of a newer format, of unknown kinds, or without the fields they need say nothing."""
    proofs: defaultdict[str, list[Proof]] = defaultdict(list)
    due: dict[str, datetime] = {}
    unticked: dict[str, datetime] = {}
    touched: set[str] = set()
    for entry in entries:
        at = _time(entry.at)
        if at is None or entry.format > FORMAT:
            continue
        lab = _text(entry.body, "lab")
        if lab:
            touched.add(lab)
        if entry.kind == "receipt":
            receipt = _receipt(entry.body)
            if receipt is not None:
                proofs[receipt.lab].append(Proof(revision=receipt.revision, level=receipt.level, at=at))
        elif entry.kind == "due":
            _latest(due, lab or _text(entry.body, "box"), at)
        elif entry.kind == "untick":
            _latest(unticked, _text(entry.body, "box"), at)
    return Facts(
        proofs={lab: tuple(found) for lab, found in proofs.items()},
        due=due,
        unticked=unticked,
        touched=frozenset(touched),
    )


def _receipt(body: dict[str, Any]) -> _Receipt | None:
    try:
        receipt = msgspec.convert(body, _Receipt)
    except msgspec.ValidationError:
        return None
    return receipt if receipt.format <= FORMAT and receipt.verdict is Outcome.PASSED else None


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _latest(times: dict[str, datetime], key: str, at: datetime) -> None:
    if key and (key not in times or times[key] < at):
        times[key] = at

"""`tinny sync`, and the tick after a check: what the ledger proves, written into the roadmap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.base import Record
from tinnyswe.model.evidence import LedgerEntry
from tinnyswe.model.lab import Catalog
from tinnyswe.model.roadmap import Roadmap
from tinnyswe.progress import unticked_by_hand
from tinnyswe.roadmap import parse, tick_items
from tinnyswe.usecases.standing import Standing, stand


class Ticked(Record, frozen=True, kw_only=True):
    """What was set in the file. lines: 1-based line number, and the line before and after, for each tick.

    held: texts of proven boxes that were unticked by hand, and so were left alone.
    """

    path: Path
    items: tuple[str, ...] = ()
    lines: tuple[tuple[int, str, str], ...] = ()
    held: tuple[str, ...] = ()


def set_ticks(
    workspace: Workspace, catalog: Catalog, now: datetime, *, proved: str = "", force: bool = False
) -> Ticked:
    """Set the ticks that are due, one byte each; nothing else in the file changes.

    proved: the box a run has just proved, which is set also when it had been unticked by hand. Raises TinnyError
    when the file cannot be written: the proofs are in the ledger, and `tinny sync` sets the ticks later.
    """
    standing: list[Standing] = []

    def resolve(roadmap: Roadmap) -> tuple[int, ...]:
        now_standing = stand(workspace, catalog, now, roadmap=roadmap, force=force)
        if not force and _note_unticks(workspace, now_standing, now, proved):
            now_standing = stand(workspace, catalog, now, roadmap=roadmap)
        standing[:] = [now_standing]
        return now_standing.progress.ticks

    path = workspace.roadmap()
    after = tick_items(path, resolve)
    last = standing[0]
    _note_ticks(workspace, last, now)
    return Ticked(
        path=path,
        items=tuple(after.items[index].text for index in last.progress.ticks),
        lines=tuple(_line(last.roadmap, after, index) for index in last.progress.ticks),
        held=tuple(after.items[index].text for index in last.progress.held),
    )


def _note_ticks(workspace: Workspace, standing: Standing, now: datetime) -> None:
    """Remember what we ticked: only then can a tick that is gone later be told from one that was never written."""
    targets = {match.item: match.target for match in standing.matches}
    known = ticked_before(standing.entries)
    for index in standing.progress.ticks:
        if targets[index] not in known:
            workspace.ledger().append("tick", {"box": targets[index]}, now)


def _note_unticks(workspace: Workspace, standing: Standing, now: datetime, proved: str) -> bool:
    """Enter what the person unticked by hand; True when there was something. The box just proved again is not."""
    spared = {proved, proved.partition("/")[0]}
    gone = [id for id in unticked_by_hand(standing.progress, ticked_before(standing.entries)) if id not in spared]
    for id in gone:
        workspace.ledger().append("untick", {"box": id}, now)
    return bool(gone)


def ticked_before(entries: Sequence[LedgerEntry]) -> set[str]:
    """Ids of the boxes and topics whose tick we have set."""
    return {box for entry in entries if entry.kind == "tick" and isinstance(box := entry.body.get("box"), str)}


def _line(before: Roadmap, after: Roadmap, index: int) -> tuple[int, str, str]:
    number = after.items[index].line
    old, new = (r.content.splitlines()[number].decode("utf-8", "backslashreplace") for r in (before, after))
    return number + 1, old, new


def sync(workspace: Workspace, catalog: Catalog, now: datetime, *, force: bool = False) -> tuple[Ticked, Standing]:
    """Set every tick the ledger proves, and return how things stand afterwards."""
    ticked = set_ticks(workspace, catalog, now, force=force)
    return ticked, stand(workspace, catalog, now, roadmap=parse(ticked.path), force=force)

"""Where a learner stands: their roadmap, what its items are, and what has been proven."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tinnyswe.catalog.matching import match
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.base import Record
from tinnyswe.model.evidence import LedgerEntry
from tinnyswe.model.lab import Catalog
from tinnyswe.model.progress import Progress
from tinnyswe.model.roadmap import Match, Roadmap
from tinnyswe.progress import progress
from tinnyswe.roadmap import parse


class Standing(Record, frozen=True, kw_only=True):
    """notes: what the ledger had to say about itself (a torn or edited line), as sentences."""

    roadmap: Roadmap
    matches: tuple[Match, ...]
    entries: tuple[LedgerEntry, ...]
    progress: Progress
    notes: tuple[str, ...] = ()


def remembered(entries: Sequence[LedgerEntry]) -> dict[str, str]:
    """The person's own answers about what an item is, by its normalised text; the last answer counts."""
    answers: dict[str, str] = {}
    for entry in entries:
        text, target = entry.body.get("text"), entry.body.get("target")
        if entry.kind == "match" and isinstance(text, str) and isinstance(target, str):
            answers[text] = target
    return answers


def stand(
    workspace: Workspace, catalog: Catalog, now: datetime, *, roadmap: Roadmap | None = None, force: bool = False
) -> Standing:
    """Read everything and compute the progress. roadmap: already parsed, else the workspace's file is read."""
    roadmap = roadmap if roadmap is not None else parse(workspace.roadmap())
    view = workspace.ledger().read()
    matches = match(roadmap, catalog, remembered(view.entries))
    return Standing(
        roadmap=roadmap,
        matches=matches,
        entries=view.entries,
        progress=progress(roadmap, matches, catalog, view.entries, now, force=force),
        notes=view.notes,
    )

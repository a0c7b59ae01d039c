"""`tinny init` and `tinny pin`: make a folder a workspace, and settle what its items are."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tinnyswe.catalog.matching import normalise
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.base import Record
from tinnyswe.model.errors import TinnyError, UsageError
from tinnyswe.model.lab import Catalog
from tinnyswe.model.roadmap import Match
from tinnyswe.roadmap import default_roadmap, parse, write_pins
from tinnyswe.usecases.standing import Standing, stand

DEFAULT_NAME = "roadmap.md"


class Opened(Record, frozen=True, kw_only=True):
    """created: the roadmap was written by us, from the catalogue."""

    workspace: Path
    standing: Standing
    created: bool


def init(folder: Path, file: Path | None, catalog: Catalog, now: datetime) -> Opened:
    """Make the roadmap's folder a workspace. Without a file: the one there is, else the default roadmap is written.

    The roadmap itself is read and left alone. Raises UsageError when it is missing, has no boxes, or cannot be read.
    """
    path = file if file is not None else _roadmap_in(folder)
    created = file is None and not path.exists()
    if created:
        try:
            with path.open("xb") as target:
                target.write(default_roadmap(catalog))
        except OSError as problem:
            raise TinnyError(
                f"the default roadmap cannot be written: {problem.strerror}",
                where=str(path),
                next_step="go to a folder you can write to",
                code="no-room",
            ) from problem
    parse(path)  # before anything is made: a file that cannot be a roadmap leaves no workspace behind
    workspace = Workspace.create(path.absolute().parent, path.absolute())
    return Opened(workspace=workspace.root, standing=stand(workspace, catalog, now), created=created)


def _roadmap_in(folder: Path) -> Path:
    """The roadmap `init` means when none is named: ROADMAP.md in any case."""
    found = sorted(path for path in folder.iterdir() if path.name.lower() == DEFAULT_NAME)
    return found[0] if found else folder / DEFAULT_NAME


def pin(workspace: Workspace, catalog: Catalog, now: datetime, *, line: int = 0, target: str = "") -> tuple[Match, ...]:
    """Write pins into the roadmap: one item (1-based line and its id), or every item that is matched.

    Returns what was pinned. Raises UsageError for a line without a box, or an id that does not exist.
    """
    standing = stand(workspace, catalog, now)
    if line:
        chosen = {_item_at(standing, line): _known(catalog, target)}
    else:
        chosen = {m.item: m.target for m in standing.matches if m.target and m.how != "pin"}
    write_pins(standing.roadmap.path, chosen)
    return tuple(Match(item=item, how="pin", target=id) for item, id in chosen.items())


def remember(workspace: Workspace, text: str, target: str, now: datetime) -> None:
    """Keep a person's answer to "what is this item?" in the ledger."""
    workspace.ledger().append("match", {"text": normalise(text), "target": target}, now)


def _item_at(standing: Standing, line: int) -> int:
    items = standing.roadmap.items
    for item in items:
        if item.line == line - 1:
            return item.index
    near = min(items, key=lambda item: abs(item.line - line + 1))
    raise UsageError(
        f"line {line} has no box",
        where=str(standing.roadmap.path),
        next_step=f"the nearest is line {near.line + 1}: {near.text}",
        code="no-box",
    )


def _known(catalog: Catalog, target: str) -> str:
    if target in catalog.boxes or target in catalog.topics:
        return target
    import difflib

    near = difflib.get_close_matches(target, [*catalog.boxes, *catalog.topics], n=3, cutoff=0.3)
    hint = f"did you mean {', '.join(near)}?" if near else "`tinny status TOPIC` shows the topics' boxes"
    raise UsageError(f"no topic or box is called {target!r}", next_step=hint, code="no-box")

"""How a roadmap was understood, and what was set in it."""

from __future__ import annotations

import difflib
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from tinnyswe.cli.render_text import field, lines_below, safe_line
from tinnyswe.model.errors import UsageError
from tinnyswe.model.lab import Catalog
from tinnyswe.usecases.open_roadmap import Opened
from tinnyswe.usecases.standing import Standing
from tinnyswe.usecases.sync_roadmap import Ticked

_SHOWN = 12  # unknown items listed before the rest is counted


def title(catalog: Catalog, id: str) -> str:
    """The catalogue's wording of a topic or box."""
    if id in catalog.boxes:
        box = catalog.boxes[id]
        return f"{catalog.topics[box.topic].title}: {box.title}"
    return catalog.topics[id].title if id in catalog.topics else id


def opened(opened: Opened, catalog: Catalog) -> Group:
    """What `tinny init` found, and what to do next."""
    standing = opened.standing
    targets = {match.target for match in standing.matches if match.target}
    boxes = sum(target in catalog.boxes for target in targets)
    claimed = sum(box.state == "claimed" for topic in standing.progress.topics for box in topic.boxes)
    path = safe_line(str(standing.roadmap.path))
    parts: list[RenderableType] = [
        Text.assemble(("✓ ", "green"), f"{'Wrote' if opened.created else 'Read'} {path}"),
        field("Matched", f"{len(targets) - boxes} topics and {boxes} boxes"),
    ]
    if claimed:
        ticked = "is ticked" if claimed == 1 else "are ticked"
        parts.append(field("Claimed", f"{claimed} of them {ticked} by hand: that stands, and can be proven later"))
    parts.append(unplaced(standing))
    if standing.progress.next_lab:
        parts.append(field("Next", f"`tinny start {standing.progress.next_lab}` ({standing.progress.next_why})"))
    else:
        parts.append(field("Next", "`tinny status` shows where you stand"))
    return Group(*parts)


def opened_json(opened: Opened) -> dict[str, Any]:
    standing = opened.standing
    return {
        "workspace": str(opened.workspace),
        "roadmap": str(standing.roadmap.path),
        "created": opened.created,
        "matches": standing.matches,
        "items": [item.text for item in standing.roadmap.items],
        "next": standing.progress.next_lab,
    }


def unplaced(standing: Standing) -> Group:
    """Items that are ambiguous (asked, never guessed) or unknown (left alone)."""
    items = standing.roadmap.items
    asked = [m for m in standing.matches if m.how == "ambiguous"]
    unknown = [m for m in standing.matches if m.how == "unknown"]
    parts: list[RenderableType] = []
    if asked:
        lines = [f"line {items[m.item].line + 1}: {items[m.item].text} ({' or '.join(m.candidates)})" for m in asked]
        parts.append(lines_below("Could be several things; say which with `tinny pin LINE TOPIC/BOX`:", lines, "? "))
    if unknown:
        lines = [f"line {items[m.item].line + 1}: {items[m.item].text}" for m in unknown[:_SHOWN]]
        if len(unknown) > _SHOWN:
            lines.append(f"and {len(unknown) - _SHOWN} more")
        parts.append(lines_below("Not in our catalogue, and left alone:", lines, "- "))
    return Group(*parts)


def ticks(ticked: Ticked, standing: Standing) -> Group:
    """What was set in the file."""
    if not ticked.items and not ticked.held:
        proven = any(box.state in ("proven", "due") for topic in standing.progress.topics for box in topic.boxes)
        said = "every proven box is ticked" if proven else "no box is proven yet. `tinny status` says what is next"
        return Group(Text(f"Nothing to do: {said}."))
    parts: list[RenderableType] = []
    for number, before, after in ticked.lines:
        parts.append(Text(f"  {safe_line(ticked.path.name)}:{number}"))
        parts.append(Text(f"  - {safe_line(before)}", "red"))
        parts.append(Text(f"  + {safe_line(after)}", "green"))
    if ticked.held:
        heading = "Proven, but you have unticked them; `tinny sync --force` ticks them again:"
        parts.append(lines_below(heading, ticked.held, "- "))
    return Group(*parts)


def box_named(catalog: Catalog, name: str) -> str:
    """The box with this id, or whose id ends in it; raises UsageError with the nearest names."""
    found = [id for id in catalog.boxes if id == name or id.endswith(f"/{name}")]
    if len(found) == 1:
        return found[0]
    near = found or difflib.get_close_matches(name, [*catalog.topics, *catalog.boxes], n=3, cutoff=0.3)
    hint = f"did you mean {', '.join(near)}?" if near else "`tinny status` lists topics and boxes"
    raise UsageError(f"no topic or box is called {name!r}", next_step=hint, code="no-box")

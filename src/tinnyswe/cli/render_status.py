"""Where the learner stands: topics, boxes, labs, and what is next."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinnyswe.cli.render_text import Paragraph, field, safe_line
from tinnyswe.model.lab import Box, Catalog
from tinnyswe.model.progress import BoxProgress, BoxState, LabProgress, Progress, TopicProgress

MARKS: dict[BoxState, tuple[str, str]] = {
    "proven": ("✓", "green"),
    "due": ("!", "yellow"),
    "claimed": ("?", "yellow"),
    "open": ("○", ""),
    "not provable yet": ("·", "dim"),
}

_MEANING: dict[BoxState, str] = {
    "due": "proven once, but the lab has changed its meaning since, or the proof has grown old; the tick stays",
    "claimed": "ticked by hand; its labs would prove it",
    "not provable yet": "not all of its core labs exist yet",
}


def status(progress: Progress, catalog: Catalog) -> Group:
    """The whole roadmap. Topics of which nothing can be proven yet take one line each."""
    parts: list[RenderableType] = []
    asleep = [topic for topic in progress.topics if _asleep(topic)]
    for topic in progress.topics:
        if topic not in asleep:
            parts += [_topic_line(topic, catalog), _boxes(topic, catalog), ""]
    if asleep:
        parts += [Text("Not provable yet", "bold")]
        for topic in asleep:
            name = safe_line(catalog.topics[topic.topic].title)
            parts.append(Paragraph(Text(f"{name} ({_count(len(topic.boxes))})", "dim"), indent=4, first="  ·"))
        parts.append("")
    parts += _legend(box.state for topic in progress.topics for box in topic.boxes)
    parts += _held(progress, catalog)
    return Group(*parts, _totals(progress), *_next(progress, catalog))


def topic_status(progress: Progress, catalog: Catalog, topic: str) -> Group:
    """One topic with all its boxes; KeyError when the roadmap's progress does not know it."""
    found = {it.topic: it for it in progress.topics}[topic]
    legend = _legend(box.state for box in found.boxes)
    return Group(_topic_line(found, catalog), _boxes(found, catalog), "", *legend, *_next(progress, catalog))


def box_status(progress: Progress, catalog: Catalog, box: str) -> Group:
    """One box: its labs, and for each of its facets the checks that test it; KeyError when it is unknown."""
    found = {it.box: it for topic in progress.topics for it in topic.boxes}[box]
    known = catalog.boxes[box]
    mark, style = MARKS[found.state]
    state = f"{found.state}, level {found.level}" if found.level else found.state
    head = Text.assemble((safe_line(known.title), "bold"), f"  {state}")
    parts: list[RenderableType] = [Paragraph(head, indent=2, first=Text(f"{mark} ", style))]
    if meaning := _MEANING.get(found.state):
        parts.append(Paragraph(Text(meaning, "dim"), indent=2, first="  "))
    labs = {lab.lab: lab for lab in found.labs}
    core = [labs.get(id, LabProgress(lab=id, shipped=id in catalog.labs)) for id in known.core]
    depth = [labs.get(id, LabProgress(lab=id, shipped=id in catalog.labs)) for id in known.depth]
    parts += ["", Text("Core labs (all of them make the proof)", "bold"), _labs(core, catalog)]
    if depth:
        parts += ["", Text("Depth labs (for the curious, never needed)", "bold"), _labs(depth, catalog)]
    if known.facets:
        parts += ["", Text("What is tested, and where", "bold"), _facets(known, catalog)]
    return Group(*parts)


def _topic_line(topic: TopicProgress, catalog: Catalog) -> Text:
    proven = sum(box.state == "proven" for box in topic.boxes)
    title = safe_line(catalog.topics[topic.topic].title)
    return Text.assemble((title, "bold"), (f"  {proven} of {len(topic.boxes)} proven", "dim"))


def _boxes(topic: TopicProgress, catalog: Catalog) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, width=3)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(no_wrap=True, width=16)
    table.add_column(no_wrap=True, width=8)
    table.add_column(no_wrap=True, width=8, justify="right")
    table.add_column(no_wrap=True, width=7, justify="right")
    for box in topic.boxes:
        mark, style = MARKS[box.state]
        title = safe_line(catalog.boxes[box.box].title)
        if box.item is None:
            title += " (not in your file)"
        minutes = f"{box.minutes_left} min" if box.minutes_left else ""
        table.add_row(
            Text(f"  {mark}", style), Text(title), Text(box.state, style), box.level, _lab_count(box), minutes
        )
    return table


def _lab_count(box: BoxProgress) -> str:
    return f"{sum(lab.proven for lab in box.labs)}/{len(box.labs)} labs" if box.labs else ""


def _labs(labs: Iterable[LabProgress], catalog: Catalog) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, width=3)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(no_wrap=True, width=13)
    table.add_column(no_wrap=True, width=10)
    table.add_column(no_wrap=True, width=7, justify="right")
    for lab in labs:
        known = catalog.labs.get(lab.lab)
        mark, word = _lab_state(lab)
        title = f"{lab.lab}  {known.title}" if known else lab.lab
        minutes = f"{known.minutes} min" if known else ""
        table.add_row(f"  {mark}", Text(safe_line(title)), word, known.kind if known else "", minutes)
    return table


def _lab_state(lab: LabProgress) -> tuple[str, str]:
    if lab.proven:
        return "✓", "passed"
    if lab.due:
        return "!", "due"
    return ("○", "open") if lab.shipped else ("·", "not here yet")


def _facets(box: Box, catalog: Catalog) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for facet in box.facets:
        places = []
        for id in (*box.core, *box.depth):
            lab = catalog.labs.get(id)
            checks = [spec.id for spec in lab.checks if facet in spec.facets] if lab else []
            if checks:
                places.append(f"{id.rpartition('/')[2]} {', '.join(checks)}")
        table.add_row(f"  {safe_line(facet)}", Text("; ".join(places) or "no check yet", "" if places else "dim"))
    return table


def _asleep(topic: TopicProgress) -> bool:
    return all(box.state == "not provable yet" for box in topic.boxes)


def _legend(states: Iterable[BoxState]) -> list[RenderableType]:
    seen = set(states)
    lines = [
        Paragraph(Text(meaning, "dim"), indent=18, first=Text(state, "dim"))
        for state, meaning in _MEANING.items()
        if state in seen
    ]
    return [*lines, ""] if lines else []


def _held(progress: Progress, catalog: Catalog) -> list[RenderableType]:
    boxes = [box for topic in progress.topics for box in topic.boxes if box.item is not None]
    names = [f"“{catalog.boxes[box.box].title}”" for box in boxes if box.item in progress.held]
    if not names:
        return []
    text = f"by hand, though proven, and left so: {', '.join(names)}. `tinny sync --force` ticks again"
    return [field("Unticked", safe_line(text)), ""]


def _totals(progress: Progress) -> Paragraph:
    boxes = [box for topic in progress.topics for box in topic.boxes]
    proven = sum(box.state == "proven" for box in boxes)
    return field("Proven", f"{proven} of {_count(len(boxes))}")


def _count(boxes: int) -> str:
    return "1 box" if boxes == 1 else f"{boxes} boxes"


def _next(progress: Progress, catalog: Catalog) -> list[RenderableType]:
    if not progress.next_lab:
        return []
    lab = catalog.labs.get(progress.next_lab)
    about = f"  ({lab.title}, about {lab.minutes} min)" if lab else ""
    parts: list[RenderableType] = [field("Next", safe_line(f"tinny start {progress.next_lab}{about}"))]
    if progress.next_why:
        parts.append(Paragraph(Text(safe_line(progress.next_why), "dim"), indent=12))
    return parts

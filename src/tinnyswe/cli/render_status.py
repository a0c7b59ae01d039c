"""Where the learner stands: topics, boxes, labs, and what is next."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from tinnyswe.cli.render_text import Paragraph, Rows, field, safe_line
from tinnyswe.model.lab import Box, Catalog
from tinnyswe.model.progress import BoxState, LabProgress, Progress, TopicProgress

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
        parts += [Text("Nothing to prove yet", "bold")]
        for topic in asleep:
            name = safe_line(catalog.topics[topic.topic].title)
            parts.append(Paragraph(Text(f"{name} ({_count(len(topic.boxes))})", "dim"), indent=4, first="  ·"))
        parts.append("")
    parts += _legend(box.state for topic in progress.topics for box in topic.boxes)
    parts += [*_unwritten(progress), *_held(progress, catalog)]
    return Group(*parts, _totals(progress), *_next(progress, catalog))


def topic_status(progress: Progress, catalog: Catalog, topic: str) -> Group:
    """One topic with all its boxes; KeyError when the roadmap's progress does not know it."""
    found = {it.topic: it for it in progress.topics}[topic]
    legend = _legend(box.state for box in found.boxes)
    boxes = _boxes(found, catalog, every_lab=True)
    return Group(_topic_line(found, catalog), boxes, "", *legend, *_next(progress, catalog))


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


def _boxes(topic: TopicProgress, catalog: Catalog, *, every_lab: bool = False) -> Rows:
    """Boxes, and below each the labs that can be worked on now; with `every_lab` also the others."""
    rows: list[tuple[Text | str, ...]] = []
    for box in topic.boxes:
        mark, style = MARKS[box.state]
        title = safe_line(catalog.boxes[box.box].title)
        if box.item is None:
            title += " (not in your file)"
        state = f"{box.state} ({box.level})" if box.level else box.state
        rows.append((Text(mark, style), title, Text(state, style), _minutes(box.minutes_left)))
        for lab in box.labs:
            waiting = lab.shipped and not lab.proven and box.state != "proven"
            if waiting or every_lab:
                known = catalog.labs.get(lab.lab)
                name = f"  {lab.lab}" if lab.lab in catalog.boxes[box.box].core else f"  {lab.lab} (depth)"
                minutes = _minutes(known.minutes if known else 0)
                rows.append(("", Text(name, "dim"), Text(_lab_state(lab)[1], "dim"), Text(minutes, "dim")))
    return Rows(rows, wraps=1)


def _minutes(minutes: int) -> str:
    return f"{minutes} min" if minutes else ""


def _labs(labs: Iterable[LabProgress], catalog: Catalog) -> Rows:
    rows: list[tuple[Text | str, ...]] = []
    for lab in labs:
        known = catalog.labs.get(lab.lab)
        mark, word = _lab_state(lab)
        title = f"{lab.lab}: {known.title}" if known else lab.lab
        rows.append(
            (mark, safe_line(title), word, known.kind if known else "", _minutes(known.minutes if known else 0))
        )
    return Rows(rows, wraps=1)


def _lab_state(lab: LabProgress) -> tuple[str, str]:
    if lab.proven:
        return "✓", "passed"
    if lab.due:
        return "!", "due"
    return ("○", "open") if lab.shipped else ("·", "not here yet")


def _facets(box: Box, catalog: Catalog) -> Rows:
    rows: list[tuple[Text | str, ...]] = []
    for facet in box.facets:
        places = []
        for id in (*box.core, *box.depth):
            lab = catalog.labs.get(id)
            checks = [spec.id for spec in lab.checks if facet in spec.facets] if lab else []
            if checks:
                places.append(f"{id.rpartition('/')[2]} {', '.join(checks)}")
        rows.append((safe_line(facet), Text("; ".join(places) or "no check yet", "" if places else "dim")))
    return Rows(rows, wraps=1)


def _asleep(topic: TopicProgress) -> bool:
    """Nothing of the topic can be worked on, and nobody has ticked anything in it."""
    labs = [lab for box in topic.boxes for lab in box.labs]
    return all(box.state == "not provable yet" for box in topic.boxes) and not any(lab.shipped for lab in labs)


def _legend(states: Iterable[BoxState]) -> list[RenderableType]:
    seen = set(states)
    lines = [
        Paragraph(Text(meaning, "dim"), indent=18, first=Text(state, "dim"))
        for state, meaning in _MEANING.items()
        if state in seen
    ]
    return [*lines, ""] if lines else []


def _unwritten(progress: Progress) -> list[RenderableType]:
    """Proofs whose tick could not be written when they were made."""
    if not progress.ticks:
        return []
    count = len(progress.ticks)
    words = (
        "1 tick is proven, but not in your file" if count == 1 else f"{count} ticks are proven, but not in your file"
    )
    return [field("To write", f"{words}: `tinny sync` writes what is proven"), ""]


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
    parts: list[RenderableType] = [field("Next", safe_line(f"`tinny start {progress.next_lab}`{about}"))]
    if progress.next_why:
        parts.append(Paragraph(Text(safe_line(progress.next_why), "dim"), indent=12))
    return parts

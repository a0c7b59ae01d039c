"""Which lab to do next, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinnyswe.model.base import Record
from tinnyswe.model.lab import Catalog
from tinnyswe.model.progress import BoxProgress, BoxState, LabProgress, TopicProgress
from tinnyswe.progress.facts import Facts

# What brings a tick comes first, then what turns a hand-made tick into a proof, then what waits for other labs.
_TURNS: dict[BoxState, int] = {"due": 0, "open": 0, "claimed": 2, "not provable yet": 3, "proven": 4}


class _Choice(Record, frozen=True, kw_only=True):
    """A shipped lab that is not proven, in roadmap order."""

    topic: TopicProgress
    box: BoxProgress
    lab: LabProgress
    core: bool


def next_lab(topics: Sequence[TopicProgress], catalog: Catalog, known: Facts) -> tuple[str, str]:
    """Return a lab id and a reason, or two empty strings when everything shipped is proven.

    Roadmap order; topics that were begun before new ones; boxes that are in the learner's file before others; a lab
    whose prerequisites are open gives way to the first of them; depth labs when no core lab is left.
    """
    begun = {lab.partition("/")[0] for lab in known.touched}
    choices = list(_choices(topics, catalog))
    if not choices:
        return "", ""
    choice = min(choices, key=lambda one: _turn(one, begun))  # min keeps the first of equals
    first = _first_needed(choice.lab.lab, catalog, _proven(topics))
    if first != choice.lab.lab:
        needed_by, title = choice.lab.lab, catalog.boxes[choice.box.box].title
        return first, f'{needed_by} builds on it, and that is next for "{title}".'
    return first, _reason(choice, catalog, choice.topic.topic in begun)


def _choices(topics: Sequence[TopicProgress], catalog: Catalog) -> Iterator[_Choice]:
    for topic in topics:
        for box in topic.boxes:
            core = catalog.boxes[box.box].core
            for lab in box.labs:
                if lab.shipped and not lab.proven:
                    yield _Choice(topic=topic, box=box, lab=lab, core=lab.lab in core)


def _turn(choice: _Choice, begun: set[str]) -> tuple[bool, bool, int]:
    turn = _TURNS[choice.box.state]
    if turn == 0 and choice.topic.topic not in begun:
        turn = 1
    return not choice.core, choice.box.item is None, turn


def _proven(topics: Sequence[TopicProgress]) -> set[str]:
    return {lab.lab for topic in topics for box in topic.boxes for lab in box.labs if lab.proven}


def _first_needed(lab: str, catalog: Catalog, proven: set[str]) -> str:
    """Follow open prerequisites down to one that has none; a circle, or one that is not shipped, stops there."""
    seen = {lab}
    while True:
        needed = [
            need
            for need in catalog.labs[lab].prerequisites
            if need in catalog.labs and need not in proven and need not in seen
        ]
        if not needed:
            return lab
        lab = needed[0]
        seen.add(lab)


def _reason(choice: _Choice, catalog: Catalog, begun: bool) -> str:
    box, topic = catalog.boxes[choice.box.box].title, catalog.topics[choice.topic.topic].title
    if not choice.core:
        return f'Every core lab here is proven; this one goes deeper into "{box}".'
    if choice.lab.due:
        return f'Its proof is due again, and "{box}" rests on it.'
    if choice.box.state == "claimed":
        return f'"{box}" is ticked by hand; passing this turns the tick into a proof.'
    if choice.box.state == "not provable yet":
        return f'"{box}" cannot be proven yet, but this part of it can.'
    left = sum(
        lab.shipped and not lab.proven and lab.lab in catalog.boxes[choice.box.box].core for lab in choice.box.labs
    )
    labs = "this lab is" if left == 1 else f"{left} labs are"
    return (
        f'You have begun {topic}; {labs} missing for "{box}".'
        if begun
        else f'It is the next open box of your roadmap: "{box}" in {topic}.'
    )

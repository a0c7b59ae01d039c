"""Curriculum folders to a catalogue. A broken lab is set aside and reported; it takes no other down."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from tinnyswe.catalog.facets import COMMON_FACETS, uncovered
from tinnyswe.catalog.files import LabFile
from tinnyswe.catalog.folder import as_lab, read_lab
from tinnyswe.catalog.misfits import instead, misfit
from tinnyswe.catalog.rules import circles
from tinnyswe.catalog.topics import read_topics
from tinnyswe.model.errors import FormatError
from tinnyswe.model.lab import Box, Catalog, Topic


def load(roots: Sequence[Path], *, topics: Sequence[Path] = (), paper: bool = False) -> Catalog:
    """Read every topic and lab below the roots, the first root first; executes nothing.

    roots: folders laid out as <topic>/topic.toml and <topic>/<lab>/lab.toml; later ones may add labs to known topics.
    topics: further roots of which only the topics are read. paper: labs of which only lab.toml is written.
    A lab or topic with a problem is left out; Catalog.problems says why, each with file, key and what to write.
    """
    catalog, wrong = _read(roots, topics, paper)
    return Catalog(
        topics=catalog.topics,
        boxes=catalog.boxes,
        labs=catalog.labs,
        problems=tuple(str(error).replace("\nNext: ", " → ") for error in wrong),
    )


def problems(root: Path, *, topics: Sequence[Path] = (), paper: bool = False) -> list[str]:
    """Return everything wrong below one root, for its author: what load leaves out, and facets nothing tests."""
    catalog = load([root], topics=topics, paper=paper)
    found = list(catalog.problems)
    for box in catalog.boxes.values():
        missed = () if paper else uncovered(catalog, box)
        if missed:
            file = catalog.topics[box.topic].root / "topic.toml"
            what = f"no check of its core labs tests: {', '.join(missed)}"
            write = "add the facet to a check that tests it, or remove it here"
            error = misfit(file, f"box[{box.id}].facets", what, write, code="uncovered-facet")
            found.append(str(error).replace("\nNext: ", " → "))
    return found


def _read(roots: Sequence[Path], more: Sequence[Path], paper: bool) -> tuple[Catalog, list[FormatError]]:
    topics, wrong = read_topics([*roots, *more])
    boxes = {box.id: box for topic in topics.values() for box in topic.boxes}
    said, troubles = _labs(roots, paper)
    wrong.extend(troubles)
    catalog = Catalog(topics=topics, boxes=boxes, labs={})
    known = {lab for box in boxes.values() for lab in (*box.core, *box.depth)} | set(said)
    for lab, free, root in said.values():
        problem = list(_placed(lab, root, topics, boxes)) or list(_facets(lab, root, boxes[lab.box]))
        problem.extend(_prerequisites(lab, root, known))
        wrong.extend(problem)
        if not problem:
            catalog.labs[lab.id] = as_lab(lab, free, root, boxes[lab.box])
    wrong.extend(_roundabouts({lab.id: lab.prerequisites for lab, _, _ in said.values()}, said))
    return _in_order(catalog), wrong


def _labs(
    roots: Sequence[Path], paper: bool
) -> tuple[dict[str, tuple[LabFile, dict[str, Any], Path]], list[FormatError]]:
    """Return the labs that are sound by themselves, by id."""
    said: dict[str, tuple[LabFile, dict[str, Any], Path]] = {}
    wrong: list[FormatError] = []
    for root in (file.parent for folder in roots for file in sorted(folder.glob("*/*/lab.toml"))):
        lab, free, problem = read_lab(root, paper=paper)
        if lab is not None and lab.id in said:
            what = f"{lab.id} lies in {said[lab.id][2]} already"
            problem.append(misfit(root / "lab.toml", "id", what, "give one of the two another id", code="doubled"))
        wrong.extend(problem)
        if lab is not None and not problem:
            said[lab.id] = (lab, free, root)
    return said, wrong


def _placed(lab: LabFile, root: Path, topics: dict[str, Topic], boxes: dict[str, Box]) -> Iterator[FormatError]:
    """A lab proves something of one box of its own topic, and topic.toml beside it says the same."""
    file, topic = root / "lab.toml", lab.id.partition("/")[0]
    if lab.box not in boxes:
        yield misfit(file, "box", f"no box {lab.box!r}", instead(lab.box, boxes), code="unknown-box")
        return
    if boxes[lab.box].topic != topic:
        own = [box.id for box in topics[topic].boxes] if topic in topics else []
        what = f"{lab.box} belongs to another topic than {lab.id}"
        yield misfit(file, "box", what, instead(lab.box, own), code="foreign-box")
        return
    listed = next((box.id for box in boxes.values() if lab.id in (*box.core, *box.depth)), "")
    beside = topics[topic].root / "topic.toml"
    if not listed and topics[topic].root == root.parent:
        write = f'add "{lab.id}" to core or depth of {lab.box}'
        yield misfit(beside, f"box[{lab.box}]", f"does not list {lab.id}", write, code="unlisted-lab")
    elif listed and listed != lab.box:
        write = f'write box = "{listed}", or move it in {beside}'
        yield misfit(file, "box", f"{beside.name} lists it under {listed}", write, code="foreign-box")


def _facets(lab: LabFile, root: Path, box: Box) -> Iterator[FormatError]:
    allowed = {*box.facets, *COMMON_FACETS}
    for check in lab.check:
        for facet in check.facets:
            if facet not in allowed:
                what = f"{facet!r} is no facet of {box.id}"
                at = f"check[{check.id}].facets"
                yield misfit(root / "lab.toml", at, what, instead(facet, allowed), code="unknown-facet")


def _prerequisites(lab: LabFile, root: Path, known: Collection[str]) -> Iterator[FormatError]:
    for name in lab.prerequisites:
        if name not in known:
            what = f"no lab {name!r}"
            yield misfit(root / "lab.toml", "prerequisites", what, instead(name, known), code="unknown-lab")


def _roundabouts(
    needs: dict[str, tuple[str, ...]], said: dict[str, tuple[LabFile, dict[str, Any], Path]]
) -> Iterator[FormatError]:
    for circle in circles(needs):
        file = said[circle[0]][2] / "lab.toml"
        what = f"{' comes after '.join(circle)}: nobody can begin"
        yield misfit(file, "prerequisites", what, f"remove {circle[1]}", code="needs-circle")


def _in_order(catalog: Catalog) -> Catalog:
    """Sort the labs as the roadmap has their boxes, core before depth."""
    places: dict[str, int] = {}
    for box in catalog.boxes.values():
        for lab in (*box.core, *box.depth):
            places[lab] = len(places)
    labs = sorted(catalog.labs.values(), key=lambda lab: (places.get(lab.id, len(places)), lab.id))
    return Catalog(topics=catalog.topics, boxes=catalog.boxes, labs={lab.id: lab for lab in labs})

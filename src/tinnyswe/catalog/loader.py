"""Curriculum folders to a catalogue. A broken lab is set aside and reported; it takes no other down."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from tinnyswe.catalog.facets import COMMON_FACETS, uncovered
from tinnyswe.catalog.files import LabFile
from tinnyswe.catalog.folder import ReadLab, as_lab, read_lab
from tinnyswe.catalog.memory import Memory
from tinnyswe.catalog.misfits import instead, misfit
from tinnyswe.catalog.rules import circles
from tinnyswe.catalog.topics import read_topics
from tinnyswe.model.errors import FormatError
from tinnyswe.model.lab import Box, Catalog, Topic


def load(
    roots: Sequence[Path], *, topics: Sequence[Path] = (), paper: bool = False, remember: Path | None = None
) -> Catalog:
    """Read every topic and lab below the roots, the first root first; executes nothing.

    roots: folders laid out as <topic>/topic.toml and <topic>/<lab>/lab.toml; later ones may add labs to known topics.
    topics: further roots of which only the topics are read. paper: labs of which only lab.toml is written.
    remember: a cache folder; labs and topics whose files are unchanged since the last load are not read again.
    A lab or topic with a problem is left out; Catalog.problems says why, each with file, key and what to write.
    """
    memory = Memory(None if paper else remember, [*roots, *topics])
    catalog, wrong = _read(roots, topics, paper, memory)
    memory.save()
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


def _read(
    roots: Sequence[Path], more: Sequence[Path], paper: bool, memory: Memory
) -> tuple[Catalog, list[FormatError]]:
    topics, wrong = read_topics([*roots, *more], memory)
    boxes = {box.id: box for topic in topics.values() for box in topic.boxes}
    read, troubles = _labs(roots, paper, memory)
    wrong.extend(troubles)
    catalog = Catalog(topics=topics, boxes=boxes, labs={})
    known = {lab for box in boxes.values() for lab in (*box.core, *box.depth)} | set(read)
    for lab in read.values():
        said, root = lab.said, lab.root
        problem = list(_placed(said, root, topics, boxes)) or list(_facets(said, root, boxes[said.box]))
        problem.extend(_prerequisites(said, root, known))
        wrong.extend(problem)
        if not problem:
            catalog.labs[said.id] = as_lab(lab, boxes[said.box])
    wrong.extend(_roundabouts(read))
    return _in_order(catalog), wrong


def _labs(roots: Sequence[Path], paper: bool, memory: Memory) -> tuple[dict[str, ReadLab], list[FormatError]]:
    """Return the labs that are sound by themselves, by id."""
    found: dict[str, ReadLab] = {}
    wrong: list[FormatError] = []
    for root in (file.parent for folder in roots for file in sorted(folder.glob("*/*/lab.toml"))):
        lab = memory.lab(root)
        if lab is None:
            lab, problem = read_lab(root, paper=paper)
            wrong.extend(problem)
            if lab is None:
                continue
            memory.keep_lab(lab)
        if lab.said.id in found:
            what = f"{lab.said.id} lies in {found[lab.said.id].root} already"
            wrong.append(misfit(root / "lab.toml", "id", what, "give one of the two another id", code="doubled"))
        else:
            found[lab.said.id] = lab
    return found, wrong


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


def _roundabouts(read: dict[str, ReadLab]) -> Iterator[FormatError]:
    for circle in circles({id: lab.said.prerequisites for id, lab in read.items()}):
        what = f"{' comes after '.join(circle)}: nobody can begin"
        file = read[circle[0]].root / "lab.toml"
        yield misfit(file, "prerequisites", what, f"remove {circle[1]}", code="needs-circle")


def _in_order(catalog: Catalog) -> Catalog:
    """Sort the labs as the roadmap has their boxes, core before depth."""
    places: dict[str, int] = {}
    for box in catalog.boxes.values():
        for lab in (*box.core, *box.depth):
            places[lab] = len(places)
    labs = sorted(catalog.labs.values(), key=lambda lab: (places.get(lab.id, len(places)), lab.id))
    return Catalog(topics=catalog.topics, boxes=catalog.boxes, labs={lab.id: lab for lab in labs})

"""topic.toml files to topics and boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tinnyswe.catalog.files import BoxFile, TopicFile
from tinnyswe.catalog.folder import read_toml
from tinnyswe.catalog.memory import Memory
from tinnyswe.catalog.misfits import misfit, read_record
from tinnyswe.catalog.rules import LAB_ID
from tinnyswe.model.errors import FormatError
from tinnyswe.model.lab import Box, Topic


def read_topics(roots: Sequence[Path], memory: Memory) -> tuple[dict[str, Topic], list[FormatError]]:
    """Return the sound topics of all roots in roadmap order, and what is wrong with the others."""
    found: list[tuple[int, Topic]] = []
    wrong: list[FormatError] = []
    seen: dict[str, Path] = {}
    places: dict[int, str] = {}
    for file in (file for root in roots for file in sorted(root.glob("*/topic.toml"))):
        said, problems = _read(file, memory)
        if said is not None and said.id in seen:
            what = f"the topic {said.id} is declared in {seen[said.id]} already"
            problems.append(misfit(file, "id", what, "remove this file; labs need none of their own", code="doubled"))
        elif said is not None and said.order in places:
            what = f"{places[said.order]} has place {said.order} already"
            problems.append(misfit(file, "order", what, "write a place of its own", code="doubled"))
        wrong.extend(problems)
        if said is not None and not problems:
            seen[said.id], places[said.order] = file, said.id
            found.append((said.order, _topic(said, file.parent)))
    found.sort(key=lambda pair: pair[0])
    return {topic.id: topic for _, topic in found}, wrong


def _read(file: Path, memory: Memory) -> tuple[TopicFile | None, list[FormatError]]:
    known = memory.topic(file)
    if known is not None:
        return known, []
    data, wrong = read_toml(file)
    if wrong:
        return None, wrong
    said, wrong = read_record(data, TopicFile, file)
    if said is None:
        return None, wrong
    wrong = list(_rules(said, file))
    if not wrong:
        memory.keep_topic(file, said)
    return said, wrong


def _rules(said: TopicFile, file: Path) -> Iterator[FormatError]:
    if said.id != file.parent.name:
        write = f'write id = "{file.parent.name}" or rename the folder'
        yield misfit(file, "id", f"{said.id!r} is not the folder's name", write, code="wrong-id")
    owners: dict[str, str] = {}
    for box in said.box:
        at = f"box[{box.id}]"
        if not LAB_ID.fullmatch(box.id) or not box.id.startswith(f"{said.id}/"):
            write = f'write it as "{said.id}/lower-case-words"'
            yield misfit(file, f"{at}.id", "not a box id of this topic", write, code="wrong-id")
        if box.id in owners:
            yield misfit(file, f"{at}.id", "two boxes have this id", "give each its own", code="doubled")
        owners[box.id] = box.id
        yield from _labs(said.id, box, owners, file)


def _labs(topic: str, box: BoxFile, owners: dict[str, str], file: Path) -> Iterator[FormatError]:
    """Each lab stands once, in one box of its own topic."""
    for key, labs in (("core", box.core), ("depth", box.depth)):
        for lab in labs:
            at = f"box[{box.id}].{key}"
            if not LAB_ID.fullmatch(lab) or not lab.startswith(f"{topic}/"):
                write = f'write it as "{topic}/{lab.rpartition("/")[2]}"'
                yield misfit(file, at, f"{lab!r} is no lab of this topic", write, code="foreign-lab")
            if lab in owners:
                what = f"{lab} stands in {owners[lab]} already"
                yield misfit(file, at, what, "keep it where it proves most", code="doubled")
            owners[lab] = box.id


def _topic(said: TopicFile, root: Path) -> Topic:
    boxes = tuple(
        Box(
            id=box.id,
            topic=said.id,
            title=box.title,
            aliases=box.aliases,
            facets=box.facets,
            core=box.core,
            depth=box.depth,
        )
        for box in said.box
    )
    return Topic(id=said.id, title=said.title, section=said.section, aliases=said.aliases, boxes=boxes, root=root)

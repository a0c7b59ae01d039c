"""`tinny lab new`: a small lab that works, to be made into the one you want."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from tinnyswe.model.base import Record
from tinnyswe.model.errors import UsageError
from tinnyswe.model.lab import Catalog

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class NewLab(Record, frozen=True, kw_only=True):
    id: str
    folder: Path
    files: tuple[str, ...]


def new_lab(catalog: Catalog, root: Path, name: str, box: str) -> NewLab:
    """Write a small HTTP lab named `topic/lab` into a curriculum folder: its audit is green but for its golden.

    root: the curriculum folder. Raises UsageError for a bad name, an unknown box, or a folder that exists.
    """
    topic, _, short = name.partition("/")
    if topic not in catalog.topics or not _NAME.fullmatch(short):
        raise UsageError(
            f"{name!r} is not topic/lab",
            next_step=f"topics are {', '.join(catalog.topics)}; the lab's own name is small letters and dashes",
            code="bad-name",
        )
    boxes = [known.id for known in catalog.topics[topic].boxes]
    if box not in boxes:
        raise UsageError(f"{topic} has no box {box!r}", next_step=f"--box one of {', '.join(boxes)}", code="no-box")
    folder = root / topic / short
    if folder.exists():
        raise UsageError("there is a lab already", where=str(folder), next_step="choose another name", code="exists")
    facet = next(iter(catalog.boxes[box].facets), "")
    written = []
    template = resources.files("tinnyswe.usecases") / "template"
    for source in _files(template):
        path = folder / source
        path.parent.mkdir(parents=True, exist_ok=True)
        text = template.joinpath(source).read_text("utf-8")
        # Stored with a suffix, so that no tool takes the template's programs for ours.
        path = path.with_name(path.name.removesuffix(".tmpl"))
        path.write_text(_filled(text, TOPIC=topic, LAB=short, BOX=box, FACET=facet), "utf-8")
        written.append(str(path.relative_to(folder)))
    return NewLab(id=name, folder=folder, files=tuple(sorted(written)))


def _filled(text: str, **words: str) -> str:
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return text


def _files(template: resources.abc.Traversable, prefix: str = "") -> list[str]:
    found: list[str] = []
    for entry in template.iterdir():
        path = f"{prefix}{entry.name}"
        found += _files(entry, f"{path}/") if entry.is_dir() else [path]
    return sorted(found)

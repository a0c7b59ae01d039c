"""Pins: `<!-- tinny: ID -->` behind an item, for lines whose wording says too little. Only `tinny pin` writes them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from tinnyswe.model.errors import UsageError
from tinnyswe.model.roadmap import Roadmap
from tinnyswe.roadmap.files import changed, locked, opened, read_all, same_file, written
from tinnyswe.roadmap.parsing import parse, parse_bytes

_ID = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?")
_OLD_PIN = re.compile(rb"[ \t]*<!--\s*tinny:[^\r\n]*?-->")
_LINE_END = re.compile(rb"[ \t]*(?:\r\n|\r|\n|\Z)")


def write_pins(path: Path, pins: Mapping[int, str]) -> Roadmap:
    """Put each id behind its item (an index of `parse(path)`) and return the roadmap as it is then.

    A line's earlier pin is replaced. Line endings, trailing blanks and all other bytes stay. The file is written in
    place, so links and mode survive; a complete copy lies beside it until the new content is on disk.
    Raises UsageError when an id is none, when a line cannot carry a comment, when the file cannot be written or an
    earlier writing was interrupted; TinnyError "roadmap-changed" when somebody else wrote meanwhile.
    """
    with locked(path):
        roadmap = parse(path)
        content = _pinned(roadmap, pins)
        if content == roadmap.content:
            return roadmap
        after = parse_bytes(content, path)
        _same_but_for(roadmap, after, pins)
        with opened(path, os.O_RDWR) as handle:
            if read_all(handle) != roadmap.content:
                raise changed(path)
            with written(path):
                _replace(handle, path, roadmap.content, content)
            if read_all(handle) != content or not same_file(handle, path):
                raise changed(path)
    return after


def _pinned(roadmap: Roadmap, pins: Mapping[int, str]) -> bytes:
    content = bytearray(roadmap.content)
    for index in sorted(pins, reverse=True):  # from the end, so that earlier offsets stay true
        if not _ID.fullmatch(pins[index]):
            raise UsageError(
                f"{pins[index]!r} is no topic or box id.",
                where=f"{roadmap.path}:{roadmap.items[index].line + 1}",
                next_step="Write an id such as caching/key-value-basics; `tinny status` lists them.",
                code="bad-pin",
            )
        start = roadmap.items[index].offset
        end = next(_LINE_END.finditer(content, start)).start()
        text = _OLD_PIN.sub(b"", bytes(content[start:end]))
        content[start:end] = text.rstrip(b" \t") + f" <!-- tinny: {pins[index]} -->".encode()
    return bytes(content)


def _same_but_for(before: Roadmap, after: Roadmap, pins: Mapping[int, str]) -> None:
    """A comment inside a code span or a link that spans lines would be text: refuse rather than spoil the line."""
    for index, item in enumerate(before.items):
        now = after.items[index] if index < len(after.items) else None
        if now is None or (now.text, now.pin, now.line) != (item.text, pins.get(index, item.pin), item.line):
            raise UsageError(
                "This line cannot carry a pin: its markup goes on in the next line.",
                where=f"{before.path}:{item.line + 1}",
                next_step="Write the item on one line, then pin it again.",
                code="cannot-pin",
            )


def _replace(handle: int, path: Path, old: bytes, new: bytes) -> None:
    """Write the new content over the old one, from the first byte that differs; a copy outlives a kill."""
    backup = path.with_name(f"{path.name}.before-pin")
    try:
        copy = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as problem:
        raise UsageError(
            "An earlier `tinny pin` was interrupted; this is your roadmap from before.",
            where=str(backup),
            next_step=f"Compare it with {path.name}, keep what you want, and delete it.",
            code="pin-interrupted",
        ) from problem
    try:
        _write(copy, old, 0)
    except OSError:
        backup.unlink()
        raise
    finally:
        os.close(copy)
    first = next(at for at in range(len(new) + 1) if old[at : at + 1] != new[at : at + 1])
    try:
        _write(handle, new[first:], first)
        os.ftruncate(handle, len(new))  # a longer id may have given way to a shorter one
    except OSError:
        _write(handle, old[first:], first)
        os.ftruncate(handle, len(old))
        backup.unlink()
        raise
    backup.unlink()


def _write(handle: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        count = os.pwrite(handle, view, offset)
        view, offset = view[count:], offset + count
    os.fsync(handle)

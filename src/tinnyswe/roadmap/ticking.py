"""A tick costs one byte, written in place (design §5.1).

No rename: inode, mode, owner, links and bind mounts survive, and a kill at any moment loses at most our ticks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tinnyswe.model.errors import TinnyError
from tinnyswe.model.roadmap import Roadmap
from tinnyswe.roadmap.files import changed, locked, opened, read_all, same_file, written
from tinnyswe.roadmap.parsing import parse

TRIES = 5  # an editor saves once; five changes in a row is not an editor


def tick(roadmap: Roadmap, items: Sequence[int]) -> Roadmap:
    """Set the boxes of these items (indices) in the file and return the roadmap as it is then.

    Items ticked already are left alone; with nothing to set the file is not touched. Raises TinnyError
    "roadmap-changed" when the file is not what was parsed (parse again), UsageError when it cannot be written.
    """
    with locked(roadmap.path):
        return _tick(roadmap, items)


def tick_items(path: Path, resolve: Callable[[Roadmap], Sequence[int]]) -> Roadmap:
    """Parse the file, tick what `resolve` names in it, and do both again when the file changed meanwhile.

    Returns the roadmap as written. Raises what `parse` and `tick` raise; "roadmap-changed" after TRIES attempts.
    Other tinny processes wait meanwhile, so only editors can get in between.
    """
    attempt = 1
    while True:
        with locked(path):
            roadmap = parse(path)
            try:
                return _tick(roadmap, resolve(roadmap))
            except TinnyError as problem:
                if problem.code != "roadmap-changed" or attempt == TRIES:
                    raise
        attempt += 1


def _tick(roadmap: Roadmap, items: Sequence[int]) -> Roadmap:
    wanted = sorted({index for index in items if not roadmap.items[index].checked})
    if not wanted:
        return roadmap
    content = bytearray(roadmap.content)
    for index in wanted:
        content[roadmap.items[index].offset] = ord("x")
    with opened(roadmap.path, os.O_RDWR) as handle, written(roadmap.path):
        if read_all(handle) != roadmap.content:
            raise changed(roadmap.path)
        for index in wanted:
            # Somebody may save between the comparison and this write: look again, right before each byte.
            offset = roadmap.items[index].offset
            if os.pread(handle, 3, offset - 1) != b"[ ]":
                raise changed(roadmap.path)
            os.pwrite(handle, b"x", offset)
        os.fsync(handle)
        if read_all(handle) != content or not same_file(handle, roadmap.path):
            raise changed(roadmap.path)
    ticked = set(wanted)
    return msgspec.structs.replace(
        roadmap,
        content=bytes(content),
        items=tuple(
            msgspec.structs.replace(item, checked=True) if item.index in ticked else item for item in roadmap.items
        ),
    )

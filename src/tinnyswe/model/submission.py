"""What a submission is called: one digest over its files, computed alike by intake and by the object store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from tinnyswe.model.base import Record


class SubmittedFile(Record, frozen=True, kw_only=True):
    """path: relative to the submission, "/" between parts; undecodable bytes as surrogates (`os.fsdecode`)."""

    path: str
    executable: bool
    content: bytes


def submission_digest(files: Iterable[SubmittedFile]) -> str:
    """Return the SHA-256 (hex) over path, executable bit and content of every file, in byte order of the paths.

    Lengths are part of what is hashed, so no two different sets of files share one stream.
    """
    state = hashlib.sha256()
    for file in sorted(files, key=lambda file: os.fsencode(file.path)):
        path = os.fsencode(file.path)
        state.update(b"%d:%b%d%d:" % (len(path), path, file.executable, len(file.content)))
        state.update(file.content)
    return state.hexdigest()

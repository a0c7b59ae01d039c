"""Opening the learner's file, with errors that say what to do."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinnyswe.model.errors import TinnyError, UsageError

LOCK_SECONDS = 2.0
LARGEST = 16 << 20  # bytes; a roadmap of 20,000 lines has 1-2 MB


def read_bytes(path: Path) -> bytes:
    """Return the file's bytes; raises UsageError when it is missing, unreadable, no regular file or too large."""
    with opened(path, os.O_RDONLY) as handle:
        return read_all(handle)


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Open an existing regular file, through links, and close it again. Raises UsageError when that is refused."""
    where = str(path)
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):  # asked first: opening a FIFO would wait for ever
            raise UsageError("This is not a file.", where=where, next_step="Name a Markdown file.", code="not-a-file")
        if found.st_size > LARGEST:
            raise UsageError(
                f"This file has {found.st_size >> 20} MiB; a roadmap may have {LARGEST >> 20}.",
                where=where,
                next_step="Name a Markdown file of check boxes.",
                code="too-large",
            )
        if flags & os.O_ACCMODE != os.O_RDONLY and not found.st_mode & 0o222:
            raise _read_only(path)  # root could write it all the same, but its owner said no
        handle = os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError as problem:
        raise UsageError(
            "There is no roadmap here.",
            where=where,
            next_step="Run `tinny init` to write one, or `tinny init FILE` to use yours.",
            code="roadmap-missing",
        ) from problem
    except OSError as problem:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise _read_only(path) from problem
        raise UsageError(
            f"This file cannot be read: {problem.strerror}.",
            where=where,
            next_step=f"Give yourself the right to read it: chmod u+r {where}",
            code="unreadable",
        ) from problem
    try:
        yield handle
    finally:
        os.close(handle)


def read_all(handle: int) -> bytes:
    """Return the whole content of an open file, wherever its position is."""
    parts: list[bytes] = []
    offset = 0
    while part := os.pread(handle, 1 << 20, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other tinny processes out while this one compares and writes. Raises UsageError as `opened` does.

    A courtesy, not a guard: editors do not know of it, some file systems have no locks, and a stopped process may
    hold one for ever. The comparison with what was parsed decides.
    """
    with opened(path, os.O_RDONLY) as handle:
        deadline = time.monotonic() + LOCK_SECONDS
        while time.monotonic() < deadline:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # closing the handle releases it
                break
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                break
        yield


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Turn the computer's refusal to write (no space, a disk error) into an error that names the file."""
    try:
        yield
    except OSError as problem:
        raise TinnyError(
            f"The roadmap could not be written: {problem.strerror}. Your proofs are safe in the ledger.",
            where=str(path),
            next_step="Make room or mend the disk, then run `tinny sync`.",
            code="write-failed",
        ) from problem


def same_file(handle: int, path: Path) -> bool:
    """True while `path` still leads to the opened file: an editor that saves by renaming puts another one there."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def changed(path: Path) -> TinnyError:
    """The error for a file that is not what was parsed any more; callers parse again."""
    return TinnyError(
        "The roadmap changed while it was being written; nothing of yours was overwritten.",
        where=str(path),
        next_step="Save it in your editor, then run `tinny sync`.",
        code="roadmap-changed",
    )


def _read_only(path: Path) -> UsageError:
    return UsageError(
        "The roadmap cannot be written, so it was left as it is; your proofs are safe in the ledger.",
        where=str(path),
        next_step=f"Make it writable (chmod u+w {path}), then run `tinny sync`.",
        code="read-only",
    )

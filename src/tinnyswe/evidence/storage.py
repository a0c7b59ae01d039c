"""Writing to the learner's disk so that a kill or a full disk leaves the old state or the new one."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tinnyswe.model.errors import TinnyError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def timestamp(now: datetime) -> str:
    """Return `now` (aware) as ISO 8601 in UTC with microseconds: of fixed width, so text order is time order."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def storage_error(problem: OSError, path: Path, kept: str) -> TinnyError:
    """Say what kept us from writing `path`. kept: a sentence about what is unharmed."""
    if problem.errno in _FULL:
        return TinnyError(
            f"there is no room left to write. {kept}",
            where=str(path),
            next_step="free some space (`tinny clean` removes caches and old runs), then do it again",
            code="disk-full",
        )
    if problem.errno in _FORBIDDEN:
        return TinnyError(
            f"this may not be written by you ({os.strerror(problem.errno)}). {kept}",
            where=str(path),
            next_step=f"make it writable: ls -ld '{path.parent}' shows its owner and mode",
            code="read-only",
        )
    return TinnyError(
        f"writing failed: {problem.strerror or problem}. {kept}",
        where=str(path),
        next_step="do it again; if it keeps failing, `tinny doctor` looks at the disk",
        code="cannot-write",
    )


@contextmanager
def storing(path: Path, kept: str) -> Iterator[None]:
    """Turn an OSError of the block into the TinnyError of `storage_error`."""
    try:
        yield
    except OSError as problem:
        raise storage_error(problem, path, kept) from problem


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError met while reading `path` into a TinnyError (cannot-read)."""
    try:
        yield
    except OSError as problem:
        raise TinnyError(
            f"this cannot be read: {problem.strerror or problem}",
            where=str(path),
            next_step=f"look at its owner and mode: ls -ld '{path}'",
            code="cannot-read",
        ) from problem


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; raises OSError. A signal or a nearly full disk may make single writes short."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def replace_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write `path` as a whole or not at all (temporary file, fsync, rename); raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
    try:
        try:
            write_all(descriptor, data)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new or renamed entry of `folder` survive a power cut; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as problem:
        # Some network and FUSE file systems cannot sync a folder and say so; the entry itself is written.
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)

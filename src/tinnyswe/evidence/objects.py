"""Submissions by digest: what a receipt names can be graded again years later (design §5.2).

One object is a plain tar file: anyone can look into it, and the digest is over the files, not over the tar.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from tinnyswe.evidence.storage import reading, replace_file, storing
from tinnyswe.model.errors import TinnyError, UsageError
from tinnyswe.model.submission import SubmittedFile, submission_digest

_HEX = frozenset("0123456789abcdef")


class Objects:
    """The object store of one workspace. folder: .tinny/objects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Return where the object lies; raises UsageError for what is no digest (a receipt may come from anyone)."""
        if len(digest) != 64 or not _HEX.issuperset(digest):
            raise UsageError(
                f"{digest!r} is not the digest of a submission",
                next_step="take the 64 characters after `submission` in a receipt",
                code="bad-digest",
            )
        return self.folder / digest[:2] / f"{digest}.tar"

    def put(self, source: Path) -> str:
        """Keep the regular files below `source` (a taken-in submission) and return their digest.

        Putting what is there already changes nothing; a damaged object is written anew. Raises TinnyError.
        """
        files = read_files(source)
        digest = submission_digest(files)
        path = self.path(digest)
        if self._whole(digest):
            return digest
        with storing(path, "No receipt was written; your files and earlier proofs are untouched"):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, _pack(files))
        return digest

    def get(self, digest: str, target: Path) -> None:
        """Unpack an object into the new folder `target`.

        Raises TinnyError: no-object when it is not here, damaged-object when it no longer matches its digest;
        then `target` is not made.
        """
        files = self.files(digest)
        with storing(target, "The stored submission is untouched"):
            target.mkdir(parents=True)
            for file in files:
                place = target / file.path
                place.parent.mkdir(parents=True, exist_ok=True)
                mode = 0o755 if file.executable else 0o644
                descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
                with os.fdopen(descriptor, "wb") as written:
                    written.write(file.content)

    def files(self, digest: str) -> tuple[SubmittedFile, ...]:
        """Return an object's files after comparing them with the digest; raises TinnyError as `get` does."""
        path = self.path(digest)
        try:
            with reading(path):
                if not path.exists():
                    raise _missing(path)
                files = tuple(_unpack(path.read_bytes()))
        except (tarfile.TarError, ValueError, EOFError) as problem:
            raise _damaged(path) from problem
        if submission_digest(files) != digest:
            raise _damaged(path)
        return files

    def prune(self, named: Collection[str]) -> tuple[str, ...]:
        """Delete every object whose digest is not in `named`; return what was deleted."""
        removed = []
        for path in sorted(self.folder.glob("??/*.tar")):
            if path.stem not in named:
                with storing(path, "The other objects are untouched"):
                    path.unlink()
                removed.append(path.stem)
        for folder in self.folder.glob("??"):
            with suppress(OSError):  # not empty
                folder.rmdir()
        return tuple(removed)

    def _whole(self, digest: str) -> bool:
        try:
            self.files(digest)
        except TinnyError:
            return False
        return True


def read_files(source: Path) -> tuple[SubmittedFile, ...]:
    """Read a folder's regular files, by path; raises TinnyError (odd-file) for anything that is no file or folder."""
    files = []
    with storing(source, "Nothing was stored"):
        for path in sorted(source.rglob("*")):
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise TinnyError(
                    "only regular files can be kept as a submission",
                    where=str(path),
                    next_step="replace the link or device by a file",
                    code="odd-file",
                )
            name = path.relative_to(source).as_posix()
            files.append(
                SubmittedFile(path=name, executable=bool(status.st_mode & stat.S_IXUSR), content=path.read_bytes())
            )
    return tuple(files)


def _pack(files: Collection[SubmittedFile]) -> bytes:
    """The same files always give the same bytes: no times, no owners, one order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
        for file in sorted(files, key=lambda file: os.fsencode(file.path)):
            member = tarfile.TarInfo(file.path)
            member.size = len(file.content)
            member.mode = 0o755 if file.executable else 0o644
            archive.addfile(member, io.BytesIO(file.content))
    return buffer.getvalue()


def _unpack(content: bytes) -> Iterator[SubmittedFile]:
    """Yield regular files of plain relative paths; ValueError for any other member. Never `extractall`."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:", encoding="utf-8") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None or path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(member.name)
            data = stream.read()
            if len(data) != member.size:
                raise EOFError(member.name)
            yield SubmittedFile(path=member.name, executable=bool(member.mode & stat.S_IXUSR), content=data)


def _damaged(path: Path) -> TinnyError:
    return TinnyError(
        "this stored submission is damaged: its files no longer give the digest it is named after",
        where=str(path),
        next_step="restore the file from git or a backup, or pass the lab again to have a new proof",
        code="damaged-object",
    )


def _missing(path: Path) -> TinnyError:
    return TinnyError(
        "the submission this receipt names is not stored here",
        where=str(path),
        next_step="fetch .tinny/objects from the computer that has it, or pass the lab again to have a new proof",
        code="no-object",
    )

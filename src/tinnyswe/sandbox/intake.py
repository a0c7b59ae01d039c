"""Taking in a submission: regular files only, read once, never through a link, within the lab's limits."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from tinnyswe.model.base import Record
from tinnyswe.model.errors import SubmissionError, TinnyError, UsageError
from tinnyswe.model.lab import Limits

# Never taken in, whatever a lab asks for: caches, environments, compiled or imported-by-themselves files.
TOOL_CACHES = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox"}
DROPPED_FOLDERS = {".git", ".hg", ".venv", "venv", ".tinny", "node_modules", ".idea", ".vscode"} | TOOL_CACHES
DROPPED_FILES = ("*.pyc", "*.pyo", "*.pth", "*.so", "*.pyd", "*.dylib", "brief*.md")
ENVIRONMENT_MARK = "pyvenv.cfg"
LOOKED_AT = 20_000  # directory entries; more is a folder that was never meant to be handed in
DEPTH = 20


class Submission(Record, frozen=True, kw_only=True):
    """The learner's files as taken in. files: relative, with "/", sorted. left_out: one sentence for each surprise."""

    root: Path
    digest: str
    files: tuple[str, ...]
    left_out: tuple[str, ...] = ()


class _File(Record, frozen=True, kw_only=True):
    path: str
    executable: bool
    content: bytes


def take_in(source: Path, files: Sequence[str], limits: Limits, target: Path) -> Submission:
    """Copy the learner's files to `target`, which is made, readable by every uid, and must not hold anything yet.

    files: globs relative to source ("app.py", "src/**", "*.sql"); empty = all. Everything is read and judged before
    anything is written. Raises SubmissionError: "empty-submission", "too-many-files", "too-large", "bad-name",
    "unreadable"; UsageError when source is no folder.
    """
    if not source.is_dir():
        raise UsageError(
            "there is no such folder to hand in", where=str(source), next_step="tinny start LAB", code="no-folder"
        )
    left_out: list[str] = []
    taken = sorted(_read_all(source, _matcher(files), limits, left_out), key=lambda file: file.path)
    if not taken:
        wanted = ", ".join(files) if files else "any file"
        raise SubmissionError(
            f"the submission is empty: {wanted} was looked for",
            where=str(source),
            next_step="; ".join(left_out) or "write the lab's files into this folder",
            code="empty-submission",
        )
    _write_all(taken, target)
    return Submission(
        root=target,
        digest=_digest(taken),
        files=tuple(file.path for file in taken),
        left_out=tuple(left_out),
    )


def _matcher(files: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(_glob(pattern) for pattern in files) if files else r".*", re.DOTALL)


def _glob(pattern: str) -> str:
    """A glob over whole relative paths as a regular expression; a folder's name stands for all below it."""
    words = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./").rstrip("/"))
    return f"(?:{''.join(words.get(part, re.escape(part)) for part in parts)}(?:/.*)?)"


def _read_all(source: Path, wanted: re.Pattern[str], limits: Limits, left_out: list[str]) -> Iterator[_File]:
    room = int(limits.submission_mb * (1 << 20))
    count = 0
    for path, folder, entry in _walk(source, left_out):
        if not wanted.fullmatch(path):
            continue
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            left_out.append(f"{path} was left out: {_kind(status.st_mode)}, and only regular files are taken in")
            continue
        count += 1
        if count > limits.files:
            raise SubmissionError(
                f"the submission has more than {limits.files} files",
                where=str(source),
                next_step="move what does not belong to the lab elsewhere",
                code="too-many-files",
            )
        file = _read(path, folder, entry.name, room)
        room -= len(file.content)
        yield file


def _walk(source: Path, left_out: list[str]) -> Iterator[tuple[str, int, os.DirEntry[str]]]:
    """Every entry that is not dropped: its path, the descriptor of its folder, and itself. Links are not followed.

    Folders are opened relative to their parent's descriptor, so that one swapped for a link meanwhile is not entered.
    """
    looked_at = 0
    waiting = [("", os.open(source, os.O_RDONLY | os.O_DIRECTORY))]
    try:
        while waiting:
            prefix, folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
                looked_at += len(found)
                if looked_at > LOOKED_AT:
                    raise _refused(source, f"the folder holds more than {LOOKED_AT} entries", "too-many-files")
                for entry in found:
                    path = prefix + entry.name
                    if not entry.is_dir(follow_symlinks=False):
                        if not any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in DROPPED_FILES):
                            _check_name(source, path)
                            yield path, folder, entry
                    elif entry.name not in DROPPED_FOLDERS:
                        _check_name(source, path)
                        below = _enter(folder, entry.name, path, left_out)
                        if below is not None:
                            waiting.append((f"{path}/", below))
            finally:
                os.close(folder)
    finally:
        for _, folder in waiting:
            os.close(folder)


def _enter(folder: int, name: str, path: str, left_out: list[str]) -> int | None:
    """Open a folder below another; None when it is to be left out."""
    if path.count("/") >= DEPTH:
        left_out.append(f"{path} was left out: it lies more than {DEPTH} folders deep")
        return None
    try:
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    except OSError as problem:
        left_out.append(f"{path} was left out: {problem.strerror}")
        return None
    try:
        os.stat(ENVIRONMENT_MARK, dir_fd=below, follow_symlinks=False)
    except OSError:
        return below
    os.close(below)  # a Python environment under another name than .venv
    return None


def _read(path: str, folder: int, name: str, room: int) -> _File:
    """Read one file, at most `room` bytes. O_NONBLOCK: a FIFO put in its place meanwhile must not hold us up."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as problem:
        raise SubmissionError(f"cannot be read: {problem.strerror}", where=path, code="unreadable") from problem
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionError("it changed while it was taken in", where=path, code="unreadable")
        if status.st_nlink > 1 and status.st_uid != os.fstat(folder).st_uid:
            raise SubmissionError("it is a hard link to somebody else's file", where=path, code="unreadable")
        content = file.read(room + 1)
    if len(content) > room:
        raise SubmissionError(
            "the submission is too large from this file on",
            where=path,
            next_step="remove data and build results from the folder",
            code="too-large",
        )
    return _File(path=path, executable=bool(status.st_mode & stat.S_IXUSR), content=content)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _check_name(source: Path, path: str) -> None:
    """Names go into reports and digests: text without control characters only."""
    if not path.isprintable():
        raise _refused(source, f"a file name holds characters that cannot be printed: {path!a}", "bad-name")


def _refused(source: Path, what: str, code: str) -> SubmissionError:
    return SubmissionError(what, where=str(source), next_step="rename, move or remove it", code=code)


def _write_all(files: Sequence[_File], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    if any(target.iterdir()):
        raise TinnyError("the folder for the submission is not empty", where=str(target), code="target-not-empty")
    for file in files:
        path = target
        for part in file.path.split("/")[:-1]:
            path = path / part
            if not path.is_dir():
                path.mkdir()
                path.chmod(0o755)  # whatever our umask is: the learner's uid must read it
        path = target / file.path
        with path.open("xb") as copy:
            copy.write(file.content)
        path.chmod(0o755 if file.executable else 0o644)


def _digest(files: Sequence[_File]) -> str:
    """SHA-256 over the sorted (path, executable, content), each with its length, so that no two trees share one."""
    total = hashlib.sha256()
    for file in files:
        name = file.path.encode()
        total.update(b"%d:%b%d%d:" % (len(name), name, file.executable, len(file.content)))
        total.update(file.content)
    return total.hexdigest()

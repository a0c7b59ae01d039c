"""The learner's facts, append-only: one file per machine, each line naming the digest of the line before it.

The chain shows accidents (a torn line, an edit, a bad merge); it does not stop an owner who wants to forge.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from tinnyswe.evidence.storage import reading, storing, sync_folder, timestamp, write_all
from tinnyswe.model.base import Record, to_json
from tinnyswe.model.evidence import FORMAT, LedgerEntry

_KEPT = "Nothing was lost: every entry written before is still there, and this one was not half written"
_CONFLICT = (b"<<<<<<<", b"=======", b">>>>>>>")


class LedgerView(Record, frozen=True, kw_only=True):
    """All machines' entries by time, each once, and what was odd about the files, one sentence each."""

    entries: tuple[LedgerEntry, ...] = ()
    notes: tuple[str, ...] = ()


class _Head(msgspec.Struct, frozen=True):
    """The one field every format shares."""

    format: int


class Ledger:
    """The ledger of one workspace as this machine writes it. folder: .tinny/ledger. machine: names our file."""

    def __init__(self, folder: Path, machine: str) -> None:
        self.folder = folder
        self.path = folder / f"{machine}.jsonl"

    def append(self, kind: str, body: Mapping[str, Any], now: datetime) -> LedgerEntry:
        """Write one entry; when this returns, it is on the disk.

        A line an earlier process left unfinished is closed first. Raises TinnyError (disk-full, read-only,
        cannot-write), and then the file is as it was.
        """
        with storing(self.path, _KEPT):
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked_for_append(self.path) as descriptor:
                size = os.fstat(descriptor).st_size
                last, torn = _last_line(descriptor, size)
                entry = LedgerEntry(kind=kind, at=timestamp(now), prev=_digest(last) if size else "", body=dict(body))
                try:
                    write_all(descriptor, b"\n" * torn + to_json(entry) + b"\n")
                    os.fsync(descriptor)
                except BaseException:
                    # Best effort: when even this fails, the line is torn, and closed by the next append.
                    with suppress(OSError):
                        os.ftruncate(descriptor, size)
                    raise
                if not size:
                    sync_folder(self.folder)
        return entry

    def read(self) -> LedgerView:
        """Read every machine's file. Lines that cannot be read are set aside with a note; the rest counts."""
        return read_ledger(self.folder)


def read_ledger(folder: Path) -> LedgerView:
    """Read the union of all files of a ledger folder; a missing folder is an empty ledger.

    Raises TinnyError when the folder itself cannot be read: that is not the same as having no proofs.
    """
    seen: dict[str, tuple[str, str, int, LedgerEntry]] = {}
    notes: list[str] = []
    with reading(folder):
        names = sorted(os.listdir(folder)) if folder.exists() else []
    for path in (folder / name for name in names if name.endswith(".jsonl")):
        try:
            lines = _lines(path)
        except OSError as problem:
            notes.append(f"{_name(path)} cannot be read ({problem.strerror}); its entries do not count until it can be")
            continue
        for number, line, entry in _entries(path, lines, notes):
            seen.setdefault(_digest(line), (entry.at, path.name, number, entry))
    # Entries are compared by the first three only: (file, line) is unique.
    return LedgerView(entries=tuple(item[3] for item in sorted(seen.values(), key=lambda it: it[:3])), notes=(*notes,))


def _entries(path: Path, lines: list[bytes], notes: list[str]) -> Iterator[tuple[int, bytes, LedgerEntry]]:
    previous: LedgerEntry | None = None
    for number, line in enumerate(lines, 1):
        where = f"{_name(path)}, line {number}"
        entry, trouble = _decode(line)
        if trouble:
            notes.append(f"{where}: {trouble}")
        if entry is None:
            continue
        expected = _digest(lines[number - 2]) if number > 1 else ""
        if entry.prev != expected:
            notes.append(f"{where}: {_broken(number, entry, previous)}")
        previous = entry
        yield number, line, entry


def _broken(number: int, entry: LedgerEntry, previous: LedgerEntry | None) -> str:
    if number == 1:
        return "lines before this one are missing; the entries that are left still count"
    if previous is not None and previous.prev == entry.prev:
        return f"written beside line {number - 1}, not after it (two copies of this file were joined); both count"
    return (
        f"does not follow from line {number - 1}: that line was edited, or a line between them was removed. "
        "Both still count; `git log -p` of the file shows what changed"
    )


def _decode(line: bytes) -> tuple[LedgerEntry | None, str]:
    """Return the entry and what is odd about it; None for the entry when the line is set aside."""
    if line.startswith(_CONFLICT):
        return None, "a git conflict marker. Keep the lines of both sides and delete the marker lines"
    try:
        head = msgspec.json.decode(line, type=_Head)
        if head.format > FORMAT:
            return None, (
                f"written by a newer tinnySWE (format {head.format}, this one reads up to {FORMAT}); "
                "set aside until you upgrade"
            )
        entry = msgspec.json.decode(line, type=LedgerEntry)
        datetime.fromisoformat(entry.at)
    except msgspec.ValidationError as problem:
        return None, f"not a ledger entry ({problem}); set aside"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, "not whole: cut off while it was written, or edited; set aside"
    except ValueError:
        return None, "its time `at` is not a time; set aside"
    inner = entry.body.get("format", 0)
    if entry.kind == "receipt" and isinstance(inner, int) and inner > FORMAT:
        return entry, f"a receipt of a newer tinnySWE (format {inner}); it counts once you upgrade"
    return entry, ""


def _lines(path: Path) -> list[bytes]:
    """Read a file's lines while nobody is halfway through an append."""
    descriptor = os.open(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        # Some network file systems have no locks; a line caught half written is then noted once and whole next time.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH)
        content = file.read()
    lines = content.split(b"\n")
    return lines[:-1] if not lines[-1] else lines


@contextmanager
def _locked_for_append(path: Path) -> Iterator[int]:
    """Open and lock the file that carries this name now: git may replace it between our open and our lock."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _same_file(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino)


def _last_line(descriptor: int, size: int) -> tuple[bytes, bool]:
    """Return the last line without its newline, and whether it lacks one."""
    tail = b""
    start = size
    while start and b"\n" not in tail[:-1]:
        step = min(1 << 16, start)
        start -= step
        tail = os.pread(descriptor, step, start) + tail
    torn = bool(tail) and not tail.endswith(b"\n")
    return tail.removesuffix(b"\n").rpartition(b"\n")[2], torn


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _name(path: Path) -> str:
    return f".tinny/ledger/{path.name}"

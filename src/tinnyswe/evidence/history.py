"""Reading run folders back, and deciding which may go."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from tinnyswe.evidence.runs import EVENTS, LATEST, RECEIPT, VERDICT
from tinnyswe.evidence.storage import reading, storing
from tinnyswe.model.base import Record
from tinnyswe.model.errors import UsageError
from tinnyswe.model.events import AnyEvent, RunStarted, decode_event
from tinnyswe.model.evidence import FORMAT, Receipt, RunVerdict

T = TypeVar("T")

_NAME = re.compile(r"\d{8}T\d{9}Z-(?P<lab>[a-z0-9-]+)-[0-9a-f]{6}")


class Run(Record, frozen=True, kw_only=True):
    """One run as found on disk. verdict: None unless it is finished. notes: what could not be read, as sentences."""

    folder: Path
    state: Literal["finished", "running", "interrupted"]
    lab: str  # "" when the run was killed before its first event
    events: tuple[AnyEvent, ...] = ()
    verdict: RunVerdict | None = None
    receipt: Receipt | None = None
    notes: tuple[str, ...] = ()


def read_run(folder: Path) -> Run:
    """Read a run folder, also one that was killed in the middle; raises TinnyError when it cannot be read at all."""
    notes: list[str] = []
    running = is_running(folder)
    with reading(folder / EVENTS):
        events = _events((folder / EVENTS).read_bytes(), running, notes)
    verdict = _record(folder / VERDICT, RunVerdict, notes)
    receipt = _record(folder / RECEIPT, Receipt, notes)
    first = next((event.lab for event in events if isinstance(event, RunStarted)), "")
    return Run(
        folder=folder,
        state="finished" if verdict else "running" if running else "interrupted",
        lab=verdict.lab if verdict else first,
        events=events,
        verdict=verdict,
        receipt=receipt,
        notes=tuple(notes),
    )


def run_folders(runs: Path) -> tuple[Path, ...]:
    """Return every run folder, oldest first; other things lying there are left alone."""
    with reading(runs):
        names = sorted(os.listdir(runs)) if runs.exists() else []
    return tuple(runs / name for name in names if _NAME.fullmatch(name) and not (runs / name).is_symlink())


def find_run(runs: Path, name: str = "") -> Path:
    """Return the run folder of this name, or of a unique part of it; "" or "latest" is the newest.

    Raises UsageError: no-run, or several-runs when the part fits more than one.
    """
    folders = run_folders(runs)
    if not folders:
        raise UsageError("there is no run yet", where=str(runs), next_step="run `tinny check`", code="no-run")
    if name in ("", LATEST):
        linked = (runs / LATEST).resolve()
        return linked if linked in [folder.resolve() for folder in folders] else folders[-1]
    fitting = [folder for folder in folders if folder.name == name] or [f for f in folders if name in f.name]
    if len(fitting) == 1:
        return fitting[0]
    shown = ", ".join(folder.name for folder in (fitting or folders)[-3:])
    if fitting:
        raise UsageError(f"{len(fitting)} runs fit {name!r}", next_step=f"name one of {shown}", code="several-runs")
    raise UsageError(f"no run fits {name!r}", next_step=f"the newest runs are {shown}", code="no-run")


def is_running(folder: Path) -> bool:
    """True while the process that writes this run is alive."""
    try:
        descriptor = os.open(folder / EVENTS, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def prune_runs(runs: Path, *, keep: int, named: Collection[str] = (), spare: Collection[str] = ()) -> tuple[str, ...]:
    """Delete old runs; return the names of those deleted, oldest first.

    Kept are the last `keep` (at least 1) of each lab, those in progress, those whose events a receipt names
    (`named`: digests of events.jsonl), and those in `spare` (names, for open sittings).
    """
    by_lab: dict[str, list[Path]] = defaultdict(list)
    for folder in run_folders(runs):
        match = _NAME.fullmatch(folder.name)
        by_lab[match["lab"] if match else ""].append(folder)
    removed = []
    for folder in sorted(folder for folders in by_lab.values() for folder in folders[: -max(keep, 1)]):
        if folder.name in spare or is_running(folder) or _events_digest(folder) in named:
            continue
        with storing(folder, "The other runs are untouched"):
            shutil.rmtree(folder)
        removed.append(folder.name)
    return tuple(removed)


def _events(content: bytes, running: bool, notes: list[str]) -> tuple[AnyEvent, ...]:
    lines = content.split(b"\n")
    unfinished = lines.pop()
    if unfinished and not running:
        notes.append(f"{EVENTS} ends in the middle of a line: the run was killed while it wrote")
    events = []
    for number, line in enumerate(lines, 1):
        try:
            events.append(decode_event(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            notes.append(f"{EVENTS}, line {number}: not an event this tinnySWE knows ({problem}); left out")
    return tuple(events)


class _Head(msgspec.Struct, frozen=True):
    format: int


def _record(path: Path, kind: type[T], notes: list[str]) -> T | None:
    """Read a file that is whole or absent; a newer or damaged one is set aside with a note."""
    if not path.exists():
        return None
    with reading(path):
        content = path.read_bytes()
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.format > FORMAT:
            notes.append(f"{path.name} was written by a newer tinnySWE (format {head.format}); upgrade to read it")
            return None
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        notes.append(f"{path.name} cannot be read ({problem}); set aside")
        return None


def _events_digest(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / EVENTS).read_bytes()).hexdigest()
    except OSError:
        return ""

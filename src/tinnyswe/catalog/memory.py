"""What an earlier load found sound, as long as the files are as they were (a lab: 12 ms to read, 0.25 ms to know)."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import tinnyswe
from tinnyswe.catalog.files import TopicFile
from tinnyswe.catalog.folder import ReadLab
from tinnyswe.model.base import Record, from_json, to_json
from tinnyswe.model.errors import FormatError

_LAB_PARTS = ("", "brief.md", "hints.md", "checks.py", "lab.toml", "mutants", "reference", "../requirements.lock")
_LAB_TREES = ("starter", "guest")
_BUILD_TREES = ("catalog", "guest", "model")


class _Kept(Record, frozen=True, kw_only=True):
    build: str  # stamp of the code that found them sound
    labs: dict[str, tuple[str, ReadLab]]  # folder → its stamp then, and what was read
    topics: dict[str, tuple[str, TopicFile]]


class Memory:
    """Remembers sound labs and topics in one file of `folder`; None remembers nothing. Losing it costs time only."""

    def __init__(self, folder: Path | None, roots: Sequence[Path]) -> None:
        name = hashlib.sha256("\0".join(str(root.absolute()) for root in roots).encode()).hexdigest()[:16]
        self._file = folder / f"catalog-{name}.json" if folder else None
        self._build = _stamp(_trees(Path(tinnyswe.__file__).parent, _BUILD_TREES)) if folder else ""
        self._before = self._load()
        self._stamps: dict[Path, str] = {}  # taken before reading, so a change meanwhile is seen next time
        self._labs: dict[str, tuple[str, ReadLab]] = {}
        self._topics: dict[str, tuple[str, TopicFile]] = {}

    def lab(self, root: Path) -> ReadLab | None:
        """Return the lab as it was read before; None when it was not, or when a file of it has changed since."""
        if self._file is None:
            return None
        now = self._stamps[root] = _stamp([*(root / part for part in _LAB_PARTS), *_trees(root, _LAB_TREES)])
        then, read = self._before.labs.get(str(root), ("", None))
        if read is None or then != now:
            return None
        self._labs[str(root)] = (now, read)
        return read

    def keep_lab(self, read: ReadLab) -> None:
        """Remember a lab that was read after `lab` did not know it; its stamp is older than what was read."""
        if read.root in self._stamps:
            self._labs[str(read.root)] = (self._stamps[read.root], read)

    def topic(self, file: Path) -> TopicFile | None:
        """Return the topic as it was read before, or None; see lab."""
        if self._file is None:
            return None
        now = self._stamps[file] = _stamp([file])
        then, said = self._before.topics.get(str(file), ("", None))
        if said is None or then != now:
            return None
        self._topics[str(file)] = (now, said)
        return said

    def keep_topic(self, file: Path, said: TopicFile) -> None:
        """Remember a topic that was read after `topic` did not know it."""
        if file in self._stamps:
            self._topics[str(file)] = (self._stamps[file], said)

    def save(self) -> None:
        """Write what was used and found in this load, whole or not at all."""
        kept = _Kept(build=self._build, labs=self._labs, topics=self._topics)
        if self._file is None or kept == self._before:
            return
        aside = self._file.with_suffix(f".{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(to_json(kept))
            aside.replace(self._file)
        except OSError:  # a read-only or full cache is no reason to fail
            with contextlib.suppress(OSError):
                aside.unlink()

    def _load(self) -> _Kept:
        nothing = _Kept(build=self._build, labs={}, topics={})
        if self._file is None:
            return nothing
        try:
            kept = from_json(_Kept, self._file.read_bytes())
        except (OSError, FormatError):
            return nothing
        return kept if kept.build == self._build else nothing


def _trees(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        for place, below, files in os.walk(folder / name):
            if "__pycache__" in below:
                below.remove("__pycache__")
            yield from (Path(place, file) for file in files)


def _stamp(paths: Sequence[Path] | Iterator[Path]) -> str:
    """Sum up identity, size, mode and times of the files; change times cannot be set back."""
    summed = hashlib.sha256()
    for path in sorted(paths):
        try:
            seen = path.stat()
        except OSError:
            continue
        facts = (path, seen.st_ino, seen.st_size, seen.st_mode, seen.st_mtime_ns, seen.st_ctime_ns)
        summed.update(repr(facts).encode())
    return summed.hexdigest()

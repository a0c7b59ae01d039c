"""Run folders: what happened in one run, written while it happens (design §5.2)."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from tinnyswe.evidence.storage import replace_file, storage_error, storing, timestamp, write_all
from tinnyswe.model.base import to_json
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.events import AnyEvent, CheckFinished, CheckResult, EngineReady, EngineUsed, RunFinished
from tinnyswe.model.evidence import Receipt, RunVerdict
from tinnyswe.model.verdict import Outcome

EVENTS = "events.jsonl"
VERDICT = "verdict.json"
RECEIPT = "receipt.json"
LATEST = "latest"

_KEPT = "Your files and earlier proofs are untouched"


class RunWriter:
    """Writes one run folder. Events are on the file as soon as `add` returns; verdict and receipt are whole or absent.

    While it is open the events file is locked: that is how a reader tells a run in progress from a killed one.
    A disk that fills up does not interrupt the run: `problem` says so, and the verdict becomes `error`.
    """

    def __init__(
        self, folder: Path, *, lab: str, seed: int, practice: bool, submission: str, started: datetime
    ) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.history = folder / "history.jsonl"
        self.problem: TinnyError | None = None
        self.verdict = RunVerdict(
            lab=lab,
            run=folder.name,
            outcome=Outcome.ERROR,
            reason="the run ended without saying how",
            practice=practice,
            seed=seed,
            submission=submission,
            started=timestamp(started),
            elapsed=0.0,
        )
        self._results: list[CheckResult] = []
        self._engines: list[EngineUsed] = []
        self._finished: RunFinished | None = None
        self._elapsed = 0.0
        self._digest = hashlib.sha256()
        self._file = os.open(folder / EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    @classmethod
    def create(cls, runs: Path, *, lab: str, seed: int, practice: bool, submission: str, now: datetime) -> RunWriter:
        """Make a new run folder below .tinny/runs and point `latest` at it; raises TinnyError."""
        with storing(runs, f"The run did not start. {_KEPT}"):
            runs.mkdir(parents=True, exist_ok=True)
            folder = _new_folder(runs, lab, now)
            (folder / "logs").mkdir()
            writer = cls(folder, lab=lab, seed=seed, practice=practice, submission=submission, started=now)
        _point_latest(runs, folder.name)
        return writer

    @property
    def events_digest(self) -> str:
        """SHA-256 of events.jsonl as written so far."""
        return self._digest.hexdigest()

    @property
    def engines(self) -> tuple[EngineUsed, ...]:
        """The engines that became ready in this run, each once."""
        return tuple(dict.fromkeys(self._engines))

    def add(self, event: AnyEvent) -> None:
        """Write one event. Never raises for a full or broken disk: see `problem`."""
        self._elapsed = max(self._elapsed, event.at)
        if isinstance(event, CheckFinished):
            self._results.append(event.result)
        elif isinstance(event, EngineReady):
            self._engines.append(event.engine)
        elif isinstance(event, RunFinished):
            self._finished = event
        if self.problem is None:
            line = to_json(event) + b"\n"
            try:
                write_all(self._file, line)
            except OSError as problem:
                self.problem = storage_error(problem, self.folder / EVENTS, _KEPT)
            else:
                self._digest.update(line)

    def finish(self, *, diagnosis: tuple[str, ...] = ()) -> RunVerdict:
        """Close the events and write verdict.json; return the verdict, also when it could not be written."""
        finished = self._finished
        self.verdict = msgspec.structs.replace(
            self.verdict,
            outcome=finished.outcome if finished else Outcome.ERROR,
            reason=finished.reason if finished else self.verdict.reason,
            checks=tuple(self._results),
            diagnosis=diagnosis,
            elapsed=self._elapsed,
        )
        try:
            os.fsync(self._file)
        except OSError as problem:
            self.problem = self.problem or storage_error(problem, self.folder / EVENTS, _KEPT)
        if self.problem is None:
            self._write(VERDICT, self.verdict)
        if self.problem is not None:
            self._spoil(self.problem)
        self.close()
        return self.verdict

    def keep_receipt(self, receipt: Receipt) -> RunVerdict:
        """Put a receipt that is in the ledger beside the verdict, and mark the verdict with it."""
        self.verdict = msgspec.structs.replace(self.verdict, receipt=True)
        # The proof is the ledger's entry; these are copies for reading, so a full disk takes nothing away.
        self._write(RECEIPT, receipt)
        self._write(VERDICT, self.verdict)
        return self.verdict

    def close(self) -> None:
        """Stop writing, leaving an unfinished run as interrupted; may be called again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, name: str, record: object) -> None:
        try:
            replace_file(self.folder / name, to_json(record) + b"\n")
        except OSError as problem:
            self.problem = storage_error(problem, self.folder / name, _KEPT)

    def _spoil(self, problem: TinnyError) -> None:
        """What was seen cannot be kept, so it proves nothing: say `error` instead."""
        self.verdict = msgspec.structs.replace(
            self.verdict, outcome=Outcome.ERROR, reason=f"the run could not be recorded: {problem.what}"
        )
        # There may be room for these few bytes although there was none for the events.
        with suppress(OSError):
            replace_file(self.folder / VERDICT, to_json(self.verdict) + b"\n")


def _new_folder(runs: Path, lab: str, now: datetime) -> Path:
    """Make <time>-<lab>-<id>: sorted by name is sorted by time."""
    time = re.sub(r"[-:.]|\d{3}(?=Z)", "", timestamp(now))  # to the millisecond: watch starts several a second
    name = re.sub(r"[^a-z0-9-]+", "-", lab.lower())
    while True:
        folder = runs / f"{time}-{name}-{secrets.token_hex(3)}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder


def _point_latest(runs: Path, name: str) -> None:
    # A convenience for people; readers fall back to the newest name where links are not possible.
    link = runs / f".{LATEST}.{os.getpid()}.tmp"
    with suppress(OSError):
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        os.replace(link, runs / LATEST)

"""The bench: a child process that runs one plan. Here is the side that starts it and reads its events."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from tinnyswe.labkit import NoAnswer, until
from tinnyswe.model.base import from_json, to_json
from tinnyswe.model.errors import FormatError
from tinnyswe.model.events import AnyEvent, RunFinished, WorldKept, decode_event
from tinnyswe.model.plan import Plan
from tinnyswe.model.verdict import Outcome
from tinnyswe.processes import Lease

GRACE = 10.0  # s after the run's budget until the bench, which keeps the budget itself, is given up
_CHUNK = 1 << 16


class Child(Protocol):
    """A bench process, however it was made."""

    @property
    def reading(self) -> int:
        """Descriptor its events come from, one JSON line each."""

    def tell(self, message: bytes) -> None:
        """Send the plan. The pipe stays open: when it closes, by whatever death of ours, the bench ends."""

    def wait(self, seconds: float) -> int | None:
        """Its exit status; None when it still runs after `seconds`."""

    def end(self) -> None:
        """End it with everything it started."""


def run(plan: Plan) -> Iterator[AnyEvent]:
    """Run `plan` in a bench of its own and yield its events; the last one is always a RunFinished.

    Closing the generator early ends the bench and everything it started.
    """
    yield from converse(_Fresh(plan), plan)  # nothing starts before the first event is asked for


def converse(child: Child, plan: Plan) -> Iterator[AnyEvent]:
    """Hand the plan to the bench, yield its events, and end it."""
    started = time.monotonic()
    ends = started + plan.run_seconds + GRACE
    finished = False
    try:
        child.tell(to_json(plan) + b"\n")
        for event in _events(child, ends):
            finished = isinstance(event, RunFinished)
            yield event
        if not finished:
            yield _unfinished(child, time.monotonic() - started, time.monotonic() >= ends)
    finally:
        child.end()
        _await_minders(plan)


def _events(child: Child, ends: float) -> Iterator[AnyEvent]:
    """Decode the bench's lines. A kept world lasts until the caller asks for the event after WorldKept."""
    for line in _lines(child.reading, ends):
        event = decode_event(line)
        yield event
        if isinstance(event, WorldKept):
            child.tell(b"\n")
            yield from _events(child, time.monotonic() + GRACE)  # the time it was kept is not the run's
            return


def _unfinished(child: Child, at: float, late: bool) -> RunFinished:
    if late:
        return RunFinished(at=at, outcome=Outcome.TIMEOUT, reason=f"the run was given up after {at:.0f} s")
    status = child.wait(GRACE)
    return RunFinished(at=at, outcome=Outcome.ERROR, reason=f"the grader ended unexpectedly (status {status})")


def _lines(reading: int, ends: float) -> Iterator[bytes]:
    """Yield complete lines until the bench closes its end or the clock says that it never will."""
    rest = b""
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, ends - time.monotonic()))
        chunk = os.read(reading, _CHUNK) if ready else b""
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _await_minders(plan: Plan) -> None:
    """Return when the minders of a bench that was ended, or died, have ended and removed what they mind."""

    def over() -> bool:
        return not any(map(_names(plan.scratch.name), (plan.runtime / "leases").glob("*.json")))

    with contextlib.suppress(NoAnswer):  # what is left then is the next command's to sweep
        until(over, seconds=GRACE, what="end of the run's minders")


def _names(run: str) -> Callable[[Path], bool]:
    """Whether a lease is of this run: an engine's or a copy's; its folder's own lease names another."""

    def check(lease: Path) -> bool:
        try:
            return from_json(Lease, lease.read_bytes()).run == run
        except FileNotFoundError:
            return False
        except FormatError:  # being written
            return True

    return check


def open_log(plan: Plan) -> int:
    """A descriptor for what the bench itself says, e.g. a traceback of ours."""
    log = plan.scratch / "logs" / "bench.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


class _Fresh:
    """Child in an interpreter of its own."""

    def __init__(self, plan: Plan) -> None:
        self.reading, writing = os.pipe()
        errors = open_log(plan)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-m", "tinnyswe.run.bench_main", str(writing)],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                pass_fds=(writing,),
                start_new_session=True,  # Ctrl-C is for the command, which then ends the bench in its own order
            )
        finally:
            os.close(errors)
            os.close(writing)

    def tell(self, message: bytes) -> None:
        if self._process.stdin is not None:
            # A bench that died at once is told about by its exit status in a moment.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(message)
                self._process.stdin.flush()

    def wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self.wait(GRACE) is None:
            self._process.kill()  # the minders see their pipes close and end what they mind
            self._process.wait()
        os.close(self.reading)

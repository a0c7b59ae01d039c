"""The bench: a child process that runs one plan. Here is the side that starts it and reads its events."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

from tinnyswe.model.base import to_json
from tinnyswe.model.events import AnyEvent, CheckFinished, RunFinished, decode_event
from tinnyswe.model.plan import Plan
from tinnyswe.model.verdict import Outcome

GRACE = 10.0  # s after the run's budget until the bench, which keeps the budget itself, is given up
_CHUNK = 1 << 16


def run(plan: Plan) -> Iterator[AnyEvent]:
    """Run `plan` in a bench of its own and yield its events; the last one is always a RunFinished.

    Closing the generator early ends the bench and everything it started.
    """
    reading, writing = os.pipe()
    log = plan.scratch / "logs" / "bench.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("wb") as errors:
        bench = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", "tinnyswe.run.bench_main", str(writing)],
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=errors,
            pass_fds=(writing,),
            start_new_session=True,  # Ctrl-C is for the command, which then ends the bench in its own order
        )
    os.close(writing)
    try:
        yield from _conversation(bench, reading, plan, started)
    finally:
        os.close(reading)
        _end(bench)


def _conversation(bench: subprocess.Popen[bytes], reading: int, plan: Plan, started: float) -> Iterator[AnyEvent]:
    _tell(bench.stdin, to_json(plan) + b"\n")
    ends = started + plan.run_seconds + GRACE
    finished = False
    for line in _lines(reading, ends):
        event = decode_event(line)
        finished = isinstance(event, RunFinished)
        yield event
    if finished:
        return
    at = time.monotonic() - started
    if time.monotonic() >= ends:
        yield RunFinished(at=at, outcome=Outcome.TIMEOUT, reason=f"the run was given up after {at:.0f} s")
        return
    status = bench.wait(GRACE)
    yield RunFinished(at=at, outcome=Outcome.ERROR, reason=f"the grader ended unexpectedly (status {status})")


def _tell(stream: IO[bytes] | None, message: bytes) -> None:
    """Send the plan. The pipe stays open: when it closes, by whatever death of ours, the bench ends."""
    if stream is None:
        raise RuntimeError("the bench was started without its control pipe")
    try:
        stream.write(message)
        stream.flush()
    except BrokenPipeError:
        pass  # it died at once; its exit status says so in a moment


def _lines(reading: int, ends: float) -> Iterator[bytes]:
    """Yield complete lines until the bench closes its end or the clock says that it never will."""
    rest = b""
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, ends - time.monotonic()))
        if not ready:
            return
        chunk = os.read(reading, _CHUNK)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _end(bench: subprocess.Popen[bytes]) -> None:
    if bench.stdin is not None:
        bench.stdin.close()
    try:
        bench.wait(GRACE)
    except subprocess.TimeoutExpired:
        bench.kill()  # the minders see their pipes close and end what they mind
        bench.wait()


def results_of(events: list[AnyEvent]) -> tuple[CheckFinished, ...]:
    """The check results among a run's events."""
    return tuple(event for event in events if isinstance(event, CheckFinished))

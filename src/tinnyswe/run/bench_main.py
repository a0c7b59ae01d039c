"""The bench process: reads a plan, runs it, writes events. Started by `bench.run` and by nothing else."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import BinaryIO

from tinnyswe.grading.session import grade
from tinnyswe.model.base import from_json, to_json
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.events import (
    KEPT,
    AnyEvent,
    CheckFinished,
    CheckResult,
    CheckStarted,
    RunFinished,
    RunStarted,
    WorldKept,
)
from tinnyswe.model.lab import CheckSpec
from tinnyswe.model.plan import Plan
from tinnyswe.model.verdict import Outcome, worst
from tinnyswe.run.world import RunWorld


def main() -> None:
    converse(sys.stdin.buffer, os.fdopen(int(sys.argv[1]), "wb", buffering=0))


def converse(control: BinaryIO, events: BinaryIO) -> None:
    """Read the plan, run it, and end the process."""
    plan = from_json(Plan, control.readline(), where="the plan")
    go_on = threading.Event()
    threading.Thread(target=_listen, args=(control, go_on), daemon=True).start()
    bench(plan, events, go_on)
    # Everything was closed above; threads of a learner's stuck request must not keep the process.
    os._exit(0)


def _listen(control: BinaryIO, go_on: threading.Event) -> None:
    """End a kept world when told; end at once when the other side is gone: minders then end engines and copies."""
    while control.read(1):
        go_on.set()
    os._exit(1)


def bench(plan: Plan, events: BinaryIO, go_on: threading.Event) -> None:
    """Run the plan and write one event a line to `events`; never raises. A world to be kept waits for `go_on`."""
    lock = threading.Lock()

    def emit(event: AnyEvent) -> None:
        line = to_json(event)
        if world is not None:  # what a check observed may hold a password, too
            line = world.timeline.redacted(line.decode()).encode()
        with lock:
            events.write(line + b"\n")

    world: RunWorld | None = None
    try:
        world = RunWorld(plan, emit)
        results = _grade(plan, world)
        counting = {spec.id for spec in plan.lab.checks if spec.counts}
        outcome, reason = worst(result.outcome for result in results if result.check in counting), ""
        if plan.keep:
            _keep(plan, world, go_on)
    except TinnyError as problem:
        outcome, reason = Outcome.ERROR, str(problem)
    except Exception as problem:  # whatever it is, it is ours, and the reader must hear of it
        outcome, reason = Outcome.ERROR, f"{type(problem).__name__}: {problem}"
        sys.excepthook(type(problem), problem, problem.__traceback__)
    if world is not None:
        try:
            world.close()
        except Exception as problem:
            sys.excepthook(type(problem), problem, problem.__traceback__)
    at = world.timeline.now() if world is not None else 0.0
    emit(RunFinished(at=at, outcome=outcome, reason=reason))


def _keep(plan: Plan, world: RunWorld, go_on: threading.Event) -> None:
    """Leave the world as the last check left it, until the reader of the events has seen enough."""
    given = plan.scratch / KEPT
    given.touch(mode=0o600)
    given.write_text(json.dumps(dict(next(iter(world.given.values()), {}))))
    urls = {name: copy.url for name, copy in world.app.copies.items() if copy.running}
    world.timeline.emit(WorldKept(at=world.timeline.now(), urls=urls))
    go_on.wait()


def _grade(plan: Plan, world: RunWorld) -> tuple[CheckResult, ...]:
    timeline, lab = world.timeline, plan.lab
    timeline.emit(
        RunStarted(
            at=timeline.now(),
            lab=lab.id,
            seed=plan.seed,
            practice=plan.practice,
            checks=tuple(spec.id for spec in lab.checks),
            tier=plan.tier,
        )
    )
    world.start()

    def starting(spec: CheckSpec) -> None:
        timeline.emit(CheckStarted(at=timeline.now(), check=spec.id, title=spec.title))

    def finished(result: CheckResult) -> None:
        timeline.emit(CheckFinished(at=timeline.now(), result=result))

    return grade(
        lab, world, seed=plan.seed, only=plan.only, stop_after=plan.stop_after, starting=starting, finished=finished
    )


if __name__ == "__main__":
    main()

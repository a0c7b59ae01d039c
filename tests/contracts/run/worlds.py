"""Two worlds to grade in: the real one, and one of plain objects that needs no process. Both pass the same contract."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from integration.run.throwaway import SERVE, make_plan
from tinnyswe.grading.world import RunBudgetSpent, World
from tinnyswe.labkit import Expect, NoAnswer, Reply
from tinnyswe.model.failure import FaultNote, LogTail
from tinnyswe.model.lab import CheckSpec, Lab
from tinnyswe.run.world import RunWorld

# What both worlds run: it counts how often it was asked, in memory, and never answers /hang.
PROGRAM = (
    SERVE
    + """
asked = 0
def answer(method, path, body):
    global asked
    if path == "/hang":
        signal.pause()
    asked += path == "/count"
    return ok(str(asked))
print("counting", flush=True)
serve(answer)
"""
)
MakeWorld = Callable[[Lab, float], contextlib.AbstractContextManager[World]]


class FakeCopy:
    """PROGRAM, as an object."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world
        self.asked = 0

    def get(self, path: str, timeout: float = 20.0) -> Reply:
        if path == "/hang":
            raise NoAnswer(f"answer of copy a to GET {path}", elapsed=timeout, limit=timeout)
        self.asked += path == "/count"
        self._world.told += [f"a: GET {path}", f"a answered GET {path}: 200 {self.asked}"]
        return Reply(status=200, body=str(self.asked).encode())

    def freeze(self) -> None:
        self._world.frozen = True


class FakeApp:
    def __init__(self, world: FakeWorld) -> None:
        self.a = FakeCopy(world)


class FakeWorld:
    """grading.World of plain objects; `calls` is what grading asked of it, in order."""

    def __init__(self, run_seconds: float) -> None:
        self._left = run_seconds
        self._app: FakeApp | None = None
        self.calls: list[str] = []
        self.told: list[str] = []
        self.frozen = False
        self.begins: Callable[[str], None] = lambda check: None  # a test may make these two fail
        self.ends: Callable[[str], None] = lambda check: None
        self._check = ""

    def begin(self, check: CheckSpec, *, seconds: float) -> None:
        self._check = check.id
        self.calls.append(f"begin {check.id} {seconds:g}")
        if self.spent():
            raise RunBudgetSpent
        self.told.clear()
        if self._app is None or not check.shares_world:
            self._app = FakeApp(self)
        self.begins(check.id)

    def end(self) -> None:
        self.calls.append(f"end {self._check}")
        self.frozen = False
        self.ends(self._check)

    def fixtures(self) -> Mapping[str, Any]:
        return {"app": self._app, "net": None}

    def expect(self, check: str) -> Expect:
        return Expect(check, fault=self.fault, logs=self.logs, trace=self.trace)

    def fault(self) -> FaultNote | None:
        return None

    def logs(self) -> tuple[LogTail, ...]:
        return (LogTail(source="copy a", lines=("counting",)),)

    def trace(self) -> tuple[str, ...]:
        return tuple(self.told)

    def spent(self) -> bool:
        return self._left <= 0

    def spend(self) -> None:
        """The run's time is over."""
        self._left = 0.0


@contextlib.contextmanager
def fake_world(lab: Lab, run_seconds: float) -> Iterator[World]:
    yield FakeWorld(run_seconds)


@contextlib.contextmanager
def real_world(lab: Lab, run_seconds: float) -> Iterator[World]:
    """Expects the lab in its own folder below one of integration.run.throwaway.place."""
    folder: Path = lab.root.parent
    world = RunWorld(make_plan(folder, lab, PROGRAM, run_seconds=run_seconds), lambda event: None)
    try:
        world.start()
        yield world
    finally:
        world.close()

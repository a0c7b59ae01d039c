"""The warm pool: benches forked from a process that has imported pytest and our plugin already.

An accelerator, never a requirement: without it, or when this build's source has changed since it was made, the same
code does the same work in a fresh child. A lab's checks.py is never imported before the fork.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.context
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import tinnyswe
from tinnyswe.model.events import AnyEvent
from tinnyswe.model.plan import Plan
from tinnyswe.run import bench


class WarmPool:
    """Runs plans in forked benches; use it as a context manager, so that its server ends with it."""

    def __init__(self) -> None:
        self._context: multiprocessing.context.ForkServerContext | None = None
        self._stamp = ""

    def __enter__(self) -> WarmPool:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tinnyswe.run.bench_main"])
        self._stamp = source_stamp()
        return self

    def __exit__(self, *_: object) -> None:
        self._context = None

    @property
    def usable(self) -> bool:
        """False outside `with`, and when the source is not what the server imported."""
        return self._context is not None and source_stamp() == self._stamp

    def run(self, plan: Plan) -> Iterator[AnyEvent]:
        """As bench.run."""
        if self._context is None or not self.usable:
            return bench.run(plan)
        return bench.converse(_Forked(self._context, plan), plan)


class _Forked:
    """bench.Child in a fork of the server."""

    def __init__(self, context: multiprocessing.context.ForkServerContext, plan: Plan) -> None:
        from tinnyswe.run.bench_main import serve

        control, theirs = context.Pipe()
        events, their_events = context.Pipe(duplex=False)
        log = str(plan.scratch / "logs" / "bench.log")
        self._process = context.Process(target=serve, args=(theirs, their_events, log), daemon=True)
        self._process.start()
        theirs.close()
        their_events.close()
        self._control: Connection = control
        self._events: Connection = events

    @property
    def reading(self) -> int:
        return self._events.fileno()

    def tell(self, message: bytes) -> None:
        os.write(self._control.fileno(), message)

    def wait(self, seconds: float) -> int | None:
        self._process.join(seconds)
        return self._process.exitcode

    def end(self) -> None:
        self._control.close()
        self._process.join(bench.GRACE)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._events.close()
        self._process.close()


def source_stamp() -> str:
    """A digest over path, size and time of every source file of this build; a few milliseconds."""
    root = Path(tinnyswe.__file__).parent
    state = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        about = path.stat()
        state.update(f"{path} {about.st_size} {about.st_mtime_ns}\n".encode())
    return state.hexdigest()

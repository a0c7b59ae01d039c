"""The warm pool: benches forked from a process that has imported pytest and our plugin already.

An accelerator, never a requirement: without it, or when this build's source has changed since it was made, the same
code does the same work in a fresh child. A lab's checks.py is never imported before the fork.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import tinnyswe
from tinnyswe.model.events import AnyEvent
from tinnyswe.model.plan import Plan
from tinnyswe.run import bench
from tinnyswe.run.warm_main import STATUS


def source_stamp() -> str:
    """A digest over path, size and time of every source file of this build; a few milliseconds."""
    root = Path(tinnyswe.__file__).parent
    state = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        about = path.stat()
        state.update(f"{path} {about.st_size} {about.st_mtime_ns}\n".encode())
    return state.hexdigest()


class WarmPool:
    """Runs plans in forked benches; use it as a context manager, so that its server ends with it. Thread-safe."""

    def __init__(self, stamp: Callable[[], str] = source_stamp) -> None:
        """stamp: what the source is now; the pool is of use while it says the same as at the pool's start."""
        self._stamp = stamp
        self._began_with = ""
        self._server: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> WarmPool:
        self._began_with = self._stamp()
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-I", "-B", "-m", "tinnyswe.run.warm_main", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        orders, server, self._orders, self._server = self._orders, self._server, None, None
        if orders is not None:
            orders.close()
        if server is not None:
            server.wait()

    @property
    def usable(self) -> bool:
        """False outside `with`, when its server died, and when the source is not what the server imported."""
        running = self._server is not None and self._server.poll() is None
        return running and self._stamp() == self._began_with

    def run(self, plan: Plan) -> Iterator[AnyEvent]:
        """As bench.run."""
        forked = self._fork(plan) if self.usable else None
        yield from bench.run(plan) if forked is None else bench.converse(forked, plan)

    def _fork(self, plan: Plan) -> _Forked | None:
        """A bench forked by the server; None when the server has just died."""
        with self._lock, contextlib.suppress(OSError):
            if self._orders is not None:
                return _Forked(self._orders, bench.open_log(plan))
        return None


class _Forked:
    """bench.Child in a fork of the server."""

    def __init__(self, orders: socket.socket, log: int) -> None:
        control, self._control = os.pipe()
        self.reading, events = os.pipe()
        self._status, status = os.pipe()
        self._exit: int | None = None
        self._pid = 0
        theirs = [control, events, log, status]
        try:
            socket.send_fds(orders, [b"b"], theirs)
        except OSError:
            for descriptor in (self._control, self.reading, self._status):
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def tell(self, message: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._control, message)

    def wait(self, seconds: float) -> int | None:
        deadline = time.monotonic() + seconds
        while self._exit is None:
            if not select.select([self._status], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            said = os.read(self._status, STATUS.size)
            if not said:  # the server is gone, and nobody will know
                self._exit = -signal.SIGKILL
            elif not self._pid:
                self._pid = STATUS.unpack(said)[0]
            else:
                self._exit = STATUS.unpack(said)[0]
        return self._exit

    def end(self) -> None:
        os.close(self._control)
        if self.wait(bench.GRACE) is None and self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # not reaped yet, or the server would have said so
            self.wait(bench.GRACE)
        os.close(self.reading)
        os.close(self._status)

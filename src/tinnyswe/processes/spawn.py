"""Starting a program under a minder, and the handle to it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal as signals
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tinnyswe.model.errors import TinnyError
from tinnyswe.processes import minder, tree
from tinnyswe.processes.identity import Identity
from tinnyswe.processes.lease import MARK, Lease, clear, release, take
from tinnyswe.processes.places import runtime_folder

__all__ = ["Identity", "Minded", "spawn"]

START_SECONDS = 20.0  # for the minder's interpreter on a very busy machine; it takes 20 ms
GONE_SECONDS = 15.0  # above the minder's own patience with a process that does not end


class Minded:
    """A program running under its minder. Thread-safe. `pid` is the program's; `lease` says what it uses.

    kill() and stop() end the program and keep the lease's directories, so that the same lease can be started again
    (an engine's restart); close() removes them as well. A copy of the learner's program has nothing worth keeping:
    there kill() is close(). As a context manager it closes.
    """

    def __init__(self, keeper: subprocess.Popen[bytes], control: socket.socket, lease: Lease, runtime: Path) -> None:
        self.lease = lease
        self.pid = 0
        self.start_time = 0.0
        self.left: tuple[str, ...] = ()  # what the minder could not end or remove
        self._keeper = keeper
        self._control = control
        self._runtime = runtime
        self._status: int | None = None
        self._inbox = b""
        self._gone = False
        self._lock = threading.RLock()

    @property
    def returncode(self) -> int | None:
        """Exit status of the program, negative for a signal; None while it runs."""
        self._listen()
        return self._status

    def alive(self) -> bool:
        """Whether the program itself still runs (frozen counts as running)."""
        return self.returncode is None

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the program to end by itself; its exit status, or None after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = 0.2 if deadline is None else min(0.2, deadline - time.monotonic())
            if left <= 0:
                return None
            self._pause(left)
        return self._status

    def signal(self, number: int) -> None:
        """Send a signal to the program alone, waking it if it is frozen. Nothing happens when it has ended."""
        self._say({"do": "signal", "signal": int(number)})

    def stop(self, signal: int = signals.SIGTERM, grace: float = 5.0) -> None:
        """Ask the program to end, wait up to `grace` seconds, then kill what is left of its tree."""
        if self.alive():
            self.signal(signal)
            self.wait(grace)
        self.kill()

    def kill(self) -> None:
        """Kill the whole tree; returns when nothing of it is left. The lease and its directories stay, but a copy's."""
        if self.lease.kind == "copy":
            self.close()
        else:
            self._end("keep")

    def close(self) -> None:
        """Kill the whole tree and give the lease up: its directories are removed. May follow kill()."""
        self._end("remove")
        self.left = tuple(dict.fromkeys((*self.left, *release(self.lease, self._runtime))))

    def freeze(self) -> None:
        """Stop every process of the tree; returns once all of it stands still."""
        tree.freeze(self.pid)

    def thaw(self) -> None:
        """Let a frozen tree run again."""
        tree.thaw(self.pid)

    def __enter__(self) -> Minded:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, config: dict[str, Any]) -> None:
        """Say what to run and wait for the minder's first word; raises TinnyError when it could not be started."""
        self._say(config)
        deadline = time.monotonic() + START_SECONDS
        while not self.pid and not self._gone and time.monotonic() < deadline:
            self._pause(0.2)
            self._listen()
        if not self.pid:
            self._end("keep")
            raise TinnyError("the minder of a program ended before it began", code="spawn-failed")

    def _end(self, order: str) -> None:
        self._say({"do": order})
        with contextlib.suppress(ProcessLookupError):
            self._keeper.send_signal(signals.SIGCONT)  # a program of the same user may have stopped its minder
        deadline = time.monotonic() + GONE_SECONDS
        while not self._gone and time.monotonic() < deadline:
            self._pause(0.2)
            self._listen()
        with self._lock:
            if not self._gone:
                tree.kill_tree(self._keeper.pid)
                self._lost()
            self._control.close()
            self._keeper.wait()

    def _say(self, order: dict[str, Any]) -> None:
        with self._lock:
            if not self._gone:
                with contextlib.suppress(OSError):
                    self._control.sendall(json.dumps(order).encode() + b"\n")

    def _pause(self, seconds: float) -> None:
        """Wait for the minder to say something. Another thread may end everything meanwhile, hence the short waits."""
        with contextlib.suppress(OSError, ValueError):
            select.select([self._control], [], [], seconds)

    def _listen(self) -> None:
        """Take in what the minder has said so far."""
        with self._lock:
            while not self._gone:
                try:
                    data = self._control.recv(1 << 16, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                except OSError:
                    data = b""
                if not data:
                    self._lost()
                    return
                *lines, self._inbox = (self._inbox + data).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))

    def _hear(self, message: dict[str, Any]) -> None:
        if "pid" in message:
            self.pid, self.start_time = message["pid"], message["start_time"]
        if "exit" in message:
            self._status = message["exit"]
        if "error" in message:
            self._gone = True
            self._keeper.wait(GONE_SECONDS)
            self._control.close()
            raise TinnyError(
                message["error"],
                next_step="check that the file exists and that the user it runs as may read and execute it",
                code="spawn-failed",
            )
        if message.get("gone"):
            self._gone = True
            self.left = tuple(message["left"])

    def _lost(self) -> None:
        """The minder is dead without a farewell: the kernel has killed the program, we kill the rest."""
        self._gone = True
        if self._status is None:
            self._status = -signals.SIGKILL
        clear(msgspec.structs.replace(self.lease, pid=self.pid, start_time=self.start_time))


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    lease: Lease,
    identity: Identity | None = None,
    pass_fds: Sequence[int] = (),
    log_limit: int = 1 << 20,
    runtime: Path | None = None,
) -> Minded:
    """Start a program in its own session, minded: when we die, by whatever means, it dies with all its children.

    env is the whole environment but for TINNY_LEASE, added to find escapees. log receives stdout and stderr: their
    first and last 64 KiB (less with a log_limit below 128 KiB); an older log moves to `<log>.1`. stdin is empty.
    Raises TinnyError "spawn-failed" when it cannot be started, "lease-held" when the lease's program still runs.
    """
    runtime = runtime or runtime_folder()
    lease, lease_file, lock = take(lease, runtime)
    ours, theirs = socket.socketpair()
    config = {
        "argv": list(argv),
        "cwd": str(cwd),
        "env": {**env, MARK: lease.id},
        "log": str(log),
        "log_limit": log_limit,
        "identity": [identity.uid, identity.gid] if identity else None,
        "pass_fds": list(pass_fds),
        "owner_pid": os.getpid(),
        "lease_file": str(lease_file),
        "lease": {**msgspec.structs.asdict(lease), "directories": [str(folder) for folder in lease.directories]},
    }
    try:
        keeper = _minder([theirs.fileno(), lock], lease.id, pass_fds)
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
        os.close(lock)
    minded = Minded(keeper, ours, lease, runtime)
    try:
        minded._start(config)
    except TinnyError:
        if lease.kind == "copy":
            release(lease, runtime)
        raise
    return minded


def _minder(channels: Sequence[int], name: str, pass_fds: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start a minder with its control socket and the lease's lock; name is for whoever reads the process list."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", minder.__file__, *map(str, channels), name],
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[*channels, *pass_fds],
        start_new_session=True,
    )

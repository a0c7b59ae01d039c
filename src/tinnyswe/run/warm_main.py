"""The warm pool's server: has imported everything a bench needs, and forks one for each request. See warm.py.

It has one thread and no state, so a fork of it is as good as a fresh interpreter. It ends when its socket closes; the
benches it forked end by their own pipes.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import sys

from tinnyswe.run import bench_main

STATUS = struct.Struct("!i")  # what comes over a bench's status pipe: first its pid, at its end its exit status
DESCRIPTORS = 4  # control, events, log, status


def main() -> None:
    orders = socket.socket(fileno=int(sys.argv[1]))
    wake, wake_end = os.pipe()
    for end in (wake, wake_end):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}  # pid of a bench to its status pipe
    while True:
        ready, _, _ = select.select([orders.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _reap(running)
        if orders.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(orders, 1, DESCRIPTORS)
            if not message:
                return
            _fork(orders, descriptors, running)


def _fork(orders: socket.socket, descriptors: list[int], running: dict[int, int]) -> None:
    control, events, log, status = descriptors
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        orders.close()
        for other in (status, *running.values()):
            os.close(other)
        _become_bench(control, events, log)
    for descriptor in (control, events, log):
        os.close(descriptor)
    running[pid] = status
    _tell(status, pid)


def _become_bench(control: int, events: int, log: int) -> None:
    """Never returns: not even a failure may run on as a second server."""
    try:
        os.setsid()
        for standard in (1, 2):
            os.dup2(log, standard)
        os.close(log)
        bench_main.converse(os.fdopen(control, "rb"), os.fdopen(events, "wb", buffering=0))
    except BaseException as problem:
        sys.excepthook(type(problem), problem, problem.__traceback__)
    finally:
        os._exit(1)


def _reap(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        pipe = running.pop(pid)
        _tell(pipe, os.waitstatus_to_exitcode(status))
        os.close(pipe)


def _tell(pipe: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone
        os.write(pipe, STATUS.pack(number))


if __name__ == "__main__":
    main()

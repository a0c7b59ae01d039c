"""Ports for the copies of the learner's program."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_SPAN = 12_000
_PER_BENCH = 64  # launches before a bench enters the numbers of the next one
_LOWEST = 1024


class Ports:
    """Hands out free ports of loopback, below those that the kernel gives to connections of anybody.

    A port cannot be held for a program that binds it itself without SO_REUSEADDR; so it is taken from where nobody gets
    one by chance, and each bench begins somewhere else.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = os.getpid() * _PER_BENCH
        self._end = _first_ephemeral()

    def free(self) -> int:
        """A port that nobody is bound to now."""
        with self._lock:
            for _ in range(_SPAN if self._end - _SPAN > _LOWEST else 0):
                port = self._end - 1 - self._next % _SPAN
                self._next += 1
                if _bindable(port):
                    return port
        return _given_by_the_kernel()


def _first_ephemeral() -> int:
    """Where the kernel's own choice begins; 0 when it does not say (macOS: untested)."""
    try:
        return int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _given_by_the_kernel() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

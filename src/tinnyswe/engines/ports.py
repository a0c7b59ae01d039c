"""A port of the loopback interface that stays ours while the engine behind it is down."""

from __future__ import annotations

import errno
import socket
import sys

from tinnyswe.engines.base import EngineError

HOST = "127.0.0.1"


class Port:
    """A free port, reserved by a bound socket that never listens.

    On Linux two sockets with SO_REUSEADDR may share a port while neither listens, so the engine can take it over and
    nobody gets it from the kernel by chance, not even between kill and restart; meanwhile connections are refused.
    Elsewhere (macOS, untested) the port is only looked up: a stranger who takes it meanwhile is reported by `taken`.
    """

    def __init__(self, number: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, number))
        except OSError as problem:
            self._socket.close()
            raise taken(number) if problem.errno == errno.EADDRINUSE else problem from problem
        self.number: int = self._socket.getsockname()[1]
        if not sys.platform.startswith("linux"):
            self._socket.close()

    def listened_on(self) -> bool:
        """True when some program listens there."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.number))
            except OSError:
                return True
            return False

    def close(self) -> None:
        self._socket.close()


def taken(number: int) -> EngineError:
    return EngineError(
        f"port {number} of {HOST} is taken by another program",
        next_step=f"Find it with: ss -ltnp 'sport = :{number}'",
        code="port-taken",
    )

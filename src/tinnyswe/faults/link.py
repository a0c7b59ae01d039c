"""One relayed connection: two sockets, and what is on its way between them."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from typing import Literal

Direction = Literal["to_server", "to_client"]
# How a link is to end: at once by FIN, by RST, or by FIN once everything on its way has been sent.
End = Literal["", "close", "reset", "flush"]

_INTERNET = (socket.AF_INET, socket.AF_INET6)
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)  # Linux
_HUNG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class Pipe:
    """One direction. out: bytes to send. ended: the source sends no more. closed: and the sink has been told."""

    __slots__ = ("closed", "direction", "ended", "out", "sink", "source")

    def __init__(self, direction: Direction) -> None:
        self.direction: Direction = direction
        self.source: socket.socket | None = None
        self.sink: socket.socket | None = None
        self.out = bytearray()
        self.ended = False
        self.closed = False

    def close(self) -> None:
        """Pass the end on."""
        self.closed = True
        if self.sink is not None:
            with contextlib.suppress(OSError):  # already gone; reading from it will tell
                self.sink.shutdown(socket.SHUT_WR)


class Link:
    """A client's connection and, once dialled, the server's. Touched only under the relay's lock."""

    __slots__ = ("client", "closed", "end", "id", "masks", "server", "to_client", "to_server")

    def __init__(self, number: int, client: socket.socket) -> None:
        self.id = number
        self.client = client
        self.server: socket.socket | None = None
        self.to_server = Pipe("to_server")
        self.to_client = Pipe("to_client")
        self.to_server.source = self.to_client.sink = client
        self.end: End = ""
        self.closed = False
        self.masks: dict[socket.socket, int] = {}  # what the selector watches
        prepare(client)

    def connect(self, server: socket.socket) -> None:
        prepare(server)
        self.server = self.to_server.sink = self.to_client.source = server

    @property
    def pipes(self) -> tuple[Pipe, Pipe]:
        return self.to_server, self.to_client

    @property
    def sockets(self) -> list[socket.socket]:
        return [sock for sock in (self.client, self.server) if sock is not None]

    @property
    def local_port(self) -> int:
        """The port the server sees this connection come from; 0 when there is none (yet, or a Unix socket)."""
        if self.server is None or self.server.family not in _INTERNET or self.closed:
            return 0
        return int(self.server.getsockname()[1])

    def close(self) -> None:
        """Close both sockets as `end` says. The sockets must no longer be watched."""
        self.closed = True
        for sock in self.sockets:
            if self.end == "reset":
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)
            sock.close()


def prepare(sock: socket.socket) -> None:
    """Non-blocking, and no waiting for more bytes: without this a relay costs 45 ms a request (curriculum §4, 12)."""
    sock.setblocking(False)
    if sock.family in _INTERNET:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    acknowledge_at_once(sock)


def acknowledge_at_once(sock: socket.socket) -> None:
    """Ask for an immediate ACK; the kernel forgets it, so it is asked again after every read."""
    if _QUICKACK is not None and sock.family in _INTERNET:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def hung_up(sock: socket.socket) -> bool:
    """True when the peer will send no more, even if bytes of it are still unread."""
    poller = select.poll()
    poller.register(sock, _HUNG_UP)
    return bool(poller.poll(0))

"""Small servers and clients for the proxies: real sockets, a few threads, everything they saw."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

LOOPBACK = ("127.0.0.1", 0)


class Server:
    """Accepts connections and runs `serve` on each in a thread; keeps what was received, per connection."""

    def __init__(self, serve: Callable[[Server, socket.socket, int], None]) -> None:
        self.listener = socket.create_server(LOOPBACK)
        self.serve = serve
        self.received: list[bytearray] = []
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                self.received.append(bytearray())
                threading.Thread(target=self._run, args=(connection, len(self.received) - 1), daemon=True).start()

    def _run(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), connection:
            self.serve(self, connection, number)

    def dial(self) -> socket.socket:
        return socket.create_connection(self.listener.getsockname(), timeout=5)

    def got(self, number: int = 0) -> bytes:
        return bytes(self.received[number]) if number < len(self.received) else b""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serving(serve: Callable[[Server, socket.socket, int], None]) -> Iterator[Server]:
    server = Server(serve)
    try:
        yield server
    finally:
        server.close()


def echo(server: Server, connection: socket.socket, number: int) -> None:
    """Says everything back; ends when the client ends."""
    while data := connection.recv(65536):
        server.received[number] += data
        connection.sendall(data)


def silent(server: Server, connection: socket.socket, number: int) -> None:
    """Reads everything, answers nothing."""
    while data := connection.recv(65536):
        server.received[number] += data


def counter(server: Server, connection: socket.socket, number: int) -> None:
    """A RESP server that answers each line of inline commands with `:n`, n counting over all connections."""
    lines = connection.makefile("rb")
    for line in lines:
        server.received[number] += line
        with _counting:
            total = sum(bytes(received).count(b"\n") for received in server.received)
        connection.sendall(b":%d\r\n" % total)


_counting = threading.Lock()


def exactly(sock: socket.socket, length: int) -> bytes:
    """`length` bytes, fewer when the peer ends before."""
    data = bytearray()
    while len(data) < length and (part := sock.recv(length - len(data))):
        data += part
    return bytes(data)


def everything(sock: socket.socket) -> bytes:
    """All bytes until the peer ends or resets."""
    data = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65536):
            data += part
    return bytes(data)


def nothing_to_read(sock: socket.socket) -> bool:
    """True when neither a byte nor an end has arrived so far."""
    sock.setblocking(False)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    finally:
        sock.settimeout(5)
    return False

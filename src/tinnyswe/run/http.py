"""One HTTP request to a copy of the learner's program, and what came of it."""

from __future__ import annotations

import http.client
import io
import json as jsonlib
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from tinnyswe.labkit import Reply

LARGEST_BODY = 8 << 20  # bytes; more than any contract asks for
_SHOWN = 60  # characters of what is no HTTP


class _Timed:
    """A socket with one deadline for all it does: a program that drips a byte a second must not hold a check."""

    def __init__(self, sock: socket.socket, ends: float) -> None:
        self._sock = sock
        self._ends = ends

    def left(self) -> float:
        """Seconds left; raises TimeoutError when there are none."""
        seconds = self._ends - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self.left())
        self._sock.sendall(data)

    def receive(self, buffer: Any) -> int:
        self._sock.settimeout(self.left())
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Stream(self))

    def close(self) -> None:
        """Nothing: http.client closes before it reads the body. Whoever dialled hangs up."""


class _Stream(io.RawIOBase):
    def __init__(self, sock: _Timed) -> None:
        self._timed = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.receive(buffer)


class _Connection(http.client.HTTPConnection):
    """A connection over a socket the sandbox dialled, one request long: no keep-alive, so none can be stale."""

    def __init__(self, port: int, dial: Callable[[float], socket.socket], seconds: float) -> None:
        super().__init__("127.0.0.1", port)
        self._dial = dial
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._dialled: socket.socket | None = None

    def connect(self) -> None:
        self._dialled = self._dial(self._seconds)
        self.sock = _Timed(self._dialled, self._ends)

    def hang_up(self) -> None:
        self.close()
        if self._dialled is not None:
            self._dialled.close()


def exchange(
    dial: Callable[[float], socket.socket],
    port: int,
    method: str,
    path: str,
    json: Any,
    headers: Mapping[str, str] | None,
    timeout: float,
) -> Reply:
    """Send one request and read its answer, all of it within `timeout` s. A missing answer is a Reply with status 0.

    json: sent as the body when it is not None. Never raises for what the learner's program does; any other OSError
    (no descriptor left, say) is a fault of ours or of this computer, and goes up.
    """
    started = time.monotonic()
    connection = _Connection(port, dial, max(timeout, 0.001))
    body = None if json is None else jsonlib.dumps(json).encode()
    sent = {"Connection": "close", **({"Content-Type": "application/json"} if body is not None else {})}
    try:
        connection.request(method, path, body=body, headers={**sent, **(headers or {})})
        answer = connection.getresponse()
        content = answer.read(LARGEST_BODY + 1)
        if answer.length and len(content) <= LARGEST_BODY:  # read(n) does not notice that the body is short
            raise http.client.IncompleteRead(content, answer.length)
    except TimeoutError:
        return _nothing(started, f"no answer in {timeout:.1f} s")
    except http.client.InvalidURL:
        raise  # a path of the check's, not of the learner's
    except (ConnectionError, http.client.HTTPException) as problem:
        return _nothing(started, _in_words(problem))
    finally:
        connection.hang_up()
    if len(content) > LARGEST_BODY:
        return _nothing(started, f"the body is longer than {LARGEST_BODY} bytes")
    return Reply(
        status=answer.status,
        body=content,
        headers={name.lower(): value for name, value in answer.getheaders()},
        seconds=time.monotonic() - started,
    )


def _nothing(started: float, problem: str) -> Reply:
    return Reply(status=0, seconds=time.monotonic() - started, problem=problem)


def _in_words(problem: Exception) -> str:
    match problem:
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectionResetError() | BrokenPipeError():  # RemoteDisconnected is one
            return "the connection was closed without an answer"
        case http.client.IncompleteRead():
            return "the connection was closed in the middle of the answer"
        case http.client.BadStatusLine():
            return f"not an HTTP answer: it begins with {str(problem.args[0])[:_SHOWN].strip()!r}"
        case _:
            return f"not an HTTP answer ({type(problem).__name__}: {problem})"

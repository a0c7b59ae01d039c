"""One HTTP request to a copy of the learner's program, and what came of it."""

from __future__ import annotations

import http.client
import json as jsonlib
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from tinnyswe.labkit import Reply

LARGEST_BODY = 8 << 20  # bytes; more than any contract asks for


class _Connection(http.client.HTTPConnection):
    """A connection over a socket the sandbox dialled, one request long: no keep-alive, so none can be stale."""

    def __init__(self, port: int, dial: Callable[[float], socket.socket], timeout: float) -> None:
        super().__init__("127.0.0.1", port, timeout=timeout)
        self._dial = dial
        self._seconds = timeout

    def connect(self) -> None:
        self.sock = self._dial(self._seconds)
        self.sock.settimeout(self._seconds)


def exchange(
    dial: Callable[[float], socket.socket],
    port: int,
    method: str,
    path: str,
    json: Any,
    headers: Mapping[str, str] | None,
    timeout: float,
) -> Reply:
    """Send one request and read its answer within `timeout` s. A missing answer is a Reply with status 0.

    json: sent as the body when it is not None. Never raises for what the learner's program does.
    """
    started = time.monotonic()
    connection = _Connection(port, dial, max(timeout, 0.001))
    body = None if json is None else jsonlib.dumps(json).encode()
    sent = {"Connection": "close", **({"Content-Type": "application/json"} if body is not None else {})}
    try:
        connection.request(method, path, body=body, headers={**sent, **(headers or {})})
        answer = connection.getresponse()
        content = answer.read(LARGEST_BODY + 1)
    except TimeoutError:
        return _nothing(started, f"no answer in {timeout:.1f} s")
    except (OSError, http.client.HTTPException) as problem:
        return _nothing(started, _in_words(problem))
    finally:
        connection.close()
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
    if isinstance(problem, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(problem, ConnectionResetError | http.client.RemoteDisconnected | BrokenPipeError):
        return "the connection was closed without an answer"
    if isinstance(problem, http.client.IncompleteRead):
        return "the connection was closed in the middle of the answer"
    return f"not an HTTP answer ({type(problem).__name__}: {problem})"

"""HTTP/1.0 and 1.1 (RFC 9112): a request is one message; its head is held back whole, its body streams.

The head is forwarded before the body, because a client that said `Expect: 100-continue` waits for it.
After `101 Switching Protocols` or a CONNECT everything passes unread.
"""

from __future__ import annotations

import re
from collections import deque

from tinnyswe.faults.wire.base import Parser, Reader, Steps, Unit, Unknown, iter_nothing, shorten, whole_number

_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.[01]")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?: .*)?")
_SECRET = re.compile(r"((?:^|[?&;])[^=&;]*(?:pass|token|secret|key|auth)[^=&;]*=)[^&;]*", re.IGNORECASE)
_USERINFO = re.compile(r"//[^/@]*@")
_MOST_FIELDS = 1000
_MOST_BYTES = 1 << 50


class HttpParser(Parser):
    """Wire `http`."""

    def __init__(self) -> None:
        self._awaited: deque[tuple[Unit, bytes]] = deque()  # with the request's method
        super().__init__()

    def _abandon(self) -> list[Unit]:
        units = [unit for unit, _ in self._awaited]
        self._awaited.clear()
        return units

    def _requests(self) -> Steps[None]:
        read = self._client
        while True:
            first = yield from read.peek()
            if not 0x20 < first < 0x7F and first not in b"\r\n":
                raise Unknown(f"no request line: byte {first:#04x}")
            line = yield from read.line()
            if not line:
                continue  # RFC 9112 2.2: an empty line before a request is ignored
            match = _REQUEST.fullmatch(line)
            if not match:
                raise Unknown(f"no request line: {line[:40]!r}")
            method, target = match.groups()
            fields = yield from _read_fields(read)
            unit = Unit(label(method, target), counted=True)
            self._awaited.append((unit, method))
            self._begin(unit)  # the body follows as it comes
            yield from _read_body(read, fields, none_is_empty=True)
            self._emit(None)

    def _replies(self) -> Steps[None]:
        read = self._server
        while True:
            line = yield from read.line()
            match = _STATUS.fullmatch(line)
            if not match:
                raise Unknown(f"no status line: {line[:40]!r}")
            status = int(match[1])
            fields = yield from _read_fields(read)
            if 100 <= status < 200 and status != 101:
                continue
            unit, method = self._awaited[0] if self._awaited else (None, b"")
            if status == 101 or (method == b"CONNECT" and 200 <= status < 300):
                self._blind_client = self._blind_server = True
                self._settle(*self._abandon())
                yield from iter_nothing()
            if not (method == b"HEAD" or status in (204, 304)):
                yield from _read_body(read, fields, none_is_empty=False)
            if unit is not None:
                self._awaited.popleft()
                self._settle(unit)


def _read_fields(read: Reader) -> Steps[dict[bytes, bytes]]:
    fields: dict[bytes, bytes] = {}
    for _ in range(_MOST_FIELDS):
        line = yield from read.line()
        if not line:
            return fields
        name, colon, value = line.partition(b":")
        if colon and not line[:1].isspace():
            fields[name.strip().lower()] = value.strip()
    raise Unknown(f"more than {_MOST_FIELDS} header fields")


def _read_body(read: Reader, fields: dict[bytes, bytes], *, none_is_empty: bool) -> Steps[None]:
    """Pass a body. none_is_empty: without a length there is no body (requests); else it lasts until the end."""
    if fields.get(b"transfer-encoding", b"").lower().endswith(b"chunked"):
        while True:
            line = yield from read.line()
            size = line.partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", size):
                raise Unknown(f"no chunk size: {line[:32]!r}")
            if int(size, 16) == 0:
                break
            yield from read.skip(int(size, 16))
            if (yield from read.line(limit=2)):
                raise Unknown("a chunk is longer than it said")
        yield from _read_fields(read)
    elif b"content-length" in fields:
        yield from read.skip(whole_number(fields[b"content-length"], "Content-Length", most=_MOST_BYTES))
    elif not none_is_empty:
        yield from read.skip(_MOST_BYTES)


def label(method: bytes, target: bytes) -> str:
    """`GET /path?query`, values of secret-looking query fields hidden."""
    text = f"{method.decode('latin-1')} {_USERINFO.sub('//', target.decode('latin-1'))}"
    head, mark, query = text.partition("?")
    return shorten(head + mark + _SECRET.sub(r"\1(hidden)", query))

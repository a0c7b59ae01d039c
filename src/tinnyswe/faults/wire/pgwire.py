"""PostgreSQL's protocol 3 (postgresql.org/docs, "Frontend/Backend Protocol").

A request is one Query or FunctionCall, or everything up to Sync or Flush that holds a Bind. Batches of Parse and
Describe alone pass uncounted. Encryption is refused with `N` by the parser itself, as the server would.
"""

from __future__ import annotations

import re
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from tinnyswe.faults.wire.base import STREAM_FROM, Parser, Steps, Unit, Unknown, iter_nothing, shorten

_SSL, _GSSENC, _CANCEL = 80877103, 80877104, 80877102
_MOST_STARTUP = 10_000  # MAX_STARTUP_PACKET_LENGTH of the server
_MOST_BYTES = 1 << 30
_MOST_HELD = 64 * STREAM_FROM  # bytes of a batch without Bind that we are ready to hold back
_MOST_STATEMENTS = 10_000
_KEEP = 2048  # bytes of a message kept for names and labels

_BATCH = b"PBEDC"  # Parse, Bind, Execute, Describe, Close: answered only behind Sync or Flush
_FRONTEND = _BATCH + b"QSHFXdcfp"
_BACKEND = b"RKSZENACDTt123InsGHWdcVv"
_ACKNOWLEDGED_BY = b"123nTCIs"  # one of these answers each message of a batch; an error answers all
_PASSWORD = re.compile(
    r"(\bPASSWORD\s*=\s*|\bPASSWORD\s+(?:E\s*)?)('(?:[^']|'')*'?|\$\w*\$.*)", re.IGNORECASE | re.DOTALL
)

How = Literal["start", "query", "sync", "flush"]  # all but flush end with ReadyForQuery


@dataclass(slots=True)
class _Awaited:
    unit: Unit
    how: How
    left: int = 0  # flush: messages still to be acknowledged
    open: bool = False  # begun: its end has not come yet
    swallows: bool = False  # in COPY FROM STDIN the server ignores the Sync of the batch; the next one counts


@dataclass(slots=True)
class _Batch:
    messages: int = 0
    binds: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    awaited: _Awaited | None = None  # set when it was begun before its end


class PgwireParser(Parser):
    """Wire `pgwire`."""

    def __init__(self) -> None:
        self._awaited: deque[_Awaited] = deque()
        self._batch = _Batch()
        self._statements: dict[bytes, str] = {}
        self._skipping = False  # after an error the server ignores everything until Sync
        super().__init__()

    def _abandon(self) -> list[Unit]:
        units = [awaited.unit for awaited in self._awaited]
        self._awaited.clear()
        return units

    # -- client to server

    def _requests(self) -> Steps[None]:
        yield from self._read_startup()
        read = self._client
        while True:
            header = yield from read.exactly(5)
            kind, length = header[:1], _length(header[1:], least=4, most=_MOST_BYTES)
            if kind not in _FRONTEND:
                raise Unknown(f"no message of the client: {kind!r}")
            body = bytearray()
            keep = 0 if kind == b"p" else min(length - 4, _KEEP)
            yield from read.skip(keep, body, keep)
            self._note(kind, bytes(body))
            rest = length - 4 - keep
            if not self._begun and len(read.taken) + rest > STREAM_FROM:
                self._begin_large(kind, len(read.taken) + rest)
            yield from read.skip(rest)
            if kind not in _BATCH:
                self._end_message(kind)

    def _begin_large(self, kind: bytes, size: int) -> None:
        """Forward a large message, or a batch grown large, before its end has come, as soon as its kind is known."""
        batch = self._batch
        if batch.binds:
            batch.awaited = self._await(_unit(batch, "sync"), "flush")
            batch.awaited.open = True
            self._begin(batch.awaited.unit)
        elif kind not in _BATCH and not batch.messages:
            self._begin(None)
        elif size > _MOST_HELD:
            raise Unknown("a batch too large to hold back")

    def _read_startup(self) -> Steps[None]:
        read = self._client
        while True:
            length = _length((yield from read.exactly(4)), least=8, most=_MOST_STARTUP)
            (code,) = struct.unpack("!i", (yield from read.exactly(4)))
            if code in (_SSL, _GSSENC) and length == 8:
                read.take()
                self._emit(None, to_client=b"N")
                continue
            body = yield from read.exactly(length - 8)
            if code == _CANCEL:
                self._emit(None)
                yield from iter_nothing()
            if code >> 16 != 3:
                raise Unknown(f"no protocol version: {code >> 16}.{code & 0xFFFF}")
            self._emit(self._await(Unit(_startup_label(body), counted=False), "start").unit)
            return

    def _note(self, kind: bytes, body: bytes) -> None:
        """Remember what a label and the count need of one message."""
        batch = self._batch
        if kind in b"QF":
            text = _sql(body.partition(b"\0")[0]) if kind == b"Q" else _function_label(body)
            batch.binds.append(text or "(empty query)")
        if kind not in _BATCH:
            return
        batch.messages += 1
        name, _, rest = body.partition(b"\0")
        if kind == b"P":
            if len(self._statements) < _MOST_STATEMENTS or name in self._statements:
                self._statements[name] = _sql(rest.partition(b"\0")[0])
            batch.others.append(f"Parse {_sql(rest.partition(bytes(1))[0])}")
        elif kind == b"B":
            statement = rest.partition(b"\0")[0]
            batch.binds.append(self._statements.get(statement) or f"statement {statement.decode('utf-8', 'replace')}")
        elif kind == b"C" and name[:1] == b"S":
            self._statements.pop(name[1:], None)
        elif kind == b"E":
            batch.others.append("Execute")

    def _end_message(self, kind: bytes) -> None:
        """A message outside a batch, or the one that ends it: emit it with whatever was held back."""
        if kind == b"S":
            self._skipping = False
            self._end_batch("sync")
        elif kind in b"QF":
            self._end_batch("query")
        elif self._batch.messages:
            self._end_batch("flush")
        else:  # Terminate, a password, COPY data, a Flush of nothing
            self._emit(None)

    def _end_batch(self, how: How) -> None:
        batch, self._batch = self._batch, _Batch()
        if batch.awaited is not None:
            self._emit(None)
            self._close_open(batch, batch.awaited, how)
            return
        head = self._awaited[0] if self._awaited else None
        if how == "sync" and head is not None and head.swallows and not batch.messages:
            head.swallows = False
            self._emit(None)
            return
        self._emit(self._await(_unit(batch, how), how, batch.messages).unit)

    def _await(self, unit: Unit, how: How, left: int = 0) -> _Awaited:
        awaited = _Awaited(unit, how, left)
        if self._skipping or self._blind_server:
            unit.answered = True
        else:
            self._awaited.append(awaited)
        return awaited

    def _close_open(self, batch: _Batch, awaited: _Awaited, how: How) -> None:
        """The end of a batch that was begun early has come."""
        awaited.open, awaited.how = False, how
        awaited.left += batch.messages
        if awaited.unit.answered and how == "sync":
            # The server had failed it already; its ReadyForQuery is still to come.
            self._awaited.append(_Awaited(Unit("Sync", counted=False), how))
        elif how == "flush" and awaited.left <= 0 and self._awaited and self._awaited[0] is awaited:
            self._awaited.popleft()
            awaited.unit.answered = True

    # -- server to client

    def _replies(self) -> Steps[None]:
        read = self._server
        while True:
            header = yield from read.exactly(5)
            kind, length = header[:1], _length(header[1:], least=4, most=_MOST_BYTES)
            if kind not in _BACKEND:
                raise Unknown(f"no message of the server: {kind!r}")
            body = bytearray()
            yield from read.skip(length - 4, body, 4)
            if kind == b"K" and len(body) == 4:
                (self.backend_pid,) = struct.unpack("!i", body)
            elif kind == b"Z":
                self._ready()
            elif kind == b"E":
                self._failed()
            elif self._awaited:
                self._acknowledged(self._awaited[0], kind)

    def _ready(self) -> None:
        """ReadyForQuery ends the oldest unit that ends so, and whatever was left before it."""
        units = []
        while self._awaited:
            awaited = self._awaited.popleft()
            units.append(awaited.unit)
            if awaited.how != "flush":
                break
        if units:
            self._settle(*units)

    def _flushed(self) -> bool:
        return bool(self._awaited) and self._awaited[0].how == "flush"

    def _failed(self) -> None:
        """After an error in a flushed batch the server ignores everything up to the next Sync."""
        if not self._flushed():
            return
        units = []
        while self._awaited and self._awaited[0].how != "sync":
            units.append(self._awaited.popleft().unit)
        self._skipping = not self._awaited
        self._settle(*units)

    def _acknowledged(self, awaited: _Awaited, kind: bytes) -> None:
        if kind == b"G" and awaited.how == "sync":
            awaited.swallows = True
        if awaited.how == "flush" and kind in _ACKNOWLEDGED_BY:
            awaited.left -= 1
            if awaited.left <= 0 and not awaited.open:
                self._awaited.popleft()
                self._settle(awaited.unit)


def _unit(batch: _Batch, how: How) -> Unit:
    if batch.binds:
        return Unit(shorten("; ".join(batch.binds)), counted=True)
    return Unit(shorten("; ".join(batch.others) or ("Sync" if how == "sync" else "Describe")), counted=False)


def _length(raw: bytes, *, least: int, most: int) -> int:
    (length,) = struct.unpack("!i", raw)
    if not least <= length <= most:
        raise Unknown(f"a message of {length} bytes")
    return int(length)


def _sql(raw: bytes) -> str:
    text = " ".join(raw.decode("utf-8", "replace").split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return _PASSWORD.sub(r"\1(hidden)", text)


def _function_label(body: bytes) -> str:
    return f"function call of oid {struct.unpack('!i', body[:4])[0]}" if len(body) >= 4 else "function call"


def _startup_label(body: bytes) -> str:
    words = body.split(b"\0")
    options = dict(zip(words[::2], words[1::2], strict=False))
    named = [
        f"{key}={options[key.encode()].decode('utf-8', 'replace')}"
        for key in ("user", "database")
        if key.encode() in options
    ]
    return shorten(" ".join(["startup", *named]))

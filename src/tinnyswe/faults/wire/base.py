"""What a wire parser is: the bytes of one connection in, requests and their answers out.

A parser never changes, loses or reorders a byte. It says where a request begins (`Piece.unit`), holds the
bytes of an unfinished one back so that a request can be parked whole, and says which bytes end an answer.
What it does not know turns the connection *opaque*: from there on everything passes, nothing is counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]  # a grammar: runs until it needs more bytes, then yields

TEXT_LIMIT = 400  # characters of a label
STREAM_FROM = 1 << 20  # bytes; a request larger than this is counted and forwarded before its end has come
LINE_LIMIT = 1 << 16  # bytes; also Redis' limit of an inline command


class Unknown(Exception):
    """Bytes the parser has no rule for: the connection turns opaque."""


@dataclass(eq=False, slots=True)
class Unit:
    """Something the client sent that the server answers. Only counted units are requests of a race."""

    text: str  # readable, secrets hidden, at most TEXT_LIMIT characters
    counted: bool
    answered: bool = False


class Piece(NamedTuple):
    """Client bytes to forward. unit: these bytes begin it; later pieces without a unit belong to it or to nothing."""

    data: bytes
    unit: Unit | None = None
    to_client: bytes = b""  # the proxy's own answer, sent instead of asking the server


class Answer(NamedTuple):
    """Server bytes to forward, cut behind each end of an answer. units: what is answered once they have passed."""

    data: bytes
    units: tuple[Unit, ...] = ()


class Reader:
    """One direction of a connection: `feed` runs the grammar over a chunk, of any size, in linear time."""

    def __init__(self) -> None:
        self._chunk = b""
        self._at = 0
        self._grammar: Steps[None] = iter_nothing()
        self.taken = bytearray()  # read by the grammar, not yet emitted

    def start(self, grammar: Steps[None]) -> None:
        self._grammar = grammar
        next(grammar)

    def feed(self, data: bytes) -> None:
        self._chunk, self._at = data, 0
        next(self._grammar)

    def take(self) -> bytes:
        """What was read since the last take."""
        data = bytes(self.taken)
        self.taken.clear()
        return data

    def rest(self) -> bytes:
        """Everything fed and not yet emitted, read or not."""
        data = self.take() + self._chunk[self._at :]
        self._chunk, self._at = b"", 0
        return data

    def line(self, *, limit: int = LINE_LIMIT, keep: int = LINE_LIMIT) -> Steps[bytes]:
        """One line, CRLF or LF, without its end; only the first `keep` bytes. limit: 0 = any length."""
        text = bytearray()
        length = 0
        while True:
            while self._at == len(self._chunk):
                yield
            end = self._chunk.find(b"\n", self._at) + 1
            stop = end or len(self._chunk)
            length += stop - self._at
            if limit and length > limit:
                raise Unknown(f"a line of more than {limit} bytes")
            text += self._chunk[self._at : min(stop, self._at + keep - len(text))]
            self._pass(stop)
            if end:
                return bytes(text.rstrip(b"\r\n"))

    def skip(self, length: int, into: bytearray | None = None, keep: int = 0) -> Steps[None]:
        """Pass `length` bytes; the first `keep` of them are also put into `into` as they come."""
        while length > 0:
            while self._at == len(self._chunk):
                yield
            stop = min(len(self._chunk), self._at + length)
            if into is not None and len(into) < keep:
                into += self._chunk[self._at : min(stop, self._at + keep - len(into))]
            length -= stop - self._at
            self._pass(stop)

    def exactly(self, length: int) -> Steps[bytes]:
        """`length` bytes."""
        data = bytearray()
        yield from self.skip(length, data, length)
        return bytes(data)

    def peek(self) -> Steps[int]:
        """The next byte, unread."""
        while self._at == len(self._chunk):
            yield
        return self._chunk[self._at]

    def _pass(self, stop: int) -> None:
        self.taken += self._chunk[self._at : stop]
        self._at = stop


def iter_nothing() -> Steps[None]:
    """A grammar that takes nothing."""
    while True:
        yield


class Parser(ABC):
    """Both directions of one connection. Units are answered in order; `Unit.answered` turns true by itself.

    opaque: why the parser gave up, or "". backend_pid: the server process, where the protocol tells it.
    """

    def __init__(self) -> None:
        self.opaque = ""
        self.backend_pid: int | None = None
        self._blind_client = False  # client bytes pass unread (a tunnel)
        self._blind_server = False  # server bytes pass unread (nothing can be matched any more)
        self._begun = False  # of the unfinished message some bytes have been emitted
        self._pieces: list[Piece] = []
        self._answers: list[Answer] = []
        self._client = Reader()
        self._server = Reader()
        self._client.start(self._requests())
        self._server.start(self._replies())

    @abstractmethod
    def _requests(self) -> Steps[None]:
        """The client's grammar, for ever. Ends each message by `_emit`."""

    @abstractmethod
    def _replies(self) -> Steps[None]:
        """The server's grammar, for ever. Ends each answer by `_settle`."""

    @abstractmethod
    def _abandon(self) -> list[Unit]:
        """Forget everything that waits for an answer, and return it."""

    @property
    def passing(self) -> bool:
        """Client bytes pass unread from now on; call `client(b"")` once for those held back."""
        return self._blind_client

    def client(self, data: bytes) -> list[Piece]:
        """Take client bytes; give what may be forwarded."""
        if self._blind_client:
            return self._pass_client(data)
        try:
            self._client.feed(data)
        except Unknown as problem:
            self._turn_opaque(str(problem))
            return self._pass_client(b"")
        if self._begun and self._client.taken:
            self._pieces.append(Piece(self._client.take()))
        pieces, self._pieces = self._pieces, []
        return pieces

    def client_ended(self) -> list[Piece]:
        """The client sends no more: give what was held back, uncounted."""
        return self._pass_client(b"")

    def server(self, data: bytes) -> list[Answer]:
        """Take server bytes; give all of them, cut where answers end."""
        if self._blind_server:
            return [Answer(data)]
        try:
            self._server.feed(data)
        except Unknown as problem:
            self._settle(*self._turn_opaque(str(problem)))
        rest = self._server.rest()
        if rest:
            self._answers.append(Answer(rest))
        answers, self._answers = self._answers, []
        return answers

    def server_ended(self) -> list[Answer]:
        """The server sends no more: nothing that waits will be answered otherwise."""
        self._settle(*self._abandon())
        answers, self._answers = self._answers, []
        return answers

    def _begin(self, unit: Unit | None) -> None:
        """Begin a message before its end has come: its bytes are forwarded as they arrive, until `_emit`."""
        self._pieces.append(Piece(self._client.take(), unit))
        self._begun = True

    def _emit(self, unit: Unit | None, to_client: bytes = b"") -> None:
        """All client bytes read since the last piece are one; they begin `unit` unless it was begun already."""
        piece = Piece(self._client.take(), None if self._begun else unit, to_client)
        self._begun = False
        if any(piece):
            self._pieces.append(piece)

    def _settle(self, *units: Unit) -> None:
        """The server bytes read so far answer `units`."""
        for unit in units:
            unit.answered = True
        self._answers.append(Answer(self._server.take(), units))

    def _turn_opaque(self, why: str) -> list[Unit]:
        self.opaque = why
        self._blind_client = self._blind_server = True
        units = self._abandon()
        for unit in units:
            unit.answered = True
        return units

    def _pass_client(self, data: bytes) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        rest = self._client.rest() + data
        if rest:
            pieces.append(Piece(rest))
        return pieces


def shorten(text: str, limit: int = TEXT_LIMIT) -> str:
    """At most `limit` characters, the cut made visible."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def whole_number(text: bytes, what: str, *, least: int = 0, most: int) -> int:
    """A decimal integer of the protocol; raises Unknown outside least..most (an absurd length is garbage)."""
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or len(digits) > 19:
        raise Unknown(f"{what} is not a number: {text[:32]!r}")
    number = int(text)
    if not least <= number <= most:
        raise Unknown(f"{what} is {number}")
    return number

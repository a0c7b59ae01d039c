"""RESP2 and RESP3, as Redis and Valkey speak them (redis.io/docs, "Redis serialization protocol specification").

A request is one command as the engine executes it. MULTI and what it queues pass uncounted; EXEC is one request
labelled with the queue. Answers are matched by order; pushes answer nothing, except those of SUBSCRIBE's family.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from tinnyswe.faults.wire.base import (
    STREAM_FROM,
    TEXT_LIMIT,
    Parser,
    Steps,
    Unit,
    Unknown,
    iter_nothing,
    shorten,
    whole_number,
)

UNCOUNTED = frozenset(
    {
        *("MULTI", "HELLO", "AUTH", "CLIENT", "SELECT", "PING", "ECHO", "COMMAND", "INFO", "CONFIG", "SCRIPT"),
        *("FUNCTION", "UNWATCH", "DISCARD", "RESET", "QUIT"),
    }
)
PUBSUB = frozenset(("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"))
FEEDS = frozenset(("MONITOR", "SYNC", "PSYNC"))  # answered by an endless stream
_AT_ONCE = frozenset(("EXEC", "DISCARD", "RESET", "QUIT", "MULTI"))  # not queued inside MULTI

_MOST_ARGUMENTS = 1 << 20
_MOST_BYTES = 1 << 29  # proto-max-bulk-len
_MOST_ELEMENTS = 1 << 32
_DEEPEST = 128
_KEEP = 4 * TEXT_LIMIT  # bytes of arguments kept for a label

_INLINE_WORD = re.compile(rb'"(?:\\.|[^"\\])*"|\'(?:\\\'|[^\'])*\'|\S+')
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_.|-]*")

Reply = Literal["value", "push", "feed", "multi"]  # how a command is answered


@dataclass(slots=True)
class _Command:
    argc: int = 0
    args: list[bytearray] = field(default_factory=list)  # as many as a label shows; each perhaps only its beginning
    room: int = _KEEP

    @property
    def name(self) -> str:
        return self.word(0)

    def word(self, at: int) -> str:
        return bytes(self.args[at][:64]).decode("latin-1").upper() if at < len(self.args) else ""


@dataclass(slots=True)
class _Awaited:
    unit: Unit
    reply: Reply
    name: str


class RespParser(Parser):
    """Wire `resp`."""

    def __init__(self) -> None:
        self._awaited: deque[_Awaited] = deque()
        self._queue: list[str] | None = None  # labels queued since MULTI
        self._queue_feeds = False  # the queue holds a SUBSCRIBE or MONITOR
        self._silent: Literal["no", "this", "always"] = "no"  # CLIENT REPLY
        super().__init__()

    def _abandon(self) -> list[Unit]:
        units = [awaited.unit for awaited in self._awaited]
        self._awaited.clear()
        return units

    # -- client to server

    def _requests(self) -> Steps[None]:
        read = self._client
        while True:
            command = _Command()
            if (yield from read.peek()) == ord("*"):
                yield from self._read_array(command)
            else:
                yield from self._read_inline(command)
            self._emit(None if self._begun else self._classify(command))

    def _read_array(self, command: _Command) -> Steps[None]:
        read = self._client
        header = yield from read.line(keep=32)
        command.argc = max(0, whole_number(header[1:], "the number of arguments", least=-1, most=_MOST_ARGUMENTS))
        for _ in range(command.argc):
            header = yield from read.line(keep=32)
            if header[:1] != b"$":
                raise Unknown(f"an argument begins with {header[:1]!r}")
            length = whole_number(header[1:], "an argument's length", most=_MOST_BYTES)
            kept = bytearray()
            if command.room > 0:
                command.args.append(kept)
            at_once = min(length, max(0, command.room))
            yield from read.skip(at_once, kept, at_once)
            if not self._begun and len(read.taken) + length - at_once > STREAM_FROM:
                self._begin(self._classify(command))
            yield from read.skip(length - at_once)
            command.room -= len(kept) + 1
            if (yield from read.exactly(2)) != b"\r\n":
                raise Unknown("an argument is longer than it said")

    def _read_inline(self, command: _Command) -> Steps[None]:
        first = yield from self._client.peek()
        if not (0x20 < first < 0x7F or first in b"\r\n \t"):
            raise Unknown(f"neither a command nor a line: byte {first:#04x}")
        words = _INLINE_WORD.findall((yield from self._client.line()))
        if words and not _NAME.fullmatch(words[0].strip(b"\"'")):
            raise Unknown(f"no command: {words[0][:32]!r}")
        command.argc = len(words)
        for word in words:
            if command.room > 0:
                command.args.append(bytearray(word.strip(b"\"'")[: command.room]))
                command.room -= len(command.args[-1]) + 1

    def _classify(self, command: _Command) -> Unit | None:
        """Name a command and note how it will be answered; only what stands before its first large argument counts."""
        if not command.argc:  # an empty line or array: the server ignores it
            self._silent = "no" if self._silent == "this" else self._silent
            return None
        name = command.name
        if self._queue is not None and name not in _AT_ONCE:
            return self._enqueue(command, self._queue)
        text = label(command.args, command.argc)
        reply: Reply = "push" if name in PUBSUB else "feed" if name in FEEDS else "value"
        if name == "EXEC" and self._queue is not None:
            text = shorten(f"EXEC [{'; '.join(self._queue)}]")
            reply = "feed" if self._queue_feeds else "value"
            self._queue = None
        elif name == "MULTI" and self._queue is None and command.argc == 1:
            self._queue, self._queue_feeds, reply = [], False, "multi"
        elif name in ("DISCARD", "RESET"):
            self._queue = None
        return self._await(command, Unit(text, counted=name not in UNCOUNTED), reply)

    def _enqueue(self, command: _Command, queue: list[str]) -> Unit:
        text = label(command.args, command.argc)
        if sum(map(len, queue)) < TEXT_LIMIT:
            queue.append(text)
        if command.name in PUBSUB | FEEDS or (command.name, command.word(1)) == ("CLIENT", "REPLY"):
            self._queue_feeds = True
        return self._await(command, Unit(shorten(f"queue {text}"), counted=False), "value")

    def _await(self, command: _Command, unit: Unit, reply: Reply) -> Unit:
        silent = self._silence(command)
        if silent or self._blind_server:
            unit.answered = True
        else:
            self._awaited.append(_Awaited(unit, reply, command.name))
        return unit

    def _silence(self, command: _Command) -> bool:
        """CLIENT REPLY ON|OFF|SKIP: whether this command goes unanswered, and what the next one does."""
        before = self._silent
        if self._silent == "this":
            self._silent = "no"
        if command.name == "RESET":
            self._silent = "no"
            return False
        if self._queue is not None or command.argc != 3 or command.name != "CLIENT" or command.word(1) != "REPLY":
            return before != "no"
        mode = command.word(2)
        if mode == "ON":
            self._silent = "no"
            return False
        if mode == "OFF":
            self._silent = "always"
        elif mode == "SKIP" and before != "always":
            self._silent = "this"
        return before != "no" or mode in ("OFF", "SKIP")

    # -- server to client

    def _replies(self) -> Steps[None]:
        while True:
            kind, word = yield from self._read_value()
            if self._awaited:
                self._match(self._awaited[0], kind, word)
            if self._blind_server:
                yield from iter_nothing()

    def _match(self, awaited: _Awaited, kind: bytes, word: bytes) -> None:
        failed = kind in b"-!"
        if kind == b">":
            if awaited.reply == "push" and word.upper() == awaited.name.encode("latin-1"):
                self._awaited.popleft()
                self._settle(awaited.unit)
            return
        self._awaited.popleft()
        if failed and awaited.reply == "multi":
            self._queue = None
        if not failed and awaited.reply in ("push", "feed"):
            # RESP2 subscriptions and MONITOR: from here on values come that nobody asked for one by one.
            self._blind_server = True
            self._settle(awaited.unit, *self._abandon())
            return
        self._settle(awaited.unit)

    def _read_value(self) -> Steps[tuple[bytes, bytes]]:
        """One whole value: its type byte, and the first word of a push. Attributes belong to the value behind them."""
        read = self._server
        open_frames: list[tuple[bytes, int]] = []  # (type, elements still to come; -1: until an end mark)
        top = b""
        word = bytearray()
        while True:
            header = yield from read.line(limit=0, keep=64)
            kind = header[:1]
            top = top if open_frames else kind
            inside_push = len(open_frames) == 1 and top == b">" and not word
            if kind in b"$=!;" and kind:
                more = yield from self._read_bulk(header, open_frames, word if inside_push else None)
            else:
                more = _read_header(header, open_frames)
                if inside_push and kind == b"+":
                    word += header[1:]
            if not more and _close_frames(open_frames):
                return top, bytes(word)

    def _read_bulk(self, header: bytes, open_frames: list[tuple[bytes, int]], word: bytearray | None) -> Steps[bool]:
        """The bytes of a bulk; True when the value goes on behind it."""
        if header == b"$?":
            _open_frame(open_frames, b";", -1)
            return True
        length = whole_number(header[1:], "a bulk's length", least=-1, most=_MOST_BYTES)
        if length >= 0 and not (header[:1] == b";" and length == 0):
            yield from self._server.skip(length, word, 64)
            if (yield from self._server.exactly(2)) != b"\r\n":
                raise Unknown("a bulk is longer than it said")
        if header[:1] != b";":
            return False
        if not open_frames or open_frames[-1][0] != b";":
            raise Unknown("a chunk outside a streamed string")
        if length == 0:
            open_frames.pop()
        return length != 0


def _read_header(header: bytes, open_frames: list[tuple[bytes, int]]) -> bool:
    """A scalar, or the head of an aggregate; True when the value goes on behind it."""
    kind = header[:1]
    if kind and kind in b"*~>%|":
        if header[1:] == b"?":
            _open_frame(open_frames, kind, -1)
            return True
        count = whole_number(header[1:], "an aggregate's length", least=-1, most=_MOST_ELEMENTS)
        if count > 0:
            _open_frame(open_frames, kind, count * 2 if kind in b"%|" else count)
        return count > 0 or kind == b"|"
    if kind == b".":
        if not open_frames or open_frames[-1][1] != -1:
            raise Unknown("an end mark outside a streamed aggregate")
        return open_frames.pop()[0] == b"|"
    if not kind or kind not in b"+-:_#,(":
        raise Unknown(f"no type of RESP: {header[:16]!r}")
    return False


def _open_frame(open_frames: list[tuple[bytes, int]], kind: bytes, count: int) -> None:
    if len(open_frames) >= _DEEPEST:
        raise Unknown(f"values nested more than {_DEEPEST} deep")
    open_frames.append((kind, count))


def _close_frames(open_frames: list[tuple[bytes, int]]) -> bool:
    """A value has ended: True when it was the outermost one."""
    while open_frames:
        kind, left = open_frames[-1]
        if left == -1:
            return False
        open_frames[-1] = (kind, left - 1)
        if left > 1:
            return False
        open_frames.pop()
        if kind == b"|":  # the value it describes is still to come
            return False
    return True


def label(args: list[bytearray], argc: int) -> str:
    """A command as a person writes it, without secrets. args: the first arguments, each perhaps cut short."""
    name = bytes(args[0][:64]).decode("latin-1").upper()
    words = [name, *(_word(bytes(arg)) for arg in args[1:])]
    if name in ("AUTH", "HELLO", "CONFIG"):
        shown = words[: 1 if name == "AUTH" else 2]
        return shorten(" ".join(shown) + (" (hidden)" if argc > len(shown) else ""))
    if name == "ACL":
        words[3:] = ["(hidden)" if word[:1] in '<>#!"' else word for word in words[3:]]
    if name == "MIGRATE":
        words = _hide_behind(words, {"AUTH": 1, "AUTH2": 2})
    return shorten(" ".join(words) + (" …" if argc > len(args) else ""))


def _hide_behind(words: list[str], options: dict[str, int]) -> list[str]:
    shown = list(words)
    for at, word in enumerate(words):
        for offset in range(1, options.get(word.upper(), 0) + 1):
            if at + offset < len(shown):
                shown[at + offset] = "(hidden)"
    return shown


def _word(raw: bytes) -> str:
    text = " ".join(raw.decode("utf-8", "backslashreplace").split())
    plain = text and text.isprintable() and not any(letter in " \"'" for letter in text)
    if plain and len(text.encode()) >= len(raw):
        return text
    return '"' + "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text) + '"'

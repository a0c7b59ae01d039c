"""Plays a conversation through a parser, cut in any way, and says what the parser made of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tinnyswe.faults.wire import Answer, Parser, Piece, Unit

Turn = tuple[str, bytes]  # ("c" or "s", bytes): what the client, then the server says, in the order of causes


@dataclass
class Heard:
    """What came out. units: (offset of the first byte, text, counted); answers: (offset behind the answer, text)."""

    to_server: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)
    units: list[tuple[int, str, bool]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    open: list[Unit] = field(default_factory=list)
    opaque: str = ""

    @property
    def counted(self) -> list[str]:
        return [text for _, text, counted in self.units if counted]

    @property
    def uncounted(self) -> list[str]:
        return [text for _, text, counted in self.units if not counted]

    @property
    def outstanding(self) -> list[str]:
        return [unit.text for unit in self.open if not unit.answered]

    def pieces(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if piece.unit is not None:
                self.units.append((len(self.to_server), piece.unit.text, piece.unit.counted))
                self.open.append(piece.unit)
            self.to_server += piece.data
            self.to_client += piece.to_client

    def answer(self, answers: list[Answer]) -> None:
        for answer in answers:
            self.to_client += answer.data
            self.answers += [(len(self.to_client), unit.text) for unit in answer.units]


def play(make: Callable[[], Parser], turns: Sequence[Turn], cut: Callable[[bytes], list[bytes]]) -> Heard:
    parser, heard = make(), Heard()
    for who, data in turns:
        for part in cut(data):
            if who == "c":
                heard.pieces(parser.client(part))
            else:
                heard.answer(parser.server(part))
            if parser.passing:
                heard.pieces(parser.client(b""))
    heard.pieces(parser.client_ended())
    heard.opaque = parser.opaque
    return heard


def whole(data: bytes) -> list[bytes]:
    return [data]


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def halves(at: int) -> Callable[[bytes], list[bytes]]:
    return lambda data: [part for part in (data[:at], data[at:]) if part]


def shreds(seed: int, longest: int = 40) -> Callable[[bytes], list[bytes]]:
    rng = random.Random(seed)

    def cut(data: bytes) -> list[bytes]:
        parts = []
        while data:
            size = rng.randint(1, longest)
            parts.append(data[:size])
            data = data[size:]
        return parts

    return cut


def play_every_split(make: Callable[[], Parser], turns: Sequence[Turn]) -> Heard:
    """Play it whole, byte by byte, and cut in two at every place; all must be heard alike. Returns what was heard."""
    expected = play(make, turns, whole)
    assert expected.to_server == b"".join(data for who, data in turns if who == "c")
    assert expected.to_client == b"".join(data for who, data in turns if who == "s")
    for cut in (single, *(halves(at) for at in range(1, max(len(data) for _, data in turns)))):
        assert_alike(play(make, turns, cut), expected)
    return expected


def assert_alike(heard: Heard, expected: Heard) -> None:
    assert heard.to_server == expected.to_server
    assert heard.to_client == expected.to_client
    assert heard.units == expected.units
    assert heard.answers == expected.answers
    assert heard.outstanding == expected.outstanding
    assert heard.opaque == expected.opaque

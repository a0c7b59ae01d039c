"""Wire protocols: what counts as one request, and when it has been answered. Chosen by an engine's `wire`."""

from __future__ import annotations

from collections.abc import Callable

from tinnyswe.faults.wire.base import Answer, Parser, Piece, Unit
from tinnyswe.faults.wire.http import HttpParser
from tinnyswe.faults.wire.pgwire import PgwireParser
from tinnyswe.faults.wire.resp import RespParser
from tinnyswe.model.errors import UsageError

_PARSERS: dict[str, Callable[[], Parser]] = {"http": HttpParser, "pgwire": PgwireParser, "resp": RespParser}


def wires() -> tuple[str, ...]:
    """Names an engine's manifest may give as `wire`."""
    return tuple(sorted(_PARSERS))


def parser(wire: str) -> Callable[[], Parser]:
    """What makes a parser for one connection of this wire. Raises UsageError for an unknown name."""
    try:
        return _PARSERS[wire]
    except KeyError:
        raise UsageError(
            f"no wire protocol is called {wire!r}",
            next_step=f"use one of {', '.join(wires())}, or a TcpRelay, which reads nothing",
            code="unknown-wire",
        ) from None


__all__ = ["Answer", "Parser", "Piece", "Unit", "parser", "wires"]

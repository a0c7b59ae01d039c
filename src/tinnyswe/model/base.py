"""The one way records are declared and encoded."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any, TypeVar

import msgspec

from tinnyswe.model.errors import FormatError

T = TypeVar("T")


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An immutable value. Unknown fields are refused when it is decoded.

    Subclasses repeat `frozen=True, kw_only=True` for the type checker (the first) and msgspec (the second).
    """


def to_json(value: Any) -> bytes:
    """Encode a record as one line of JSON with keys in declared order (digests rely on that order)."""
    return msgspec.json.encode(value, enc_hook=_encode)


def from_json(kind: type[T], data: bytes | str, *, where: str = "") -> T:
    """Decode JSON into `kind`; raises FormatError naming `where` and the offending key."""
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_decode)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise FormatError(str(problem), where=where, code="bad-json") from problem


def _encode(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError(f"a record may not hold a {type(value).__name__}")


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(f"no record holds a {kind.__name__}")

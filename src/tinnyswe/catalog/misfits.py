"""Compare what a TOML file says with the record it should become, and say every difference, not just the first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from tinnyswe.model.base import Record
from tinnyswe.model.errors import FormatError


def misfit(file: Path, key: str, what: str, write: str, *, code: str) -> FormatError:
    """One thing wrong in a file of the curriculum: key is a dotted path in it ("" for the file as a whole)."""
    return FormatError(what, where=f"{file}: {key}" if key else str(file), next_step=write, code=code)


def nearest(name: str, known: Collection[str], count: int = 3) -> list[str]:
    """Return up to `count` of the known names that look most like this one, best first."""
    import difflib  # only a mistake pays for it

    return difflib.get_close_matches(name, sorted(known), n=count, cutoff=0.4)


def instead(name: str, known: Collection[str]) -> str:
    """Say which of the known names to write in place of this one."""
    close = nearest(name, known, 1)
    listed = ", ".join(sorted(known)) or "nothing yet"
    return f"write {close[0]!r} (known: {listed})" if close else f"write one of: {listed}"


R = TypeVar("R", bound=Record)


def read_record(data: dict[str, Any], kind: type[R], file: Path) -> tuple[R | None, list[FormatError]]:
    """Return the table as a `kind`, or None and every reason why it is none."""
    try:
        return msgspec.convert(data, kind), []
    except msgspec.ValidationError as problem:
        said = list(misfits(data, kind, file))
        what = f"not understood: {problem}"
        return None, said or [misfit(file, "", what, "compare it with the reference of this file", code="wrong-value")]


def misfits(data: dict[str, Any], kind: type[Record], file: Path, at: str = "") -> Iterator[FormatError]:
    """Yield every unknown key, missing key and wrong value of a table that should become a `kind`."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in data:
        if key not in fields:
            yield misfit(file, at + key, "unknown key", instead(key, fields), code="unknown-key")
    for key, field in fields.items():
        if key in data:
            yield from _value(data[key], field.type, file, at + key)
        elif field.required:
            yield misfit(file, at + key, "missing key", f"add {key} = {_example(field.type)}", code="missing-key")


def _value(value: Any, kind: Any, file: Path, at: str) -> Iterator[FormatError]:
    """Descend into tables and arrays of tables; judge anything else as a whole."""
    inner = get_args(kind)[:1] if get_origin(kind) is tuple else get_args(kind)[1:]
    record = kind if _is_record(kind) else inner[0] if inner and _is_record(inner[0]) else None
    if record is None:
        yield from _plain(value, kind, file, at)
    elif record is kind and isinstance(value, dict):
        yield from misfits(value, record, file, f"{at}.")
    elif get_origin(kind) is tuple and _tables(value):
        for index, item in enumerate(value):
            yield from misfits(item, record, file, f"{at}[{_label(item, index)}].")
    elif get_origin(kind) is dict and isinstance(value, dict) and _tables(list(value.values())):
        for name, item in value.items():
            yield from misfits(item, record, file, f"{at}.{name}.")
    else:
        yield misfit(file, at, "not a table", f"write it as {_heading(kind, at)}", code="wrong-type")


def _plain(value: Any, kind: Any, file: Path, at: str) -> Iterator[FormatError]:
    if get_origin(kind) is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        if value not in choices:
            yield misfit(file, at, f"{value!r} is not a choice", instead(str(value), choices), code="wrong-value")
        return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        what = str(problem)[:1].lower() + str(problem)[1:].replace(" - at `$", " at `" + at.rpartition(".")[2])
        yield misfit(file, at, what, f"write {_example(kind)}", code="wrong-type")


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _label(item: dict[str, Any], index: int) -> str:
    """Name an element of an array of tables the way its author thinks of it: C2, not 1."""
    name = item.get("id", item.get("name"))
    return name if isinstance(name, str) else str(index + 1)


def _heading(kind: Any, at: str) -> str:
    if get_origin(kind) is tuple:
        return f"[[{at}]]"
    return f"[{at}.<name>]" if get_origin(kind) is dict else f"[{at}]"


def _example(kind: Any) -> str:
    """What a value of this type looks like in TOML."""
    if get_origin(kind) is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return f"[{_example(get_args(kind)[0])}, ...]"
    if get_origin(kind) is dict:
        return "{ name = " + (_example(get_args(kind)[1])) + " }"
    return {str: '"..."', int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a table")

"""The reference page of lab.toml and topic.toml, made from the records that read them."""

from __future__ import annotations

import ast
import inspect
import types
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from tinnyswe.catalog.facets import COMMON_FACETS
from tinnyswe.catalog.files import BoxFile, LabFile, TopicFile
from tinnyswe.model.base import Record
from tinnyswe.model.lab import (
    FORMAT,
    CheckSpec,
    Dialect,
    EngineNeed,
    Entry,
    Experiment,
    Limits,
    MutantSpec,
    Readiness,
    SinkNeed,
    Sittings,
)

_LAB: dict[str, type[Record]] = {
    "Head": LabFile,
    "[[entry]]": Entry,
    "[entry.readiness]": Readiness,
    "[entry.dialect]": Dialect,
    "[engine.&lt;role&gt;]": EngineNeed,
    "[sink.&lt;name&gt;]": SinkNeed,
    "[experiment]": Experiment,
    "[sittings]": Sittings,
    "[limits]": Limits,
    "[[check]]": CheckSpec,
    "[[mutant]]": MutantSpec,
}
_TOPIC: dict[str, type[Record]] = {"Head": TopicFile, "[[box]]": BoxFile}

_NAMES = {str: "text", int: "whole number", float: "number", bool: "true, false", Any: "anything"}

_TOP = f"""# lab.toml and topic.toml

<!-- Made by tinnyswe.catalog.reference from the records that read these files; a test compares the two. -->

Format {FORMAT}. Unknown keys are refused; ids are always written in full (`caching/atomic-counters`,
`caching/key-value-basics`). `tinny lab audit` says everything that is wrong with a lab, each with file, key and what to
write. A lab with a problem is left out; it takes no other down.

Beside `lab.toml` lie `brief.md`, `hints.md`, `checks.py`, `starter/`, `reference/` (more as `reference-<name>/`) and
one folder `mutants/<id>-<belief>/` for each `[[mutant]]`. Each check `C2` is one function `test_c2_...` of `checks.py`
with a docstring; nothing of `checks.py` is executed to read it. A lab of another folder than the shipped curriculum
may prove something of a known box, but only topic.toml decides what a tick needs.

Entries, engine roles and sinks are fixtures of the checks, by their names. Tables called `[x-...]` are free.
Facets that fit every box: {", ".join(sorted(COMMON_FACETS))}.
"""


def reference() -> str:
    """Return the page as Markdown."""
    parts = [_TOP, "## lab.toml", *(_section(*table) for table in _LAB.items())]
    parts += ["## topic.toml", *(_section(*table) for table in _TOPIC.items())]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _section(heading: str, record: type[Record]) -> str:
    """One table of the file: its keys with type, default and meaning."""
    said = _comments(record)
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(record):
        default = "required" if field.required else _default(field)
        rows.append(f"| `{field.encode_name}` | {_type(field.type)} | {default} | {said.get(field.name, '')} |")
    return f"### {heading}\n\n{inspect.getdoc(record) or ''}\n\n" + "\n".join(rows)


def _comments(record: type[Record]) -> dict[str, str]:
    """Read what stands behind each field in the source: the comment is the definition's own documentation."""
    source = Path(inspect.getsourcefile(record) or "").read_text("utf-8")
    lines = source.splitlines()
    body = next(
        node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == record.__name__
    )
    found: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            _, _, comment = lines[(node.end_lineno or node.lineno) - 1][node.end_col_offset or 0 :].partition("# ")
            found[node.target.id] = comment.replace("|", "\\|").replace("<", "&lt;")
    return found


def _type(kind: Any) -> str:
    if isinstance(kind, types.UnionType):
        return " or ".join(_type(part) for part in get_args(kind))
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return "tables" if _is_record(inner) else f"list of {_type(inner)}"
    if get_origin(kind) is dict:
        inner = get_args(kind)[1]
        return "named tables" if _is_record(inner) else f"table of {_type(inner)}"
    return "table" if _is_record(kind) else _NAMES[kind]


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _default(field: msgspec.structs.FieldInfo) -> str:
    """Show the default as TOML would write it; nothing for an empty one."""
    value = field.default
    if value is msgspec.NODEFAULT or value in ("", (), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:g}`"


if __name__ == "__main__":
    print(reference(), end="")

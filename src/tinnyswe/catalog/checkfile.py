"""What checks.py declares, read as syntax; nothing of it is executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tinnyswe.catalog.misfits import instead, misfit
from tinnyswe.model.errors import FormatError

_NAME = re.compile(r"test_c(\d+)_[a-z0-9_]+")


def read_checks(file: Path) -> tuple[dict[str, str], list[FormatError]]:
    """Return check id → the docstring the learner reads, and what is wrong with the file itself."""
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as problem:
        line = getattr(problem, "lineno", None)
        what = f"not Python: {getattr(problem, 'msg', problem)}"
        return {}, [misfit(file, f"line {line}" if line else "", what, "mend the syntax", code="bad-python")]
    found: dict[str, str] = {}
    wrong: list[FormatError] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            wrong.extend(_declare(node, found, file))
    return found, wrong


def _declare(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, found: dict[str, str], file: Path
) -> Iterator[FormatError]:
    """Put one check into `found`, or say why it is none."""
    if not node.name.lower().startswith("test"):
        return
    at = f"line {node.lineno}: {node.name}"
    named = _NAME.fullmatch(node.name)
    if not named or not isinstance(node, ast.FunctionDef):
        yield misfit(file, at, "not a check", "write it as `def test_c2_what_it_asks(...)`", code="bad-check-name")
        return
    check = f"C{int(named[1])}"
    if check in found:
        write = f"make one function of it; several cases of {check} are pytest parameters with ids p01, p02, ..."
        yield misfit(file, at, f"a second function for {check}", write, code="doubled-check")
    docstring = (ast.get_docstring(node) or "").strip()
    if not docstring:
        yield misfit(file, at, "no docstring", "say in one sentence what the learner must do", code="no-docstring")
    found.setdefault(check, docstring)


def compare_checks(file: Path, found: dict[str, str], declared: tuple[str, ...]) -> Iterator[FormatError]:
    """Yield a misfit for each check that only one of lab.toml and checks.py knows."""
    for check in declared:
        if check not in found:
            name = f"test_{check.lower()}_..."
            write = f"add `def {name}` or remove the [[check]] {check} from lab.toml"
            yield misfit(file, name, f"lab.toml declares {check}, checks.py does not", write, code="check-not-written")
    for check in found:
        if check not in declared:
            write = f'add a [[check]] with id = "{check}" to lab.toml, or {instead(check, declared)}'
            what = f"checks.py has {check}, lab.toml does not"
            yield misfit(file, f"test_{check.lower()}_...", what, write, code="check-not-declared")

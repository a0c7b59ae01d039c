"""Files and functions stay small enough to read; an exception carries its reason: `# long: why`."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TypeGuard

from architecture.project import named, python_files, tree

FILE_LINES = 400
CHECKS_LINES = 600  # a lab's checks.py: one file by its format, and a lab's digest covers every byte of it
FUNCTION_LINES = 50
REASON = "# long: "


def test_files_and_their_functions_are_short() -> None:
    assert not {named(path): found for path in python_files() if (found := long_parts(path))}


def long_parts(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    excused = any(line.startswith(REASON) for line in lines[:5])
    most = CHECKS_LINES if path.name == "checks.py" else FILE_LINES
    file = [f"the file: {len(lines)} lines"] if len(lines) > most and not excused else []
    return file + [f"{node.name}: {length(node)} lines" for node in ast.walk(tree(path)) if too_long(node, lines)]


def too_long(node: ast.AST, lines: list[str]) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or length(node) <= FUNCTION_LINES:
        return False
    head = lines[node.lineno - 1 : node.body[0].lineno]
    return not any(REASON in line for line in head)


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1

"""Files and functions stay small enough to read; an exception carries its reason: `# long: why`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from architecture.project import named, python_files, tree

FILE_LINES = 400
FUNCTION_LINES = 50
REASON = "# long: "


@pytest.mark.parametrize("path", python_files(), ids=named)
def test_file_and_its_functions_are_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if not any(line.startswith(REASON) for line in lines[:5]):
        assert len(lines) <= FILE_LINES
    long = [f"{node.name}: {length(node)} lines" for node in ast.walk(tree(path)) if too_long(node, lines)]
    assert not long


def too_long(node: ast.AST, lines: list[str]) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or length(node) <= FUNCTION_LINES:
        return False
    head = lines[node.lineno - 1 : node.body[0].lineno]
    return not any(REASON in line for line in head)


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1

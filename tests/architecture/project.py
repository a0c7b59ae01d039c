"""The project's own files, as the architecture tests look at them."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "tinnyswe"
_NOT_OURS = {
    ".git",
    ".venv",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "dist",
    ".import_linter_cache",
}
_BROKEN_ON_PURPOSE = {"mutants", "starter", "fixtures"}


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Every file of the project with one of these endings (all, without one), caches and environments left out."""
    found = []
    for folder, names, entries in os.walk(ROOT):
        names[:] = [name for name in names if name not in _NOT_OURS and not name.endswith(".egg-info")]
        found += [Path(folder, entry) for entry in entries if not suffixes or Path(entry).suffix in suffixes]
    return tuple(sorted(path for path in found if not _is_workspace(path)))


def python_files() -> tuple[Path, ...]:
    """Our Python: not what learners are given or what is wrong on purpose."""
    return tuple(path for path in files(".py") if not _BROKEN_ON_PURPOSE & set(path.relative_to(ROOT).parts))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def named(path: Path) -> str:
    """The path as the project says it: relative, with slashes."""
    return path.relative_to(ROOT).as_posix()


def rooms() -> set[str]:
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def _is_workspace(path: Path) -> bool:
    """A learner's own files beside the project (see .gitignore) are theirs."""
    return path.relative_to(ROOT).parts[0] in {"work", "notes", ".tinny"}

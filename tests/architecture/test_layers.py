"""Who imports whom: the contracts of pyproject.toml hold, and say what they are named."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from architecture.project import PACKAGE, ROOT, named, python_files, rooms, tree

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
# Copied beside a learner's program or started bare: nothing but the standard library is there.
STANDARD_LIBRARY_ONLY = [*sorted((PACKAGE / "guest").glob("*.py")), PACKAGE / "processes" / "minder.py"]


def test_every_contract_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_has_a_contract_that_forbids_what_its_name_does_not_allow() -> None:
    named_rooms = set()
    for contract in CONTRACTS:
        room, found, allowed = contract["name"].partition(" may import: ")
        if not found or room.startswith("only "):
            continue
        named_rooms.add(room)
        expected = rooms() - {room} - set(allowed.split(", "))
        assert set(contract["forbidden_modules"]) == {f"tinnyswe.{each}" for each in expected}, contract["name"]
        assert contract["source_modules"] == [f"tinnyswe.{room}"]
    assert named_rooms == rooms()


def test_every_fence_stands_around_all_other_rooms() -> None:
    fences = [contract for contract in CONTRACTS if contract["name"].startswith("only ")]
    assert fences
    for fence in fences:
        room = fence["name"].split()[1]
        assert set(fence["source_modules"]) == {f"tinnyswe.{each}" for each in rooms() - {room}}, fence["name"]
        assert ", ".join(fence["forbidden_modules"]) == fence["name"].partition(": ")[2]


def test_every_engine_is_in_the_independence_contract() -> None:
    (contract,) = [each for each in CONTRACTS if each["type"] == "independence"]
    engines = {f"tinnyswe.engines.{path.parent.name}" for path in (PACKAGE / "engines").glob("*/engine.toml")}
    assert engines
    assert set(contract["modules"]) == engines


@pytest.mark.parametrize("path", STANDARD_LIBRARY_ONLY, ids=named)
def test_what_runs_beside_learner_code_needs_only_the_standard_library(path: Path) -> None:
    strangers = imported(path) - set(sys.stdlib_module_names) - {"__future__"}
    if path.parent.name == "guest":
        strangers -= {"tinnyswe.guest"}
    assert not strangers


def test_nobody_is_called_utils() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [named(path) for path in python_files() if {path.stem, path.parent.name} & vague]


def imported(path: Path) -> set[str]:
    """Top-level packages a file imports; our own as room, e.g. "tinnyswe.model"."""
    modules = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add("." * node.level + (node.module or ""))
    return {".".join(name.split(".")[: 2 if name.startswith("tinnyswe") else 1]) for name in modules}

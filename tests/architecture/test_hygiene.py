"""What no file of the project may hold: addresses of registries, paths of one computer, sleeps, unpinned packages."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from architecture.project import ROOT, files, named, python_files, tree

# Whoever installs has configured where packages come from; so no file names a host that is not on this list.
HOSTS = re.compile(
    r"(x|localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0|[\w.-]*example(\.\w+)?|[\w.-]+\.(test|invalid)|github\.com"
    r"|(www\.|docs\.)?(postgresql|python|redis|valkey|sqlite)\.(org|io|com)|keepachangelog\.com|semver\.org|json-schema\.org)"
)
URL = re.compile(rb"\b(?:https?|git|ftp)://([A-Za-z0-9.\[\]-][A-Za-z0-9.:\[\]-]*)")
ONE_COMPUTER = re.compile(rb"/[w]ork/(?:main|shared)\b|/[r]oot/|/[h]ome/(?!you\b|ada\b)\w")

# Each waits for something outside Python that has no event to wait for, or paces what it polls.
MAY_SLEEP = {
    "src/tinnyswe/labkit/waiting.py": "the one loop that polls",
    "src/tinnyswe/processes/": "below labkit: waits for processes that are not its children",
    "src/tinnyswe/engines/server.py": "asks a starting server until it answers; engines may not import labkit",
    "src/tinnyswe/roadmap/files.py": "waits for the lock of another tick",
    "src/tinnyswe/run/holding.py": "paces the look at a held copy",
    "src/tinnyswe/cli/commands/labs.py": "looks for new log lines of a program that is being tried",
    "tests/conftest.py": "waits for processes that are still dying",
}


def test_no_registry_address_and_no_path_of_one_computer() -> None:
    assert not {named(path): found for path in files() if (found := strange_addresses(path.read_bytes()))}


def test_nobody_sleeps() -> None:
    watched = [path for path in python_files() if not is_answer(path) and not named(path).startswith(tuple(MAY_SLEEP))]
    assert not {named(path): found for path in watched if (found := sleeps(path))}


def strange_addresses(text: bytes) -> list[str]:
    hosts = {host.decode().partition(":")[0].rstrip(".") for host in URL.findall(text)}
    return [host for host in hosts if not HOSTS.fullmatch(host)] + [
        path.decode() for path in ONE_COMPUTER.findall(text)
    ]


def is_answer(path: Path) -> bool:
    """Learner's code of a lab: polling may be its design."""
    return named(path).startswith("curriculum/") and path.name != "checks.py"


def sleeps(path: Path) -> list[str]:
    """Calls of time.sleep or asyncio.sleep with more than zero, under whatever name."""
    nodes = list(ast.walk(tree(path)))
    aliases = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module in {"time", "asyncio"}
        for alias in node.names
        if alias.name == "sleep"
    }
    found = []
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        yields = node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if (called in {"time.sleep", "asyncio.sleep"} or called in aliases) and not yields:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("lock", ["base", "dev"])
def test_lock_pins_every_dependency_by_hash(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["build"]
    if lock == "dev":
        wanted = wanted + project["dependency-groups"]["dev"]
    pins = pinned(lock)
    assert {re.split(r"[\[<>=;~ ]", name)[0] for name in wanted} <= set(pins)
    assert all(hashes for _, hashes in pins.values())


def test_both_locks_pin_the_same_versions() -> None:
    base, dev = pinned("base"), pinned("dev")
    assert base.items() <= dev.items()


def pinned(lock: str) -> dict[str, tuple[str, int]]:
    """Package → version and number of hashes. A line with an address would be neither, and fails here."""
    pins: dict[str, tuple[str, int]] = {}
    name = ""
    for line in (ROOT / "locks" / f"{lock}.txt").read_text().splitlines():
        if line.startswith("    --hash=sha256:"):
            version, hashes = pins[name]
            pins[name] = (version, hashes + 1)
        else:
            name, version = re.fullmatch(r"([a-z0-9-]+)==([\w.]+)(?: ; .*)? \\", line).groups()  # type: ignore[union-attr]
            pins[name] = (version, 0)
    return pins

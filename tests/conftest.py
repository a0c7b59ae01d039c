"""One test run: its own folders, tiers in order of cost, and at the end a look at what was left behind."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import leftovers

TIERS = ("architecture", "unit", "contracts", "integration", "acceptance", "curriculum", "hostile")
_HERE = Path(__file__).parent
_GONE_WITHIN = 5.0  # s; a process told to end at the last moment may still be dying


class _Run:
    """State of this session: where it works, what was there before, seconds spent per tier."""

    places: leftovers.Places
    before: leftovers.Sight
    left: list[str]
    seconds: defaultdict[str, float]


_run = _Run()


def pytest_configure(config: pytest.Config) -> None:
    """Give the run its folders, before anything (tmp_path, engines, subprocesses) asks where to work."""
    session = leftovers.session_folder()
    for name in ("runtime", "tmp", "pytest"):
        (session / name).mkdir()
    (session / "runtime").chmod(0o700)
    (session / "tmp").chmod(0o1777)
    if config.option.basetemp is None:
        config.option.basetemp = str(session / "pytest" / "base")
    os.environ["TINNY_RUNTIME"] = str(session / "runtime")
    os.environ["TMPDIR"] = str(session / "tmp")
    tempfile.tempdir = None  # asked before, and remembered
    os.environ[leftovers.MARKER] = session.name
    _run.places = leftovers.Places(session=session, marker=session.name, alone="CI" in os.environ)
    _run.before = leftovers.look(_run.places)
    _run.left = []
    _run.seconds = defaultdict(float)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Cheap tiers first: a broken layer shows before an engine starts."""
    items.sort(key=lambda item: TIERS.index(_tier(item)) if _tier(item) in TIERS else len(TIERS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    began = time.monotonic()
    try:
        return (yield)
    finally:
        _run.seconds[_tier(item)] += time.monotonic() - began


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After all fixtures are gone: nothing may be left. Looks until it is so, then fails the run."""
    deadline = time.monotonic() + _GONE_WITHIN
    while True:
        _run.left = leftovers.left_behind(_run.before, leftovers.look(_run.places), _run.places)
        if not _run.left or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    if _run.left and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _run.left:
        terminalreporter.section("left behind", red=True, bold=True)
        for sentence in _run.left:
            terminalreporter.write_line(sentence)
    tiers = "  ".join(f"{tier} {_run.seconds[tier]:.1f} s" for tier in TIERS if tier in _run.seconds)
    terminalreporter.write_line(f"tiers: {tiers or 'none'}; left behind: {len(_run.left) or 'nothing'}")


def pytest_unconfigure() -> None:
    shutil.rmtree(_run.places.session, ignore_errors=True)


def _tier(item: pytest.Item) -> str:
    try:
        return item.path.relative_to(_HERE).parts[0]
    except ValueError:
        return ""

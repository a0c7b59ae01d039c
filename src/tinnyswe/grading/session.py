"""One locked-down pytest session over one lab's checks."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tinnyswe.grading.outcomes import not_run
from tinnyswe.grading.plugin import ChecksPlugin, world_fixtures
from tinnyswe.grading.world import World
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.events import CheckResult
from tinnyswe.model.lab import CheckSpec, Lab

_INI = Path(__file__).with_name("checks.ini")  # a file of ours: one made for the run would outlive a killed bench


def grade(
    lab: Lab,
    world: World,
    *,
    seed: int,
    only: Sequence[str] = (),
    stop_after: str = "",
    starting: Callable[[CheckSpec], None] = lambda spec: None,
    finished: Callable[[CheckResult], None] = lambda result: None,
) -> tuple[CheckResult, ...]:
    """Run the lab's checks against `world`, in the order of lab.toml, and return one result per check.

    only: ids to run; the others are `not_run`. stop_after: run nothing once this check has settled (audits).
    Raises TinnyError when the checks cannot be collected: that is a fault of the lab, never of the learner.
    """

    def settled(result: CheckResult) -> None:
        finished(result)
        if result.check == stop_after:
            plugin.stop(f"the run was to end with {stop_after}")

    plugin = ChecksPlugin(lab, world, seed, only, starting, settled)
    fixtures = world_fixtures(world.fixtures, ["app", "net", *lab.engines])
    status, output = _run(lab.root / "checks.py", [plugin, fixtures])
    if plugin.collection_problem or not plugin.results or status is pytest.ExitCode.INTERNAL_ERROR:
        raise TinnyError(
            "the lab's checks cannot be loaded: " + (plugin.collection_problem or output).strip(),
            where=str(lab.root / "checks.py"),
            next_step="this is a fault of the lab, not of your work; report it with this text",
            code="broken-checks",
        )
    for spec in lab.checks:
        if spec.id not in plugin.results:
            plugin.results[spec.id] = not_run(spec.id, "the session ended before it")
    return tuple(plugin.results[spec.id] for spec in lab.checks)


def _run(checks: Path, plugins: list[object]) -> tuple[int, str]:
    """Run pytest in this process, away from any configuration; return its exit code and what it printed."""
    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    blocked = (
        "cacheprovider",
        "terminal",
        "capture",
        "logging",
        "faulthandler",
        "unraisableexception",
        "threadexception",
    )
    arguments = ["-c", str(_INI), "--rootdir", str(_INI.parent), "--noconftest", "--import-mode=importlib"]
    arguments += ["--assert=plain", *(f"-pno:{name}" for name in blocked), str(checks)]
    with tempfile.TemporaryFile("w+") as output:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = pytest.main(arguments, plugins=plugins)
        output.seek(0)
        return status, output.read()

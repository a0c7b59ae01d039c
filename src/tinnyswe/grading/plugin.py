"""The pytest plugin that turns a world into fixtures and test reports into check results."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import pytest

from tinnyswe.grading.outcomes import TIME_SPENT, broken, judge, not_run, passed
from tinnyswe.grading.world import World
from tinnyswe.labkit import Expect, until
from tinnyswe.model.events import CheckResult
from tinnyswe.model.lab import CheckSpec, Lab
from tinnyswe.model.verdict import Outcome

CHECK_NAME = re.compile(r"test_(c\d+)_")


class ChecksPlugin:
    """Runs the lab's checks in the order of lab.toml and reports each by `emit` as it settles."""

    def __init__(
        self,
        lab: Lab,
        world: World,
        seed: int,
        only: Sequence[str],
        starting: Callable[[CheckSpec], None],
        finished: Callable[[CheckResult], None],
    ) -> None:
        self._lab = lab
        self._world = world
        self._seed = seed
        self._only = frozenset(only)
        self._starting = starting
        self._finished = finished
        self._stop_reason = ""
        self.results: dict[str, CheckResult] = {}
        self.collection_problem = ""

    def stop(self, reason: str) -> None:
        """Run no further check; what is left becomes `not_run` with this reason."""
        self._stop_reason = reason

    # -- collecting ---------------------------------------------------------------------------------------------

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.collection_problem = str(report.longrepr)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {spec.id: place for place, spec in enumerate(self._lab.checks)}
        items[:] = [item for item in items if check_of(item) in order]
        items.sort(key=lambda item: order[check_of(item)])
        for id, functions in itertools.groupby(items, key=check_of):
            names = [item.name for item in functions]
            if len(names) > 1:  # the later one's result would stand for both
                self.collection_problem = f"{id} has more than one function: {', '.join(names)}"

    # -- running ------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Answer for checks that must not run; None lets pytest run the others."""
        spec = self._lab.check(check_of(item))
        reason = self._why_not(spec)
        if reason:
            self._settle(not_run(spec.id, reason))
            return True
        return None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        spec = self._lab.check(check_of(item))
        self._starting(spec)
        started = time.monotonic()
        try:
            self._world.begin(spec, seconds=spec.seconds or self._lab.limits.check_seconds)
            return (yield)
        except BaseException as raised:
            self._conclude(judge(spec.id, raised, self._world, time.monotonic() - started))
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        spec = self._lab.check(check_of(item))
        started = time.monotonic()
        try:
            answer = yield
        except BaseException as raised:  # pytest.fail and sys.exit are no Exception; they must not pass
            self._conclude(judge(spec.id, raised, self._world, time.monotonic() - started))
            raise
        self._conclude(passed(spec.id, time.monotonic() - started))
        return answer

    def _conclude(self, result: CheckResult) -> None:
        """Clear the world up, then settle: a check does not pass in a world that cannot be cleared up."""
        try:
            self._world.end()
        except Exception as raised:
            if result.outcome is Outcome.PASSED:
                result = broken(result.check, raised, result.seconds)
        self._settle(result)

    def _why_not(self, spec: CheckSpec) -> str:
        if self.collection_problem:
            return "the checks cannot be loaded"
        if self._only and spec.id not in self._only:
            return "not asked for"
        if self._stop_reason:
            return self._stop_reason
        for needed in spec.needs:
            result = self.results.get(needed)
            if result is not None and result.outcome is not Outcome.PASSED and result.reason != "not asked for":
                return f"needs {needed}, which did not pass"
        return ""

    def _settle(self, result: CheckResult) -> None:
        self.results[result.check] = result
        self._finished(result)
        if result.outcome is Outcome.TIMEOUT:
            self.stop(TIME_SPENT)

    # -- fixtures -----------------------------------------------------------------------------------------------

    @pytest.fixture
    def expect(self, request: pytest.FixtureRequest) -> Expect:
        return self._world.expect(check_of(request.node))

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> random.Random:
        """Numbers and names of this check, drawn from the run's one printed seed."""
        return random.Random(f"{self._seed}/{check_of(request.node)}")

    @pytest.fixture(name="until")
    def until_fixture(self) -> Callable[..., Any]:
        return until


def check_of(item: pytest.Item) -> str:
    """The check id a test function belongs to, e.g. test_c2_last_seats is C2; "" when it is none."""
    found = CHECK_NAME.match(item.name)
    return found.group(1).upper() if found else ""


def world_fixtures(values: Callable[[], Mapping[str, Any]], names: Sequence[str]) -> object:
    """Build a plugin object with one fixture per name, each read from the world when the check asks for it."""

    def fixture(name: str) -> Any:
        def value(self: object) -> Any:
            return values()[name]

        value.__name__ = f"fixture_{name}"
        return pytest.fixture(name=name)(value)

    return type("WorldFixtures", (), {f"fixture_{name}": fixture(name) for name in names})()

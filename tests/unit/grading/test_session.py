"""What grading asks of a world, in order, whatever a check does."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.run.worlds import FakeWorld
from integration.run.throwaway import make_lab
from tinnyswe.grading.session import grade
from tinnyswe.model.events import CheckResult
from tinnyswe.model.lab import CheckSpec
from tinnyswe.model.verdict import Outcome

Grade = Callable[..., tuple[CheckResult, ...]]
ASKS = """
def test_c1_asks(app):
    {deed}

def test_c2_asks(app):
    app.a.get("/")
"""
SPECS = (CheckSpec(id="C1", title="one"), CheckSpec(id="C2", title="two", seconds=3.0))


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(60.0)


@pytest.fixture
def graded(world: FakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grade:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "")

    def run(checks: str, specs: tuple[CheckSpec, ...] = SPECS, **options: Any) -> tuple[CheckResult, ...]:
        return grade(make_lab(tmp_path, checks, specs=specs), world, seed=1, **options)

    return run


@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        ("pass", Outcome.PASSED),
        ("app.a.get('/hang')", Outcome.FAILED),
        ("assert False", Outcome.ERROR),
        ("import pytest; pytest.fail('no')", Outcome.ERROR),
    ],
)
def test_a_world_is_begun_and_ended_for_every_check(
    graded: Grade, world: FakeWorld, deed: str, outcome: Outcome
) -> None:
    assert [result.outcome for result in graded(ASKS.format(deed=deed))] == [outcome, Outcome.PASSED]
    assert world.calls == ["begin C1 20", "end C1", "begin C2 3", "end C2"]


def test_a_world_that_cannot_begin_is_ended_too(graded: Grade, world: FakeWorld) -> None:
    def fails(check: str) -> None:
        if check == "C1":
            raise OSError("no port left")

    world.begins = fails
    first, second = graded(ASKS.format(deed="pass"))
    assert first.outcome is Outcome.ERROR
    assert first.reason.startswith("OSError: no port left (")
    assert second.outcome is Outcome.PASSED
    assert world.calls == ["begin C1 20", "end C1", "begin C2 3", "end C2"]


def test_a_fixture_that_fails_ends_the_world_too(graded: Grade, world: FakeWorld) -> None:
    checks = "def test_c1_asks(app, nothing):\n    pass\n"
    (result,) = graded(checks, SPECS[:1])
    assert result.outcome is Outcome.ERROR
    assert world.calls == ["begin C1 20", "end C1"]


def test_a_check_does_not_pass_in_a_world_that_cannot_be_cleared_up(graded: Grade, world: FakeWorld) -> None:
    def fails(check: str) -> None:
        if check == "C1":
            raise OSError("it does not thaw")

    world.ends = fails
    first, second = graded(ASKS.format(deed="pass"))
    assert first.outcome is Outcome.ERROR
    assert "it does not thaw" in first.reason
    assert second.outcome is Outcome.PASSED


def test_a_failure_stays_one_when_the_world_cannot_be_cleared_up(graded: Grade, world: FakeWorld) -> None:
    def fails(check: str) -> None:
        raise OSError("it does not thaw")

    world.ends = fails
    first, _ = graded(ASKS.format(deed="app.a.get('/hang')"))
    assert first.outcome is Outcome.FAILED


def test_each_result_is_told_once_as_soon_as_its_world_is_cleared_up(graded: Grade, world: FakeWorld) -> None:
    graded(
        ASKS.format(deed="pass"),
        starting=lambda spec: world.calls.append(f"starting {spec.id}"),
        finished=lambda result: world.calls.append(f"finished {result.check} {result.outcome}"),
    )
    assert world.calls == [
        "starting C1",
        "begin C1 20",
        "end C1",
        "finished C1 passed",
        "starting C2",
        "begin C2 3",
        "end C2",
        "finished C2 passed",
    ]


def test_when_the_time_is_spent_in_the_middle_the_rest_is_not_run(graded: Grade, world: FakeWorld) -> None:
    world.begins = lambda check: world.spend()
    first, second = graded(ASKS.format(deed="app.a.get('/hang')"))
    assert (first.outcome, second.outcome) == (Outcome.TIMEOUT, Outcome.NOT_RUN)
    assert world.calls == ["begin C1 20", "end C1"]


def test_a_check_without_a_function_is_not_run(graded: Grade) -> None:
    specs = (*SPECS, CheckSpec(id="C3", title="three"))
    assert [r.outcome for r in graded(ASKS.format(deed="pass"), specs)] == [*[Outcome.PASSED] * 2, Outcome.NOT_RUN]


def test_nothing_around_the_lab_changes_how_it_is_graded(
    graded: Grade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conftest, a configuration and options of whoever runs us: none of them is read, and nothing is written."""
    (tmp_path / "conftest.py").write_text("raise SystemExit('read')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.chdir(tmp_path)
    assert [result.outcome for result in graded(ASKS.format(deed="pass"))] == [Outcome.PASSED] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checks.py", "conftest.py", "pytest.ini"]
    assert "PYTEST_ADDOPTS" not in os.environ


def test_what_checks_print_is_no_output_of_ours(graded: Grade, capfd: pytest.CaptureFixture[str]) -> None:
    graded(ASKS.format(deed="print('hello'); import sys; print('hello', file=sys.stderr)"))
    assert capfd.readouterr() == ("", "")
    assert sys.stdout is not None

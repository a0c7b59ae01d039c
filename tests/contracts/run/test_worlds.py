"""What grading makes of a lab's checks, in a world of objects and in a world of processes alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.run.worlds import MakeWorld, fake_world, real_world
from integration.run.throwaway import make_lab, place
from tinnyswe.grading.session import grade
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.events import CheckResult
from tinnyswe.model.lab import CheckSpec

Grade = Callable[..., dict[str, CheckResult]]
PASSED, FAILED, ERROR, NOT_RUN, TIMEOUT = "passed", "failed", "error", "not_run", "timeout"


@pytest.fixture(params=[fake_world, real_world], ids=["fake", "real"])
def make_world(request: pytest.FixtureRequest) -> MakeWorld:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def folder() -> Iterator[Path]:
    with place() as made:
        yield made


@pytest.fixture
def graded(make_world: MakeWorld, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Grade:
    """graded(checks, specs) -> results by check, in the order they came."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # grading sets it; here it must not stay

    def run(checks: str, *specs: CheckSpec, run_seconds: float = 60.0, **options: Any) -> dict[str, CheckResult]:
        lab = make_lab(folder / "lab", checks, specs=specs)
        came: list[CheckResult] = []
        with make_world(lab, run_seconds) as world:
            returned = grade(lab, world, seed=options.pop("seed", 7), finished=came.append, **options)
        assert {result.check: result for result in returned} == {result.check: result for result in came} | {
            result.check: result for result in returned if result.reason == "the session ended before it"
        }
        assert [result.check for result in returned] == [spec.id for spec in specs]
        return {result.check: result for result in came}

    return run


def spec(id: str, **fields: Any) -> CheckSpec:
    return CheckSpec(id=id, title=id, **fields)


def outcomes(results: dict[str, CheckResult]) -> dict[str, str]:
    return {check: result.outcome.value for check, result in results.items()}


TWO = """
def test_c1_one(app):
    assert app.a.get("/").status == 200

def test_c2_two(app, expect):
    expect(app.a.get("/count").text, code="wrong", why="It counts to nine.").equals("9")

def test_c3_three(app):
    app.a.get("/")
"""


def test_a_failure_stops_nobody_who_does_not_need_it(graded: Grade) -> None:
    results = graded(TWO, spec("C1"), spec("C2"), spec("C3"))
    assert outcomes(results) == {"C1": PASSED, "C2": FAILED, "C3": PASSED}
    (failure,) = results["C2"].failures
    assert (failure.check, failure.code, failure.observed) == ("C2", "wrong", "1")
    assert failure.trace == ("a: GET /count", "a answered GET /count: 200 1")
    assert [(tail.source, tail.lines) for tail in failure.logs] == [("copy a", ("counting",))]


def test_checks_run_in_the_order_of_lab_toml(graded: Grade) -> None:
    started: list[str] = []
    results = graded(TWO, spec("C3"), spec("C1"), spec("C2"), starting=lambda spec: started.append(spec.id))
    assert list(results) == started == ["C3", "C1", "C2"]


def test_what_needs_a_failed_one_is_not_run_and_neither_is_what_needs_that(graded: Grade) -> None:
    results = graded(TWO, spec("C2"), spec("C1", needs=("C2",)), spec("C3", needs=("C1",)))
    assert outcomes(results) == {"C2": FAILED, "C1": NOT_RUN, "C3": NOT_RUN}
    assert results["C1"].reason == "needs C2, which did not pass"
    assert results["C3"].reason == "needs C1, which did not pass"


def test_only_what_was_asked_for_runs_also_when_it_needs_others(graded: Grade) -> None:
    results = graded(TWO, spec("C1"), spec("C2", needs=("C1",)), spec("C3", needs=("C2",)), only=["C3"])
    assert outcomes(results) == {"C1": NOT_RUN, "C2": NOT_RUN, "C3": PASSED}
    assert results["C1"].reason == "not asked for"


def test_two_asked_for_still_need_each_other(graded: Grade) -> None:
    results = graded(TWO, spec("C1"), spec("C2"), spec("C3", needs=("C2",)), only=["C2", "C3"])
    assert outcomes(results) == {"C1": NOT_RUN, "C2": FAILED, "C3": NOT_RUN}


def test_an_audit_stops_after_the_check_it_asks_about(graded: Grade) -> None:
    results = graded(TWO, spec("C1"), spec("C2"), spec("C3"), stop_after="C2")
    assert outcomes(results) == {"C1": PASSED, "C2": FAILED, "C3": NOT_RUN}
    assert results["C3"].reason == "the run was to end with C2"


COUNTS = """
def counts(app, expect, n):
    expect(app.a.get("/count").text, code="wrong", why="It remembers.").equals(str(n))

def test_c1_a(app, expect):
    counts(app, expect, 1)

def test_c2_b(app, expect):
    counts(app, expect, 2)

def test_c3_c(app, expect):
    counts(app, expect, 1)

def test_c4_d(app, expect):
    counts(app, expect, 2)
"""


def test_a_world_is_fresh_unless_it_is_shared(graded: Grade) -> None:
    results = graded(COUNTS, spec("C1"), spec("C2", shares_world=True), spec("C3"), spec("C4", shares_world=True))
    assert outcomes(results) == dict.fromkeys(["C1", "C2", "C3", "C4"], PASSED)


def test_the_first_world_is_fresh_whatever_it_shares(graded: Grade) -> None:
    assert outcomes(graded(COUNTS, spec("C1", shares_world=True))) == {"C1": PASSED}


BROKEN = {
    "assert": "assert 1 == 2, 'one is two'",
    "fail": "pytest.fail('one is two')",
    "skip": "pytest.skip('one is two')",
    "exit": "sys.exit('one is two')",
    "bug": "raise ValueError('one is two')",
    "import": "import one_is_two",
    "tinny": "raise TinnyError('one is two')",
}


@pytest.mark.parametrize("deed", BROKEN.values(), ids=BROKEN)
def test_a_broken_check_is_our_error_and_never_the_learners(graded: Grade, deed: str) -> None:
    checks = f"""
import sys, pytest
from tinnyswe.model.errors import TinnyError

def test_c1_broken(app):
    {deed}

def test_c2_fine(app):
    app.a.get("/")
"""
    results = graded(checks, spec("C1"), spec("C2"))
    assert outcomes(results)["C1"] == ERROR
    assert results["C1"].failures == ()
    assert "one" in results["C1"].reason
    if "exit" not in deed:
        assert outcomes(results)["C2"] == PASSED


def test_a_fixture_that_does_not_exist_is_our_error(graded: Grade) -> None:
    results = graded("def test_c1_asks(app, postgres):\n    pass\n" + TWO.replace("c1", "c4"), spec("C1"), spec("C3"))
    assert outcomes(results) == {"C1": ERROR, "C3": PASSED}
    assert "postgres" in results["C1"].reason


def test_silence_is_the_learners(graded: Grade) -> None:
    results = graded("def test_c1_asks(app):\n    app.a.get('/hang', timeout=0.2)", spec("C1"))
    assert outcomes(results) == {"C1": FAILED}
    (failure,) = results["C1"].failures
    assert (failure.code, failure.why) == ("no-answer", "There was no answer of copy a to GET /hang.")
    assert (failure.relation, failure.expected) == ("within seconds", 0.2)
    assert failure.volatile == ("observed", "expected")


def test_without_time_nothing_runs(graded: Grade) -> None:
    results = graded(TWO, spec("C1"), spec("C2"), run_seconds=0.0)
    assert outcomes(results) == {"C1": TIMEOUT, "C2": NOT_RUN}
    assert {result.reason for result in results.values()} == {"the run's time was spent"}


def test_what_a_check_disturbed_is_undone(graded: Grade) -> None:
    checks = """
def test_c1_freezes(app, expect):
    app.a.freeze()
    expect(1, code="wrong", why="And fails.").equals(2)

def test_c2_asks(app):
    assert app.a.get("/").status == 200
"""
    assert outcomes(graded(checks, spec("C1"), spec("C2", shares_world=True))) == {"C1": FAILED, "C2": PASSED}


def test_numbers_are_drawn_from_the_seed_and_the_check(graded: Grade) -> None:
    checks = """
def test_c1_draws(rng, expect):
    expect(rng.randrange(10**9), code="drawn", why="Drawn.").equals(None)

def test_c2_draws(rng, expect):
    expect(rng.randrange(10**9), code="drawn", why="Drawn.").equals(None)
"""

    def drawn(seed: int) -> list[int]:
        return [r.failures[0].observed for r in graded(checks, spec("C1"), spec("C2"), seed=seed).values()]

    first = drawn(7)
    assert first == drawn(7)
    assert len({*first, *drawn(8)}) == 4


def test_a_check_may_wait_with_until(graded: Grade) -> None:
    checks = "def test_c1_waits(app, until):\n    until(lambda: app.a.get('/').status, seconds=5, what='answer')"
    assert outcomes(graded(checks, spec("C1"))) == {"C1": PASSED}


@pytest.mark.parametrize(
    ("checks", "why"),
    [
        ("import no_such_module", "no_such_module"),
        ("def test_c1_x(:\n", "SyntaxError"),
        ("raise SystemExit('gone')", ""),
        ("x = 1", ""),
        ("def test_c9_other(app):\n    pass", ""),
        ("def test_c1_x():\n    pass\n\ndef test_c1_y():\n    assert 0", "C1 has more than one function: test_c1_"),
    ],
    ids=["import", "syntax", "exit", "empty", "unknown", "twice"],
)
def test_checks_that_cannot_be_loaded_are_a_fault_of_the_lab(graded: Grade, checks: str, why: str) -> None:
    with pytest.raises(TinnyError) as caught:
        graded(checks, spec("C1"))
    assert caught.value.code == "broken-checks"
    assert caught.value.where.endswith("lab/checks.py")
    assert why in caught.value.what
    assert "not of your work" in caught.value.next_step

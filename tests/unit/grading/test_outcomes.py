"""Whose fault it was."""

from __future__ import annotations

import pytest

from contracts.run.worlds import FakeWorld
from tinnyswe.grading.outcomes import TIME_SPENT, broken, judge, not_run, passed
from tinnyswe.grading.world import RunBudgetSpent
from tinnyswe.labkit import CheckFailed, NoAnswer
from tinnyswe.model.errors import CannotRunHere, SubmissionError, TinnyError, UsageError
from tinnyswe.model.failure import Failure, LogTail
from tinnyswe.model.verdict import Outcome

FAILURE = Failure(check="C1", code="oversold", why="Seats exist.")


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(60.0)


def raised(problem: BaseException) -> BaseException:
    """The same with a traceback, as a check raises it."""
    try:
        raise problem
    except BaseException as caught:
        return caught


def test_a_failed_expectation_is_the_learners(world: FakeWorld) -> None:
    result = judge("C1", raised(CheckFailed(FAILURE)), world, 1.5)
    assert (result.check, result.outcome, result.seconds, result.failures) == ("C1", Outcome.FAILED, 1.5, (FAILURE,))
    assert result.reason == ""


def test_an_answer_that_never_came_is_the_learners_with_the_story_so_far(world: FakeWorld) -> None:
    world.told.append("a: GET /")
    result = judge("C1", raised(NoAnswer("answer of copy a", elapsed=20.04, limit=20)), world, 20.1)
    assert result.outcome is Outcome.FAILED
    (failure,) = result.failures
    assert failure == Failure(
        check="C1",
        code="no-answer",
        why="There was no answer of copy a.",
        expected=20,
        relation="within seconds",
        observed=20.0,
        logs=(LogTail(source="copy a", lines=("counting",)),),
        trace=("a: GET /",),
        next_step="Look at the last log lines: what was the program waiting for?",
        volatile=("observed", "expected"),
    )


def test_an_answer_that_never_came_may_have_a_code_of_its_own(world: FakeWorld) -> None:
    result = judge("C1", NoAnswer("seat", elapsed=1, limit=1, code="no-seat"), world, 1)
    assert result.failures[0].code == "no-seat"


def test_files_that_cannot_be_graded_are_the_learners(world: FakeWorld) -> None:
    why, step = "the program cannot be started", "check its name"
    problem = SubmissionError(why, where="./run.sh", next_step=step, code="cannot-start")
    result = judge("C1", raised(problem), world, 0.1)
    assert result.outcome is Outcome.FAILED
    (failure,) = result.failures
    assert (failure.code, failure.observed) == ("cannot-start", "./run.sh")
    assert failure.why == "The program cannot be started."
    assert failure.next_step == "Check its name."


@pytest.mark.parametrize(
    "problem",
    [
        CheckFailed(FAILURE),
        NoAnswer("answer", elapsed=1, limit=1),
        SubmissionError("it cannot be started"),
        RunBudgetSpent(),
    ],
)
def test_what_is_seen_after_the_runs_time_is_nobodys(world: FakeWorld, problem: Exception) -> None:
    world.spend()
    result = judge("C1", raised(problem), world, 1)
    assert (result.outcome, result.reason, result.failures) == (Outcome.TIMEOUT, TIME_SPENT, ())


@pytest.mark.parametrize(
    "problem",
    [
        AssertionError("1 == 2"),
        ValueError("x"),
        KeyError("left"),
        SystemExit(1),
        TinnyError("x"),
        UsageError("x"),
        OSError(),
    ],
)
@pytest.mark.parametrize("spent", [False, True])
def test_everything_else_is_ours_whenever_it_comes(world: FakeWorld, problem: BaseException, spent: bool) -> None:
    if spent:
        world.spend()
    result = judge("C1", raised(problem), world, 1)
    assert result.outcome is Outcome.ERROR
    assert result.failures == ()
    assert result.reason


def test_pytest_fail_and_skip_are_ours(world: FakeWorld) -> None:
    for problem in (pytest.fail.Exception("no"), pytest.skip.Exception("no")):
        assert judge("C1", raised(problem), world, 1).outcome is Outcome.ERROR


def test_our_error_says_where_it_happened(world: FakeWorld) -> None:
    assert judge("C1", raised(KeyError("left")), world, 1).reason.startswith("KeyError: 'left' (test_outcomes.py:")
    assert judge("C1", KeyError("left"), world, 1).reason == "KeyError: 'left'"


def test_our_errors_of_the_known_kinds_say_what_to_do(world: FakeWorld) -> None:
    problem = CannotRunHere("Valkey is missing", next_step="tinny engines install valkey")
    assert judge("C1", problem, world, 1).reason == "Valkey is missing\nNext: tinny engines install valkey"
    assert broken("C1", problem, 2.0).outcome is Outcome.ERROR


def test_the_other_two() -> None:
    assert (passed("C1", 2.0).outcome, passed("C1", 2.0).seconds) == (Outcome.PASSED, 2.0)
    assert (not_run("C1", "why").outcome, not_run("C1", "why").reason) == (Outcome.NOT_RUN, "why")

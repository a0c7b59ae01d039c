"""From what a check raised to what became of it. The one place that decides whose fault it was."""

from __future__ import annotations

import traceback

from tinnyswe.grading.world import RunBudgetSpent, World
from tinnyswe.labkit import CheckFailed, NoAnswer
from tinnyswe.model.errors import SubmissionError, TinnyError
from tinnyswe.model.events import CheckResult
from tinnyswe.model.failure import Failure
from tinnyswe.model.verdict import Outcome

TIME_SPENT = "the run's time was spent"


def passed(check: str, seconds: float) -> CheckResult:
    return CheckResult(check=check, outcome=Outcome.PASSED, seconds=seconds)


def not_run(check: str, reason: str) -> CheckResult:
    return CheckResult(check=check, outcome=Outcome.NOT_RUN, reason=reason)


def judge(check: str, raised: BaseException, world: World, seconds: float) -> CheckResult:
    """Return the result of a check that raised.

    Only CheckFailed, NoAnswer and SubmissionError speak about the learner, and not when the run's time was spent:
    what they saw may then be a wait that was cut short. Everything else, a plain `assert`, `pytest.fail` or
    `sys.exit` in the check included, is our fault: the learner is never told "failed" because a check is broken.
    """
    speaks = isinstance(raised, CheckFailed | NoAnswer | SubmissionError)
    if isinstance(raised, RunBudgetSpent) or (speaks and world.spent()):
        return CheckResult(check=check, outcome=Outcome.TIMEOUT, seconds=seconds, reason=TIME_SPENT)
    failure = _failure(check, raised, world)
    if failure is not None:
        return CheckResult(check=check, outcome=Outcome.FAILED, seconds=seconds, failures=(failure,))
    return broken(check, raised, seconds)


def broken(check: str, raised: BaseException, seconds: float) -> CheckResult:
    """The result of a check that something of ours broke."""
    return CheckResult(check=check, outcome=Outcome.ERROR, seconds=seconds, reason=_ours(raised))


def _failure(check: str, raised: BaseException, world: World) -> Failure | None:
    """What the learner's work did, as data; None when this exception says nothing about it."""
    match raised:
        case CheckFailed():
            return raised.failure
        case NoAnswer():
            return _no_answer(check, raised, world)
        case SubmissionError():
            return _refused(check, raised, world)
        case _:
            return None


def _refused(check: str, raised: SubmissionError, world: World) -> Failure:
    return Failure(
        check=check,
        code=raised.code,
        why=_sentence(raised.what),
        observed=raised.where or None,
        logs=world.logs(),
        next_step=_sentence(raised.next_step),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def _no_answer(check: str, raised: NoAnswer, world: World) -> Failure:
    return Failure(
        check=check,
        code=raised.code,
        why=f"There was no {raised.what}.",
        expected=raised.limit,
        relation="within seconds",
        observed=round(raised.elapsed, 1),
        fault=world.fault(),
        logs=world.logs(),
        trace=world.trace(),
        next_step="Look at the last log lines: what was the program waiting for?",
        volatile=("observed", "expected"),
    )


def _ours(raised: BaseException) -> str:
    if isinstance(raised, TinnyError):
        return str(raised)
    frames = traceback.extract_tb(raised.__traceback__)
    place = f" ({frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno})" if frames else ""
    return f"{type(raised).__name__}: {raised}{place}"

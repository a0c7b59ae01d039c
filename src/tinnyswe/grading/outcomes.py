"""From what a check raised to what became of it. The one place that decides whose fault it was."""

from __future__ import annotations

import traceback

from tinnyswe.grading.world import RunBudgetSpent, World
from tinnyswe.labkit import CheckFailed, NoAnswer
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.events import CheckResult
from tinnyswe.model.failure import Failure
from tinnyswe.model.verdict import Outcome


def passed(check: str, seconds: float) -> CheckResult:
    return CheckResult(check=check, outcome=Outcome.PASSED, seconds=seconds)


def not_run(check: str, reason: str) -> CheckResult:
    return CheckResult(check=check, outcome=Outcome.NOT_RUN, reason=reason)


def judge(check: str, raised: BaseException, world: World, seconds: float) -> CheckResult:
    """Return the result of a check that raised.

    Only CheckFailed and NoAnswer speak about the learner. Everything else, a plain `assert` in the check
    included, is our fault: the learner is never told "failed" because a check is broken.
    """
    if isinstance(raised, CheckFailed):
        return CheckResult(check=check, outcome=Outcome.FAILED, seconds=seconds, failures=(raised.failure,))
    if isinstance(raised, RunBudgetSpent) or (isinstance(raised, NoAnswer) and world.spent()):
        return CheckResult(check=check, outcome=Outcome.TIMEOUT, seconds=seconds, reason="the run's time was spent")
    if isinstance(raised, NoAnswer):
        failure = _no_answer(check, raised, world)
        return CheckResult(check=check, outcome=Outcome.FAILED, seconds=seconds, failures=(failure,))
    return CheckResult(check=check, outcome=Outcome.ERROR, seconds=seconds, reason=_ours(raised))


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

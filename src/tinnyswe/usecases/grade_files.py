"""From a folder of files to a plan: shared by checking, trying and auditing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinnyswe.model.events import AnyEvent, CheckFinished, CheckResult, RunFinished, RunStarted
from tinnyswe.model.failure import Failure
from tinnyswe.model.lab import Lab
from tinnyswe.model.plan import Plan
from tinnyswe.model.verdict import Outcome
from tinnyswe.sandbox.backend import Sandbox
from tinnyswe.sandbox.intake import Submission, take_in
from tinnyswe.usecases.prepare import Prepared
from tinnyswe.usecases.tools import Tools


def take_in_for(lab: Lab, source: Path, scratch: Path) -> Submission:
    """Take the learner's files of every entry into the run's folder; raises SubmissionError."""
    globs = [glob for entry in lab.entries for glob in entry.files]
    return take_in(source, globs, lab.limits, scratch / "submission")


def plan_for(
    lab: Lab,
    submission: Submission,
    prepared: Prepared,
    tools: Tools,
    scratch: Path,
    *,
    seed: int,
    practice: bool = False,
    only: Sequence[str] = (),
    keep: bool = False,
    stop_after: str = "",
    run_seconds: float | None = None,
) -> Plan:
    """Everything the bench must know, decided here. run_seconds: another budget than the lab's own."""
    return Plan(
        lab=lab,
        seed=seed,
        practice=practice,
        only=tuple(only),
        keep=keep,
        submission=submission.root,
        scratch=scratch,
        runtime=tools.runtime,
        python=prepared.python,
        engines=prepared.engines,
        run_seconds=run_seconds if run_seconds is not None else lab.limits.run_seconds,
        stop_after=stop_after,
        tier=Sandbox.tier,
    )


def refused(lab: Lab, seed: int, practice: bool, why: Failure) -> tuple[AnyEvent, ...]:
    """The events of a run whose files could not be taken in: the first check says why, the others are not run."""
    first, *others = lab.checks
    results = [CheckResult(check=first.id, outcome=Outcome.FAILED, failures=(why,))]
    results += [
        CheckResult(check=spec.id, outcome=Outcome.NOT_RUN, reason="the files were not taken in") for spec in others
    ]
    started = RunStarted(
        at=0.0, lab=lab.id, seed=seed, practice=practice, checks=tuple(s.id for s in lab.checks), tier=""
    )
    finished = [CheckFinished(at=0.0, result=result) for result in results]
    return (started, *finished, RunFinished(at=0.0, outcome=Outcome.FAILED, reason=why.why))

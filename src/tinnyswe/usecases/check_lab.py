"""`tinny check`: grade the learner's files, keep the evidence, set the tick when it is proven."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from tinnyswe.evidence.history import prune_runs
from tinnyswe.evidence.receipts import make_receipt, receipts, record_receipt, refusal
from tinnyswe.evidence.runs import RunWriter
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.grading.diagnosis import diagnose
from tinnyswe.model.base import Record
from tinnyswe.model.errors import SubmissionError, TinnyError, UsageError
from tinnyswe.model.events import KEPT, AnyEvent, CheckFinished, CheckResult, RunFinished
from tinnyswe.model.evidence import Receipt, RunVerdict
from tinnyswe.model.failure import Failure
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.model.plan import Plan
from tinnyswe.processes.lease import sweep
from tinnyswe.run import bench
from tinnyswe.run.scratch import scratch_folder
from tinnyswe.usecases import grade_files
from tinnyswe.usecases.audit_file import behaviours
from tinnyswe.usecases.prepare import Prepared, interpreter_version, prepare
from tinnyswe.usecases.standing import stand
from tinnyswe.usecases.start_lab import started_folder
from tinnyswe.usecases.sync_roadmap import Ticked, set_ticks
from tinnyswe.usecases.tools import Tools

KEPT_RUNS = 20  # of each lab; those named by receipts stay for ever


class CheckOptions(Record, frozen=True, kw_only=True):
    only: tuple[str, ...] = ()
    keep: bool = False
    seed: int | None = None  # None = drawn freshly; a chosen one makes it a practice run


class CheckOutcome(Record, frozen=True, kw_only=True):
    """What a check came to. ticked: the boxes set in the roadmap by it.

    left: core labs its box still needs. next_lab, next_why: what to do after a proof.
    """

    verdict: RunVerdict
    folder: Path
    receipt: Receipt | None = None
    refusal: str = ""  # why it left no receipt
    ticked: Ticked | None = None
    problem: str = ""  # e.g. a tick that could not be written; the proof itself is kept
    left: tuple[str, ...] = ()
    next_lab: str = ""
    next_why: str = ""


class Checking:
    """One run of one lab: iterate over it for its events, then read `outcome`."""

    def __init__(
        self,
        workspace: Workspace,
        catalog: Catalog,
        lab: Lab,
        options: CheckOptions,
        tools: Tools,
        now: Callable[[], datetime],
        runner: Callable[[Plan], Iterator[AnyEvent]] = bench.run,
    ) -> None:
        self._runner = runner
        self._workspace = workspace
        self._catalog = catalog
        self._lab = lab
        self._options = options
        self._tools = tools
        self._now = now
        self._outcome: CheckOutcome | None = None
        self.seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
        self.scratch: Path | None = None

    def kept(self) -> dict[str, str]:
        """What the copies of a kept world were started with, while it stands (DSNs included)."""
        if self.scratch is None:
            raise RuntimeError("nothing of this run stands")
        given: dict[str, str] = msgspec.json.decode((self.scratch / KEPT).read_bytes())
        return given

    @property
    def practice(self) -> bool:
        return self._options.seed is not None

    @property
    def outcome(self) -> CheckOutcome:
        if self._outcome is None:
            raise RuntimeError("the events of this run were not read to their end")
        return self._outcome

    def __iter__(self) -> Iterator[AnyEvent]:
        workspace, lab = self._workspace, self._lab
        source = started_folder(workspace, lab)
        prepared = prepare(lab, self._tools)
        with scratch_folder(self._tools.runtime, run=lab.id) as scratch:
            self.scratch = scratch
            try:
                submission = grade_files.take_in_for(lab, source, scratch)
            except SubmissionError as problem:
                yield from self._refuse(problem)
                return
            workspace.objects().put(submission.root)
            plan = grade_files.plan_for(
                lab,
                submission,
                prepared,
                self._tools,
                scratch,
                seed=self.seed,
                practice=self.practice,
                only=self._options.only,
                keep=self._options.keep,
            )
            yield from self._graded(plan, prepared, submission.digest)

    def _refuse(self, problem: SubmissionError) -> Iterator[AnyEvent]:
        lab, practice = self._lab, self.practice
        why = Failure(check=lab.checks[0].id, code=problem.code, why=str(problem.what), next_step=problem.next_step)
        writer = self._writer("")
        for event in grade_files.refused(lab, self.seed, practice, why):
            writer.add(event)
            yield event
        self._outcome = CheckOutcome(verdict=writer.finish(), folder=writer.folder, refusal=str(problem.what))

    def _writer(self, submission: str) -> RunWriter:
        return RunWriter.create(
            self._workspace.runs_folder,
            lab=self._lab.id,
            seed=self.seed,
            practice=self.practice,
            submission=submission,
            now=self._now(),
        )

    def _graded(self, plan: Plan, prepared: Prepared, submission: str) -> Iterator[AnyEvent]:
        writer = self._writer(submission)
        results: list[CheckResult] = []
        last: AnyEvent | None = None
        try:
            for event in self._runner(plan):
                writer.add(event)
                last = event
                if isinstance(event, CheckFinished):
                    results.append(event.result)
                yield event
        finally:
            _keep_logs(plan.scratch / "logs", writer.logs)
            if isinstance(last, RunFinished):
                self._outcome = self._conclude(plan, prepared, writer, results)
            else:
                writer.close()  # interrupted: the folder says so by having no verdict
                sweep(self._tools.runtime)  # a bench ended at any moment may leave a lease whose program never began

    def _conclude(
        self, plan: Plan, prepared: Prepared, writer: RunWriter, results: Sequence[CheckResult]
    ) -> CheckOutcome:
        verdict = writer.finish(diagnosis=diagnose(results, behaviours(self._lab)))
        refused = refusal(plan, verdict)
        if refused:
            return CheckOutcome(verdict=verdict, folder=writer.folder, refusal=refused)
        receipt = make_receipt(
            plan,
            verdict,
            engines=writer.engines,
            events=writer.events_digest,
            lock_digest=prepared.lock_digest,
            python=interpreter_version(prepared.python),
        )
        ledger = self._workspace.ledger()
        record_receipt(ledger, receipt, self._now())
        verdict = writer.keep_receipt(receipt)
        outcome = CheckOutcome(verdict=verdict, folder=writer.folder, receipt=receipt)
        outcome = self._tick(outcome)
        named = [kept.events for kept in receipts(ledger.read().entries)]
        prune_runs(self._workspace.runs_folder, keep=KEPT_RUNS, named=named)
        return outcome

    def _tick(self, outcome: CheckOutcome) -> CheckOutcome:
        try:
            ticked = set_ticks(self._workspace, self._catalog, self._now(), proved=self._lab.box)
            outcome = msgspec.structs.replace(outcome, ticked=ticked)
            standing = stand(self._workspace, self._catalog, self._now())
        except TinnyError as problem:
            return msgspec.structs.replace(outcome, problem=str(problem))
        progress = standing.progress
        boxes = [box for topic in progress.topics for box in topic.boxes if box.box == self._lab.box]
        core = self._catalog.boxes[self._lab.box].core
        return msgspec.structs.replace(
            outcome,
            left=tuple(lab.lab for box in boxes for lab in box.labs if lab.lab in core and not lab.proven),
            next_lab=progress.next_lab,
            next_why=progress.next_why,
        )


def _keep_logs(source: Path, target: Path) -> None:
    """Copy the run's logs beside its events; a log that cannot be kept takes nothing else with it."""
    for log in sorted(source.glob("*.log")):
        try:
            shutil.copyfile(log, target / log.name)
        except OSError:
            continue


def check_lab(
    workspace: Workspace,
    catalog: Catalog,
    lab: Lab,
    options: CheckOptions,
    tools: Tools,
    now: Callable[[], datetime],
) -> Checking:
    """Return the run, ready to be read. Nothing happens before its first event is asked for."""
    _known_checks(lab, options.only)
    return Checking(workspace, catalog, lab, options, tools, now)


def _known_checks(lab: Lab, only: Sequence[str]) -> None:
    known = [spec.id for spec in lab.checks]
    for id in only:
        if id not in known:
            raise UsageError(f"{lab.id} has no check {id!r}", next_step=f"it has {', '.join(known)}", code="no-check")

"""`tinny lab audit`: the lab itself is graded (design §9)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from tinnyswe.grading.diagnosis import Behaviour, summarise
from tinnyswe.model.base import Record
from tinnyswe.model.errors import SubmissionError, TinnyError
from tinnyswe.model.events import CheckFinished, CheckResult, RunFinished
from tinnyswe.model.lab import Lab, MutantSpec
from tinnyswe.model.verdict import Outcome
from tinnyswe.processes.lease import sweep
from tinnyswe.run import bench
from tinnyswe.run.scratch import scratch_folder
from tinnyswe.usecases import goldens, grade_files
from tinnyswe.usecases.audit_file import AuditFile, Figures, write_audit
from tinnyswe.usecases.hopeless import hopeless_programs
from tinnyswe.usecases.prepare import Prepared, prepare
from tinnyswe.usecases.tools import Tools

SEED = 20261  # the audit's own seed: goldens are compared at it
Role = Literal["starter", "hopeless", "reference", "mutant"]


class Graded(Record, frozen=True, kw_only=True):
    """One run of one program. seconds: from intake to verdict."""

    program: str
    seed: int
    outcome: Outcome
    checks: tuple[CheckResult, ...]
    seconds: float
    reason: str = ""


class Row(Record, frozen=True, kw_only=True):
    """One line of the audit's table. problems: empty when the program did what it must."""

    program: str
    role: Role
    must: str  # in words: "passes", "is refused by C2 (oversold)"
    runs: tuple[Graded, ...]
    problems: tuple[str, ...] = ()


class Audit(Record, frozen=True, kw_only=True):
    lab: str
    rows: tuple[Row, ...]
    problems: tuple[str, ...]  # of the lab as a whole: hints, leftovers, facets
    figures: Figures

    @property
    def green(self) -> bool:
        return not self.problems and not any(row.problems for row in self.rows)


class AuditOptions(Record, frozen=True, kw_only=True):
    """repeats: runs of the reference at the audit's seed, to see whether they agree. record: write goldens."""

    seeds: int = 3
    repeats: int = 3
    jobs: int = 1
    record: bool = False
    only: tuple[str, ...] = ()  # names of programs; empty = all


class Auditor:
    """Audits one lab; `rows` yields each program's row as soon as it is known."""

    def __init__(self, lab: Lab, options: AuditOptions, tools: Tools) -> None:
        self._lab = lab
        self._options = options
        self._tools = tools
        self._prepared: Prepared = prepare(lab, tools)
        self._rows: list[Row] = []
        self._behaviours: dict[str, Behaviour] = {}

    def rows(self) -> Iterator[Row]:
        tasks = [(name, task) for name, task in self._tasks() if not self._options.only or name in self._options.only]
        with ThreadPoolExecutor(self._options.jobs) as pool:
            for row in pool.map(lambda named: named[1](), tasks):
                self._rows.append(row)
                yield row

    def _tasks(self) -> Iterator[tuple[str, Callable[[], Row]]]:
        root = self._lab.root
        yield "starter", lambda: self._must_not_pass("starter", "starter", root / "starter")
        for name in hopeless_programs(self._lab):
            yield name, lambda name=name: self._hopeless(name)  # type: ignore[misc]
        for folder in sorted(root.glob("reference*")):
            yield folder.name, lambda folder=folder: self._must_pass(folder)  # type: ignore[misc]
        for mutant in self._lab.mutants:
            yield mutant.id, lambda mutant=mutant: self._must_be_refused(mutant)  # type: ignore[misc]

    # -- programs -----------------------------------------------------------------------------------------------

    def _hopeless(self, name: str) -> Row:
        with scratch_folder(self._tools.runtime, run="audit") as scratch:
            folder = scratch / "hopeless"
            hopeless_programs(self._lab)[name](folder)
            return self._must_not_pass(name, "hopeless", folder)

    def _must_not_pass(self, name: str, role: Role, folder: Path) -> Row:
        graded = self.grade(name, folder, SEED)
        problems = () if graded.outcome is Outcome.FAILED else (f"it must be refused, and is {graded.outcome}",)
        return Row(program=name, role=role, must="is refused", runs=(graded,), problems=problems + _errors(graded))

    def _must_pass(self, folder: Path) -> Row:
        seeds = [SEED + n for n in range(self._options.seeds)]
        seeds += [SEED] * (self._options.repeats - 1 if folder.name == "reference" else 0)
        runs = tuple(self.grade(folder.name, folder, seed) for seed in seeds)
        problems = tuple(f"seed {run.seed}: {_first_words(run)}" for run in runs if run.outcome is not Outcome.PASSED)
        return Row(program=folder.name, role="reference", must="passes", runs=runs, problems=problems)

    def _must_be_refused(self, mutant: MutantSpec) -> Row:
        folder = self._mutant_folder(mutant)
        last = "" if self._options.record else self._last_named(mutant)
        seeds = [SEED, SEED, *(SEED + n for n in range(1, self._options.seeds))] if self._options.record else [SEED]
        runs = tuple(self.grade(mutant.id, folder, seed, stop_after=last) for seed in seeds)
        problems = [problem for run in runs for problem in self._rejection(mutant, run)]
        if self._options.record:
            self._behaviours[mutant.id] = summarise(run.checks for run in runs)
            twice = [goldens.typed(run.checks, mutant) for run in runs[:2]]
            goldens.write_golden(self._lab, mutant, goldens.merged(*twice))
        else:
            problems += self._golden(mutant, runs[0])
        must = f"is refused by {' and '.join(mutant.rejected_by)} ({mutant.code})"
        return Row(program=mutant.id, role="mutant", must=must, runs=runs, problems=tuple(dict.fromkeys(problems)))

    def _rejection(self, mutant: MutantSpec, run: Graded) -> Iterator[str]:
        results = {result.check: result for result in run.checks}
        first = self._lab.checks[0].id
        if self._lab.kind in ("build", "judge") and results[first].outcome is not Outcome.PASSED:
            yield f"{first} must pass (else the belief is not plausible): {_words(results[first])}"
        for name in mutant.rejected_by:
            check, _, problem = name.partition("/")
            result = results[check]
            fitting = [f for f in result.failures if f.code == mutant.code and problem in ("", f.problem)]
            if result.outcome is not Outcome.FAILED or not fitting:
                yield f"{name} must refuse it with {mutant.code}: {_words(result)}"
        yield from _errors(run)

    def _golden(self, mutant: MutantSpec, run: Graded) -> list[str]:
        golden = goldens.read_golden(self._lab, mutant)
        if golden is None:
            return ["it has no golden message: record one with `tinny lab audit --record`"]
        return [f"golden {line}" for line in goldens.differences(golden, goldens.typed(run.checks, mutant))]

    def programs(self) -> Iterator[tuple[str, Path, str]]:
        """Name, folder, and the check to stop after, of every reference and mutant."""
        for folder in sorted(self._lab.root.glob("reference*")):
            yield folder.name, folder, ""
        for mutant in self._lab.mutants:
            yield mutant.id, self._mutant_folder(mutant), self._last_named(mutant)

    def _mutant_folder(self, mutant: MutantSpec) -> Path:
        return self._lab.root / "mutants" / mutant.folder.rpartition("/")[2]

    def _last_named(self, mutant: MutantSpec) -> str:
        """The last of the checks that must reject it: nothing after it needs to be run."""
        order = [spec.id for spec in self._lab.checks]
        return max((name.partition("/")[0] for name in mutant.rejected_by), key=order.index)

    def grade(self, name: str, folder: Path, seed: int, stop_after: str = "") -> Graded:
        """Grade one folder with the real thing: intake, bench, verdict."""
        lab, started = self._lab, time.monotonic()
        with scratch_folder(self._tools.runtime, run="audit") as scratch:
            try:
                submission = grade_files.take_in_for(lab, folder, scratch)
            except SubmissionError as problem:
                return Graded(
                    program=name,
                    seed=seed,
                    outcome=Outcome.FAILED,
                    checks=(),
                    seconds=time.monotonic() - started,
                    reason=problem.what,
                )
            plan = grade_files.plan_for(
                lab, submission, self._prepared, self._tools, scratch, seed=seed, stop_after=stop_after
            )
            results: list[CheckResult] = []
            outcome, reason = Outcome.ERROR, ""
            for event in bench.run(plan):
                if isinstance(event, CheckFinished):
                    results.append(event.result)
                elif isinstance(event, RunFinished):
                    outcome, reason = event.outcome, event.reason
        return Graded(
            program=name,
            seed=seed,
            outcome=outcome,
            checks=tuple(results),
            seconds=time.monotonic() - started,
            reason=reason,
        )

    # -- the lab as a whole -------------------------------------------------------------------------------------

    def conclude(self) -> Audit:
        """After the last row: the lab's own problems and figures. Writes audit.json when recording."""
        problems = [*hint_problems(self._lab), *sweep(self._tools.runtime)]
        figures = self._figures()
        audit = Audit(lab=self._lab.id, rows=tuple(self._rows), problems=tuple(problems), figures=figures)
        if self._options.record and not self._options.only:
            write_audit(self._lab, AuditFile(lab_digest=self._lab.digest, figures=figures, behaviours=self._behaviours))
        return audit

    def _figures(self) -> Figures:
        mutants = [row for row in self._rows if row.role == "mutant"]
        passing = [run for row in self._rows if row.role == "reference" for run in row.runs]
        times = sorted(run.seconds for run in passing)
        return Figures(
            killed=sum(not row.problems for row in mutants),
            mutants=len(mutants),
            reference_runs=len(passing),
            flipped=sum(run.outcome is not Outcome.PASSED for run in passing),
            p50=round(statistics.median(times), 2) if times else 0.0,
            p95=round(times[int(0.95 * (len(times) - 1))], 2) if times else 0.0,
        )


def hint_problems(lab: Lab) -> list[str]:
    """Hints must exist, on three rungs, and must not be the reference."""
    path = lab.root / "hints.md"
    try:
        text = path.read_text("utf-8")
    except OSError:
        return ["hints.md is missing"]
    rungs = [line for line in text.splitlines() if line.startswith("## ")]
    problems = [] if len(rungs) == 3 else [f"hints.md has {len(rungs)} rungs (lines that begin with ##), not 3"]
    told = {line.strip() for line in text.splitlines() if len(line.strip()) > 30}
    for source in sorted((lab.root / "reference").rglob("*.py")):
        shown = told & {line.strip() for line in source.read_text("utf-8").splitlines()}
        problems += [f"hints.md shows a line of the reference: {line}" for line in sorted(shown)]
    return problems


def _errors(run: Graded) -> tuple[str, ...]:
    """Faults of ours in a run: never acceptable, whatever the program is."""
    broken = [f"{r.check}: error: {r.reason}" for r in run.checks if r.outcome is Outcome.ERROR]
    if run.outcome is Outcome.ERROR and not broken:
        broken = [f"error: {run.reason}"]
    return tuple(broken)


def _words(result: CheckResult) -> str:
    codes = ", ".join(failure.code for failure in result.failures)
    return (
        f"it {result.outcome}" + (f" with {codes}" if codes else "") + (f" ({result.reason})" if result.reason else "")
    )


def _first_words(run: Graded) -> str:
    bad = next((result for result in run.checks if result.outcome not in (Outcome.PASSED, Outcome.NOT_RUN)), None)
    if bad is None:
        return f"{run.outcome} {run.reason}"
    why = bad.failures[0].why if bad.failures else bad.reason
    return f"{bad.check} {_words(bad)}: {why}"


def audit_lab(lab: Lab, options: AuditOptions, tools: Tools) -> Auditor:
    """Return the auditor of this lab; raises CannotRunHere when its engines cannot be had."""
    missing = [name for name in ("starter", "reference") if not (lab.root / name).is_dir()]
    if missing:
        raise TinnyError(f"{lab.id} has no {' and no '.join(missing)}", where=str(lab.root), code="unfinished-lab")
    return Auditor(lab, options, tools)


def changed(labs: Sequence[Lab], known: Callable[[Lab], AuditFile | None]) -> list[Lab]:
    """The labs whose last full audit was about another build of them."""
    return [lab for lab in labs if (audit := known(lab)) is None or audit.lab_digest != lab.digest]

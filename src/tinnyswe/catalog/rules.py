"""What must hold inside one well-formed lab.toml, whatever lies beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tinnyswe.catalog.files import LabFile
from tinnyswe.catalog.misfits import instead, misfit
from tinnyswe.model.errors import FormatError
from tinnyswe.model.lab import LABKIT, Limits, MutantSpec

Rule = Callable[[LabFile, Path], Iterator[FormatError]]

LAB_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CHECK_ID = re.compile(r"C[1-9][0-9]?")
_PROBLEM = re.compile(r"p[0-9]{2}")
_MUTANT_ID = re.compile(r"M[1-9][0-9]?")
_PLATFORMS = {"linux", "macos"}
_FIXTURES = {"net", "acks", "rng", "until", "expect", "request"}
_STARTED = ("http", "worker", "cli")

_LONGEST_RUN = 600.0  # s
_FAST_RUN = 120.0  # s; a longer one must say that it is slow
_RANGES: dict[str, tuple[float, float]] = {
    "run_seconds": (1, _LONGEST_RUN),
    "check_seconds": (0.1, _LONGEST_RUN),
    "memory_mb": (16, 8192),
    "processes": (1, 1024),
    "files": (1, 5000),
    "submission_mb": (0.01, 200),
}


def broken_rules(lab: LabFile, file: Path) -> Iterator[FormatError]:
    """Yield every rule this lab.toml breaks."""
    for rule in (_head, _entries, _engines, _fixtures, _experiment, _limits, _checks, _uses, _needs, _mutants):
        yield from rule(lab, file)


def _head(lab: LabFile, file: Path) -> Iterator[FormatError]:
    folders = f"{file.parent.parent.name}/{file.parent.name}"
    if lab.id != folders:
        what = f"{lab.id!r} is not where the lab lies"
        yield misfit(file, "id", what, f'write id = "{folders}" or move the folder', code="wrong-id")
    elif not LAB_ID.fullmatch(lab.id):
        yield misfit(file, "id", f"{lab.id!r} is no lab id", "use lower-case words joined by -", code="wrong-id")
    if not lab.title.strip():
        yield misfit(file, "title", "empty", "write what the learner will see", code="no-title")
    if lab.revision < 1:
        yield misfit(file, "revision", f"{lab.revision} is below 1", "write revision = 1", code="wrong-value")
    if lab.labkit != LABKIT:
        what = f"this build has labkit {LABKIT}, not {lab.labkit}"
        yield misfit(file, "labkit", what, f"write labkit = {LABKIT}, or use the build it was made for", code="labkit")
    if not 5 <= lab.minutes <= 480:
        what = f"{lab.minutes} minutes is not a lab"
        yield misfit(file, "minutes", what, "write a learner's time between 5 and 480", code="wrong-value")
    if not lab.platforms:
        yield misfit(file, "platforms", "empty", 'write platforms = ["linux"]', code="wrong-value")
    for platform in lab.platforms:
        if platform not in _PLATFORMS:
            yield misfit(file, "platforms", f"unknown {platform!r}", instead(platform, _PLATFORMS), code="wrong-value")


def _entries(lab: LabFile, file: Path) -> Iterator[FormatError]:
    if not lab.entry:
        yield misfit(file, "entry", "no entry", "add an [[entry]] with a type", code="no-entry")
    yield from _doubled([entry.name for entry in lab.entry], "entry", file)
    for entry in lab.entry:
        at = f"entry[{entry.name}]"
        if entry.type in _STARTED and not entry.command:
            what = f"an entry of type {entry.type} has no command"
            yield misfit(file, f"{at}.command", what, 'write command = ["python", "app.py"]', code="no-command")
        if entry.type not in _STARTED and entry.command:
            what = f"an entry of type {entry.type} is never started"
            yield misfit(file, f"{at}.command", what, "remove the command", code="idle-command")
        if not 1 <= entry.copies <= 16:
            yield misfit(file, f"{at}.copies", f"{entry.copies} copies", "write 1 to 16", code="wrong-value")


def _engines(lab: LabFile, file: Path) -> Iterator[FormatError]:
    for role, need in lab.engine.items():
        at = f"engine.{role}"
        if need.follows and (need.follows not in lab.engine or need.follows == role):
            others = [name for name in lab.engine if name != role]
            what = f"follows {need.follows!r}, which is no other role"
            yield misfit(file, f"{at}.follows", what, instead(need.follows, others), code="unknown-role")
        if not 1 <= need.nodes <= 9:
            yield misfit(file, f"{at}.nodes", f"{need.nodes} nodes", "write 1 to 9", code="wrong-value")


def _fixtures(lab: LabFile, file: Path) -> Iterator[FormatError]:
    """Entries, engine roles and sinks are fixtures of the checks, so their names must differ and be names."""
    named = [f"entry[{entry.name}]" for entry in lab.entry]
    named += [f"engine.{role}" for role in lab.engine] + [f"sink.{name}" for name in lab.sink]
    owners: dict[str, str] = {}
    for at in named:
        name = at.removesuffix("]").removeprefix("entry[").removeprefix("engine.").removeprefix("sink.")
        if not _NAME.fullmatch(name):
            yield misfit(file, at, "not a name", "use lower-case letters, digits and _", code="wrong-name")
        elif name in _FIXTURES:
            what = f"{name} is a fixture of every check already"
            yield misfit(file, at, what, "call it by what it does", code="wrong-name")
        elif owners.setdefault(name, at) != at:
            what = f"{owners[name]} has this name already"
            yield misfit(file, at, what, "call it by what it does", code="wrong-name")


def _experiment(lab: LabFile, file: Path) -> Iterator[FormatError]:
    asked = lab.experiment
    if (lab.kind == "experiment") != (asked.questions > 0):
        what = "only an experiment, and every experiment, asks transfer questions"
        write = "write [experiment] with questions = 10, or another kind"
        yield misfit(file, "experiment.questions", what, write, code="experiment")
    elif asked.questions and not 4 <= asked.questions <= 12:
        what = f"{asked.questions} questions"
        yield misfit(file, "experiment.questions", what, "write 4 to 12", code="experiment")
    if asked.questions and not 1 <= asked.least <= asked.questions:
        yield misfit(file, "experiment.least", f"{asked.least} of {asked.questions}", "write 3", code="experiment")
    if asked.questions and "answers" not in [entry.type for entry in lab.entry]:
        what = "an experiment is answered in an entry of its own"
        yield misfit(file, "entry", what, 'add an [[entry]] with type = "answers"', code="experiment")
    if (lab.sittings.count > 1) != (lab.sittings.hours_between > 0):
        what = "several sittings have a pause between them, one has none"
        yield misfit(file, "sittings", what, "write count = 2 and hours_between = 48, or neither", code="sittings")


def _limits(lab: LabFile, file: Path) -> Iterator[FormatError]:
    limits: Limits = lab.limits
    for key, (low, high) in _RANGES.items():
        value = getattr(limits, key)
        if not low <= value <= high:
            write = f"write a value from {low:g} to {high:g}, or leave the default out"
            yield misfit(file, f"limits.{key}", f"{value:g} is out of range", write, code="limits")
    if limits.run_seconds > _FAST_RUN and not limits.slow:
        what = f"a run of {limits.run_seconds:g} s is reported apart"
        yield misfit(file, "limits.slow", what, "write slow = true, or a shorter run_seconds", code="limits")
    longest = max([limits.check_seconds, *(check.seconds for check in lab.check)])
    if longest > limits.run_seconds:
        what = f"one check may take {longest:g} s, the whole run {limits.run_seconds:g} s"
        yield misfit(file, "limits.run_seconds", what, f"write at least {longest:g}", code="limits")


def _checks(lab: LabFile, file: Path) -> Iterator[FormatError]:
    if not lab.check:
        yield misfit(file, "check", "no check", "add a [[check]] with id, title and facets", code="no-check")
    yield from _doubled([check.id for check in lab.check], "check", file)
    entries = [entry.name for entry in lab.entry]
    for check in lab.check:
        at = f"check[{check.id}]"
        if not _CHECK_ID.fullmatch(check.id):
            yield misfit(file, f"{at}.id", "not a check id", "write C1, C2, ...", code="wrong-id")
        if not check.title.strip():
            yield misfit(file, f"{at}.title", "empty", "write what is checked, in a few words", code="no-title")
        if not check.facets:
            yield misfit(file, f"{at}.facets", "empty", "name at least one facet of the box", code="no-facet")
        if check.entry and check.entry not in entries:
            yield misfit(file, f"{at}.entry", f"no entry {check.entry!r}", instead(check.entry, entries), code="entry")
        if check.seconds < 0:
            yield misfit(file, f"{at}.seconds", "below 0", "leave it out for limits.check_seconds", code="limits")


def _uses(lab: LabFile, file: Path) -> Iterator[FormatError]:
    """What a check refers to exists: engine roles, its sitting, its problems."""
    for check in lab.check:
        at = f"check[{check.id}]"
        for role in check.engines:
            if role not in lab.engine:
                what = f"no engine role {role!r}"
                yield misfit(file, f"{at}.engines", what, instead(role, lab.engine), code="unknown-role")
        if not 1 <= check.sitting <= lab.sittings.count:
            what = f"sitting {check.sitting} of {lab.sittings.count}"
            yield misfit(file, f"{at}.sitting", what, "write count in [sittings], or leave it out", code="sittings")
        for problem in check.problems:
            if not _PROBLEM.fullmatch(problem):
                what = f"{problem!r} is no problem's id"
                yield misfit(file, f"{at}.problems", what, "write p01, p02, ...", code="wrong-id")
    if lab.check and not any(check.counts for check in lab.check):
        yield misfit(file, "check", "no check counts", "remove counts = false from one", code="no-check")
    counted = [need for need in lab.engine.values() if need.optional]
    if counted and not any(check.engines for check in lab.check):
        what = "an engine is optional, but no check says that it needs it"
        yield misfit(file, "check", what, 'write engines = ["role"] at those that do', code="optional-engine")


def _needs(lab: LabFile, file: Path) -> Iterator[FormatError]:
    needs = {check.id: check.needs for check in lab.check}
    for check, wanted in needs.items():
        for name in wanted:
            if name not in needs:
                what = f"{check} needs {name}, which is no check here"
                yield misfit(file, f"check[{check}].needs", what, instead(name, needs), code="unknown-need")
    for circle in circles(needs):
        what = f"{' needs '.join(circle)}: none of them can ever run"
        yield misfit(file, f"check[{circle[0]}].needs", what, f"remove {circle[1]} from it", code="needs-circle")


def _mutants(lab: LabFile, file: Path) -> Iterator[FormatError]:
    checks = [check.id for check in lab.check if check.counts]
    yield from _doubled([mutant.id for mutant in lab.mutant], "mutant", file)
    for mutant in lab.mutant:
        at = f"mutant[{mutant.id}]"
        if not _MUTANT_ID.fullmatch(mutant.id):
            yield misfit(file, f"{at}.id", "not a mutant id", "write M1, M2, ...", code="wrong-id")
        for key in ("belief", "code"):
            if not getattr(mutant, key).strip():
                yield misfit(file, f"{at}.{key}", "empty", f"write the mutant's {key}", code="mutant")
        if not mutant.rejected_by:
            write = f'write rejected_by = ["{checks[-1] if checks else "C2"}"]'
            yield misfit(file, f"{at}.rejected_by", "no check rejects it", write, code="mutant")
        for name in mutant.rejected_by:
            yield from _rejecting(lab, name, f"{at}.rejected_by", file)
        yield from _hidden(lab, mutant, f"{at}.rejected_by", file)


def _rejecting(lab: LabFile, name: str, at: str, file: Path) -> Iterator[FormatError]:
    """`name` is a check that may reject a mutant: C2, or C2/p07 where C2 has problems."""
    checks = {check.id: check for check in lab.check}
    check, _, problem = name.partition("/")
    if check not in checks:
        yield misfit(file, at, f"{name} is no check here", instead(check, checks), code="mutant")
    elif problem and problem not in checks[check].problems:
        known = checks[check].problems
        what = f"{check} has no problem {problem}"
        yield misfit(file, at, what, instead(problem, known) if known else f'write "{check}"', code="mutant")
    elif check == "C1" and lab.kind in ("build", "judge"):
        what = "a mutant of a build or judge lab passes C1, or nobody would believe it"
        yield misfit(file, at, what, "move that demand to a later check", code="mutant")


def _hidden(lab: LabFile, mutant: MutantSpec, at: str, file: Path) -> Iterator[FormatError]:
    """A check that needs another one is not run for a mutant which that one rejects, so it cannot reject it."""
    named = {name.partition("/")[0] for name in mutant.rejected_by}
    for check in lab.check:
        for need in sorted(named.intersection(check.needs)) if check.id in named else ():
            what = f"{need} rejects it, so {check.id}, which needs {need}, is not run"
            yield misfit(file, at, what, f"remove {check.id}, or {need} from its needs", code="hidden-check")


def _doubled(names: list[str], table: str, file: Path) -> Iterator[FormatError]:
    for name, count in Counter(names).items():
        if count > 1:
            what = f"{count} tables [[{table}]] are called {name}"
            yield misfit(file, f"{table}[{name}]", what, "give each its own name", code="doubled")


def circles(needs: dict[str, tuple[str, ...]]) -> list[list[str]]:
    """Return each circle of needs once, as [a, b, ..., a], starting from its first name in order."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name) :], name])
            return
        if name in done:
            return
        for wanted in needs.get(name, ()):
            walk(wanted, [*path, name])
        done.add(name)

    for name in needs:
        walk(name, [])
    return found

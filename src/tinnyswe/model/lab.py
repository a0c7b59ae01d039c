"""Labs, topics and boxes as the curriculum's files declare them (design §5.3, format = 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from tinnyswe.model.base import Record

FORMAT = 1
LABKIT = 1

Kind = Literal["build", "judge", "experiment", "decide"]
EntryType = Literal["http", "worker", "function", "cli", "files", "answers"]
Level = Literal["real", "lite", "contract"]


class Readiness(Record, frozen=True, kw_only=True):
    """When a started entry counts as ready. http: any HTTP answer to GET `path`; worker: `line` in its output."""

    path: str = "/"  # "" = a TCP connection is accepted (gRPC)
    line: str = ""  # a worker's output contains it; "" = as soon as it runs
    seconds: float = 10.0  # after that the check fails with code "not-ready"


class Dialect(Record, frozen=True, kw_only=True):
    """The Python a function entry may use where its operations are counted."""

    counted: bool = False  # rewritten so that loops, slices and list operations are counted
    imports: tuple[str, ...] = ()  # modules it may import when counted
    banned: tuple[str, ...] = ()  # names it may not use; the brief says why


class Entry(Record, frozen=True, kw_only=True):
    """One way into the learner's work. Checks name the entry they drive."""

    name: str = "app"  # also the checks' fixture for it
    type: EntryType  # http serves $PORT; worker runs until stopped; function is called; cli is run
    command: tuple[str, ...] = ()  # of http, worker, cli; "python" is the topic's interpreter
    files: tuple[str, ...] = ()  # globs taken in; empty = all but environment, caches and brief
    copies: int = 2  # at most this many copies of it run at once
    readiness: Readiness = msgspec.field(default_factory=Readiness)  # of http and worker
    setup: str = ""  # a file of the submission run once per fresh world, before the copies (migrate.sql)
    env: dict[str, str] = {}  # fixed environment the contract names (ATTEMPT_WINDOW)
    folders: dict[str, Literal["own", "shared"]] = {}  # variable that carries a data folder, empty in a fresh world
    module: str = "solution.py"  # function entries: the file that is loaded
    symbols: tuple[str, ...] = ()  # function entries: what the module must define
    dialect: Dialect = msgspec.field(default_factory=Dialect)  # function entries: the Python they may use


class EngineNeed(Record, frozen=True, kw_only=True):
    """An engine role of a lab, e.g. [engine.valkey]."""

    kind: str = ""  # engine id; empty = the role's name
    version: str = ""  # e.g. ">=8"; empty = what the manifest offers
    instance: Literal["own", "scope"] = "scope"  # own: this lab kills or reconfigures it
    env: str = ""  # variable that carries the DSN; empty = <ROLE>_URL
    options: dict[str, Any] = {}  # settings of the engine's own, by its own names
    any_of: tuple[str, ...] = ()  # other engine ids that serve as well
    optional: bool = False  # without it, checks that name it in `engines` are not run
    nodes: int = 1  # members of one cluster behind this role; the variable then holds all addresses, comma-separated
    follows: str = ""  # role this one replicates from (a standby, a replica)


class SinkNeed(Record, frozen=True, kw_only=True):
    """A receiver of the grader's that the learner's program talks to, e.g. [sink.mail]: it records and can hold."""

    kind: Literal["http", "smtp", "otlp"] = "http"  # what it understands
    env: str = ""  # variable that carries its address; empty = <NAME>_URL


class Limits(Record, frozen=True, kw_only=True):
    """Budgets of one run. An omitted one has the default below."""

    run_seconds: float = 60.0  # of the whole run, engines ready; then the verdict is timeout
    check_seconds: float = 20.0  # of one check; then it fails with code "no-answer"
    memory_mb: int = 512  # per process of the learner's program
    processes: int = 64  # processes and threads of the learner's program
    files: int = 200  # of a submission
    submission_mb: float = 2.0  # all its files together
    threads: bool = True  # False: the learner's code may start none
    subprocess: bool = True  # False: the learner's code may start none
    slow: bool = False  # reported apart from the p95 of 10 s; needed above 120 s


class CheckSpec(Record, frozen=True, kw_only=True):
    """One graded statement; its function in checks.py is called test_c2_... for C2."""

    id: str  # C1
    title: str  # in a few words; the docstring of its function says the rest
    facets: tuple[str, ...] = ()  # words of the box it tests, or common ones
    entry: str = ""  # empty = the first entry
    needs: tuple[str, ...] = ()  # checks that must pass first; a mutant this one rejects must pass them
    seconds: float = 0.0  # its own deadline; 0 = limits.check_seconds
    shares_world: bool = False  # runs in the world its predecessor left
    engines: tuple[str, ...] = ()  # roles it needs; empty = all that are not optional
    problems: tuple[str, ...] = ()  # p01, p02, ...: its numbered problems, each with a verdict of its own
    counts: bool = True  # False: shown and available to later checks, but no part of the run's verdict
    sitting: int = 1  # 2: not run before the second sitting


class MutantSpec(Record, frozen=True, kw_only=True):
    """A shipped wrong solution that carries a wrong belief."""

    id: str  # M1
    folder: str = ""  # empty = the one folder mutants/<id lower>-*
    belief: str  # the wrong belief, as its holder would say it
    rejected_by: tuple[str, ...]  # C2, or C2/p07
    code: str  # failure code of the rejecting check
    explain: str = ""  # shown after a pass: why it fails


class Experiment(Record, frozen=True, kw_only=True):
    """The transfer questions of an experiment; its predictions are shown and never graded."""

    questions: int = 0  # 0 = no experiment
    wrong_allowed: int = 1  # of all questions; none once one was dropped
    least: int = 3  # questions this computer must be able to discriminate


class Sittings(Record, frozen=True, kw_only=True):
    """A lab worked on twice, with a pause the learner times."""

    count: int = 1  # a second one adds to the first's submission; one receipt holds both
    hours_between: float = 0.0  # least pause


class Lab(Record, frozen=True, kw_only=True):
    """A validated lab. `root` is its folder; everything else comes from lab.toml."""

    root: Path
    topic: str
    id: str  # topic/lab
    title: str
    kind: Kind
    box: str  # topic/box
    minutes: int
    revision: int
    level: Level
    core: bool  # set from topic.toml
    prerequisites: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ("linux", "macos")
    entries: tuple[Entry, ...]
    engines: dict[str, EngineNeed] = {}
    sinks: dict[str, SinkNeed] = {}
    experiment: Experiment = msgspec.field(default_factory=Experiment)
    sittings: Sittings = msgspec.field(default_factory=Sittings)
    limits: Limits = msgspec.field(default_factory=Limits)
    checks: tuple[CheckSpec, ...]
    mutants: tuple[MutantSpec, ...] = ()
    links: tuple[str, ...] = ()
    extra: dict[str, Any] = {}  # free [x-*] tables
    digest: str  # of lab.toml, checks.py, starter, guest drivers and the topic's lock

    def check(self, id: str) -> CheckSpec:
        """Return the check with this id; KeyError when there is none."""
        for spec in self.checks:
            if spec.id == id:
                return spec
        raise KeyError(id)

    def entry(self, name: str = "") -> Entry:
        """Return the named entry, or the first one; KeyError when there is none of that name."""
        for entry in self.entries:
            if not name or entry.name == name:
                return entry
        raise KeyError(name)


class Box(Record, frozen=True, kw_only=True):
    """A check box of the roadmap and what proves it."""

    id: str  # topic/box
    topic: str
    title: str
    aliases: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    core: tuple[str, ...] = ()  # full lab ids: the only authority on what a tick needs
    depth: tuple[str, ...] = ()


class Topic(Record, frozen=True, kw_only=True):
    id: str
    title: str
    section: str = ""  # heading above it in the default roadmap
    aliases: tuple[str, ...] = ()
    boxes: tuple[Box, ...]
    root: Path


class Catalog(Record, frozen=True, kw_only=True):
    """Every topic, box and shipped lab, by id, in roadmap order."""

    topics: dict[str, Topic]
    boxes: dict[str, Box]
    labs: dict[str, Lab]
    problems: tuple[str, ...] = ()  # why a topic or lab was left out: file, key, what to write

    def shipped(self, box: str) -> bool:
        """True when every core lab of this box exists here, and there is at least one."""
        core = self.boxes[box].core
        return bool(core) and all(lab in self.labs for lab in core)

"""The bench as a process of its own: what it says, and that nothing outlives it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from integration.run.throwaway import SECONDS, SERVE, Run, left_of, make_lab, make_plan, place, processes_of
from tinnyswe.labkit import until
from tinnyswe.model.base import to_json
from tinnyswe.model.events import AnyEvent, CheckFinished, CopyReady, RunStarted
from tinnyswe.model.lab import CheckSpec, EngineNeed
from tinnyswe.model.plan import Plan
from tinnyswe.model.verdict import Outcome
from tinnyswe.run import bench
from tinnyswe.run.warm import WarmPool

HANGS = SERVE + 'serve(lambda method, path, body: ok() if path == "/" else signal.pause())'
ASKS = """
def test_c1_asks(app):
    app.a.get("/x")

def test_c2_again(app, expect):
    expect(app.a.get("/").status, code="not-200", why="It answers 200.").equals(200)
"""
SPECS = (CheckSpec(id="C1", title="one"), CheckSpec(id="C2", title="two", shares_world=True))


@pytest.fixture
def folder() -> Iterator[Path]:
    with place() as made:
        yield made


def plan_of(folder: Path, program: str, **changes: object) -> Plan:
    return make_plan(folder, make_lab(folder / "lab", ASKS, specs=SPECS), program, **changes)


def until_ready(events: Iterator[AnyEvent]) -> None:
    for event in events:
        if isinstance(event, CopyReady):
            return
    raise AssertionError("the run ended before its copy was ready")


def bench_process(plan: Plan) -> int:
    """The pid of the bench below us, which has the run's log open."""
    log = str(plan.scratch / "logs" / "bench.log")
    for process in psutil.Process().children(recursive=True):
        if any(os.path.realpath(f"/proc/{process.pid}/fd/{n}") == log for n in (1, 2)):
            return process.pid
    raise AssertionError("no bench")


def test_a_run_tells_everything_in_order_and_leaves_nothing(folder: Path) -> None:
    plan = plan_of(folder, SERVE + "serve()")
    came_to = Run(list(bench.run(plan)))
    assert [type(event).__name__ for event in came_to.events] == [
        "RunStarted",
        "CheckStarted",
        "CopyReady",
        "RequestSeen",
        "CheckFinished",
        "CheckStarted",
        "RequestSeen",
        "CheckFinished",
        "RunFinished",
    ]
    assert came_to.finished.outcome is Outcome.PASSED
    assert left_of(plan) == []


def test_nothing_starts_before_the_first_event_is_asked_for(folder: Path) -> None:
    plan = plan_of(folder, SERVE + "serve()")
    bench.run(plan).close()  # type: ignore[attr-defined]
    assert not (plan.scratch / "logs" / "bench.log").exists()


def test_a_bench_that_is_killed_is_our_error(folder: Path) -> None:
    plan = plan_of(folder, HANGS)
    events = bench.run(plan)
    until_ready(events)
    os.kill(bench_process(plan), signal.SIGKILL)
    came_to = Run(list(events))
    assert came_to.finished.outcome is Outcome.ERROR
    assert came_to.finished.reason == "the grader ended unexpectedly (status -9)"
    assert left_of(plan) == []


def test_a_run_left_early_is_ended(folder: Path) -> None:
    plan = plan_of(folder, HANGS)
    events = bench.run(plan)
    until_ready(events)
    assert processes_of(plan)
    events.close()  # type: ignore[attr-defined]
    assert left_of(plan) == []


def test_a_run_over_its_budget_is_a_timeout_and_the_rest_is_not_run(folder: Path) -> None:
    plan = plan_of(folder, HANGS, run_seconds=1.5)
    came_to = Run(list(bench.run(plan)))
    assert came_to.outcomes == {"C1": Outcome.TIMEOUT, "C2": Outcome.NOT_RUN}
    assert came_to.results["C2"].reason == "the run's time was spent"
    assert came_to.finished.outcome is Outcome.TIMEOUT
    assert left_of(plan) == []


def test_a_program_that_is_not_ready_when_the_budget_ends_is_a_timeout(folder: Path) -> None:
    plan = plan_of(folder, "import signal\nsignal.pause()", run_seconds=1.0)
    came_to = Run(list(bench.run(plan)))
    assert came_to.outcomes == {"C1": Outcome.TIMEOUT, "C2": Outcome.NOT_RUN}


def test_broken_checks_are_our_error(folder: Path) -> None:
    lab = make_lab(folder / "lab", "import no_such_module", specs=SPECS)
    came_to = Run(list(bench.run(make_plan(folder, lab, SERVE + "serve()"))))
    assert came_to.finished.outcome is Outcome.ERROR
    assert "no_such_module" in came_to.finished.reason
    assert came_to.results == {}


def test_a_check_that_does_not_count_changes_no_verdict(folder: Path) -> None:
    checks = """
def test_c1_counts(app):
    pass

def test_c2_is_shown(app, expect):
    expect(1, code="shown", why="One is two.").equals(2)
"""
    specs = (SPECS[0], CheckSpec(id="C2", title="two", counts=False, shares_world=True))
    lab = make_lab(folder / "lab", checks, specs=specs)
    came_to = Run(list(bench.run(make_plan(folder, lab, SERVE + "serve()"))))
    assert came_to.outcomes == {"C1": Outcome.PASSED, "C2": Outcome.FAILED}
    assert came_to.finished.outcome is Outcome.PASSED


PARENT = """
import sys
from pathlib import Path
from tinnyswe.model.base import from_json
from tinnyswe.model.events import CopyReady
from tinnyswe.model.plan import Plan
from tinnyswe.run import bench
for event in bench.run(from_json(Plan, Path(sys.argv[1]).read_bytes())):
    if isinstance(event, CopyReady):
        print("ready", flush=True)
"""


def test_when_the_command_is_killed_everything_below_it_is_gone(folder: Path) -> None:
    lab = make_lab(folder / "lab", ASKS, specs=SPECS, engines={"valkey": EngineNeed()})
    plan = make_plan(folder, lab, HANGS)
    (folder / "plan.json").write_bytes(to_json(plan))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(folder / "plan.json")],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        below = [(p.pid, p.create_time()) for p in psutil.Process(parent.pid).children(recursive=True)]
        assert len(below) >= 5  # the bench; minder and Valkey; minder and copy
        parent.kill()
    until(lambda: not any(map(lives, below)), seconds=SECONDS, what="end of all children")
    until(lambda: left_of(plan) == [], seconds=SECONDS, what="end of all leases")


def lives(one: tuple[int, float]) -> bool:
    pid, created = one
    try:
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# -- the warm pool


@pytest.fixture(scope="module")
def pool() -> Iterator[WarmPool]:
    with WarmPool() as warm:
        yield warm


def told(events: list[AnyEvent]) -> list[object]:
    """What a run said, without its times."""
    return [
        (event.result.check, event.result.outcome, [(f.code, f.why, f.trace) for f in event.result.failures])
        if isinstance(event, CheckFinished)
        else type(event).__name__
        for event in events
    ]


def test_a_warm_bench_says_what_a_fresh_one_says(pool: WarmPool) -> None:
    checks = """
def test_c1_asks(app, expect):
    expect(app.a.get("/x").text, code="wrong", why="It says no.").equals("no")

def test_c2_again(app):
    assert app.a.get("/").status == 200
"""
    said = []
    for runner in (bench.run, pool.run, pool.run):
        with place() as folder:
            lab = make_lab(folder / "lab", checks, specs=SPECS)
            plan = make_plan(folder, lab, SERVE + 'serve(lambda *_: ok("yes"))')
            said.append(told(list(runner(plan))))
            assert left_of(plan) == []
    assert said[0] == said[1] == said[2]
    assert ("C1", Outcome.FAILED, [("wrong", "It says no.", ("a: GET /x", "a answered GET /x: 200 yes"))]) in said[0]


def test_a_warm_bench_is_a_process_of_its_own(pool: WarmPool, folder: Path) -> None:
    plan = plan_of(folder, HANGS)
    events = pool.run(plan)
    until_ready(events)
    os.kill(bench_process(plan), signal.SIGKILL)
    came_to = Run(list(events))
    assert came_to.finished.reason == "the grader ended unexpectedly (status -9)"
    assert left_of(plan) == []
    assert pool.usable


def test_a_warm_run_left_early_is_ended(pool: WarmPool, folder: Path) -> None:
    plan = plan_of(folder, HANGS)
    events = pool.run(plan)
    until_ready(events)
    events.close()  # type: ignore[attr-defined]
    assert left_of(plan) == []


def test_a_pool_of_older_source_is_not_used(folder: Path) -> None:
    stamps = iter(["then", "then", "now", "now"])
    with WarmPool(stamp=lambda: next(stamps)) as warm:
        assert warm.usable
        assert not warm.usable
        events = warm.run(plan_of(folder, SERVE + "serve()"))
        assert isinstance(next(events), RunStarted)
        fresh = psutil.Process(bench_process(plan_of(folder, SERVE + "serve()")))
        assert "tinnyswe.run.bench_main" in fresh.cmdline()
        assert Run(list(events)).finished.outcome is Outcome.PASSED


def test_a_pool_that_is_closed_leaves_no_server_and_still_runs(folder: Path) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with WarmPool() as warm:
        assert {process.pid for process in psutil.Process().children(recursive=True)} > before
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before
    assert not warm.usable
    assert Run(list(warm.run(plan_of(folder, SERVE + "serve()")))).finished.outcome is Outcome.PASSED


def test_a_pool_whose_server_died_still_runs(folder: Path) -> None:
    with WarmPool() as warm:
        (server,) = [p for p in psutil.Process().children() if str(folder) not in p.cmdline() and is_server(p)][-1:]
        server.kill()
        until(lambda: not warm.usable, seconds=SECONDS, what="end of the server")
        assert Run(list(warm.run(plan_of(folder, SERVE + "serve()")))).finished.outcome is Outcome.PASSED


def is_server(process: psutil.Process) -> bool:
    return "tinnyswe.run.warm_main" in process.cmdline()

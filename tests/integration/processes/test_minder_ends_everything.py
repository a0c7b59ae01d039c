"""Nothing of a program outlives it, its order to end, its parent, or its minder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from integration.processes.programs import ENV, FAMILY, MEMBERS, SECONDS, gone, processes, python, until_gone
from tinnyswe.labkit import until
from tinnyswe.processes import Lease, Minded, new_lease, spawn, sweep
from tinnyswe.processes.tree import started

# Run as a process of its own: the parent that is going to be killed. `pids/owner` appears once the program runs.
OWNER = """
import os, sys, signal
from pathlib import Path
from tinnyswe.processes import new_lease, spawn
place, runtime, kind = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
lease = new_lease("engine", directories=(place / "data",))
minded = spawn(sys.argv[4:], cwd=place, env={"PATH": os.defpath}, log=place / "log", lease=lease, runtime=runtime)
if kind == "forked" and os.fork() == 0:
    (place / "pids" / "fork").write_text(str(os.getpid()))
    signal.pause()
(place / "pids" / ".owner").write_text(str(os.getpid()))
(place / "pids" / ".owner").rename(place / "pids" / "owner")
signal.pause()
"""


@pytest.fixture
def family(place: Path, runtime: Path) -> Iterator[Minded]:
    with start(python(FAMILY, "forever()"), place, runtime) as minded:
        yield minded


def start(argv: list[str], place: Path, runtime: Path, lease: Lease | None = None) -> Minded:
    lease = lease or new_lease("engine")
    return spawn(argv, cwd=place, env=ENV, log=place / "log", lease=lease, runtime=runtime)


def owner(place: Path, runtime: Path, kind: str = "plain") -> subprocess.Popen[bytes]:
    (place / "data").mkdir()
    (place / "data" / "file").write_text("x")
    program = python(FAMILY, "forever()")
    return subprocess.Popen([sys.executable, "-c", OWNER, str(place), str(runtime), kind, *program])


def minder_of(pid: int) -> psutil.Process:
    return psutil.Process(psutil.Process(pid).ppid())


def test_kill_takes_the_deaf_the_hidden_and_the_double_forked(family: Minded, place: Path) -> None:
    found = processes(place, *MEMBERS)
    family.kill()
    assert gone(found)
    assert family.returncode == -signal.SIGKILL
    assert family.left == ()


def test_stop_asks_first_and_kills_the_rest(place: Path, runtime: Path) -> None:
    polite = python("""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            say("child")
            forever()
        say("main")
        forever()
    """)
    minded = start(polite, place, runtime)
    found = processes(place, "main", "child")
    minded.stop(grace=SECONDS)
    assert minded.returncode == 7
    assert gone(found)


def test_stop_kills_what_does_not_listen(family: Minded, place: Path) -> None:
    found = processes(place, *MEMBERS)
    family.stop(grace=0.05)
    assert family.returncode == -signal.SIGKILL
    assert gone(found)


def test_stop_reaches_a_frozen_program(place: Path, runtime: Path) -> None:
    minded = start(
        python("signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))", "\nsay('main')\nforever()"), place, runtime
    )
    processes(place, "main")
    minded.freeze()
    minded.stop(grace=SECONDS)
    assert minded.returncode == 0


def test_a_frozen_family_can_be_killed(family: Minded, place: Path) -> None:
    found = processes(place, *MEMBERS)
    family.freeze()
    family.kill()
    assert gone(found)


def test_what_a_program_leaves_behind_at_its_end_is_killed(place: Path, runtime: Path) -> None:
    with start(python(FAMILY, "sys.exit(3)"), place, runtime) as minded:
        found = processes(place, *MEMBERS)
        assert minded.wait(SECONDS) == 3
        until_gone(found)


def test_a_parent_that_is_killed_takes_everything_along(place: Path, runtime: Path) -> None:
    with owner(place, runtime) as parent:
        found = processes(place, *MEMBERS, "owner")
        parent.kill()
        killed = time.monotonic()
        until_gone(found)
        until(lambda: not (place / "data").exists(), seconds=SECONDS, what="removal of the directory")
        assert time.monotonic() - killed < 2.0  # 0.03 s here when quiet
        until(lambda: not os.listdir(runtime / "leases"), seconds=SECONDS, what="removal of the lease")


def test_a_fork_of_the_parent_that_holds_the_socket_does_not_keep_the_program_alive(place: Path, runtime: Path) -> None:
    with owner(place, runtime, "forked") as parent:
        found = processes(place, *MEMBERS, "owner")
        fork = processes(place, "fork")["fork"]
        parent.kill()
        try:
            until_gone(found)
        finally:
            os.kill(fork[0], signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_minder_ends_the_program_too(family: Minded, place: Path, number: signal.Signals) -> None:
    found = processes(place, *MEMBERS)
    minder_of(family.pid).send_signal(number)
    until_gone(found)
    assert family.wait(SECONDS) == -signal.SIGKILL


def test_the_terminals_signals_do_not_reach_the_program_through_the_minder(family: Minded, place: Path) -> None:
    found = processes(place, *MEMBERS)
    keeper = minder_of(family.pid)
    keeper.send_signal(signal.SIGINT)
    keeper.send_signal(signal.SIGQUIT)
    family.freeze()  # passes through the minder's loop at least once
    family.thaw()
    assert family.alive()
    assert not gone(found)


def test_a_killed_minder_takes_the_program_along_and_the_parent_kills_the_rest(family: Minded, place: Path) -> None:
    found = processes(place, *MEMBERS)
    minder_of(family.pid).kill()
    assert family.wait(SECONDS) == -signal.SIGKILL
    assert gone(found)


def test_when_parent_and_minder_are_killed_the_kernel_kills_the_program_and_a_sweep_the_rest(
    place: Path, runtime: Path
) -> None:
    with owner(place, runtime) as parent:
        found = processes(place, *MEMBERS, "owner")
        assert sweep(runtime) == []  # all of it is in use
        keeper = minder_of(found["main"][0])
        keeper.suspend()  # else it would clean up before we can kill it
        parent.kill()
        keeper.kill()
        until_gone({"main": found["main"]})
        assert not gone({"daemon": found["daemon"]})
        parent.wait()
    (sentence,) = sweep(runtime)
    assert sentence.startswith("swept engine engine-")
    assert sentence.endswith("killed 3 processes")
    assert gone(found)
    assert not (place / "data").exists()
    assert os.listdir(runtime / "leases") == []


def test_a_sweep_wakes_a_stopped_minder_whose_owner_is_dead(place: Path, runtime: Path) -> None:
    with owner(place, runtime) as parent:
        found = processes(place, *MEMBERS, "owner")
        minder_of(found["main"][0]).suspend()
        parent.kill()
        parent.wait()
    assert sweep(runtime) == []
    until_gone(found)
    until(lambda: not (place / "data").exists(), seconds=SECONDS, what="removal of the directory")


def test_a_stopped_minder_still_obeys(family: Minded, place: Path) -> None:
    found = processes(place, *MEMBERS)
    minder_of(family.pid).suspend()
    family.kill()
    assert gone(found)


def test_a_fork_bomb_is_ended(place: Path, runtime: Path) -> None:
    bomb = python("""
        import os
        say("main")
        for _ in range(7):
            os.fork()
        while True:
            if os.fork() == 0:
                os.setsid()
                os._exit(0)
            os.wait()
    """)
    minded = start(bomb, place, runtime)
    processes(place, "main")
    until(lambda: len(psutil.Process(minded.pid).children(recursive=True)) > 60, seconds=SECONDS, what="bomb")
    minded.kill()
    assert minded.left == ()
    assert started(minded.pid) != minded.start_time

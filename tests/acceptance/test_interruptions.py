"""Ended in the middle, by Ctrl-C or with kill -9; two at once; on a terminal nobody sits at."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

import leftovers
from acceptance.conftest import SMALL
from acceptance.newcomer import LAB, LAB_FOLDER, PATIENCE, TINNY, Desk, wait_for

Running = Callable[[subprocess.Popen[str]], subprocess.Popen[str]]
GONE = 10.0  # s a dying tree may take on a busy computer


def remains(desk: Desk) -> list[str]:
    """What a run has left on this computer: processes, scratch folders, leases."""
    runtime = Path(desk.environment["TINNY_RUNTIME"])
    here = leftovers.Places(session=runtime.parent, marker=os.environ[leftovers.MARKER], alone=False)
    processes = [psutil.Process(pid).cmdline() for pid, _ in leftovers.look(here).processes if psutil.pid_exists(pid)]
    folders = [path.name for path in Path(tempfile.gettempdir()).glob("tinny-*")]
    return [*map(str, processes), *folders, *(path.name for path in (runtime / "leases").glob("*"))]


def wait_until_gone(desk: Desk, allowed: Callable[[str], bool] = lambda name: False) -> None:
    deadline = time.monotonic() + GONE
    while left := [name for name in remains(desk) if not allowed(name)]:
        assert time.monotonic() < deadline, left


@pytest.fixture
def checking(begun: Desk, running: Running) -> subprocess.Popen[str]:
    """A check of the first lab, in the middle: its engine runs and its first check is over."""
    process = running(begun.begin("check", LAB))
    wait_for(process, r"C1 +passed")
    assert any("valkey" in name for name in remains(begun))
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_in_order_it_leaves_nothing(
    begun: Desk, checking: subprocess.Popen[str], roadmap: bytes, number: signal.Signals
) -> None:
    checking.send_signal(number)
    said, _ = checking.communicate(timeout=PATIENCE)
    assert checking.returncode == 130
    assert "interrupted; nothing of yours was changed" in said
    assert "Traceback" not in said
    wait_until_gone(begun)
    assert begun.roadmap.read_bytes() == roadmap
    assert "This run is interrupted: it has no verdict." in begun.tinny("show").out
    assert begun.tinny("check", LAB, "--only", "C1").code == 0


def test_killed_it_leaves_what_the_next_command_sweeps(
    begun: Desk, checking: subprocess.Popen[str], roadmap: bytes
) -> None:
    checking.kill()
    checking.wait(PATIENCE)
    # Nobody is left who could run: only the folder of the run and leases lie there.
    wait_until_gone(begun, allowed=lambda name: name.startswith("tinny-run-") or name.endswith(".json"))
    said = begun.tinny("status")
    assert said.code == 0
    assert "Cleaned up after an interrupted run" in said.err
    wait_until_gone(begun)
    assert begun.tinny("status").err == ""
    assert begun.roadmap.read_bytes() == roadmap
    assert begun.tinny("check", LAB, "--only", "C1").code == 0


def test_two_terminals_check_the_same_lab(small: Desk, running: Running) -> None:
    both = [running(small.begin("check", "small")) for _ in range(2)]
    for process in both:
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
        assert "Cleaned up" not in said
    assert sum(b'"kind":"receipt"' in line for line in small.ledger()) == 2
    status = small.tinny("status", "--json").json
    assert status["notes"] == []
    wait_until_gone(small)


def test_run_serves_until_ctrl_c(small: Desk, running: Running) -> None:
    process = running(small.begin("run", "small"))
    url = wait_for(process, r"export URL=").partition("=")[2].strip()
    assert httpx.post(f"{url}/count").status_code == 204
    assert httpx.get(f"{url}/count").json() == {"n": 1}
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Ended." in said
    wait_until_gone(small)


def test_watch_keeps_a_seed_until_it_passes_and_confirms_with_another(small: Desk, running: Running) -> None:
    app = small.work(SMALL) / "app.py"
    right = app.read_text()
    app.write_text((small.folder / "labs" / SMALL / "mutants" / "m1-forgets-on-restart" / "app.py").read_text())
    process = running(small.begin("watch", "small"))
    assert "C2" in wait_for(process, "failed +The|C2 +failed")
    kept = wait_for(process, r"Seed \d+ stays").split()
    seed = kept[kept.index("Seed") + 1]
    app.write_text(right)
    wait_for(process, rf"passed +\d+ checks .*seed {seed}, practice")
    assert f"Seed {seed} passes" in wait_for(process, "passes. Now once")
    assert f"seed {seed}" not in wait_for(process, r"passed +\d+ checks")
    wait_for(process, "Proof +kept")
    wait_for(process, "Proven. The next save")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Watching has ended." in said
    wait_until_gone(small)


def test_a_lab_of_ones_own_is_sound_once_recorded(small: Desk) -> None:
    unrecorded = small.tinny("lab", "audit", "small", "--from", "labs", "--program", "M1")
    assert unrecorded.code == 1
    assert "tinny lab audit --record" in unrecorded.text
    recorded = small.tinny("lab", "audit", "small", "--from", "labs", "--record", "--seeds", "1", "--repeats", "1")
    assert recorded.code == 0, recorded.out
    again = small.tinny("lab", "audit", "small", "--from", "labs", "--seeds", "1", "--repeats", "1", "--json")
    assert again.code == 0
    [audit] = again.json["audits"]
    assert audit["green"]
    assert {row["program"] for row in audit["rows"]} >= {"starter", "empty", "exits-0", "prints-OK", "reference", "M1"}
    assert small.tinny("lab", "audit", "small", "--from", "labs", "--changed", "--json").json["audits"] == []
    # A check knows what the audit saw: the wrong belief behind a failing run is named.
    small.hand_in(small.folder / "labs" / SMALL / "mutants" / "m1-forgets-on-restart", SMALL)
    said = small.tinny("check", "small")
    assert said.code == 1
    assert "You behave like M1: a variable of the program is a good enough memory." in said.text


def test_keep_holds_the_world_until_enter(begun: Desk) -> None:
    begun.hand_in(LAB_FOLDER / "reference")
    mine, theirs = os.openpty()
    process = subprocess.Popen(
        [TINNY, "check", LAB, "--only", "C1", "--keep", "--no-color"],
        cwd=begun.folder,
        env={**begun.environment, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        seen = read_until(mine, b"until you press Enter")
        assert b"export VALKEY_URL=redis://" in seen
        assert any("valkey" in name for name in remains(begun))
        os.write(mine, b"\n")
        read_until(mine, b"incomplete")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(mine)
    wait_until_gone(begun)


def read_until(terminal: int, words: bytes) -> bytes:
    seen = b""
    while words not in seen:
        assert select.select([terminal], [], [], PATIENCE)[0], seen
        seen += os.read(terminal, 4096)
    return seen

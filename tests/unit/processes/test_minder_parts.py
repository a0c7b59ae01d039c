"""The parts of the minder that can be looked at without a program: its log, its view of processes, its removal."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tinnyswe.labkit import until
from tinnyswe.processes.minder import Log, descendants, remove, start_time
from tinnyswe.processes.tree import kill_tree, pidfd_kill, same


@given(st.lists(st.binary(max_size=70), max_size=12), st.integers(2, 100), st.booleans())
def test_a_log_is_whole_or_its_two_ends(pieces: list[bytes], limit: int, often: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Log(f"{folder}/log", limit)
        for piece in pieces:
            log.write(piece)
            if often:
                log.flush()
        log.flush()
        os.close(log.file)
        seen, said = Path(folder, "log").read_bytes(), b"".join(pieces)
    end = limit // 2
    cut = len(said) - 2 * end
    assert seen == (said if cut <= 0 else said[:end] + b"\n[... %d bytes left out ...]\n" % cut + said[-end:])


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), 100)
    os.close(log.file)
    log.file = os.open("/dev/full", os.O_WRONLY)
    log.write(b"x" * 1000)
    log.flush()
    os.close(log.file)
    assert log.dropped == 900


def test_start_time_tells_processes_apart() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        began = start_time(process.pid)
        assert began >= start_time(os.getpid()) > 0
        assert same(process.pid, began)
        assert not same(process.pid, began - 0.01)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not same(process.pid, began)  # a zombie
    assert start_time(process.pid) == 0.0
    assert not same(process.pid, 0.0)  # unknown never equals unknown
    assert not pidfd_kill(process.pid, 0)


def test_descendants_come_parents_first() -> None:
    with subprocess.Popen(["sh", "-c", "sh -c 'sleep 60; :'; :"]) as process:
        below = until(lambda: (found := descendants(process.pid))[1:] and found, seconds=20.0, what="sleep")
        assert [Path(f"/proc/{pid}/comm").read_text() for pid in below] == ["sh\n", "sleep\n"]
        assert [process.pid, *below] == [pid for pid in descendants(os.getpid()) if pid in {process.pid, *below}]
        kill_tree(process.pid)
        assert descendants(process.pid) == []
    assert process.returncode == -9  # its exit status was left to us


def test_removing_what_is_not_there_is_no_problem(tmp_path: Path) -> None:
    assert remove(str(tmp_path / "nothing")) == ""

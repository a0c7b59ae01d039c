"""Real processes appending to one ledger file, killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tinnyswe.evidence.ledger import read_ledger

Go = Callable[[Path, str, str, int], "subprocess.Popen[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

KILLS = 200 if os.environ.get("TINNY_LONG") else 30

# Writes the first N bytes of its second entry and is gone, as a power cut in the middle of a write would leave it.
HALF_WRITER = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tinnyswe.evidence import ledger as module

ledger = module.Ledger(Path(sys.argv[1]), "m1")
ledger.append("hint", {"n": 0}, datetime.now(UTC))
print("kept", flush=True)

def half(descriptor, data):
    os.write(descriptor, data[: int(sys.argv[2])])
    os.kill(os.getpid(), signal.SIGKILL)

module.write_all = half
ledger.append("hint", {"n": 1}, datetime.now(UTC))
"""


def by(folder: Path, name: str) -> list[int]:
    return [entry.body["n"] for entry in read_ledger(folder).entries if entry.body["by"] == name]


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_appending_at_once_keep_one_whole_chain(tmp_path: Path, go: Go) -> None:
    processes = [go(tmp_path, "m1", name, 100) for name in ("ann", "bob")]
    for process in processes:
        let_go(process)
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert read_ledger(tmp_path).notes == ()
    assert by(tmp_path, "ann") == by(tmp_path, "bob") == list(range(100))


def test_a_reader_never_sees_half_an_entry_being_written(tmp_path: Path, go: Go) -> None:
    process = go(tmp_path, "m1", "ann", 200)
    let_go(process)
    while process.poll() is None and len(by(tmp_path, "ann")) < 200:
        assert read_ledger(tmp_path).notes == ()
    assert by(tmp_path, "ann") == list(range(200))


def test_kill_at_any_moment_leaves_every_acknowledged_entry(tmp_path: Path, go: Go) -> None:
    """The same file survives all kills in turn; an entry that was not acknowledged may be there or not."""
    chance = random.Random(20260301)
    acknowledged: dict[str, int] = {}
    for number in range(KILLS):
        name = f"run {number}"
        process = go(tmp_path, "m1", name, 10_000)
        let_go(process)
        assert process.stdout is not None
        wanted = chance.randint(1, 8)
        last = -1
        for line in process.stdout:
            last = int(line)
            if last + 1 == wanted:
                for _ in range(chance.randint(0, 20_000)):  # some part of an append, without a clock
                    pass
                process.kill()
        acknowledged[name] = last
        assert process.wait() == -signal.SIGKILL
    view = read_ledger(tmp_path)
    for name, last in acknowledged.items():
        kept = [entry.body["n"] for entry in view.entries if entry.body["by"] == name]
        assert kept in (list(range(last + 1)), list(range(last + 2)))
    assert all("not whole" in note for note in view.notes)


@pytest.mark.parametrize("cut", [0, 1, 60, -1])
def test_a_process_killed_within_its_write_tears_only_that_line(tmp_path: Path, start: Start, go: Go, cut: int) -> None:
    process = start(HALF_WRITER, tmp_path, cut)
    assert process.stdout is not None
    assert process.stdout.read() == "kept\n"
    assert process.wait() == -signal.SIGKILL
    after = go(tmp_path, "m1", "ann", 2)
    after.communicate("\n")
    view = read_ledger(tmp_path)
    # Cut by one byte, only the newline is missing: the whole entry is there, unacknowledged but valid.
    assert [entry.body["n"] for entry in view.entries] == ([0, 1, 0, 1] if cut == -1 else [0, 0, 1])
    assert len(view.notes) == (1 if cut in (1, 60) else 0)

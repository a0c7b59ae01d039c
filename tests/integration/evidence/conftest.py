from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]

# One entry after the other, each acknowledged on stdout only when `append` has returned.
APPENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from tinnyswe.evidence.ledger import Ledger

folder, machine, name, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
ledger = Ledger(folder, machine)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    ledger.append("hint", {"by": name, "n": number}, datetime.now(UTC))
    print(number, flush=True)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a real Python process running a script; all of them are gone after the test."""
    running: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def go(start: Start) -> Callable[[Path, str, str, int], subprocess.Popen[str]]:
    """Start an appender and wait until it stands ready; a line on its stdin lets it go."""

    def run(folder: Path, machine: str, name: str, count: int) -> subprocess.Popen[str]:
        process = start(APPENDER, folder, machine, name, count)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    return run

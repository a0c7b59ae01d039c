"""A newcomer at the terminal: types the installed command in a folder, reads what it says, looks at their files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
TINNY = Path(sys.executable).with_name("tinny")
LAB = "caching/atomic-counters"
BOX = "caching/key-value-basics"
LAB_FOLDER = PROJECT / "curriculum" / "caching" / "atomic-counters"
PATIENCE = 60.0  # s; far more than any command takes, so that one that hangs is seen


@dataclass(frozen=True)
class Said:
    """One command's end. text: stdout and stderr, white space made single, so that wrapping does not matter."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return " ".join(f"{self.out} {self.err}".split())

    @property
    def json(self) -> Any:
        """The one document of --json."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


class Desk:
    """A folder with the newcomer in it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.roadmap = folder / "roadmap.md"
        self.environment = {**os.environ, **environment}

    def tinny(self, *words: str, at: str = ".", **environment: str) -> Said:
        """Type `tinny WORDS...` in the folder, or in one below it, and wait for its end."""
        done = subprocess.run(
            [TINNY, *words],
            cwd=self.folder / at,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def begin(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Type it and do not wait. Its stderr goes into its stdout."""
        return subprocess.Popen(
            [TINNY, *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def work(self, lab: str = LAB) -> Path:
        return self.folder / "work" / lab

    def hand_in(self, program: Path, lab: str = LAB) -> None:
        """Replace the learner's files by those of `program`."""
        for path in self.work(lab).iterdir():
            if path.name not in ("brief.md", ".venv"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(program, self.work(lab), dirs_exist_ok=True)

    def box(self, id: str = BOX) -> Mapping[str, Any]:
        """What `tinny status --json` says of a box."""
        topics = self.tinny("status", "--json").json["topics"]
        return next(box for topic in topics for box in topic["boxes"] if box["box"] == id)

    def ledger(self) -> list[bytes]:
        """Lines of the ledger."""
        files = sorted((self.folder / ".tinny" / "ledger").glob("*.jsonl"))
        return [line for file in files for line in file.read_bytes().splitlines()]


def wait_for(process: subprocess.Popen[str], pattern: str) -> str:
    """Read what a running command prints until a line matches; returns that line.

    Fails when the command ends first, and ends one that never prints it.
    """
    assert process.stdout is not None
    patience = threading.Timer(PATIENCE, process.kill)
    patience.start()
    seen = []
    try:
        for line in process.stdout:
            seen.append(line)
            if re.search(pattern, line):
                return line
    finally:
        patience.cancel()
    raise AssertionError(f"{pattern!r} was never printed in: {''.join(seen)}")


def changed_bytes(before: bytes, after: bytes) -> list[tuple[int, bytes, bytes]]:
    """(offset, before, after) of every byte that differs; the files must be of one length."""
    assert len(before) == len(after)
    return [
        (at, before[at : at + 1], after[at : at + 1])
        for at, (one, two) in enumerate(zip(before, after, strict=True))
        if one != two
    ]


def line_at(content: bytes, offset: int) -> str:
    return content[: content.index(b"\n", offset)].rpartition(b"\n")[2].decode()

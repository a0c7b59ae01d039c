"""Small programs that behave badly, and how to see whether one of their processes still runs."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinnyswe.labkit import until
from tinnyswe.processes.tree import same, started

SECONDS = 20.0  # failsafe of every wait
ENV = {"PATH": os.defpath}

# Says under its name which process it is, once it stands where it wants to stand.
SAY = """
import os, signal, sys, time
def say(name):
    with open(f"pids/.{name}", "w") as file:
        file.write(str(os.getpid()))
    os.rename(f"pids/.{name}", f"pids/{name}")
def forever():
    while True:
        signal.pause()
"""

# A child, a grandchild in its own session, and a double-forked daemon; all of them deaf to polite signals.
FAMILY = """
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        say("grandchild")
        forever()
    say("child")
    forever()
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    say("daemon")
    forever()
os.wait()
say("main")
"""
MEMBERS = ("main", "child", "grandchild", "daemon")


def python(*code: str) -> list[str]:
    """Command of a Python program, started as bare as possible."""
    return [sys.executable, "-I", "-S", "-c", SAY + "".join(textwrap.dedent(part) for part in code)]


def processes(folder: Path, *names: str) -> dict[str, tuple[int, float]]:
    """Wait until these have said who they are: pid and start time of each."""
    pids = folder / "pids"
    until(lambda: all((pids / name).exists() for name in names), seconds=SECONDS, what=f"word of {names}")
    found = {name: int((pids / name).read_text()) for name in names}
    return {name: (pid, started(pid)) for name, pid in found.items()}


def gone(found: dict[str, tuple[int, float]]) -> bool:
    return not any(same(*one) for one in found.values())


def until_gone(found: dict[str, tuple[int, float]]) -> None:
    until(lambda: gone(found), seconds=SECONDS, what=f"end of {found}")


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder that every uid can enter; pytest's tmp_path is closed to them."""
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)

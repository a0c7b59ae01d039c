"""Disks that are full, and folders that may not be written: nothing is lost, and the message says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tinnyswe.evidence.ledger import Ledger, read_ledger
from tinnyswe.evidence.objects import Objects
from tinnyswe.evidence.runs import RunWriter
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.events import Note, RunFinished
from tinnyswe.model.verdict import Outcome

Start = Callable[..., "subprocess.Popen[str]"]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

# The limit lies inside the second entry's line: its first bytes are written before the write fails.
LIMITED_LEDGER = """
import os, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from tinnyswe.evidence.ledger import Ledger
from tinnyswe.model.errors import TinnyError

ledger = Ledger(Path(sys.argv[1]), "m1")
ledger.append("hint", {"n": 0}, datetime.now(UTC))
size = ledger.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
try:
    ledger.append("hint", {"n": 1}, datetime.now(UTC))
except TinnyError as problem:
    print(problem.code, ledger.path.stat().st_size == size, "Nothing was lost" in problem.what)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
ledger.append("hint", {"n": 2}, datetime.now(UTC))
"""

LIMITED_RUN = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from tinnyswe.evidence.runs import RunWriter
from tinnyswe.model.events import Note, RunFinished
from tinnyswe.model.verdict import Outcome

writer = RunWriter.create(Path(sys.argv[1]), lab="t/l", seed=1, practice=False, submission="", now=datetime.now(UTC))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for number in range(100):
    writer.add(Note(at=float(number), check="C1", text="x" * 50))
writer.add(RunFinished(at=100.0, outcome=Outcome.PASSED))
verdict = writer.finish()
print(verdict.outcome, verdict.reason, writer.problem.code, sep="|")
"""

READ_ONLY = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from tinnyswe.evidence.ledger import Ledger
from tinnyswe.evidence.objects import Objects
from tinnyswe.evidence.runs import RunWriter
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.errors import TinnyError

root, source, now = Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC)
workspace = Workspace(root)
for act in (
    lambda: Ledger(workspace.ledger_folder, "m1").append("hint", {}, now),
    lambda: Ledger(workspace.ledger_folder, "new").append("hint", {}, now),
    lambda: workspace.ledger(),
    lambda: workspace.objects().put(source),
    lambda: RunWriter.create(workspace.runs_folder, lab="t/l", seed=1, practice=False, submission="", now=now),
    lambda: workspace.save(workspace.config()),
):
    try:
        act()
        print("wrote")
    except TinnyError as problem:
        print(problem.code)
print(len(Ledger(workspace.ledger_folder, "m1").read().entries))
"""


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB; only root may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return ballast


def output(process: subprocess.Popen[str]) -> list[str]:
    text, _ = process.communicate()
    assert process.returncode == 0
    return text.splitlines()


def test_an_entry_that_does_not_fit_is_taken_back_whole(tmp_path: Path, start: Start) -> None:
    assert output(start(LIMITED_LEDGER, tmp_path)) == ["disk-full True True"]
    view = read_ledger(tmp_path)
    assert ([entry.body["n"] for entry in view.entries], view.notes) == ([0, 2], ())


def test_a_ledger_on_a_full_disk_keeps_what_it_had(tiny_disk: Path) -> None:
    ledger = Ledger(tiny_disk / "ledger", "m1")
    ledger.append("hint", {"n": 0}, NOON)
    ballast = fill(tiny_disk)
    before = ledger.path.read_bytes()
    with pytest.raises(TinnyError) as caught:
        ledger.append("answers", {"n": 1, "text": "x" * 10_000}, NOON)
    assert caught.value.code == "disk-full"
    assert ledger.path.read_bytes() == before
    ballast.unlink()
    ledger.append("hint", {"n": 2}, NOON)
    assert ([entry.body["n"] for entry in ledger.read().entries], ledger.read().notes) == ([0, 2], ())


def test_an_object_on_a_full_disk_leaves_nothing_half(tiny_disk: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.py").write_bytes(b"x" * 20_000)
    objects = Objects(tiny_disk / "objects")
    objects.folder.mkdir()
    ballast = fill(tiny_disk)
    with pytest.raises(TinnyError) as caught:
        objects.put(source)
    assert caught.value.code == "disk-full"
    assert not [path for path in objects.folder.rglob("*") if path.is_file()]
    ballast.unlink()
    assert objects.files(objects.put(source))


def test_a_run_on_a_full_disk_is_an_error_never_a_pass(tiny_disk: Path) -> None:
    writer = RunWriter.create(tiny_disk, lab="t/l", seed=1, practice=False, submission="", now=NOON)
    fill(tiny_disk)
    for number in range(200):
        writer.add(Note(at=float(number), check="C1", text="x" * 100))
    writer.add(RunFinished(at=200.0, outcome=Outcome.PASSED))
    verdict = writer.finish()
    assert (verdict.outcome, verdict.elapsed) == (Outcome.ERROR, 200.0)
    assert verdict.reason.startswith("the run could not be recorded: there is no room left to write")


@pytest.mark.parametrize("limit", [200, 3000])
def test_a_run_whose_events_do_not_fit_is_an_error(tmp_path: Path, start: Start, limit: int) -> None:
    (line,) = output(start(LIMITED_RUN, tmp_path, limit))
    outcome, reason, code = line.split("|")
    assert (outcome, code) == ("error", "disk-full")
    assert "no room left" in reason


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """By mode bits; root, whom they do not stop, needs a mount that is read-only."""
    if os.geteuid() == 0:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        try:
            yield
        finally:
            subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        return
    paths = [folder, *folder.rglob("*")]
    modes = [(path, path.stat().st_mode) for path in paths]
    for path, mode in modes:
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes:
            path.chmod(mode)


def test_a_read_only_workspace_is_named_as_such_and_still_read(
    tmp_path: Path, start: Start, request: pytest.FixtureRequest
) -> None:
    place: Path = request.getfixturevalue("tiny_disk") if os.geteuid() == 0 else tmp_path / "w"
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.py").write_bytes(b"")
    workspace = Workspace.create(place, place / "roadmap.md")
    Ledger(workspace.ledger_folder, "m1").append("hint", {}, NOON)
    with read_only(place):
        assert output(start(READ_ONLY, place, source)) == ["read-only"] * 6 + ["1"]

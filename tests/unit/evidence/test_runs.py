from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tinnyswe.evidence.history import find_run, is_running, prune_runs, read_run, run_folders
from tinnyswe.evidence.runs import RunWriter
from tinnyswe.model.errors import UsageError
from tinnyswe.model.events import CheckFinished, CheckResult, EngineReady, EngineUsed, Note, RunFinished, RunStarted
from tinnyswe.model.verdict import Outcome

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAB = "caching/atomic-counters"
VALKEY = EngineUsed(role="valkey", kind="valkey", version="8.1.8", level="real")


def started(runs: Path, after: float = 0.0, lab: str = LAB) -> RunWriter:
    writer = RunWriter.create(
        runs, lab=lab, seed=7, practice=False, submission="ab" * 32, now=NOON + timedelta(seconds=after)
    )
    writer.add(RunStarted(at=0.0, lab=lab, seed=7, practice=False, checks=("C1",), tier="T1"))
    return writer


def finished(runs: Path, after: float = 0.0, lab: str = LAB) -> RunWriter:
    writer = started(runs, after, lab)
    writer.add(EngineReady(at=0.2, engine=VALKEY, seconds=0.2))
    writer.add(CheckFinished(at=0.5, result=CheckResult(check="C1", outcome=Outcome.PASSED)))
    writer.add(RunFinished(at=0.6, outcome=Outcome.PASSED))
    writer.finish()
    return writer


def test_a_finished_run_reads_back(tmp_path: Path) -> None:
    writer = finished(tmp_path)
    run = read_run(writer.folder)
    assert (run.state, run.lab, run.notes) == ("finished", LAB, ())
    assert run.verdict == writer.verdict
    assert (writer.verdict.outcome, writer.verdict.elapsed, len(writer.verdict.checks)) == (Outcome.PASSED, 0.6, 1)
    assert len(run.events) == 4
    assert writer.events_digest == hashlib.sha256((writer.folder / "events.jsonl").read_bytes()).hexdigest()
    assert writer.engines == (VALKEY,)


def test_events_are_on_the_file_at_once_and_the_run_shows_as_running(tmp_path: Path) -> None:
    writer = started(tmp_path)
    run = read_run(writer.folder)
    assert (run.state, len(run.events), run.lab) == ("running", 1, LAB)
    writer.close()


def test_a_killed_run_is_interrupted_and_its_torn_line_noted(tmp_path: Path) -> None:
    writer = started(tmp_path)
    writer.close()
    with (writer.folder / "events.jsonl").open("ab") as file:
        file.write(b'{"event":"note","at":0.')
    run = read_run(writer.folder)
    assert (run.state, run.verdict, len(run.events)) == ("interrupted", None, 1)
    assert run.notes == ("events.jsonl ends in the middle of a line: the run was killed while it wrote",)


def test_a_run_that_never_said_how_it_ended_is_an_error(tmp_path: Path) -> None:
    writer = started(tmp_path)
    assert writer.finish().outcome is Outcome.ERROR


def test_events_and_verdicts_of_a_newer_build_are_set_aside(tmp_path: Path) -> None:
    writer = finished(tmp_path)
    with (writer.folder / "events.jsonl").open("ab") as file:
        file.write(b'{"event":"hologram","at":1.0}\n')
    (writer.folder / "verdict.json").write_bytes(b'{"format":2,"mood":"good"}')
    run = read_run(writer.folder)
    assert (run.verdict, len(run.events)) == (None, 4)
    assert run.notes[0].startswith("events.jsonl, line 5: not an event this tinnySWE knows")
    assert run.notes[1] == "verdict.json was written by a newer tinnySWE (format 2); upgrade to read it"


def test_latest_is_a_link_and_can_be_found_without_it(tmp_path: Path) -> None:
    finished(tmp_path, 0)
    newest = finished(tmp_path, 0.01).folder  # the same second
    assert (tmp_path / "latest").resolve() == newest.resolve()
    assert find_run(tmp_path) == newest
    (tmp_path / "latest").unlink()
    assert find_run(tmp_path, "latest") == newest


def test_a_run_is_found_by_a_unique_part_of_its_name(tmp_path: Path) -> None:
    one = finished(tmp_path, 0).folder
    finished(tmp_path, 1)
    assert find_run(tmp_path, one.name[-6:]) == one
    for part, code in [("atomic", "several-runs"), ("nothing-like-it", "no-run")]:
        with pytest.raises(UsageError) as caught:
            find_run(tmp_path, part)
        assert caught.value.code == code
    with pytest.raises(UsageError):
        find_run(tmp_path / "empty")


def test_prune_keeps_the_newest_of_each_lab_and_what_receipts_name(tmp_path: Path) -> None:
    proof = finished(tmp_path, 0)
    spared = finished(tmp_path, 1)
    old = finished(tmp_path, 2)
    running = started(tmp_path, 3)
    newest = [finished(tmp_path, 4).folder, finished(tmp_path, 5).folder]
    other = finished(tmp_path, 0, "caching/ttl-algebra").folder
    (tmp_path / "mine").mkdir()  # a folder of somebody else is none of our business
    # Runs of one lab with equal events would have one digest; only `proof` carries this note.
    assert proof.events_digest == old.events_digest
    marked = _marked(tmp_path)
    removed = prune_runs(tmp_path, keep=2, named={marked.events_digest}, spare={spared.folder.name})
    assert removed == (proof.folder.name, old.folder.name)
    left = set(run_folders(tmp_path))
    assert left == {spared.folder, running.folder, *newest, other, marked.folder}
    assert (tmp_path / "mine").is_dir()
    assert is_running(running.folder)
    running.close()


def _marked(runs: Path) -> RunWriter:
    writer = started(runs, 2.5)
    writer.add(Note(at=0.1, check="C1", text="the run a receipt names"))
    writer.add(RunFinished(at=0.6, outcome=Outcome.PASSED))
    writer.finish()
    return writer

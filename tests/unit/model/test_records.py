"""Records go over the wire between the processes of a run and come back the same."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from tinnyswe.model.base import Record, from_json, to_json
from tinnyswe.model.errors import CannotRunHere, FormatError, SubmissionError, TinnyError, UsageError
from tinnyswe.model.events import CheckFinished, CheckResult, FaultDone, Note, RunFinished, decode_event
from tinnyswe.model.failure import Failure, FaultNote, LogTail
from tinnyswe.model.lab import CheckSpec, Entry, Lab
from tinnyswe.model.plan import EngineChoice, Plan
from tinnyswe.model.verdict import Outcome

LAB = Lab(
    root=Path("/labs/small"),
    topic="small",
    id="small/lab",
    title="Small",
    kind="build",
    box="small/box",
    minutes=1,
    revision=1,
    level="real",
    core=True,
    entries=(Entry(type="http", command=("python", "app.py")), Entry(name="job", type="worker")),
    checks=(CheckSpec(id="C1", title="one"), CheckSpec(id="C2", title="two", counts=False)),
    digest="d",
)
FAILURE = Failure(
    check="C1",
    code="oversold",
    why="Seats exist.",
    expected=[1, {"a": None}],
    relation="equal to",
    observed={"n": math.pi, "s": 'é\n"'},
    fault=FaultNote(kind="held", target="copy a", position=1, request="GET x"),
    logs=(LogTail(source="copy a", lines=("x",)),),
    volatile=("observed",),
    trace=("a: GET /",),
)


def test_a_plan_survives_the_way_to_the_bench() -> None:
    plan = Plan(
        lab=LAB,
        seed=7,
        practice=False,
        submission=Path("/s"),
        scratch=Path("/t"),
        runtime=Path("/r"),
        python=Path("/p"),
        engines=(EngineChoice(role="valkey", kind="valkey", version="8.1", home=Path("/h")),),
    )
    assert from_json(Plan, to_json(plan)) == plan
    assert b"\n" not in to_json(plan)


@pytest.mark.parametrize(
    "event",
    [
        CheckFinished(at=1.5, result=CheckResult(check="C1", outcome=Outcome.FAILED, failures=(FAILURE,))),
        FaultDone(at=0.0, check="C1", kind="held", target="copy a", position=3, request="SET x 1"),
        Note(at=0.0, check="", text="é"),
        RunFinished(at=2.0, outcome=Outcome.ERROR, reason="ours\nindeed"),
    ],
)
def test_an_event_is_one_line_and_comes_back_the_same(event: RunFinished) -> None:
    line = to_json(event)
    assert b"\n" not in line
    assert decode_event(line) == event


def test_an_event_of_a_newer_build_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_event(b'{"event": "levitated", "at": 0}')
    with pytest.raises(msgspec.ValidationError):
        decode_event(b'{"event": "note", "at": 0, "check": "", "text": "", "colour": "red"}')


def test_a_record_is_frozen_and_knows_its_fields() -> None:
    with pytest.raises(AttributeError):
        LAB.title = "Other"  # type: ignore[misc]
    with pytest.raises(FormatError) as caught:
        from_json(CheckSpec, b'{"id": "C1", "title": "x", "colour": 1}', where="lab.toml")
    assert "colour" in str(caught.value)
    assert caught.value.where == "lab.toml"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b'{"id": 1, "title": ""}'])
def test_what_is_no_record_is_a_format_error(text: bytes) -> None:
    with pytest.raises(FormatError):
        from_json(CheckSpec, text)


def test_only_what_json_has_goes_into_a_record() -> None:
    class Odd(Record, frozen=True, kw_only=True):
        value: object

    with pytest.raises(NotImplementedError, match="may not hold a object"):
        to_json(Odd(value=object()))


def test_checks_and_entries_are_found_by_name() -> None:
    assert LAB.check("C2").title == "two"
    assert LAB.entry().name == "app"
    assert LAB.entry("job").type == "worker"
    with pytest.raises(KeyError):
        LAB.check("C3")
    with pytest.raises(KeyError):
        LAB.entry("cron")


@pytest.mark.parametrize(
    ("kind", "code"), [(TinnyError, 3), (UsageError, 2), (FormatError, 2), (CannotRunHere, 5), (SubmissionError, 1)]
)
def test_an_error_says_what_where_and_what_next(kind: type[TinnyError], code: int) -> None:
    error = kind("it is broken", where="lab.toml:3", next_step="mend it", code="broken")
    assert str(error) == "lab.toml:3: it is broken\nNext: mend it"
    assert str(kind("it is broken")) == "it is broken"
    assert error.exit_code == code

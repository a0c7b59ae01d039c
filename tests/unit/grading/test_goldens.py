"""What a mutant's rejection says, compared with what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.run.throwaway import make_lab
from tinnyswe.model.events import CheckResult
from tinnyswe.model.failure import Failure, FaultNote, LogTail
from tinnyswe.model.lab import MutantSpec
from tinnyswe.model.verdict import Outcome
from tinnyswe.usecases.goldens import VOLATILE, differences, merged, read_golden, typed, write_golden

MUTANT = MutantSpec(id="M1", folder="mutants/m1-blind", belief="All is well.", rejected_by=("C2", "C3/p07"), code="x")


def failed(check: str, **fields: Any) -> CheckResult:
    failure = Failure(**{"check": check, "code": "x", "why": "A rule.", **fields})
    return CheckResult(check=check, outcome=Outcome.FAILED, failures=(failure,))


def test_only_the_checks_that_must_reject_it_are_told_without_logs_and_trace() -> None:
    story = {"logs": (LogTail(source="a", lines=("x",)),), "trace": ("a: GET /",)}
    results = [failed("C1"), failed("C2", observed=12, expected=10, relation="at most", **story), failed("C3")]
    told = typed(results, MUTANT)
    assert [said["check"] for said in told] == ["C2", "C3"]
    assert told[0] == {
        "check": "C2",
        "code": "x",
        "why": "A rule.",
        "expected": 10,
        "relation": "at most",
        "observed": 12,
        "problem": "",
        "next_step": "",
        "fault": None,
    }


def test_volatile_fields_are_masked_and_the_fault_is_told() -> None:
    fault = FaultNote(kind="held", target="copy a", position=2, request="SET x 4")
    (told,) = typed([failed("C2", observed=3.3, volatile=("observed", "trace"), fault=fault)], MUTANT)
    assert told["observed"] == VOLATILE
    assert "trace" not in told
    assert told["fault"] == {"kind": "held", "target": "copy a", "position": 2, "request": "SET x 4", "detail": ""}


@pytest.mark.parametrize(
    ("first", "second", "merge"),
    [
        ([{"a": 1, "b": {"c": 2}}], [{"a": 1, "b": {"c": 2}}], [{"a": 1, "b": {"c": 2}}]),
        ([{"a": 1, "b": {"c": 2}}], [{"a": 1, "b": {"c": 3}}], [{"a": 1, "b": {"c": VOLATILE}}]),
        ([{"a": 1, "b": None}], [{"a": 1, "b": {"c": 3}}], [{"a": 1, "b": VOLATILE}]),
        ([{"a": [1, 2]}], [{"a": [1, 3]}], [{"a": VOLATILE}]),
        ([{"a": VOLATILE}], [{"a": 1}], [{"a": VOLATILE}]),
        ([{"a": 1}], [{"a": 1}, {"a": 2}], [{"a": 1}]),
        ([], [], []),
    ],
)
def test_what_differs_between_two_recordings_is_volatile(first: Any, second: Any, merge: Any) -> None:
    assert merged(first, second) == merge


@pytest.mark.parametrize(
    ("golden", "seen", "found"),
    [
        ([{"a": 1}], [{"a": 1}], []),
        ([{"a": VOLATILE}], [{"a": {"b": 2}}], []),
        ([{"a": 1}], [{"a": 2}], ["[0].a: golden 1, now 2"]),
        ([{"a": {"b": 1}}], [{"a": {"b": 2}}], ["[0].a.b: golden 1, now 2"]),
        ([{"a": [1, 2]}], [{"a": [1, 3]}], ["[0].a[1]: golden 2, now 3"]),
        ([{"a": [1]}], [{"a": [1, 2]}], ["[0].a: golden [1], now [1, 2]"]),
        ([{"a": None}], [{"a": {"b": 1}}], ["[0].a: golden None, now {'b': 1}"]),
        ([{"a": 1}], [], [": golden [{'a': 1}], now []"]),
        ([{}], [{"new": 1}], ["[0].new: golden None, now 1"]),
        ([{"b": 1, "a": 1}], [{"b": 2, "a": 2}], ["[0].a: golden 1, now 2", "[0].b: golden 1, now 2"]),
    ],
)
def test_a_difference_says_where_it_is(golden: Any, seen: Any, found: list[str]) -> None:
    assert differences(golden, seen) == found


def test_a_golden_is_kept_and_read_back(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "")
    assert read_golden(lab, MUTANT) is None
    told = typed([failed("C2", observed="é")], MUTANT)
    write_golden(lab, MUTANT, told)
    assert (tmp_path / "golden" / "m1-blind.json").read_bytes().endswith(b"]\n")
    assert read_golden(lab, MUTANT) == told
    (tmp_path / "golden" / "m1-blind.json").write_text("{")
    assert read_golden(lab, MUTANT) is None

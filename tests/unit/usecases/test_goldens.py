from __future__ import annotations

from pathlib import Path
from typing import Any

from tinnyswe.model.events import CheckResult
from tinnyswe.model.failure import Failure, FaultNote
from tinnyswe.model.lab import Entry, Lab, MutantSpec
from tinnyswe.model.verdict import Outcome
from tinnyswe.usecases.goldens import VOLATILE, differences, golden_file, merged, read_golden, typed, write_golden

MUTANT = MutantSpec(id="M1", belief="a lock is a lock", rejected_by=("C2/p07",), code="oversold", folder="m1-a-lock")


def failure(check: str = "C2", **changes: Any) -> Failure:
    said = {"code": "oversold", "why": "seats exist", "expected": 10, "relation": "at most", "observed": 12}
    return Failure(check=check, **{**said, **changes})


def result(check: str, *failures: Failure) -> CheckResult:
    return CheckResult(check=check, outcome=Outcome.FAILED, failures=failures)


def test_only_the_named_checks_are_kept_and_volatile_values_are_masked() -> None:
    fault = FaultNote(kind="held", target="a", position=2, request="GET left")
    seen = typed(
        [result("C1", failure("C1")), result("C2", failure(fault=fault, volatile=("observed",), trace=("a: GET",)))],
        MUTANT,
    )
    assert len(seen) == 1
    assert seen[0]["observed"] == VOLATILE
    assert seen[0]["expected"] == 10
    assert seen[0]["fault"] == {"kind": "held", "target": "a", "position": 2, "request": "GET left", "detail": ""}
    assert "trace" not in seen[0]


def test_what_differs_between_two_recordings_is_volatile() -> None:
    one, other = typed([result("C2", failure())], MUTANT), typed([result("C2", failure(observed=13))], MUTANT)
    both = merged(one, other)
    assert both[0]["observed"] == VOLATILE
    assert both[0]["expected"] == 10
    assert not differences(both, one)
    assert not differences(both, other)
    assert merged(one, []) == one  # of different length: nothing can be said, the first one stands


def test_a_difference_says_where_and_what() -> None:
    golden, seen = typed([result("C2", failure())], MUTANT), typed([result("C2", failure(why="seats end"))], MUTANT)
    assert differences(golden, seen) == ["[0].why: golden 'seats exist', now 'seats end'"]
    assert differences(golden, []) == [f": golden {golden!r}, now []"]
    assert differences({"a": 1}, {}) == ["a: golden 1, now None"]


def test_a_golden_is_read_as_it_was_written(tmp_path: Path) -> None:
    lab = Lab(
        root=tmp_path,
        topic="caching",
        id="caching/x",
        title="x",
        kind="build",
        box="caching/y",
        minutes=1,
        revision=1,
        level="real",
        core=True,
        entries=(Entry(type="http"),),
        checks=(),
        mutants=(MUTANT,),
        digest="d",
    )
    assert read_golden(lab, MUTANT) is None
    seen = typed([result("C2", failure())], MUTANT)
    write_golden(lab, MUTANT, seen)
    assert read_golden(lab, MUTANT) == seen
    golden_file(lab, MUTANT).write_text("{")
    assert read_golden(lab, MUTANT) is None

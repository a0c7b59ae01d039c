"""Which mutant a failing run behaves like: one, equal ones together, or nobody."""

from __future__ import annotations

import pytest

from tinnyswe.grading.diagnosis import Behaviour, diagnose, summarise
from tinnyswe.model.events import CheckResult
from tinnyswe.model.failure import Failure
from tinnyswe.model.verdict import Outcome


def run(*said: str) -> list[CheckResult]:
    """Results from words: "C1" passed, "C2:oversold" failed so, "C3?" not run, "C4!" our error."""
    return [one(word) for word in said]


def one(word: str) -> CheckResult:
    check, _, code = word.partition(":")
    if code:
        failures = tuple(Failure(check=check, code=part, why="w") for part in code.split("+"))
        return CheckResult(check=check, outcome=Outcome.FAILED, failures=failures)
    if check[-1] in "?!":
        outcome = Outcome.NOT_RUN if check[-1] == "?" else Outcome.ERROR
        return CheckResult(check=check[:-1], outcome=outcome)
    return CheckResult(check=check, outcome=Outcome.PASSED)


# -- summarise


def test_what_happened_at_every_seed_is_must_and_the_rest_is_dont_care() -> None:
    runs = [
        run("C1", "C2:oversold", "C3", "C4:slow", "C5?"),
        run("C1", "C2:lost", "C3:torn", "C4?", "C5?"),
    ]
    assert summarise(runs) == Behaviour(fails={"C2": ("lost", "oversold"), "C4": ("slow",)}, passes=("C1",))


def test_an_error_of_ours_makes_a_check_dont_care() -> None:
    assert summarise([run("C1", "C2:x"), run("C1!", "C2!")]) == Behaviour(fails={}, passes=())


def test_every_code_of_a_failure_is_kept() -> None:
    assert summarise([run("C2:a+b"), run("C2:b+c")]).fails == {"C2": ("a", "b", "c")}


def test_no_runs_no_behaviour() -> None:
    assert summarise([]) == Behaviour(fails={}, passes=())


# -- diagnose

M1 = Behaviour(fails={"C2": ("oversold",)}, passes=("C1", "C3"))
M2 = Behaviour(fails={"C3": ("refused",)}, passes=("C1", "C2"))
M3 = Behaviour(fails={"C2": ("oversold",), "C4": ("slow",)}, passes=("C1",))
ALL = {"M1": M1, "M2": M2, "M3": M3}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (["C1", "C2:oversold", "C3", "C4"], ("M1",)),
        (["C1", "C2", "C3:refused"], ("M2",)),
        (["C1", "C2:oversold", "C3:odd", "C4:slow"], ("M3",)),
        (["C1", "C2", "C3"], ()),
        (["C1", "C2:other", "C3"], ()),
        (["C1:x", "C2:oversold", "C3"], ()),
        (["C1", "C2:oversold", "C3:refused", "C4"], ()),
        (["C1", "C2:oversold+other", "C3", "C4"], ("M1",)),
        (["C1", "C2!", "C3"], ()),
        (["C1?", "C2?", "C3?"], ()),
        ([], ()),
    ],
)
def test_a_run_is_named_after_the_one_mutant_it_behaves_like(said: list[str], named: tuple[str, ...]) -> None:
    assert diagnose(run(*said), ALL) == named


def test_a_run_that_two_different_mutants_explain_is_not_named() -> None:
    assert diagnose(run("C1", "C2:oversold", "C3", "C4:slow"), ALL) == ()


def test_equal_mutants_are_named_together() -> None:
    assert diagnose(run("C1", "C2:oversold", "C3"), {"M1": M1, "M9": M1}) == ("M1", "M9")


def test_what_was_not_run_speaks_for_nobody_and_against_nobody() -> None:
    """M3's slowness may not have been looked at: then two explanations are left."""
    assert diagnose(run("C1", "C2:oversold", "C3", "C4?"), ALL) == ()
    assert diagnose(run("C1", "C2:oversold", "C3", "C4?"), {"M3": M3}) == ("M3",)


def test_a_failure_in_a_dont_care_alone_names_nobody() -> None:
    assert diagnose(run("C1", "C7:odd"), {"M8": Behaviour(fails={}, passes=("C1",))}) == ()


def test_a_mutant_recorded_without_failures_matches_nothing() -> None:
    assert diagnose(run("C2:oversold"), {"M8": Behaviour(fails={}, passes=())}) == ()

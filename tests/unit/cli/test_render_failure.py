from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tinnyswe.cli.render import failure_view, fault_sentence, plain, result_view
from tinnyswe.cli.render_failure import difference, expectation
from tinnyswe.model.events import CheckResult
from tinnyswe.model.failure import Failure, FaultNote
from tinnyswe.model.verdict import Outcome

OVERSOLD = """\
✗ C2  failed   Two copies sell the last seats at the same moment. (0.4 s)

  Rule      every acknowledged seat exists
  Expected  at most 10
  Observed  12
  While     copy a was held before its request 2: DECRBY left:gala 6

  What led to it:
    a: POST /shows/gala/reservations
    a → valkey: GET left:gala
    — held copy a before its request 2: DECRBY left:gala 6
    b: POST /shows/gala/reservations
    b → valkey: GET left:gala
    b → valkey: DECRBY left:gala 6
    — copy a goes on

  Last lines of copy a:
    │ INFO sold 6 seats of gala to ann

  Next      Which other request may come between your GET and your DECRBY?

"""

NO_ANSWER = """\
  Why       There was no answer of copy a, alone.
  Expected  an answer within 5 s
  Observed  nothing after 5.2 s
  While     copy a was held before its request 2: DECRBY left:gala 6
  Next      look at what your program does just before its request 2
"""

OURS = """\
! C3  error    A copy dies in the middle of a sale. (1.0 s)

  Why       this check could not be done. That is our fault or this computer's,
            not your program's:
            valkey: it stopped answering
  Next      free some memory

"""


def test_a_race_is_told_whole(failed: CheckResult) -> None:
    assert plain(result_view(failed, "Two copies sell the last seats at the same moment.")) == OVERSOLD


def test_no_answer_says_how_long_was_waited(oversold: Failure) -> None:
    failure = msgspec.structs.replace(
        oversold,
        code="no-answer",
        why="There was no answer of copy a, alone.",
        relation="within seconds",
        expected=5.0,
        observed=5.2,
        trace=(),
        logs=(),
        next_step="",
    )
    assert plain(failure_view(failure)) == NO_ANSWER


def test_our_own_fault_is_never_put_on_the_learner() -> None:
    result = CheckResult(
        check="C3",
        outcome=Outcome.ERROR,
        seconds=1.0,
        reason="valkey: it stopped answering\nNext: free some memory",
    )
    assert plain(result_view(result, "A copy dies in the middle of a sale.")) == OURS


def test_a_check_that_did_not_run_says_why() -> None:
    result = CheckResult(check="C3", outcome=Outcome.NOT_RUN, reason="C2 did not pass")
    assert plain(result_view(result, "A copy dies.")) == "○ C3  not run  A copy dies.\n               C2 did not pass\n"


def test_a_passed_check_is_one_line() -> None:
    result = CheckResult(check="C1", outcome=Outcome.PASSED, seconds=0.31)
    assert plain(result_view(result, "One copy alone.")) == "✓ C1  passed   One copy alone. (0.3 s)\n"


def test_many_failures_are_counted_and_named(oversold: Failure) -> None:
    problems = tuple(msgspec.structs.replace(oversold, problem=f"p{n:02}", trace=(), logs=()) for n in range(6))
    result = CheckResult(check="C2", outcome=Outcome.FAILED, failures=problems)
    text = plain(result_view(result, "Sorting"))
    assert "  And       3 more: p03 (oversold), p04 (oversold), p05 (oversold)\n" in text
    assert text.count("Problem ") == 3
    assert plain(result_view(result, "Sorting", whole=True)).count("Problem ") == 6


def test_a_story_begins_before_the_fault_and_is_cut_in_its_middle(oversold: Failure) -> None:
    story = (
        [f"early {n}" for n in range(8)]
        + ["— held copy a before its request 2: GET x"]
        + [f"late {n}" for n in range(60)]
    )
    failure = msgspec.structs.replace(oversold, trace=tuple(story))
    text = plain(failure_view(failure))
    assert "early 3" not in text
    assert "early 4\n" in text
    assert "— held copy a before its request 2: GET x" in text
    assert "… 43 steps …" in text
    assert "late 59" in text
    assert "(`tinny show` has 47 more steps)" in text


def test_a_long_story_shows_its_end_and_where_the_rest_is(oversold: Failure) -> None:
    failure = msgspec.structs.replace(oversold, trace=tuple(f"step {number}" for number in range(40)))
    text = plain(failure_view(failure))
    assert "  What led to it (`tinny show` has 28 more steps):\n    step 28\n" in text
    assert "    step 0\n" in plain(failure_view(failure, whole=True))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            FaultNote(kind="held", target="copy a", position=2, request="SET k"),
            "copy a was held before its request 2: SET k",
        ),
        (
            FaultNote(kind="parked", target="a", position=1, request="GET k"),
            "copy a was held before its request 1: GET k",
        ),
        (
            FaultNote(kind="held", target="copy a", position=3, request="row event 3 of UPDATE doctors"),
            "copy a was held inside a statement, at row event 3 of UPDATE doctors",
        ),
        (
            FaultNote(kind="gated", target="a", position=3, request="UPDATE doctors"),
            "copy a was held inside its statement before its row event 3: UPDATE doctors",
        ),
        (
            FaultNote(kind="killed", target="copy b", position=4, request="DEL k"),
            "copy b was killed before its request 4: DEL k",
        ),
        (
            FaultNote(
                kind="warped", target="copy a", position=2, request="DEL k", detail="every TTL ran out meanwhile"
            ),
            "copy a was held before its request 2: DEL k (every TTL ran out meanwhile)",
        ),
        (
            FaultNote(kind="cut", target="copy a", position=2, request="INCR k", detail="the reply was lost"),
            "copy a got no reply to its request 2: INCR k",
        ),
        (FaultNote(kind="cut", target="connections of copy a to valkey"), "connections of copy a to valkey were cut"),
        (FaultNote(kind="frozen", target="valkey"), "valkey was frozen"),
        (FaultNote(kind="none"), ""),
    ],
)
def test_what_was_being_done_is_a_sentence(fault: FaultNote, sentence: str) -> None:
    assert fault_sentence(fault) == sentence


@pytest.mark.parametrize(
    ("relation", "expected", "words"),
    [
        ("equal to", "left", "'left'"),
        ("at most", 10, "at most 10"),
        ("between", [1, 5], "between 1 and 5"),
        ("one of", [200, 409], "one of 200, 409"),
        ("something that contains", "seats", "something that contains 'seats'"),
        ("different from", None, "different from None"),
    ],
)
def test_the_relation_is_in_words(relation: str, expected: Any, words: str) -> None:
    assert expectation(relation, expected) == words


LONG = "the quick brown fox jumps over the lazy dog, twice"


@pytest.mark.parametrize(
    ("expected", "observed", "said"),
    [
        ("short", "shirt", ""),
        (10, 12, ""),
        ([1, 2], [1, 3], ""),
        ("10", 10, "only in kind: a text was expected, a number came"),
        (
            LONG,
            LONG.replace("lazy", "lasy"),
            "from character 38 on; around it\n"
            "'wn fox jumps over the lazy dog, twice' was expected,\n"
            "'wn fox jumps over the lasy dog, twice' came",
        ),
        ("a\nb \nc\n", "a\nb\nc\n", "from line 2, character 2 on; around it\n'b \\n' was expected,\n'b\\n' came"),
        ("a\nb\n", "a\n", "it ends after line 1; the next would be 'b\\n'"),
        ("a\n", "a\nb\n", "it goes on after the expected 1 lines with 'b\\n'"),
        (list(range(30)), [*range(20), 99, *range(21, 30)], "first at index 20: 20 was expected, 99 came"),
        (list(range(30)), list(range(29)), "it ends after 29 of 30 items; the next would be 29"),
        (list(range(29)), list(range(30)), "it has 30 items instead of 29; the first too many is 29"),
        (
            {"name": LONG, "seats": 1, "left": 2},
            {"name": LONG, "seats": 3, "x": 4},
            "'left' is missing; 'x' should not be there; at 'seats': 1 was expected, 3 came",
        ),
    ],
)
def test_the_difference_is_pointed_at(expected: Any, observed: Any, said: str) -> None:
    assert difference(expected, observed) == said


@pytest.mark.parametrize("wrap", [lambda text: text, lambda text: [1, text], lambda text: {"a": 1, "b": [text]}])
@pytest.mark.parametrize("at", [0, 1500, 2500, 9_999])
def test_no_shortening_hides_the_difference(oversold: Failure, at: int, wrap: Callable[[str], Any]) -> None:
    expected = "x" * 10_000
    observed = f"{expected[:at]}Y{expected[at + 1 :]}"
    failure = msgspec.structs.replace(oversold, relation="equal to", expected=wrap(expected), observed=wrap(observed))
    text = plain(failure_view(failure)).partition("Differs")[2]
    assert f"character {at + 1} on" in text
    assert "Y" in text.partition("While")[0]


def test_what_must_not_be_there_is_found_in_a_long_text(oversold: Failure) -> None:
    observed = "x" * 9_000 + "secret" + "x" * 9_000
    failure = msgspec.structs.replace(oversold, relation="something without", expected="secret", observed=observed)
    found = "  Found     at character 9001, in\n            'xxxxxxxxxxxxxxxxxxxxxxxxsecretxxx"
    assert found in plain(failure_view(failure))

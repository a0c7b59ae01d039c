"""Comparisons that fail as data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tinnyswe.labkit import CheckFailed, Expect, Reply, plain
from tinnyswe.model.base import to_json
from tinnyswe.model.failure import Failure, FaultNote, LogTail

NAN = float("nan")


def compared(observed: Any, relation: str, *bounds: Any) -> Failure | None:
    """The failure of one comparison; None when it holds."""
    try:
        getattr(Expect("C1")(observed, code="broken", why="A rule."), relation)(*bounds)
    except CheckFailed as failed:
        return failed.failure
    return None


@pytest.mark.parametrize(
    ("observed", "relation", "bounds"),
    [
        (1, "equals", (1,)),
        (1, "equals", (1.0,)),
        (True, "equals", (True,)),
        (None, "equals", (None,)),
        ([1, {"a": True}], "equals", ([1, {"a": True}],)),
        (1, "differs_from", (2,)),
        (True, "differs_from", (1,)),
        ([True], "differs_from", ([1],)),
        (10, "at_most", (10,)),
        (9.5, "at_most", (10,)),
        (10, "at_least", (10,)),
        (5, "between", (5, 7)),
        (7, "between", (5, 7)),
        (409, "one_of", ([200, 409],)),
        ([1], "one_of", ([[1], [2]],)),
        ("seat", "one_of", ({"seat", "row"},)),
        ("abc", "contains", ("b",)),
        ([1, 2], "contains", (2,)),
        ({"a": 1}, "contains", ("a",)),
        ({1, 2}, "contains", (2,)),
        ("abc", "lacks", ("x",)),
        ([1, 2], "lacks", (3,)),
        ([1], "lacks", (True,)),
        (True, "is_true", ()),
        (False, "is_false", ()),
    ],
)
def test_it_holds(observed: Any, relation: str, bounds: tuple[Any, ...]) -> None:
    assert compared(observed, relation, *bounds) is None


@pytest.mark.parametrize(
    ("observed", "relation", "bounds", "words", "expected"),
    [
        (2, "equals", (1,), "equal to", 1),
        (True, "equals", (1,), "equal to", 1),
        (1, "equals", (True,), "equal to", True),
        (0, "equals", (False,), "equal to", False),
        ("1", "equals", (1,), "equal to", 1),
        ([True], "equals", ([1],), "equal to", [1]),
        ({"a": {"b": 1}}, "equals", ({"a": {"b": True}},), "equal to", {"a": {"b": True}}),
        ([1], "equals", ([1, 2],), "equal to", [1, 2]),
        ({"a": 1}, "equals", ({"b": 1},), "equal to", {"b": 1}),
        (NAN, "equals", (NAN,), "equal to", "nan"),
        (2, "differs_from", (2,), "different from", 2),
        (11, "at_most", (10,), "at most", 10),
        ("11", "at_most", (12,), "at most", 12),
        (True, "at_most", (12,), "at most", 12),
        (None, "at_most", (12,), "at most", 12),
        (NAN, "at_most", (12,), "at most", 12),
        (9, "at_least", (10,), "at least", 10),
        (False, "at_least", (0,), "at least", 0),
        (8, "between", (5, 7), "between", [5, 7]),
        (4, "between", (5, 7), "between", [5, 7]),
        ("6", "between", (5, 7), "between", [5, 7]),
        (500, "one_of", ([200, 409],), "one of", [200, 409]),
        (True, "one_of", ([0, 1],), "one of", [0, 1]),
        ([], "one_of", ({"seat"},), "one of", ["seat"]),
        ("abc", "contains", ("x",), "something that contains", "x"),
        ("abc", "contains", (1,), "something that contains", 1),
        (None, "contains", ("x",), "something that contains", "x"),
        (3, "contains", (3,), "something that contains", 3),
        ([1], "contains", (True,), "something that contains", True),
        ("abc", "lacks", ("b",), "something without", "b"),
        (None, "lacks", ("b",), "something without", "b"),
        (1, "is_true", (), "equal to", True),
        ("yes", "is_true", (), "equal to", True),
        (0, "is_false", (), "equal to", False),
        (None, "is_false", (), "equal to", False),
    ],
)
def test_it_fails(observed: Any, relation: str, bounds: tuple[Any, ...], words: str, expected: Any) -> None:
    """Whatever the learner's program answered: a failure, never an exception of ours."""
    failure = compared(observed, relation, *bounds)
    assert failure is not None
    assert (failure.relation, failure.expected) == (words, expected)
    assert failure.observed == plain(observed)


def test_a_failure_carries_what_was_so_at_that_moment() -> None:
    fault = FaultNote(kind="held", target="copy a", position=2, request="SET seats 4")
    moments = iter(["then", "now"])
    expect = Expect(
        "C2",
        fault=lambda: fault,
        logs=lambda: (LogTail(source="copy a", lines=("bye",)),),
        trace=lambda: (next(moments),),
    )
    waiting = expect(12, code="oversold", why="Seats exist.", next_step="Look.", problem="p07", volatile=True)
    assert next(moments) == "then"
    with pytest.raises(CheckFailed) as caught:
        waiting.at_most(10)
    assert caught.value.failure == Failure(
        check="C2",
        code="oversold",
        why="Seats exist.",
        expected=10,
        relation="at most",
        observed=12,
        problem="p07",
        fault=fault,
        logs=(LogTail(source="copy a", lines=("bye",)),),
        next_step="Look.",
        volatile=("observed",),
        trace=("now",),
    )
    assert str(caught.value) == "C2: Seats exist."


def test_failing_without_a_comparison() -> None:
    with pytest.raises(CheckFailed) as caught:
        Expect("C1").fail(code="no-way", why="It cannot be.", observed=b"\xff", next_step="Look.")
    failure = caught.value.failure
    assert (failure.code, failure.observed, failure.relation, failure.expected) == ("no-way", "\\xff", "", None)


# -- fields


def reply(body: object, status: int = 200) -> Reply:
    return Reply(status=status, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def test_fields_are_given_back_with_what_else_was_there() -> None:
    answer = {"left": 4, "ratio": 3, "open": True, "name": "x", "seats": [], "meta": {}, "extra": None}
    kinds = {"left": int, "ratio": float, "open": bool, "name": str, "seats": list, "meta": dict}
    assert Expect("C1").fields(reply(answer), **kinds) == answer


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "left (a whole number) is missing"),
        ({"left": "4"}, "left must be a whole number, not a string"),
        ({"left": True}, "left must be a whole number, not true or false"),
        ({"left": 4.0}, "left must be a whole number, not a number"),
        ({"left": None}, "left must be a whole number, not null"),
        ({"left": [4]}, "left must be a whole number, not a list"),
        ([4], "this is a list"),
        (4, "this is a whole number"),
        (b"<html>", "this is no JSON"),
        (b"\xff\xfe", "this is no JSON"),
        (b"[" * 100_000, "this is no JSON"),
        (b"", "this is no JSON"),
    ],
)
def test_a_wrong_field_says_which_and_how(body: object, why: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        Expect("C1").fields(reply(body), left=int)
    failure = caught.value.failure
    assert failure.code == "bad-answer"
    assert failure.why == f"The answer must be a JSON object; {why}."
    assert failure.observed.startswith("200 ")


@pytest.mark.parametrize("value", [0, 1, "true"])
def test_a_number_is_no_bool(value: object) -> None:
    with pytest.raises(CheckFailed, match="must be true or false"):
        Expect("C1").fields(reply({"open": value}), open=bool)


def test_an_answer_that_never_came_is_called_so() -> None:
    with pytest.raises(CheckFailed) as caught:
        Expect("C1").fields(Reply(status=0, problem="the connection was refused"), left=int)
    assert caught.value.failure.observed == "no answer: the connection was refused"


# -- plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2.5, 2.5),
        (float("inf"), "inf"),
        ("é", "é"),
        ("half \ud800 pair", "half \\ud800 pair"),
        (b"a\xff", "a\\xff"),
        ({1: {2}}, {"1": [2]}),
        ((1, (2,)), [1, [2]]),
        ({"b", "a"}, ["a", "b"]),
        (ValueError("x"), "ValueError('x')"),
    ],
)
def test_plain_is_what_json_can_hold(value: Any, shown: Any) -> None:
    assert plain(value) == shown
    assert json.loads(to_json(plain(value))) == shown


def test_plain_ends_where_nobody_reads_on() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    shown = to_json(plain(deep)).decode()
    assert shown == "[" * 50 + '"..."' + "]" * 50


def test_a_reply_is_text_and_json_and_maybe_neither() -> None:
    assert reply({"a": 1}).json() == {"a": 1}
    assert reply(b"\xff{").json() is None
    assert reply(b"\xff").text == "�"
    assert Reply(status=0).unknown
    assert not reply({}).unknown

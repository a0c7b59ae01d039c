"""Expectations: a comparison that, when it does not hold, raises a Failure as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from tinnyswe.labkit.world import Reply
from tinnyswe.model.failure import Failure, FaultNote, LogTail, Observation


class CheckFailed(Exception):
    """The learner's work broke a rule; carries the Failure. Never raised for a fault of ours."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.check}: {failure.why}")
        self.failure = failure


class Expectation:
    """One observed value, waiting to be compared. Each comparison returns None or raises CheckFailed."""

    def __init__(self, observed: Observation, raise_failure: Callable[[Observation, str, Observation], None]) -> None:
        self._observed = observed
        self._raise = raise_failure

    def _require(self, holds: bool, relation: str, expected: Observation) -> None:
        if not holds:
            self._raise(expected, relation, self._observed)

    def equals(self, expected: Observation) -> None:
        self._require(_same(self._observed, expected), "equal to", expected)

    def differs_from(self, other: Observation) -> None:
        self._require(not _same(self._observed, other), "different from", other)

    def at_most(self, bound: float) -> None:
        self._require(_number(self._observed) and self._observed <= bound, "at most", bound)

    def at_least(self, bound: float) -> None:
        self._require(_number(self._observed) and self._observed >= bound, "at least", bound)

    def between(self, low: float, high: float) -> None:
        self._require(_number(self._observed) and low <= self._observed <= high, "between", [low, high])

    def one_of(self, allowed: Collection[Observation]) -> None:
        self._require(any(_same(self._observed, one) for one in allowed), "one of", list(allowed))

    def contains(self, part: Observation) -> None:
        self._require(_holds(self._observed, part) is True, "something that contains", part)

    def lacks(self, part: Observation) -> None:
        """Fails also for what can hold nothing: an answer that is no list does not lack anything."""
        self._require(_holds(self._observed, part) is False, "something without", part)

    def is_true(self) -> None:
        self._require(self._observed is True, "equal to", True)

    def is_false(self) -> None:
        self._require(self._observed is False, "equal to", False)


class Expect:
    """The `expect` fixture: `expect(sold, code="oversold", why="every acknowledged seat exists").at_most(10)`.

    fault, logs and trace are asked for at the moment of failure, so that they describe that moment.
    """

    def __init__(
        self,
        check: str,
        *,
        fault: Callable[[], FaultNote | None] = lambda: None,
        logs: Callable[[], tuple[LogTail, ...]] = lambda: (),
        trace: Callable[[], tuple[str, ...]] = lambda: (),
    ) -> None:
        self._check = check
        self._fault = fault
        self._logs = logs
        self._trace = trace

    def __call__(
        self,
        observed: Observation,
        *,
        code: str,
        why: str,
        next_step: str = "",
        problem: str = "",
        volatile: bool = False,
    ) -> Expectation:
        """Take an observed value. code: stable word of this failure. why: the rule, as one sentence.

        volatile: the observed value differs between equal runs, so goldens do not compare it.
        """

        def raise_failure(expected: Any, relation: str, seen: Any) -> None:
            raise CheckFailed(self._failure(code, why, expected, relation, seen, next_step, problem, volatile))

        return Expectation(observed, raise_failure)

    def _failure(
        self,
        code: str,
        why: str,
        expected: Any,
        relation: str,
        seen: Any,
        next_step: str,
        problem: str,
        volatile: bool,
    ) -> Failure:
        return Failure(
            check=self._check,
            code=code,
            why=why,
            expected=plain(expected),
            relation=relation,
            observed=plain(seen),
            problem=problem,
            fault=self._fault(),
            logs=self._logs(),
            next_step=next_step,
            volatile=("observed",) if volatile else (),
            trace=self._trace(),
        )

    def fail(self, *, code: str, why: str, observed: Observation = None, next_step: str = "") -> NoReturn:
        """Fail now, where no comparison says it."""
        raise CheckFailed(self._failure(code, why, None, "", observed, next_step, "", False))

    def fields(self, reply: Reply, **kinds: type) -> dict[str, Any]:
        """Return the JSON object of `reply`; fails with code `bad-answer` when a field is missing or of another type.

        `expect.fields(reply, left=int, sold=int)["left"]`: a check may then use the values without looking again.
        """
        body = reply.json()
        wrong = _wrong_fields(body, kinds)
        if wrong:
            self.fail(
                code="bad-answer",
                why=f"The answer must be a JSON object; {', '.join(wrong)}.",
                observed=f"no answer: {reply.problem}" if reply.unknown else f"{reply.status} {reply.text[:1000]}",
                next_step="Compare the answer with the contract's table in the brief.",
            )
        return dict(body)


def _wrong_fields(body: object, kinds: Mapping[str, type]) -> list[str]:
    """What is missing or of another kind, in words; empty when `body` has every field."""
    if not isinstance(body, dict):
        return [f"this is {'no JSON' if body is None else _kind(type(body))}"]
    wrong = []
    for name, kind in kinds.items():
        if name not in body:
            wrong.append(f"{name} ({_kind(kind)}) is missing")
        elif not _is(body[name], kind):
            wrong.append(f"{name} must be {_kind(kind)}, not {_kind(type(body[name]))}")
    return wrong


_KINDS = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def _kind(kind: type) -> str:
    """A type by the name JSON has for it."""
    return _KINDS.get(kind, kind.__name__)


def _is(value: object, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)  # JSON writes 3.0 as 3, too


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    """Equality, but bool is an int in Python, and an answer of true is not the number 1: at any depth."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _holds(container: Any, part: Any) -> bool | None:
    """Whether `part` is in it; None when the question makes no sense (a number holds nothing)."""
    try:
        if isinstance(container, list | tuple):
            return any(_same(one, part) for one in container)
        return part in container
    except TypeError:
        return None


_DEEPEST = 50  # levels of lists and objects a person may want to see


def plain(value: Any, _depth: int = 0) -> Observation:
    """Reduce a value to what JSON can hold; bytes are shown as text, anything else as its repr."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair is no text
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, dict | set | frozenset | list | tuple) and _depth >= _DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {plain(str(key)): plain(item, _depth + 1) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item, _depth + 1) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(item, _depth + 1) for item in value]
    return plain(repr(value))

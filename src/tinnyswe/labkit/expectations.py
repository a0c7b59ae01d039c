"""Expectations: a comparison that, when it does not hold, raises a Failure as data."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

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
        # bool is an int in Python; an answer of true is not the number 1.
        same_kind = isinstance(self._observed, bool) == isinstance(expected, bool)
        self._require(same_kind and self._observed == expected, "equal to", expected)

    def differs_from(self, other: Observation) -> None:
        self._require(self._observed != other, "different from", other)

    def at_most(self, bound: float) -> None:
        self._require(_number(self._observed) and self._observed <= bound, "at most", bound)

    def at_least(self, bound: float) -> None:
        self._require(_number(self._observed) and self._observed >= bound, "at least", bound)

    def between(self, low: float, high: float) -> None:
        self._require(_number(self._observed) and low <= self._observed <= high, "between", [low, high])

    def one_of(self, allowed: Collection[Observation]) -> None:
        self._require(self._observed in allowed, "one of", list(allowed))

    def contains(self, part: Observation) -> None:
        self._require(part in self._observed, "something that contains", part)

    def lacks(self, part: Observation) -> None:
        self._require(part not in self._observed, "something without", part)

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
            raise CheckFailed(
                Failure(
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
            )

        return Expectation(observed, raise_failure)

    def fail(self, *, code: str, why: str, observed: Observation = None, next_step: str = "") -> None:
        """Fail now, where no comparison says it."""
        self(observed, code=code, why=why, next_step=next_step)._require(False, "", None)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain(value: Any) -> Observation:
    """Reduce a value to JSON scalars, lists and dicts; bytes are shown as text, anything else as its repr."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return repr(value)

"""Expectations: a comparison that, when it does not hold, raises a Failure as data."""

from __future__ import annotations

from collections.abc import Callable, Collection
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
        wrong = [
            f"{name} ({kind.__name__})"
            for name, kind in kinds.items()
            if not isinstance(body, dict) or not isinstance(body.get(name), kind) or _bool_for_number(body[name], kind)
        ]
        if wrong:
            self.fail(
                code="bad-answer",
                why=f"The answer lacks {', '.join(wrong)}.",
                observed=f"{reply.status} {reply.text[:1000]}",
                next_step="Compare the answer with the contract's table in the brief.",
            )
        return dict(body)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bool_for_number(value: object, kind: type) -> bool:
    return isinstance(value, bool) and kind is not bool


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

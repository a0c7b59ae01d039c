"""Comparing an engine's version with what a lab asks for."""

from __future__ import annotations

import re

from tinnyswe.model.errors import UsageError

_CLAUSE = re.compile(r"^(>=|<=|==|!=|>|<)?\s*(\d+(?:\.\d+)*)(\.\*)?$")


def satisfies(version: str, wanted: str) -> bool:
    """True when `version` ("18.6") meets every clause of `wanted` (">=18, <19"; "18" and "==18" mean any 18.x).

    An empty `wanted` is always met. Raises UsageError when a clause cannot be read.
    """
    return all(_meets(_numbers(version), clause.strip(), wanted) for clause in wanted.split(",") if clause.strip())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("-")[0]))


def _meets(have: tuple[int, ...], clause: str, wanted: str) -> bool:
    match = _CLAUSE.match(clause)
    if match is None:
        raise UsageError(
            f"{clause!r} is not a version",
            where=wanted,
            next_step='Write ">=8", "18" or ">=18, <19".',
            code="bad-version",
        )
    operator, text, _ = match.groups()
    bound = _numbers(text)
    same = have[: len(bound)] == bound
    if operator in (None, "=="):
        return same
    if operator == "!=":
        return not same
    if operator == ">":
        return have > bound and not same
    if operator == "<":
        return have < bound
    return have >= bound if operator == ">=" else have <= bound or same

"""A failure is data; renderers turn it into text, a page or JSON."""

from __future__ import annotations

from typing import Any

from tinnyswe.model.base import Record

# JSON scalars, lists and string-keyed dicts only: what msgspec decodes `Any` to.
Observation = Any


class FaultNote(Record, frozen=True, kw_only=True):
    """What was being done to the learner's program, and where, when the observation was made."""

    kind: str  # parked | killed | warped | cut | frozen | gated | probed | none
    target: str = ""  # copy "a", engine role "valkey"
    position: int | None = None  # k: the request, or row event, the copy was held before
    request: str = ""  # the request's text as the engine would have seen it
    detail: str = ""  # e.g. "every TTL ran out meanwhile"


class LogTail(Record, frozen=True, kw_only=True):
    """The last lines one process wrote."""

    source: str  # "copy a", "valkey"
    lines: tuple[str, ...] = ()


class Failure(Record, frozen=True, kw_only=True):
    """Why a check did not pass, in the terms of the check's own docstring."""

    check: str  # C2
    code: str  # oversold: stable within the lab, used by mutants, goldens and diagnosis
    why: str  # the rule that was broken, one sentence
    expected: Observation = None
    relation: str = ""  # "at most", "equal to", "one of": how observed should relate to expected
    observed: Observation = None
    problem: str = ""  # p07: which of a check's numbered problems, if it has any
    fault: FaultNote | None = None
    logs: tuple[LogTail, ...] = ()
    next_step: str = ""
    volatile: tuple[str, ...] = ()  # fields whose value differs between equal runs (ports, order)
    trace: tuple[str, ...] = ()  # what happened before, one line a step, oldest first

"""Polling for what must come true, and the failures of things that never came."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_FIRST_PAUSE = 0.002  # s; doubled up to the next
_LONGEST_PAUSE = 0.05


class NoAnswer(Exception):
    """Something of the learner's never came within its time: verdict `failed`, code `no-answer`.

    what: the thing waited for, e.g. "an answer of copy a to GET /shows/gala". elapsed, limit: seconds.
    """

    def __init__(self, what: str, *, elapsed: float, limit: float, code: str = "no-answer") -> None:
        super().__init__(f"no {what} after {elapsed:.1f} s (limit {limit:g} s)")
        self.what = what
        self.elapsed = elapsed
        self.limit = limit
        self.code = code


def until(ready: Callable[[], T], *, seconds: float, what: str) -> T:
    """Call `ready` until it returns something true, and return that. Raises NoAnswer after `seconds`.

    The clock is a failsafe that tells "late" from "never"; a check must not depend on its length.
    """
    started = time.monotonic()
    pause = _FIRST_PAUSE
    while True:
        value = ready()
        if value:
            return value
        elapsed = time.monotonic() - started
        if elapsed > seconds:
            raise NoAnswer(what, elapsed=elapsed, limit=seconds)
        time.sleep(min(pause, max(0.0, seconds - elapsed)))
        pause = min(pause * 2, _LONGEST_PAUSE)

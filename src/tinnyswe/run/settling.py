"""When has a request come to rest? Definitions measured in docs/concepts/races.md.

A verdict that comes too early weakens one race; it can never reject a correct program.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from tinnyswe.labkit.world import Settled

LOOK = 0.002  # s between looks
BLOCKED_AFTER = 0.005  # s a request must be outstanding before the engine is asked about it
BLOCKED_LOOKS = 2
POLLING_AFTER = 0.060
POLLING_ROUNDS = 3
LONGEST_ROUND = 6  # requests
ASLEEP_LOOKS = 3


class Patience:
    """How long silence must last to mean rest, from how long this program is silent when nobody disturbs it."""

    def __init__(self, longest_silence: float | None = None) -> None:
        """longest_silence: seconds, measured while the same request ran alone; None = not measured."""
        self.idle = 0.5 if longest_silence is None else max(0.100, 2 * longest_silence + 0.050)
        self.clock = max(2.0, 6 * self.idle)


class Watched(Protocol):
    """The copy under observation."""

    def answered(self) -> bool: ...
    def requests(self) -> Sequence[tuple[float, str]]:
        """(monotonic time, label) of the engine requests since the call began, oldest first."""

    def outstanding(self) -> float | None:
        """Seconds its oldest unanswered engine request has been waiting; None when there is none."""

    def blocked(self) -> bool:
        """True when the engine says that it waits for somebody else."""

    def last_traffic(self) -> float:
        """Monotonic time of the last byte between the copy and its engines, or the call's begin."""

    def asleep(self) -> bool: ...
    def wait(self, seconds: float) -> None:
        """Return when something happened, at the latest after `seconds`."""


def settle(watched: Watched, patience: Patience, deadline: Callable[[], float]) -> Settled:
    """Wait until the copy has come to rest, and say how. deadline() = seconds left of the check."""
    began = time.monotonic()
    blocked = asleep = 0
    while True:
        if watched.answered():
            return "answered"
        now = time.monotonic()
        waiting = watched.outstanding()
        blocked = blocked + 1 if waiting is not None and waiting > BLOCKED_AFTER and watched.blocked() else 0
        if blocked >= BLOCKED_LOOKS:
            return "blocked"
        if now - began >= POLLING_AFTER and is_polling([label for _, label in watched.requests()]):
            return "polling"
        quiet = waiting is None and now - max(watched.last_traffic(), began) >= patience.idle
        asleep = asleep + 1 if quiet and watched.asleep() else 0
        if asleep >= ASLEEP_LOOKS:
            return "idle"
        if now - began >= min(patience.clock, deadline()):
            return "clock"
        watched.wait(LOOK)


def is_polling(labels: Sequence[str]) -> bool:
    """True when the last three rounds of 1 to 6 requests are the same (verb and first argument compared)."""
    shapes = [tuple(label.split()[:2]) for label in labels[-POLLING_ROUNDS * LONGEST_ROUND :]]
    for size in range(1, LONGEST_ROUND + 1):
        if len(shapes) < POLLING_ROUNDS * size:
            return False
        rounds = [shapes[len(shapes) - (n + 1) * size : len(shapes) - n * size] for n in range(POLLING_ROUNDS)]
        if all(part == rounds[0] for part in rounds):
            return True
    return False


def longest_silence(began: float, traffic: Sequence[float], ended: float) -> float:
    """The longest gap in seconds between the call's begin, its engine requests, and its answer."""
    moments = [began, *traffic, ended]
    return max(later - earlier for earlier, later in itertools.pairwise(moments))

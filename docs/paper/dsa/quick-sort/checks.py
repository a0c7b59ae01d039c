"""The checks of dsa/quick-sort, on paper: written against labkit, not run.

The array lives here, in the grader; the learner's `sort(A)` reaches it by `cmp`, `swap` and `len` (K7: `Call`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from tinnyswe.labkit import Call, Expect, Remote

SIZES = (256, 512)
LARGEST = 1024  # 24 µs a round trip


class Asked(Remote, methods=("cmp", "swap", "__len__"), one_way=("swap",)):
    """An array the learner may only ask about; every question is counted, the (limit + 1)-th ends the run."""

    def __init__(self, values: Sequence[int], limit: float) -> None:
        self.values = list(values)
        self.limit = limit
        self.compared = 0

    def cmp(self, i: int, j: int) -> int:
        self.compared += 1
        if self.compared > self.limit:
            raise self.budget_spent()  # of Remote: ends the guest at once, nothing the learner could catch
        return (self.values[i] > self.values[j]) - (self.values[i] < self.values[j])

    def swap(self, i: int, j: int) -> None:
        self.values[i], self.values[j] = self.values[j], self.values[i]

    def __len__(self) -> int:
        return len(self.values)


class Adversary(Asked):
    """McIlroy's: values are undecided ("gas") until a comparison forces one of them, always the worse one."""

    def __init__(self, n: int, limit: float) -> None:
        super().__init__([n] * n, limit)
        self.solid = 0
        self.candidate = 0
        self.names = list(range(n))  # which undecided value lies where

    def cmp(self, i: int, j: int) -> int:
        left, right, gas = self.names[i], self.names[j], len(self.values)
        if self.values[left] == gas and self.values[right] == gas:
            self.values[left if left == self.candidate else right] = self.solid
            self.solid += 1
        if self.values[left] == gas:
            self.candidate = left
        elif self.values[right] == gas:
            self.candidate = right
        self.compared += 1
        if self.compared > self.limit:
            raise self.budget_spent()
        return (self.values[left] > self.values[right]) - (self.values[left] < self.values[right])

    def swap(self, i: int, j: int) -> None:
        self.names[i], self.names[j] = self.names[j], self.names[i]


def sort(call: Call, array: Asked, expect: Expect, what: str) -> Any:
    """Run the learner's sort on the array; return what the guest counted (its stack)."""
    run = call("sort", array)
    why = f"{what}: at most {array.limit:.0f} comparisons."
    expect(array.compared, code="too-many-comparisons", why=why).at_most(array.limit)
    if not isinstance(array, Adversary):
        expect(array.values, code="not-sorted", why=f"{what} ends in order.").equals(sorted(array.values))
    return run


def n_log_n(n: int) -> float:
    return n * math.log2(n)


def test_c1_ten_values(call: Call, expect: Expect) -> None:
    """Sort ten values."""
    sort(call, Asked([7, 2, 9, 4, 1, 8, 3, 10, 6, 5], limit=1000), expect, "Ten values")


def test_c2_arrays(call: Call, expect: Expect, rng: random.Random) -> None:
    """Sort 200 arrays: empty, one value, equal values, and everything between."""
    for length in [0, 1, 2, 3] * 5 + [rng.randrange(4, 60) for _ in range(180)]:
        values = [rng.randrange(max(1, length // rng.choice((1, 2, 8)))) for _ in range(length)]
        sort(call, Asked(values, limit=20_000), expect, f"{length} values")


def test_c3_random(call: Call, expect: Expect, rng: random.Random) -> None:
    """Few comparisons on random input: 1.45 n lg n."""
    for n in (*SIZES, LARGEST):
        sort(call, Asked(rng.sample(range(n), n), limit=1.45 * n_log_n(n)), expect, f"Random, n = {n}")


def test_c4_adversary(call: Call, expect: Expect) -> None:
    """An opponent who invents the values while you ask: 6 n lg n."""
    sort(call, Adversary(LARGEST, limit=6 * n_log_n(LARGEST)), expect, f"The opponent, n = {LARGEST}")


def test_c5_four_values(call: Call, expect: Expect, rng: random.Random) -> None:
    """Four values, many times: 5 n."""
    for n in SIZES:
        sort(call, Asked([rng.randrange(4) for _ in range(n)], limit=5 * n), expect, f"Four values, n = {n}")


def test_c6_stack(call: Call, expect: Expect, rng: random.Random) -> None:
    """A shallow stack: 2 lg n + 10 frames and pushed pairs."""
    for n in SIZES:
        shapes = {"rising": range(n), "random": rng.sample(range(n), n)}
        for name, values in shapes.items():
            run = sort(call, Asked(list(values), limit=6 * n_log_n(n)), expect, f"{name}, n = {n}")
            bound = 2 * math.log2(n) + 10
            expect(run.depth, code="deep-stack", why="The larger part waits, the smaller goes first.").at_most(bound)


def test_c7_shapes(call: Call, expect: Expect) -> None:
    """Sorted, reversed and organ-pipe input: 6 n lg n."""
    for n in SIZES:
        half = list(range(n // 2))
        for name, values in (("sorted", range(n)), ("reversed", range(n)[::-1]), ("organ pipe", half + half[::-1])):
            sort(call, Asked(list(values), limit=6 * n_log_n(n)), expect, f"{name}, n = {n}")

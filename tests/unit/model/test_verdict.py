"""The judge's own fault always wins the display."""

from __future__ import annotations

import itertools

import pytest

from tinnyswe.model.verdict import EXIT_CODES, Outcome, worst

ORDER = [Outcome.ERROR, Outcome.FAILED, Outcome.TIMEOUT, Outcome.NOT_RUN, Outcome.PASSED]


@pytest.mark.parametrize("together", [c for n in range(1, 6) for c in itertools.combinations(ORDER, n)])
def test_the_worst_speaks_for_all_whatever_their_order(together: tuple[Outcome, ...]) -> None:
    assert worst(together) is together[0]
    assert worst(reversed(together * 2)) is together[0]


def test_nothing_at_all_proves_nothing() -> None:
    assert worst([]) is Outcome.NOT_RUN


def test_every_outcome_has_an_exit_code_and_only_a_pass_or_an_incomplete_run_is_zero() -> None:
    assert EXIT_CODES.keys() == set(Outcome)
    assert {outcome for outcome, code in EXIT_CODES.items() if code == 0} == {Outcome.PASSED, Outcome.NOT_RUN}
    assert len({code for code in EXIT_CODES.values() if code}) == 3

"""`until`: the one loop that polls. Time goes on only when it sleeps."""

from __future__ import annotations

import pytest

from tinnyswe.labkit import NoAnswer, until, waiting


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 4))
        self.now += max(seconds, 1e-6)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_what_is_true_at_once_is_given_back_without_a_pause(clock: Clock) -> None:
    assert until(lambda: "seat 4", seconds=1, what="seat") == "seat 4"
    assert clock.pauses == []


def test_it_looks_again_in_growing_pauses(clock: Clock) -> None:
    looks = iter([0, None, "", [], False, False, False, 7])
    assert until(lambda: next(looks), seconds=10, what="seven") == 7
    assert clock.pauses == [0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05]


def test_it_looks_a_last_time_when_the_time_is_over(clock: Clock) -> None:
    assert until(lambda: clock.now >= 0.01, seconds=0.01, what="end") is True


def test_what_never_comes_is_told_with_time_and_limit(clock: Clock) -> None:
    with pytest.raises(NoAnswer) as caught:
        until(lambda: None, seconds=0.25, what="answer of copy a")
    assert str(caught.value) == "no answer of copy a after 0.3 s (limit 0.25 s)"
    assert caught.value.what == "answer of copy a"
    assert caught.value.code == "no-answer"
    assert caught.value.limit == 0.25
    assert 0.25 < caught.value.elapsed < 0.26


def test_what_the_question_raises_goes_up(clock: Clock) -> None:
    with pytest.raises(ZeroDivisionError):
        until(lambda: 1 // 0, seconds=1, what="answer")

"""When a request has come to rest. Time goes on only when something is waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tinnyswe.run import settling
from tinnyswe.run.settling import LOOK, Patience, is_polling, longest_silence, settle

# -- polling


@pytest.mark.parametrize(
    ("labels", "polling"),
    [
        ([], False),
        (["GET x"] * 2, False),
        (["GET x"] * 3, True),
        (["SET x 1", "GET x", "GET x", "GET x"], True),
        (["GET x", "GET x", "GET x", "SET x 1"], False),
        (["GET a", "GET b"] * 3, True),
        (["GET a", "GET b"] * 2, False),
        (["GET b"] + ["GET a", "GET b"] * 2, False),
        (["A 1", "B 1", "C 1", "D 1", "E 1", "F 1"] * 3, True),
        (["A 1", "B 1", "C 1", "D 1", "E 1", "F 1", "G 1"] * 3, False),
        (["SET lock token-1", "SET lock token-2", "SET lock token-3"], True),
        (["GET a", "GET b", "GET c"], False),
        (["GET seat:1", "GET seat:2", "GET seat:3", "GET seat:4"], False),
        (["PING"] * 3, True),
    ],
)
def test_polling_is_three_equal_rounds_at_the_end(labels: list[str], polling: bool) -> None:
    assert is_polling(labels) is polling


# -- patience


@pytest.mark.parametrize(
    ("silence", "idle", "clock"),
    [(None, 0.5, 3.0), (0.0, 0.1, 2.0), (0.02, 0.1, 2.0), (0.3, 0.65, 3.9), (1.0, 2.05, 12.3)],
)
def test_patience_grows_with_the_measured_silence(silence: float | None, idle: float, clock: float) -> None:
    patience = Patience(silence)
    assert patience.idle == pytest.approx(idle)
    assert patience.clock == pytest.approx(clock)


@pytest.mark.parametrize(
    ("traffic", "silence"), [([], 3.0), ([1.5], 2.5), ([3.0], 2.0), ([1.5, 2.0, 3.9], 1.9), ([1.0, 4.0], 3.0)]
)
def test_the_longest_silence_counts_both_ends(traffic: list[float], silence: float) -> None:
    assert longest_silence(1.0, traffic, 4.0) == pytest.approx(silence)


# -- settling


class Scripted:
    """settling.Watched whose facts change at given times; every look lets `LOOK` seconds pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.answers_at = float("inf")
        self.sent: list[tuple[float, str]] = []  # seconds after the start, label
        self.waits_since: float | None = None  # seconds after the start
        self.engine_says: Callable[[int], bool] = lambda look: False
        self.sleeps: Callable[[int], bool] = lambda look: True
        self.asked = self.looked = 0
        monkeypatch.setattr(settling.time, "monotonic", lambda: self.now)
        self._start = self.now

    def answered(self) -> bool:
        return self.now >= self._start + self.answers_at

    def requests(self) -> Sequence[tuple[float, str]]:
        return [(self._start + at, label) for at, label in self.sent if self._start + at <= self.now]

    def outstanding(self) -> float | None:
        since = self.waits_since
        return None if since is None or self.now < self._start + since else self.now - self._start - since

    def blocked(self) -> bool:
        self.asked += 1
        return self.engine_says(self.asked)

    def last_traffic(self) -> float:
        return max([self._start, *(at for at, _ in self.requests())])

    def asleep(self) -> bool:
        self.looked += 1
        return self.sleeps(self.looked)

    def wait(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 6)

    def settle(self, patience: Patience, left: float = 1000.0) -> tuple[str, float]:
        """How it came to rest, and after how many seconds."""
        ends = self.now + left
        how = settle(self, patience, lambda: ends - self._start)
        return how, round(self.now - self._start, 3)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    return Scripted(monkeypatch)


def near(seconds: float) -> object:
    """Within one look: sums of floats fall on either side of a limit."""
    return pytest.approx(seconds, abs=1.1 * LOOK)


QUICK = Patience(0.0)  # idle 0.1, clock 2


def test_an_answer_ends_it_at_once(watched: Scripted) -> None:
    watched.answers_at = 0.0
    assert watched.settle(QUICK) == ("answered", 0.0)


def test_an_answer_wins_over_everything_seen_in_the_same_look(watched: Scripted) -> None:
    watched.answers_at = 0.06
    watched.sent = [(n / 1000, "GET flag") for n in range(1000)]
    assert watched.settle(QUICK) == ("answered", 0.06)


def test_blocked_takes_two_looks_at_the_engine_and_a_request_that_is_not_new(watched: Scripted) -> None:
    watched.waits_since = 0.010
    watched.engine_says = lambda look: True
    how, after = watched.settle(QUICK)
    assert how == "blocked"
    assert watched.asked == 2
    assert after == near(0.010 + 0.006 + LOOK)


def test_one_look_that_says_blocked_is_not_enough(watched: Scripted) -> None:
    """An engine that says it now and then describes something passing."""
    watched.waits_since = 0.0
    watched.engine_says = lambda look: look % 2 == 0
    assert watched.settle(QUICK) == ("clock", 2.0)


def test_a_request_on_its_way_is_not_asked_about(watched: Scripted) -> None:
    watched.waits_since = 0.0
    watched.answers_at = 0.004
    watched.settle(QUICK)
    assert watched.asked == 0


def test_polling_needs_sixty_milliseconds(watched: Scripted) -> None:
    watched.sent = [(n / 1000, "GET flag") for n in range(1000)]
    assert watched.settle(QUICK) == ("polling", 0.06)


def test_idle_is_the_calibrated_silence_and_three_looks_asleep(watched: Scripted) -> None:
    watched.sent = [(0.05, "GET x")]
    how, after = watched.settle(QUICK)
    assert how == "idle"
    assert after == near(0.05 + 0.1 + 2 * LOOK)
    assert watched.looked == 3


def test_a_longer_calibrated_silence_is_waited_for(watched: Scripted) -> None:
    watched.sent = [(0.4, "GET x")]
    assert watched.settle(Patience(0.3)) == ("idle", near(0.4 + 0.65 + 2 * LOOK))


def test_a_copy_that_waits_for_a_cpu_is_not_idle(watched: Scripted) -> None:
    """A loaded computer delays the verdict and does not change it."""
    watched.sleeps = lambda look: look > 200
    how, after = watched.settle(QUICK)
    assert how == "idle"
    assert after == near(0.1 + 202 * LOOK)


def test_one_look_awake_begins_the_three_anew(watched: Scripted) -> None:
    watched.sleeps = lambda look: look != 3
    assert watched.settle(QUICK)[0] == "idle"
    assert watched.looked == 6


def test_what_waits_for_the_engine_is_not_idle(watched: Scripted) -> None:
    watched.waits_since = 0.0
    assert watched.settle(QUICK) == ("clock", 2.0)
    assert watched.looked == 0


def test_the_clock_is_the_last_resort(watched: Scripted) -> None:
    watched.sleeps = lambda look: False
    assert watched.settle(Patience(0.5)) == ("clock", near(6.3))


def test_the_checks_deadline_comes_before_the_clock(watched: Scripted) -> None:
    watched.sleeps = lambda look: False
    assert watched.settle(QUICK, left=0.5) == ("clock", 0.5)

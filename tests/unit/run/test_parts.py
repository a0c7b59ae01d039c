"""Clock, ports, timeline and pending calls: the small parts of a world."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from tinnyswe.grading.world import RunBudgetSpent
from tinnyswe.labkit import NoAnswer, Reply
from tinnyswe.model.events import AnyEvent, FaultDone, RequestSeen
from tinnyswe.model.failure import FaultNote
from tinnyswe.run import clock, ports
from tinnyswe.run.clock import Clock
from tinnyswe.run.copies import RunningCopy, tail
from tinnyswe.run.pending import Call
from tinnyswe.run.ports import Ports
from tinnyswe.run.timeline import Timeline

# -- clock


class Time:
    now = 50.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "time", made)
    return made


def test_a_check_has_its_own_seconds_within_the_runs(time: Time) -> None:
    made = Clock(run_seconds=60)
    made.begin(20)
    time.now += 5
    assert (made.left(), made.elapsed(), made.check_seconds) == (15, 5, 20)
    time.now += 20
    assert made.left() == 0
    assert not made.spent()
    time.now += 20
    made.begin(20)
    assert made.left() == 15


def test_nothing_begins_when_the_run_is_over(time: Time) -> None:
    made = Clock(run_seconds=60)
    time.now += 60
    assert made.spent()
    with pytest.raises(RunBudgetSpent):
        made.begin(20)


# -- ports


def test_ports_are_free_different_and_below_the_kernels_own() -> None:
    made = Ports()
    found = [made.free() for _ in range(50)]
    assert len(set(found)) == 50
    assert max(found) < ports._first_ephemeral()
    for port in found[:5]:
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_a_port_in_use_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Ports().free()
    with socket.create_server(("127.0.0.1", first)):
        assert Ports().free() != first


def test_two_threads_get_two_ports() -> None:
    made = Ports()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: made.free(), range(64)))
    assert len(set(found)) == 64


def test_benches_begin_somewhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for pid in (5000, 5001):
        monkeypatch.setattr(ports.os, "getpid", lambda pid=pid: pid)
        found.append(Ports().free())
    assert abs(found[0] - found[1]) > 32


def test_where_the_kernel_says_nothing_it_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_first_ephemeral", lambda: 0)
    with socket.create_server(("127.0.0.1", Ports().free())):
        pass


# -- timeline


@pytest.fixture
def said() -> list[AnyEvent]:
    return []


@pytest.fixture
def timeline(said: list[AnyEvent]) -> Timeline:
    return Timeline(said.append)


def test_a_trace_is_of_the_present_world(timeline: Timeline) -> None:
    timeline.request("a", "http", "GET /")
    timeline.fresh_trace()
    timeline.request("a", "http", "PUT /shows/x")
    timeline.request("a", "valkey", "SET x 1", 1)
    assert timeline.trace() == ("a: PUT /shows/x", "a → valkey: SET x 1")


def test_a_long_story_is_cut_at_its_start(timeline: Timeline) -> None:
    for n in range(100):
        timeline.say(f"line {n}")
    assert len(timeline.trace()) == 40
    assert timeline.trace()[-1] == "line 99"


def test_passwords_and_half_characters_stay_out_of_every_text(timeline: Timeline, said: list[AnyEvent]) -> None:
    timeline.redacted.hide(["sesame-open"])
    timeline.request("a", "valkey", "SET dsn redis://:sesame-open@h\ud800")
    timeline.begin_fault(FaultNote(kind="cut", target="copy a", position=1, request="GET sesame-open"))
    timeline.note("sesame-open")
    assert "sesame" not in repr(said) + repr(timeline.trace()) + repr(timeline.fault)
    assert "\ud800" not in repr(said)
    request, fault, _ = said
    assert cast(RequestSeen, request).text == "SET dsn redis://:[redacted]@h\\ud800"
    assert cast(FaultDone, fault).request == "GET [redacted]"


def test_the_trace_can_be_taken_while_others_add_to_it(timeline: Timeline) -> None:
    stop = threading.Event()

    def add() -> None:
        n = 0
        while not stop.is_set():
            timeline.say(f"line {n}")
            n += 1

    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(add)
        for _ in range(2000):
            timeline.trace()
        stop.set()
        adding.result()


# -- pending calls

COPY = cast(RunningCopy, type("Copy", (), {"name": "a"})())


def call(answer: Any, patience: float = 20.0) -> Call:
    return Call(COPY, answer, lambda: patience)


def test_a_reply_is_asked_for_in_a_thread_of_its_own() -> None:
    threads = []

    def answer(copy: RunningCopy) -> Reply:
        threads.append(threading.current_thread().name)
        return Reply(status=200)

    pending = call(answer)
    assert not pending.begun
    assert pending.reply.status == 200
    assert pending.answered
    assert threads == ["call-a"]


def test_what_the_call_raised_is_raised_where_the_reply_is_read() -> None:
    pending = call(lambda copy: 1 // 0)
    pending.begin()
    assert pending.wait(20)
    with pytest.raises(ZeroDivisionError):
        _ = pending.reply


def test_a_call_without_a_reply_is_the_labs_mistake() -> None:
    with pytest.raises(TypeError, match="must return the reply"):
        _ = call(lambda copy: None).reply


def test_a_reply_that_does_not_come_in_time() -> None:
    over = threading.Event()
    pending = call(lambda copy: over.wait(20) and Reply(status=200), patience=0.05)
    with pytest.raises(NoAnswer, match="no answer of copy a after"):
        _ = pending.reply
    over.set()
    assert pending.wait(20)


@pytest.mark.parametrize(
    ("settled", "waited"),
    [("answered", False), ("blocked", True), ("polling", False), ("idle", False), ("clock", True)],
)
def test_only_blocked_and_the_clock_prove_waiting(settled: Any, waited: bool) -> None:
    pending = call(lambda copy: Reply(status=200))
    pending.settled = settled
    assert pending.waited is waited


# -- logs


def test_the_tail_of_a_log(tmp_path: Any) -> None:
    log = tmp_path / "copy-a.log"
    assert tail(log, 3) == ()
    log.write_bytes(b"one\ntwo\xff\n" + b"x" * 600 + b"\nfour\n")
    assert tail(log, 3) == ("two\\xff", "x" * 500 + " ...", "four")
    log.write_bytes(b"y" * 100_000 + b"\nlast")
    assert tail(log, 1) == ("last",)

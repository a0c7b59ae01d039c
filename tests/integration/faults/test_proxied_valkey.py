"""redis-py and Valkey do not notice the step proxy, and it counts what Valkey executes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from integration.faults.conftest import Proxy, proxies
from tinnyswe.engines.base import Connection, Instance
from tinnyswe.faults.stepproxy import StepProxy
from tinnyswe.labkit import until


@pytest.fixture
def proxy(valkey: Instance) -> Iterator[Proxy]:
    scope = valkey.scope("proxied")
    with proxies(scope) as made:
        yield made
    scope.drop()


@pytest.fixture
def connect(proxy: Proxy) -> Iterator[Callable[..., tuple[StepProxy, redis.Redis]]]:
    """connect(protocol=2|3) -> (its proxy, a client through it)."""
    clients: list[redis.Redis] = []

    def connect_one(protocol: int = 3) -> tuple[StepProxy, redis.Redis]:
        step, dsn = proxy()
        clients.append(redis.Redis.from_url(dsn, protocol=protocol, socket_timeout=5))
        return step, clients[-1]

    yield connect_one
    for client in clients:
        client.close()


def plain_commands(client: redis.Redis) -> list[Any]:
    client.hset("h", mapping={"a": "1", "b": "2"})
    client.zadd("z", {"x": 1.5, "y": 2})
    client.sadd("s", "one")
    return [
        [client.set("k", "v"), client.get("k"), client.get("none"), client.hgetall("h"), client.type("h")],
        [client.zrange("z", 0, -1, withscores=True), client.smembers("s"), client.ping(), list(client.scan_iter("k"))],
        [client.config_get("maxmemory"), client.object("encoding", "k"), client.time()[0] > 0],
    ]


def pipelines(client: redis.Redis) -> list[Any]:
    with client.pipeline(transaction=False) as pipe:
        for n in range(300):
            pipe.set(f"p{n}", n).get(f"p{n}")
        loose = pipe.execute()
    with client.pipeline() as pipe:
        one = pipe.incr("n").lpush("l", "x").lrange("l", 0, -1).execute()
        bad = pipe.incr("l").execute(raise_on_error=False)
    return [loose, one, [str(error) for error in bad]]


def watching(client: redis.Redis) -> list[Any]:
    results: list[Any] = []
    with client.pipeline() as pipe:
        pipe.watch("left")
        pipe.get("left")
        pipe.multi()
        pipe.set("left", 4)
        results.append(pipe.execute())
        pipe.watch("left")
        client.set("left", 9)
        pipe.multi()
        pipe.set("left", 3)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    return [*results, client.get("left")]


def scripts(client: redis.Redis) -> list[Any]:
    client.script_flush()
    script = client.register_script(
        "redis.call('INCR', KEYS[1]) return {1, {ARGV[1], {'deep'}}, redis.call('GET', KEYS[1])}"
    )
    return [script(keys=["c"], args=["x"]), script(keys=["c"], args=["y"]), client.eval("return {}", 0)]


def large_values(client: redis.Redis) -> list[Any]:
    value = bytes(range(256)) * 20_000
    client.set("big", value)
    client.rpush("list", *range(5000))
    return [client.get("big") == value, client.lrange("list", 0, -1), client.mget(["big"] * 3) == [value] * 3]


def errors(client: redis.Redis) -> list[Any]:
    client.set("text", "x")
    said = []
    for wrong in (("INCR", "text"), ("LPOP", "text"), ("NOSUCH", "x"), ("GET",)):
        with pytest.raises(redis.ResponseError) as refused:
            client.execute_command(*wrong)
        said.append(str(refused.value))
    return said


def pubsub(client: redis.Redis) -> list[Any]:
    with client.pubsub() as listening:
        listening.subscribe("news", "more")
        listening.psubscribe("n*")
        heard = [listening.get_message(timeout=5) for _ in range(3)]
        client.publish("news", "hello")
        heard += [listening.get_message(timeout=5) for _ in range(2)]
        listening.unsubscribe()
        heard += [listening.get_message(timeout=5) for _ in range(2)]
    return [*heard, client.get("k")]


def blocking(client: redis.Redis) -> list[Any]:
    client.lpush("queue", "job")
    return [client.blpop(["queue"], timeout=5), client.blpop(["queue"], timeout=0.01), client.get("k")]


TALKS = [plain_commands, pipelines, watching, scripts, large_values, errors, pubsub, blocking]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("talk", TALKS)
def test_every_result_is_the_same_through_the_proxy(
    valkey: Instance, connect: Callable[..., tuple[StepProxy, redis.Redis]], talk: Callable[[Any], Any], protocol: int
) -> None:
    step, client = connect(protocol)
    grader = client.connection_pool.connection_kwargs
    host, port = valkey.address
    direct = redis.Redis(host=host, port=port, password=grader["password"], protocol=protocol, socket_timeout=5)
    expected = talk(direct)
    direct.flushall()
    direct.close()
    assert talk(client) == expected
    assert not step.opaque
    until(lambda: not step.outstanding(), seconds=5, what="rest")


def test_requests_are_what_valkey_executes(connect: Callable[..., tuple[StepProxy, redis.Redis]]) -> None:
    step, client = connect()
    client.get("warm")
    step.reset_counter()
    scripts(client)
    watching(client)
    texts = [seen.text for seen in step.history()]
    assert texts[0].startswith("EVALSHA ")
    assert texts[1].startswith("EVALSHA "), "after NOSCRIPT and SCRIPT LOAD"
    assert [text for text in texts if text.startswith(("WATCH", "GET", "EXEC", "SET"))] == [
        "WATCH left", "GET left", "EXEC [SET left 4]", "WATCH left", "SET left 9", "EXEC [SET left 3]", "GET left",
    ]  # fmt: skip
    assert not [text for text in texts if text.startswith(("HELLO", "CLIENT", "SCRIPT", "MULTI", "AUTH"))]


def test_a_lost_update_is_made_at_will(connect: Callable[..., tuple[StepProxy, redis.Redis]]) -> None:
    (step, slow), (_, fast) = connect(), connect()
    slow.set("left", 10)

    def sell(client: redis.Redis) -> None:
        client.set("left", int(client.get("left") or 0) - 6)

    with step.changed:
        step.reset_counter()
        step.park_before(2)
    seller = threading.Thread(target=sell, args=(slow,))
    seller.start()
    with step.changed:
        assert step.changed.wait_for(lambda: step.parked is not None, timeout=5)
    assert step.parked is not None
    assert step.parked.text == "SET left 4"
    sell(fast)
    assert fast.get("left") == b"4"
    step.release()
    seller.join(5)
    assert fast.get("left") == b"4", "12 were sold"


def test_a_waiting_client_is_outstanding_and_valkey_says_it_is_blocked(
    valkey: Instance, connect: Callable[..., tuple[StepProxy, redis.Redis]]
) -> None:
    step, client = connect()
    popping = threading.Thread(target=client.blpop, args=(["empty"], 5))
    popping.start()

    def blocked() -> bool:
        waiting = [Connection(local_port=c.local_port) for c in step.connections() if c.outstanding]
        return bool(waiting) and valkey.blocked(waiting)

    until(blocked, seconds=5, what="blocked client")
    _, other = connect()
    other.lpush("empty", "x")
    popping.join(5)
    assert not blocked()


def test_a_reply_that_is_cut_leaves_the_write_done(connect: Callable[..., tuple[StepProxy, redis.Redis]]) -> None:
    (step, client), (_, other) = connect(), connect()
    client.set("n", 1)
    step.reset_counter()
    step.cut_after(1)
    connection = client.connection_pool.get_connection()
    connection.send_command("INCR", "n")
    with pytest.raises(redis.ConnectionError):
        connection.read_response()
    client.connection_pool.release(connection)
    assert other.get("n") == b"2"

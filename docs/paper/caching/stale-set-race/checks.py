"""The checks of caching/stale-set-race, on paper: written against labkit, not run."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tinnyswe.labkit import App, Copy, EngineHandle, Expect, Net, Race, Reply, until

LONGEST_TTL = 5000  # ms a stale entry may live when its writer died
VERY_SLOW = 3000  # ms; longer than any delayed second delete

Call = Callable[[Copy], Reply]


def reads(product: str) -> Call:
    return lambda copy: copy.get(f"/product/{product}")


def prices(product: str, price: int) -> Call:
    return lambda copy: copy.put(f"/product/{product}", {"price": price})


def shown(copy: Copy, product: str, expect: Expect) -> int:
    reply = reads(product)(copy)
    expect(reply.status, code="no-price", why="GET of a known product is answered with 200.").equals(200)
    return int(expect.fields(reply, price=int)["price"])


def new_product(app: App, postgres: EngineHandle, rng: random.Random, price: int) -> str:
    """Put one row into the learner's database, and no entry into the cache."""
    product = f"p{rng.randrange(16**8):08x}"
    postgres.client().execute("INSERT INTO product (id, price) VALUES (%s, %s)", (product, price))
    return product


def everywhere(app: App, product: str, price: int, expect: Expect) -> None:
    for copy in (app.a, app.b):
        seen = shown(copy, product, expect)
        expect(seen, code="stale", why="After a write is answered, nobody sees the old price.").equals(price)


def test_c1_read_write_read(app: App, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """Read a price, change it, read it again."""
    product = new_product(app, postgres, rng, 10)
    expect(shown(app.a, product, expect), code="wrong-price", why="GET shows the row.").equals(10)
    changed = prices(product, 11)(app.a)
    expect(changed.status, code="not-written", why="PUT of a valid price is answered with 200.").equals(200)
    expect(shown(app.a, product, expect), code="stale", why="GET shows the last PUT.").equals(11)


def test_c2_slow_reader(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """A reader that missed is held before each of its requests while the other copy changes the price."""
    for role in ("valkey", "postgres"):  # one numbering over both would be one series (decision 0003, K4)
        for race in net.races(role, first="a", second="b"):
            product = race.fresh(lambda: new_product(app, postgres, rng, 10))
            late_reader(app, race, product, expect)


def test_c3_very_slow_reader(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """The same, and every delay a program may have planned is over before the reader goes on."""
    for race in net.races("valkey", first="a", second="b"):
        product = race.fresh(lambda: new_product(app, postgres, rng, 10))
        late_reader(app, race, product, expect, held_ms=VERY_SLOW)


def late_reader(app: App, race: Race, product: str, expect: Expect, held_ms: int = 0) -> None:
    slow = race.park(reads(product))
    fast = race.settle(prices(product, 11))
    race.hold(held_ms)  # K5: "hold for 3 s" is part of the promise here, not a sleep of the check
    race.release()
    expect(fast.reply.status, code="not-written", why="A write waits for no reader.").equals(200)
    expect(slow.reply.status, code="no-price", why="A slow reader gets an answer too.").equals(200)
    everywhere(app, product, 11, expect)


def test_c4_dead_writer(
    app: App, net: Net, valkey: EngineHandle, postgres: EngineHandle, expect: Expect, rng: random.Random
) -> None:
    """The writer is killed before each of its cache requests; its price shows within 5 s by itself."""
    for race in net.races("valkey", first="a", second="b", do="kill"):
        product = race.fresh(lambda: warm(app, postgres, expect, rng))
        race.park(prices(product, 11))
        race.release()
        row = postgres.client().execute("SELECT price FROM product WHERE id = %s", (product,)).fetchone()
        longest = max((ttl for ttl in remaining(valkey.client(), product)), default=0)
        expect(longest, code="never-expires", why="What a dead writer leaves lives 5 s at most.").between(
            0, LONGEST_TTL
        )
        valkey.age(LONGEST_TTL / 1000)  # K1: every TTL shortened, instead of waiting
        everywhere(app, product, row[0], expect)


def warm(app: App, postgres: EngineHandle, expect: Expect, rng: random.Random) -> str:
    product = new_product(app, postgres, rng, 10)
    shown(app.b, product, expect)
    return product


def remaining(client: Any, product: str) -> list[float]:
    """PTTL of each key that names the product; a key without one counts as endless."""
    found = [client.pttl(key) for key in client.scan_iter(match=f"*{product}*")]
    return [float("inf") if ttl == -1 else ttl for ttl in found]


def test_c5_refused_write(app: App, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """A negative price is refused and changes nothing."""
    product = warm(app, postgres, expect, rng)
    refused = prices(product, -1)(app.a)
    expect(refused.status, code="not-refused", why="A negative price is answered with 422.").equals(422)
    everywhere(app, product, 10, expect)


def test_c6_two_writers(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """Two writers whose cache requests arrive in the other order than their commits."""
    for first, second in (("a", "b"), ("b", "a")):
        for race in net.races("valkey", first=first, second=second):
            product = race.fresh(lambda: warm(app, postgres, expect, rng))
            slow = race.park(prices(product, 11))
            fast = race.settle(prices(product, 12))
            race.release()
            for answer in (slow.reply, fast.reply):
                expect(answer.status, code="not-written", why="Both writes are valid.").equals(200)
            row = postgres.client().execute("SELECT price FROM product WHERE id = %s", (product,)).fetchone()
            for copy in (app.a, app.b):
                seen = shown(copy, product, expect)
                expect(seen, code="older-commit-won", why="The cache shows what was committed last.").equals(row[0])


def test_c7_still_a_cache(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """A hundred reads of one product cost the database two at most."""
    product = new_product(app, postgres, rng, 10)
    shown(app.a, product, expect)
    until(lambda: net.quiet("postgres"), seconds=2, what="pause of the program's background requests")  # K6
    before = net.requests("postgres", "a")
    for _ in range(100):
        shown(app.a, product, expect)
    spent = net.requests("postgres", "a") - before
    expect(spent, code="not-cached", why="100 reads of one product reach the database twice at most.").at_most(2)

"""The checks of dbi/ambiguous-commit, on paper: written against labkit, not run."""

from __future__ import annotations

import random
from collections.abc import Callable

from tinnyswe.labkit import App, Copy, EngineHandle, Expect, Net, Reply

REPEATS = 10  # as often as a client of the brief asks again
MONEY = 100

Call = Callable[[Copy], Reply]


def moves(id: str, source: str, target: str, amount: int) -> Call:
    body = {"id": id, "from": source, "to": target, "amount": amount}
    return lambda copy: copy.post("/transfer", body, timeout=5)


def balance(copy: Copy, account: str, expect: Expect) -> int:
    reply = copy.get(f"/balance/{account}")
    expect(reply.status, code="no-balance", why="GET of a known account is answered with 200.").equals(200)
    return int(expect.fields(reply, balance=int)["balance"])


def new_pair(postgres: EngineHandle, rng: random.Random) -> tuple[str, str]:
    """Two fresh accounts with 100 each."""
    tag = f"{rng.randrange(16**8):08x}"
    pair = (f"ann-{tag}", f"bob-{tag}")
    postgres.client().cursor().executemany("INSERT INTO account VALUES (%s, %s)", [(name, MONEY) for name in pair])
    return pair


def until_answered(copy: Copy, call: Call, expect: Expect) -> Reply:
    """Repeat as the brief's client does: on 5xx, a closed connection, or no answer in 5 s."""
    for _ in range(REPEATS):
        reply = call(copy)
        if not reply.unknown and reply.status < 500:
            return reply
    return expect.fail(code="no-answer", why="A repeated transfer is answered in the end.", observed=REPEATS)


def moved(copy: Copy, pair: tuple[str, str], expect: Expect) -> int:
    """How much went from the first to the second; fails when money appeared or vanished."""
    left, right = balance(copy, pair[0], expect), balance(copy, pair[1], expect)
    expect(left + right, code="half-moved", why="No transfer makes or destroys money.").equals(2 * MONEY)
    return MONEY - left


def done_once(copy: Copy, reply: Reply, pair: tuple[str, str], amount: int, expect: Expect) -> None:
    expect(
        reply.status, code="refused-done", why="A transfer that fits is answered with 200, also when repeated."
    ).equals(200)
    expect(expect.fields(reply, status=str)["status"], code="refused-done", why="It says done.").equals("done")
    went = moved(copy, pair, expect)
    expect(went, code="moved-twice" if went > amount else "not-moved", why="It moves once.").equals(amount)


def test_c1_one_transfer(app: App, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """Move money once."""
    pair = new_pair(postgres, rng)
    done_once(app.a, moves(f"t-{pair[0]}", *pair, 30)(app.a), pair, 30, expect)


def test_c2_done_but_unheard(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """The answer to each database request in turn is lost; the client asks again."""
    sweep(app, net, postgres, expect, rng, do="cut")


def test_c3_never_arrived(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """Each database request in turn is lost before it arrives; the client asks again."""
    sweep(app, net, postgres, expect, rng, do="cut-before")  # K2: labkit knows only the lost reply


def sweep(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random, do: str) -> None:
    for race in net.races("postgres", first="a", second="b", do=do):
        pair = race.fresh(lambda: new_pair(postgres, rng))
        call = moves(f"t-{pair[0]}", *pair, 30)
        race.park(call)
        race.release()
        done_once(app.a, until_answered(app.a, call, expect), pair, 30, expect)


def test_c4_session_ended(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """The database ends the program's session before each of its requests."""
    for race in net.races("postgres", first="a", second="b"):
        pair = race.fresh(lambda: new_pair(postgres, rng))
        call = moves(f"t-{pair[0]}", *pair, 30)
        race.park(call)
        if race.hit:
            race.terminate()  # K3: pg_terminate_backend of the held copy's sessions
        race.release()
        expect(moved(app.b, pair, expect), code="half-moved", why="It moved wholly or not at all.").one_of([0, 30])
        done_once(app.a, until_answered(app.a, call, expect), pair, 30, expect)


def test_c5_both_counters(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """The same transfer at both copies, one of them held before each of its requests."""
    for race in net.races("postgres", first="a", second="b"):
        pair = race.fresh(lambda: new_pair(postgres, rng))
        call = moves(f"t-{pair[0]}", *pair, 30)
        slow, fast = race.park(call), race.settle(call)
        race.release()
        for copy, answer in ((app.a, slow.reply), (app.b, fast.reply)):
            reply = until_answered(copy, call, expect) if answer.status >= 500 or answer.unknown else answer
            done_once(copy, reply, pair, 30, expect)


def test_c6_other_amount(app: App, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """The same id with another amount is refused."""
    pair = new_pair(postgres, rng)
    moves(f"t-{pair[0]}", *pair, 30)(app.a)
    again = moves(f"t-{pair[0]}", *pair, 40)(app.b)
    expect(again.status, code="other-amount", why="An id belongs to one transfer.").equals(422)
    expect(moved(app.a, pair, expect), code="moved-twice", why="A refused transfer moves nothing.").equals(30)


def test_c7_bad_line(app: App, net: Net, postgres: EngineHandle, expect: Expect, rng: random.Random) -> None:
    """A hundred transfers, one after the other, while every seventh database request is lost."""
    pairs = [new_pair(postgres, rng) for _ in range(5)]
    names = [name for pair in pairs for name in pair]
    owned = dict.fromkeys(names, MONEY)
    with net.lossy("postgres", copy="a", every=7):  # K2: a rule that stays, not one position
        for number in range(100):
            source, target = rng.sample(names, 2)
            amount = rng.randrange(1, 20)
            reply = until_answered(app.a, moves(f"{names[0]}-{number}", source, target, amount), expect)
            if reply.status == 200:
                owned[source] -= amount
                owned[target] += amount
            else:
                expect(reply.status, code="bad-answer", why="A transfer is done, or there is not enough.").equals(409)
    for name, amount in owned.items():
        seen = balance(app.a, name, expect)
        expect(seen, code="books-differ", why="Every balance is what the answers said.").equals(amount)

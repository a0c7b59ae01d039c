# long: the checks of a lab are one file, which the lab's digest covers
"""The checks of caching/atomic-counters. Each docstring is what the learner reads."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from tinnyswe.labkit import App, Copy, Expect, Net, NoAnswer, Pending, Race, Reply, until

WINDOW = 1  # s; ATTEMPT_WINDOW in lab.toml
LIMIT = 5
TRIES = 5  # of a burst that a window's turn may have cut in two
LOCK_SECONDS = 5  # what a killed buyer leaves behind is gone after this
# Engine requests of one request that waits, in half a second. Measured, alone and beside four busy loops on two cores:
# the references ask at most 3 times, the fence 18 times (a third of it); the busy lock of M6 320 to 1,000 times.
BUDGET = 60
HOLD = 1.9  # s; an engine request may take 2 s
PROMPT = 0.5  # s for a request that nobody disturbs: 0.2 s by the brief, the rest is for slow computers

FIFTH, SIXTH = 0.6, 1.2  # windows after the fourth attempt of a user who comes seldom
SOLD_TWICE = "Between looking and selling, the other copy sold: how many steps does the engine see?"
LOCK_LOST = "Whatever copy a held had run out before it wrote. What in the engine could have told its write so?"
OUTSIDE = "Copies share the engine and nothing else: a file, a port or a process is not where the other copy looks."
COUNTED = "Whoever counts must also say when the count ends, in the same step."

Call = Callable[[Copy], Reply]


# -- what the copies are asked ----------------------------------------------------------------------------------


def new_name(rng: random.Random, kind: str) -> str:
    return f"{kind}-{rng.randrange(16**6):06x}"


def opens(show: str, seats: int) -> Call:
    return lambda copy: copy.put(f"/shows/{show}", {"seats": seats})


def buys(show: str, user: str, n: int, **options: Any) -> Call:
    return lambda copy: copy.post("/reserve", {"show": show, "user": user, "n": n}, **options)


def tries(user: str) -> Call:
    return lambda copy: copy.post("/attempt", {"user": user})


def looks_at(show: str) -> Call:
    return lambda copy: copy.get(f"/shows/{show}")


def open_show(app: App, expect: Expect, rng: random.Random, seats: int) -> str:
    show = new_name(rng, "show")
    opened = opens(show, seats)(app.b)
    expect(opened.status, code="not-opened", why="PUT of a new show is answered with 204.").equals(204)
    return show


def look(copy: Copy, show: str, expect: Expect) -> tuple[int, int]:
    """Return (left, sold)."""
    reply = looks_at(show)(copy)
    expect(reply.status, code="no-show", why="GET of an open show is answered with 200 at any time.").equals(200)
    seen = expect.fields(reply, left=int, sold=int)
    return seen["left"], seen["sold"]


def books_balance(copy: Copy, show: str, seats: int, acknowledged: int, expect: Expect, hint: str = SOLD_TWICE) -> None:
    left, sold = look(copy, show, expect)
    why = f"Every one of the {seats} seats is either left or sold."
    expect(left + sold, code="torn", why=why, next_step="Which change could have been lost halfway?").equals(seats)
    why = "Sold is the sum of what buyers were told they have."
    expect(sold, code="miscounted", why=why, next_step=hint).equals(acknowledged)


def sell_only_or_refuse(replies: list[Reply], expect: Expect) -> list[int]:
    """Return the statuses; anything but a sale or a refusal fails."""
    statuses = [reply.status for reply in replies]
    for status in statuses:
        why = "A buyer gets 200 or 409, also when somebody else buys at the same moment."
        next_step = "The last log lines of the copy say what went wrong inside."
        expect(status, code="wrong-status", why=why, next_step=next_step).one_of([200, 409])
    return statuses


# -- C1 to C4: selling ------------------------------------------------------------------------------------------


def test_c1_alone(app: App, expect: Expect, rng: random.Random) -> None:
    """One buyer after the other: a house of 10 sells 4 and 4, refuses the third 4, and has 2 left and 8 sold."""
    show = open_show(app, expect, rng, 10)
    replies = [buys(show, new_name(rng, "user"), 4)(copy) for copy in (app.a, app.b, app.a)]
    statuses = [reply.status for reply in replies]
    why = "The first two orders of 4 fit into 10 seats, the third does not."
    expect(statuses, code="wrong-sale", why=why).equals([200, 200, 409])
    told = [expect.fields(reply, left=int)["left"] for reply in replies[:2]]
    expect(told, code="wrong-left", why="A sale answers with the seats left behind it.").equals([6, 2])
    left, sold = look(app.b, show, expect)
    expect([left, sold], code="wrong-show", why="A refused order changes nothing.").equals([2, 8])
    first = tries(new_name(rng, "user"))(app.a)
    expect(first.status, code="wrong-attempt", why="A user's first attempt is allowed.").equals(200)


def test_c2_last_seats(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """Two copies get orders that do not fit together. Exactly one sells, wherever the other one is held up, and even
    when it is held up for longer than anything with a TTL lives."""
    seats = rng.randint(8, 20)
    half = seats // 2
    orders = [(rng.randint(half + 1, seats), rng.randint(half + 1, seats)), (seats, 1), (1, seats)]
    for order in orders:
        for race in net.races("valkey"):
            only_one_sells(app, race, expect, rng, seats, order, SOLD_TWICE)
    for order in orders[:2]:
        for race in net.races("valkey", do="warp"):
            only_one_sells(app, race, expect, rng, seats, order, LOCK_LOST)


def only_one_sells(
    app: App, race: Race, expect: Expect, rng: random.Random, seats: int, order: tuple[int, int], hint: str
) -> None:
    mine, theirs = order
    show = race.fresh(lambda: open_show(app, expect, rng, seats))
    slow = race.park(buys(show, "ann", mine))
    fast = race.settle(buys(show, "bob", theirs))
    race.release()
    statuses = sell_only_or_refuse([slow.reply, fast.reply], expect)
    acknowledged = sum(n for n, status in zip((mine, theirs), statuses, strict=True) if status == 200)
    why = f"A house of {seats} cannot sell {mine} and {theirs}."
    expect(acknowledged, code="oversold", why=why, next_step=hint).at_most(seats)
    why = "Each of the two orders fits alone, so one of them must be sold."
    next_step = "Who refused, and what had it seen?"
    expect(sorted(statuses), code="nobody-sold", why=why, next_step=next_step).equals([200, 409])
    books_balance(app.b, show, seats, acknowledged, expect, hint)


def test_c3_the_greedy_order(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """Somebody asks for more seats than there are and is held up in the middle. Buyers whose orders fit get their
    seats: nobody is refused because of an order that is refused itself."""
    seats = rng.randint(8, 20)
    for fits in (1, seats):
        for race in net.races("valkey"):
            show = race.fresh(lambda: open_show(app, expect, rng, seats))
            slow = race.park(buys(show, "greedy", seats * 2))
            fast = race.settle(buys(show, "bob", fits))
            race.release()
            statuses = [slow.reply.status, fast.reply.status]
            why = f"{seats * 2} of {seats} never fit (409), {fits} of {seats} do (200), whatever the other does."
            next_step = "What did the second buyer find in the engine while the first was on its way to a refusal?"
            expect(statuses, code="refused-by-greed", why=why, next_step=next_step).equals([409, 200])
            books_balance(app.b, show, seats, fits, expect)


def test_c4_everybody_who_fits(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """Orders that fit together are all sold, however close they come and also when one takes 2 s; each buyer is told
    what is left right after the own order. Who has to wait waits for the engine. A small crowd buys exactly the house.
    """
    seats = rng.randint(9, 20)
    mine = rng.randint(2, seats // 2)
    theirs = rng.randint(2, seats - mine)
    waited = two_who_fit(app, net, expect, rng, seats, (mine, theirs))
    if waited:
        # The last request of a lock's holder gives it back; what is lost before that one, the write, is lost for good.
        two_who_fit(app, net, expect, rng, seats, (mine, theirs), hold_at=waited[-2:][0])
    a_crowd_buys(app, expect, rng)


def two_who_fit(
    app: App, net: Net, expect: Expect, rng: random.Random, seats: int, orders: tuple[int, int], hold_at: int = -1
) -> list[int]:
    """Return the positions at which the second buyer waited; at `hold_at` the first is held as long as may be."""
    waited = []
    for race in net.races("valkey"):
        show = race.fresh(lambda: open_show(app, expect, rng, seats))
        sent = {name: net.requests("valkey", name) for name in "ab"}
        slow = race.park(buys(show, "ann", orders[0]))
        fast = race.settle(buys(show, "bob", orders[1]))
        asks_the_engine(net, "b", sent["b"], expect)
        if race.hit and not fast.answered:
            waited.append(race.k)
        if race.k == hold_at:
            wait_for(fast, HOLD)
        race.release()
        asks_the_engine(net, "a", sent["a"], expect)
        told = one_after_the_other([slow.reply, fast.reply], seats, orders, expect)
        books_balance(app.b, show, seats, sum(orders), expect, LOCK_LOST if race.k == hold_at else SOLD_TWICE)
        in_order = [[seats - orders[0], seats - sum(orders)], [seats - sum(orders), seats - orders[1]]]
        why = "Whoever sold first had not seen the other order yet, and is told what was left then."
        next_step = "Which step of the engine does the number in the answer come from?"
        expect(told, code="left-of-later", why=why, next_step=next_step).one_of(in_order)
        if race.k == hold_at:
            break
    return waited


def asks_the_engine(net: Net, copy: str, before: int, expect: Expect) -> None:
    """A sale costs an engine request of the copy that was asked, and one that waits has told the engine so."""
    with suppress(NoAnswer):
        until(lambda: net.requests("valkey", copy) > before, seconds=2, what=f"request of copy {copy} to the engine")
    requests = net.requests("valkey", copy) - before
    why = f"Copy {copy} has an order, and whether it fits, or whom it waits for, is known in the engine only."
    expect(requests, code="waits-elsewhere", why=why, next_step=OUTSIDE).at_least(1)


def wait_for(pending: Pending, seconds: float) -> None:
    """Give it that long to answer."""
    with suppress(NoAnswer):
        until(lambda: pending.answered, seconds=seconds, what="answer")


def one_after_the_other(replies: list[Reply], seats: int, orders: tuple[int, int], expect: Expect) -> list[int]:
    """Return what the two buyers were told is left."""
    statuses = sell_only_or_refuse(replies, expect)
    why = f"{orders[0]} and {orders[1]} fit into {seats}. That somebody else is buying is no reason to refuse."
    next_step = "What does your program do when it finds that it came second?"
    expect(statuses, code="refused-by-company", why=why, next_step=next_step).equals([200, 200])
    return [expect.fields(reply, left=int)["left"] for reply in replies]


def a_crowd_buys(app: App, expect: Expect, rng: random.Random) -> None:
    seats = rng.randint(25, 35)
    show = open_show(app, expect, rng, seats)
    orders = [buys(show, "crowd", 1)] * 30
    statuses = sell_only_or_refuse(app.together({"a": orders, "b": orders}), expect)
    why = f"60 orders of one seat meet a house of {seats}: as many are sold as there are seats."
    next_step = "Look at C2 (too many sold) or at what a refused buyer had seen (too few)."
    expect(statuses.count(200), code="crowd-miscounted", why=why, next_step=next_step).equals(seats)
    books_balance(app.a, show, seats, seats, expect)


# -- C5: the limiter --------------------------------------------------------------------------------------------


def keys(valkey: Any, pattern: str = "*") -> dict[str, int]:
    """Every key that matches, with its TTL in ms (-1: none)."""
    client = valkey.client()
    names = list(client.scan_iter(pattern, count=500))
    ttls = [client.pttl(name) for name in names]
    found = {n.decode() if isinstance(n, bytes) else n: ttl for n, ttl in zip(names, ttls, strict=True)}
    return {name: ttl for name, ttl in found.items() if ttl != -2}


def limiter_keys_end(valkey: Any, before: dict[str, int], expect: Expect) -> None:
    """Nothing the limiter wrote since `before` stays for ever, or for more than two windows."""
    new = {name: ttl for name, ttl in keys(valkey).items() if name not in before}
    endless = sorted(name for name, ttl in new.items() if ttl == -1)
    why = "A key of the limiter without TTL locks its user out for ever: counts are never reset."
    expect(endless, code="key-without-end", why=why, next_step=COUNTED).equals([])
    longest = max((ttl for name, ttl in new.items() if name.startswith("limit:")), default=0)
    why = "A key of the limiter lives for at most two windows."
    expect(longest, code="key-too-long", why=why, volatile=True).at_most(2000 * WINDOW)


def test_c5_the_limiter(app: App, net: Net, valkey: Any, expect: Expect, rng: random.Random) -> None:
    """Five attempts in a window, not six: also when two copies count at once, when a copy dies while it counts, and
    when the window ends in the middle. That another attempt is under way refuses nobody, refused attempts do not count,
    none makes a window longer or shorter, and every key of it has an end."""
    before = keys(valkey)
    five_then_no_more(app, valkey, expect, rng)
    for do in ("kill", "warp"):
        for race in net.races("valkey", do=do):
            user = race.fresh(lambda: new_name(rng, "user"))
            race.park(tries(user))
            race.release()
            limiter_keys_end(valkey, before, expect)
    two_of_five(app, net, expect, rng)
    the_fifth_of_two(app, net, expect, rng)
    the_window_ends_under_fire(app, expect, rng)
    limiter_keys_end(valkey, before, expect)


def five_then_no_more(app: App, valkey: Any, expect: Expect, rng: random.Random) -> None:
    wanted = [200] * LIMIT + [429] * 2
    for _ in range(TRIES):  # a burst may straddle the turn of a window that follows the clock
        burst = tries(new_name(rng, "user"))
        statuses = [burst(copy).status for copy in (app.a, app.b, app.a, app.b, app.b, app.a, app.b)]
        if statuses == wanted:
            break
    expect(statuses, code="not-limited", why="Five attempts in a window are allowed, the next are not.").equals(wanted)
    why = "The limiter's keys begin with `limit:`."
    expect(bool(keys(valkey, "limit:*")), code="no-limit-key", why=why).is_true()


def two_of_five(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    for race in net.races("valkey"):
        user = race.fresh(lambda: new_name(rng, "user"))
        slow = race.park(tries(user))
        fast = race.settle(tries(user))
        race.release()
        why = "Two attempts of five are allowed, also when both are under way at once."
        next_step = "What does an attempt find of the other one, and is that a reason to refuse it?"
        statuses = [slow.reply.status, fast.reply.status]
        expect(statuses, code="limited-by-company", why=why, next_step=next_step).equals([200, 200])


def the_fifth_of_two(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """A burst may straddle the turn of a window and then proves nothing; a real gap is there every time."""
    suspects: set[int] | None = None
    for tries_left in reversed(range(TRIES)):
        again = set()
        for race in net.races("valkey"):
            statuses = two_fifth_attempts(app, race, rng)
            if statuses != [200, 429] and (suspects is None or race.k in suspects):
                again.add(race.k)
                if not tries_left:
                    why = "After four attempts only one more is allowed, whichever copy is asked."
                    next_step = "Between looking at the count and raising it, the other copy looked too."
                    expect(statuses, code="limit-overrun", why=why, next_step=next_step).equals([200, 429])
        if not again:
            return
        suspects = again


def two_fifth_attempts(app: App, race: Race, rng: random.Random) -> list[int]:
    one_more = tries(race.fresh(lambda: new_name(rng, "user")))
    for copy in (app.a, app.b, app.a, app.b):
        one_more(copy)
    slow = race.park(one_more)
    fast = race.settle(one_more)
    race.release()
    return sorted((slow.reply.status, fast.reply.status))


class Visitor:
    """A user who comes four times at once, a fifth time while the window of these lasts, and a sixth time after it.

    Fixed, aligned or sliding: a window that holds the sixth attempt began after the fourth, so all six are allowed.
    """

    def __init__(self, app: App, rng: random.Random) -> None:
        self._app = app
        self._attempt = tries(new_name(rng, "user"))
        self._sent: list[float] = []
        self._answered: list[float] = []
        self.statuses: list[int] = []
        for copy in (app.a, app.b, app.a, app.b):
            self._come(copy)

    def _come(self, copy: Copy) -> None:
        self._sent.append(time.monotonic())
        self.statuses.append(self._attempt(copy).status)
        self._answered.append(time.monotonic())

    def through(self) -> bool:
        """Come when it is time to; True once all six are answered."""
        windows = (time.monotonic() - self._answered[3]) / WINDOW
        if len(self.statuses) == 4 and windows >= FIFTH:
            self._come(self._app.a)
        if len(self.statuses) == 5 and windows >= SIXTH:
            self._come(self._app.b)
        return len(self.statuses) == 6

    def in_time(self) -> bool:
        """True when each window that attempts prolong would have lasted to the next one: else the six prove nothing."""
        gaps = (self._answered[late] - self._sent[early] for early, late in ((3, 4), (4, 5)))
        return max(gaps) < WINDOW


def the_window_ends_under_fire(app: App, expect: Expect, rng: random.Random) -> None:
    """One user never stops trying, the other comes seldom: each gets in again when the window is over."""
    once_more = tries(new_name(rng, "user"))
    visitor = Visitor(app, rng)
    until(lambda: once_more(app.a).status == 429, seconds=10, what="refusal of a sixth attempt")
    allowed, began = 0, time.monotonic()

    def both() -> bool:
        nonlocal allowed
        allowed += once_more(app.b).status == 200
        return visitor.through() and allowed > 0

    try:
        until(both, seconds=WINDOW * 5, what="allowed attempt")
    except NoAnswer:
        expect.fail(
            code="window-never-ends",
            why=f"Refused attempts do not count: the window of {WINDOW} s ends, however often the user tries.",
            observed=f"still 429 after {WINDOW * 5} s of trying",
            next_step="What does a refused attempt change in the engine?",
        )
    turns = int((time.monotonic() - began) / WINDOW) + 2  # windows that may have a part in this time, at most
    why = f"At most {LIMIT} attempts in a window of {WINDOW} s, and at most {turns} windows were touched."
    next_step = "$ATTEMPT_WINDOW is in seconds. What is the unit of the command that you give it to?"
    expect(allowed, code="window-too-short", why=why, next_step=next_step, volatile=True).at_most(LIMIT * turns)
    the_window_keeps_its_length(app, visitor, expect, rng)


def the_window_keeps_its_length(app: App, visitor: Visitor, expect: Expect, rng: random.Random) -> None:
    """On a slow computer the fifth attempt, or the sixth, may come too late to prove anything: then once more."""
    for _ in range(TRIES):
        until(visitor.through, seconds=WINDOW * 5, what="sixth attempt of a user who comes seldom")
        why = f"Four attempts at once, one {FIFTH:g} and one {SIXTH:g} windows later: no window holds six of them."
        next_step = "When does a user's window end, and what moves that end?"
        expect(visitor.statuses, code="window-prolonged", why=why, next_step=next_step).equals([200] * 6)
        if visitor.in_time():
            return
        visitor = Visitor(app, rng)


# -- C6 to C9: manners ------------------------------------------------------------------------------------------


def test_c6_waiting_politely(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """A buyer that has to wait for a slow one does not hammer the engine while it waits."""
    watched = False
    for race in net.races("valkey"):
        show = race.fresh(lambda: open_show(app, expect, rng, 10))
        pace = partial(requests_per_half_second, net, net.requests("valkey", "b"), time.monotonic())
        race.park(buys(show, "ann", 3))
        waiting = race.settle(buys(show, "bob", 4))
        if not waiting.answered and not watched:
            watched = True  # once is enough: one loop waits at every position
            look_on(waiting, pace)
        why = f"A request that waits for another copy asks the engine at most {BUDGET} times in half a second."
        next_step = "What does your program do between two looks?"
        expect(pace(), code="hammering", why=why, next_step=next_step, volatile=True).at_most(BUDGET)
        race.release()


def requests_per_half_second(net: Net, before: int, began: float) -> int:
    """Requests of copy b since `began`; a slow computer only makes it smaller."""
    halves = max(1.0, (time.monotonic() - began) / 0.5)
    return round((net.requests("valkey", "b") - before) / halves)


def look_on(waiting: Pending, pace: Callable[[], int]) -> None:
    """Give it half a second to ask too often."""
    with suppress(NoAnswer):
        until(lambda: waiting.answered or pace() > BUDGET, seconds=0.5, what="end of the wait")


def test_c7_the_dead_buyer(app: App, net: Net, valkey: Any, expect: Expect, rng: random.Random) -> None:
    """A copy is killed in the middle of a sale. The sale has happened whole or not at all, what the dead one left
    behind ends by itself, and then the next buyer gets a seat."""
    seats, n = 10, rng.randint(2, 6)
    for race in net.races("valkey", do="kill"):
        show = race.fresh(lambda: open_show(app, expect, rng, seats))
        before = keys(valkey)
        slow = race.park(buys(show, "ann", n))
        left_behind_ends(valkey, before, expect)
        valkey.expire_all()
        fast = race.settle(buys(show, "bob", 1, timeout=5))
        wait_for(fast, PROMPT)
        expect(
            fast.reply.status if fast.answered else "no answer",
            code="dead-hand",
            why="Once every TTL has run out, nothing of a killed buyer keeps the next one waiting.",
            next_step="Who takes away what a killed process held? Its `finally` does not run.",
        ).equals(200)
        race.release()
        left, sold = look(app.b, show, expect)
        whole_sales = [n + 1] if slow.reply.status == 200 else [1, n + 1]
        why = f"A killed sale happened whole or not at all: [left, sold] of {seats}."
        expect([left, sold], code="half-a-sale", why=why, next_step="Where can a sale be cut in two?").one_of(
            [[seats - total, total] for total in whole_sales]
        )


def left_behind_ends(valkey: Any, before: dict[str, int], expect: Expect) -> None:
    longest = max((ttl for name, ttl in keys(valkey).items() if name not in before), default=0)
    why = f"What a killed buyer leaves behind with a TTL is gone after {LOCK_SECONDS} s."
    expect(longest, code="lock-too-long", why=why, volatile=True).at_most(1000 * LOCK_SECONDS)


def test_c8_never_torn(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """Whoever looks while somebody buys, or while a show is being opened, sees a whole picture: left and sold
    together make up the house. Both copies show the present one, and no opening undoes a sale."""
    seats = rng.randint(8, 20)
    both_copies_know(app, expect, rng, seats)
    for race in net.races("valkey"):  # a sale is held, somebody looks
        show = race.fresh(lambda: open_show(app, expect, rng, seats))
        race.park(buys(show, "ann", 3))
        seen = race.probe(looks_at(show))
        race.release()
        whole(seen, seats, expect)
    for race in net.races("valkey"):  # a look is held, somebody buys
        show = race.fresh(lambda: open_show(app, expect, rng, seats))
        slow = race.park(looks_at(show))
        race.settle(buys(show, "bob", 3))
        race.release()
        whole(slow.reply, seats, expect)
    for race in net.races("valkey"):  # a show is being opened, somebody looks
        show = race.fresh(lambda: new_name(rng, "show"))
        race.park(opens(show, seats))
        seen = race.probe(looks_at(show))
        race.release()
        if seen.status != 404:
            whole(seen, seats, expect)
    no_opening_undoes_a_sale(app, net, expect, rng, seats)


def both_copies_know(app: App, expect: Expect, rng: random.Random, seats: int) -> None:
    show = open_show(app, expect, rng, seats)
    for sold in range(3):
        why = f"{sold} of {seats} seats are sold: [left, sold] of copy a and of copy b."
        next_step = "Where did each copy get the two numbers, and when?"
        seen = [list(look(copy, show, expect)) for copy in (app.a, app.b)]
        expect(seen, code="stale-picture", why=why, next_step=next_step).equals([[seats - sold, sold]] * 2)
        buys(show, "ann", 1)(app.a)


def no_opening_undoes_a_sale(app: App, net: Net, expect: Expect, rng: random.Random, seats: int) -> None:
    for race in net.races("valkey"):
        show = race.fresh(lambda: new_name(rng, "show"))
        race.park(opens(show, seats))
        early = race.settle(buys(show, "bob", 3))
        race.release()
        sold = 3 if early.reply.status == 200 else 0
        why = f"[left, sold] of {seats} when the first buyer of a new show was told {early.reply.status}."
        next_step = "From which step on can seats be bought, and what does the opening still write after it?"
        expect(list(look(app.b, show, expect)), code="sale-erased", why=why, next_step=next_step).equals(
            [seats - sold, sold]
        )


def whole(reply: Reply, seats: int, expect: Expect) -> None:
    expect(reply.status, code="no-show", why="GET of an open show is answered with 200 at any time.").equals(200)
    seen = expect.fields(reply, left=int, sold=int)
    why = f"Every one of the {seats} seats is either left or sold, in every answer."
    next_step = "Between which two steps of the engine is the picture half old and half new?"
    expect(seen["left"] + seen["sold"], code="torn", why=why, next_step=next_step).equals(seats)


def test_c9_the_empty_cache(app: App, net: Net, valkey: Any, expect: Expect, rng: random.Random) -> None:
    """The engine forgets its script cache, as it does at every restart; nobody at the counter notices."""
    show = open_show(app, expect, rng, 10)
    user = new_name(rng, "user")
    for copy in (app.a, app.b):
        buys(show, user, 1)(copy)
        tries(user)(copy)
    valkey.client().script_flush()
    statuses = [buys(show, user, 1)(app.a).status, tries(user)(app.b).status]
    next_step = "What does the engine answer when it does not know what you refer to?"
    why = "An empty script cache is the program's to mend; a buyer and a visitor get their 200."
    expect(statuses, code="script-lost", why=why, next_step=next_step).equals([200, 200])
    for race in net.races("valkey"):
        show = race.fresh(lambda: open_show(app, expect, rng, 10))
        slow = race.park(buys(show, "ann", 3))
        if race.hit:
            valkey.client().script_flush()
        race.release()
        expect(slow.reply.status, code="script-lost", why=why, next_step=next_step).equals(200)
        books_balance(app.b, show, 10, 3, expect)

"""The checks of dbi/doctors-on-call. Each docstring is what the learner reads."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from tinnyswe.labkit import App, Copy, Expect, Net, NoAnswer, Pending, Race, Reply, until

PATIENCE = 1.0  # s a program must have tried before it may answer 503
HOLD = 2.0  # s a statement may take; the brief says so
CROWD = 16  # doctors of one shift who leave at once, half of them through each copy
NAMES = ("ann", "bob", "carol", "dan", "eve", "fay", "gil", "hana", "ines", "jon", "kim", "lea")

SEEN_STALE = "What had the one who left second seen, and when?"
ASKED_FIRST = "Which does your program ask first: whether he is on call, or whether he is the last?"
ONE_STAYS = "At least one doctor stays on call in every shift."

Call = Callable[[Copy], Reply]


# -- what the copies are asked ----------------------------------------------------------------------------------


def comes(shift: str, doctor: str) -> Call:
    return lambda copy: copy.post("/on", {"shift": shift, "doctor": doctor})


def leaves(shift: str, doctor: str) -> Call:
    return lambda copy: copy.post("/off", {"shift": shift, "doctor": doctor})


def looks_at(shift: str) -> Call:
    return lambda copy: copy.get(f"/shift/{shift}")


def new_shift(rng: random.Random) -> str:
    return f"shift-{rng.randrange(16**6):06x}"


def staff(app: App, expect: Expect, rng: random.Random, doctors: list[str]) -> str:
    """Make a new shift with these doctors on call."""
    shift = new_shift(rng)
    for doctor in doctors:
        came = comes(shift, doctor)(app.b)
        expect(came.status, code="not-on", why="Going on call is answered with 200.").equals(200)
    return shift


def on_call(reply: Reply, expect: Expect) -> list[str]:
    """Return who is on call, sorted; at least one is."""
    next_step = "At which moment is nobody on call, and who can see it?"
    why = "Once somebody was on call, every look at the shift shows at least one doctor."
    expect(reply.status, code="nobody-shown", why=why, next_step=next_step).equals(200)
    doctors = [str(doctor) for doctor in expect.fields(reply, on_call=list)["on_call"]]
    expect(len(doctors), code="nobody-shown", why=why, next_step=next_step).at_least(1)
    return sorted(doctors)


def somebody_stays(copy: Copy, shift: str, expect: Expect, why: str = ONE_STAYS, hint: str = SEEN_STALE) -> list[str]:
    """Return who is on call now, sorted."""
    reply = looks_at(shift)(copy)
    nobody = "404, no such shift" if reply.status == 404 else ""
    if not nobody and not expect.fields(reply, on_call=list)["on_call"]:
        nobody = "nobody on call"
    if nobody:
        expect.fail(code="nobody-left", why=why, observed=nobody, next_step=hint)
    return on_call(reply, expect)


def definite(replies: list[Reply]) -> bool:
    """True when every answer says what happened; a 503 that kept the rules does not."""
    return all(reply.status in (200, 409) for reply in replies)


def proper_answer(reply: Reply, expect: Expect) -> None:
    """200 or 409; 503 with Retry-After only after a while of trying."""
    why = "Two doctors who meet get 200 or 409; what the database asks to be repeated, the program repeats."
    next_step = "The last log lines show what the database said. Did anything happen, when it says that?"
    expect(reply.status, code="gave-up", why=why, next_step=next_step).one_of([200, 409, 503])
    if reply.status == 503:
        why = f"503 is for a program that has tried for at least {PATIENCE:g} s, and says when to come again."
        next_step = "How often did your program try before it gave up?"
        expect(reply.seconds, code="gave-up-early", why=why, next_step=next_step, volatile=True).at_least(PATIENCE)
        expect(bool(reply.headers.get("retry-after")), code="no-retry-after", why=why).is_true()


def answers_within(pending: Sequence[Pending], seconds: float) -> bool:
    """Wait until all have answered, at most so long; True when they have."""
    with suppress(NoAnswer):
        until(lambda: all(one.answered for one in pending), seconds=seconds, what="answer")
    return all(one.answered for one in pending)


def everywhere(net: Net) -> Iterator[Race]:
    """A held before each of its requests, then at each row it touches inside a statement."""
    yield from net.races("postgres")
    yield from net.races("postgres", at="rows")


# -- C1 to C3: leaving ------------------------------------------------------------------------------------------


def test_c1_alone(app: App, expect: Expect, rng: random.Random) -> None:
    """One doctor after the other: they come and leave, leaving twice changes nothing, and the last one stays."""
    ann, bob, never = rng.sample(NAMES, 3)
    shift = staff(app, expect, rng, [ann, bob])
    both = on_call(looks_at(shift)(app.a), expect)
    expect(both, code="wrong-roster", why="Who came is on call, in every copy.").equals(sorted([ann, bob]))
    for copy, doctor, answer, why, next_step in (
        (app.a, ann, 200, "Two are on call: one of them may leave.", "Who else is on call when the first leaves?"),
        (app.b, ann, 200, "Who is off already may leave again; nothing changes.", ASKED_FIRST),
        (app.a, bob, 409, "The last one on call has to stay.", "How many are on call when he asks?"),
        (app.b, never, 200, "Who never came is off already: 200, and nothing changes.", ASKED_FIRST),
    ):
        left = leaves(shift, doctor)(copy)
        expect(left.status, code="wrong-answer", why=why, next_step=next_step).equals(answer)
    rest = on_call(looks_at(shift)(app.b), expect)
    expect(rest, code="wrong-roster", why="Who was refused is still on call, and nobody else.").equals([bob])
    swap = [comes(shift, ann)(app.b).status, leaves(shift, bob)(app.a).status]
    expect(swap, code="wrong-answer", why="When somebody else comes, the last one may leave.").equals([200, 200])
    rest = on_call(looks_at(shift)(app.a), expect)
    expect(rest, code="wrong-roster", why="Who came back is on call.").equals([ann])


def test_c2_both_leave(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """Two are on call and both want to leave, through two copies. One may, one stays, wherever the first one is held
    up: between its statements, and in the middle of one."""
    ann, bob = rng.sample(NAMES, 2)
    for race in everywhere(net):
        shift = race.fresh(lambda: staff(app, expect, rng, [ann, bob]))
        slow = race.park(leaves(shift, ann))
        fast = race.settle(leaves(shift, bob))
        if race.hit and slow.answered and slow.reply.status == 200:
            seen = on_call(race.probe(looks_at(shift)), expect)
            why = "200 means that he is off now, for whoever looks."
            next_step = "What does your program still have to do for this request when it has answered?"
            expect(seen, code="answered-too-early", why=why, next_step=next_step).lacks(ann)
        race.release()
        replies = [slow.reply, fast.reply]
        staying = somebody_stays(app.b, shift, expect, "Two are on call and both want to leave: one of them stays.")
        for reply in replies:
            proper_answer(reply, expect)
        if definite(replies):
            statuses = sorted(reply.status for reply in replies)
            why = "Of two who want to leave, one may (200) and one is the last (409)."
            expect(statuses, code="nobody-may-leave", why=why, next_step=SEEN_STALE).equals([200, 409])
            why = "Who was told 200 is off, who was told 409 is on call."
            stays = bob if slow.reply.status == 200 else ann
            expect(staying, code="wrong-roster", why=why).equals([stays])


def test_c3_three_on_call(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """Three are on call. When two want to leave at once, both may; when all want to, exactly two may, also while one
    of them is held up for 2 s."""
    ann, bob, carol = rng.sample(NAMES, 3)
    waited_at = -1  # the last position of A at which B waited: what A changed is not yet committed there
    for race in net.races("postgres"):
        shift, slow, rest = three_leave(app, race, expect, rng, [ann, bob, carol], others=1)
        if race.hit and not rest[0].answered:
            waited_at = race.k
        race.release()
        two_left(app, shift, [slow, *rest], expect)
    for race in net.races("postgres"):
        shift, slow, rest = three_leave(app, race, expect, rng, [ann, bob, carol])
        if race.hit and race.k == waited_at:
            a_long_wait(net, rest, expect)
        race.release()
        two_left(app, shift, [slow, *rest], expect)


Leaving = tuple[str, Pending, list[Pending]]  # the shift, the request that is held up, the others


def three_leave(
    app: App, race: Race, expect: Expect, rng: random.Random, doctors: list[str], others: int = 2
) -> Leaving:
    """Three are on call; the first is held up while so many others want to leave too."""
    shift = race.fresh(lambda: staff(app, expect, rng, doctors))
    slow = race.park(leaves(shift, doctors[0]))
    return shift, slow, [race.settle(leaves(shift, other)) for other in doctors[1 : 1 + others]]


def a_long_wait(net: Net, waiting: list[Pending], expect: Expect) -> None:
    """Hold A as long as the brief allows. Who waits for it meanwhile does so in the engine, or keeps asking it."""
    sent = net.requests("postgres", "b")
    in_engine = any(one.settled in ("blocked", "clock") for one in waiting)
    if answers_within(waiting, HOLD) or in_engine:
        return
    why = f"While a colleague is held up for {HOLD:g} s, whoever waits for him waits in a statement or keeps asking."
    next_step = "Copies share the engine only: what will your program wait for when they run on two computers?"
    asked = net.requests("postgres", "b") - sent
    expect(asked, code="waits-elsewhere", why=why, next_step=next_step).at_least(1)


def two_left(app: App, shift: str, pending: list[Pending], expect: Expect) -> None:
    """Of three, two or three wanted to leave."""
    replies = [one.reply for one in pending]
    why = f"Three are on call and {len(replies)} want to leave: one stays."
    hint = "How many did each of them think would stay behind?"
    staying = somebody_stays(app.b, shift, expect, why, hint)
    for reply in replies:
        proper_answer(reply, expect)
    if definite(replies):
        left = [reply.status for reply in replies].count(200)
        why = f"{len(replies)} of 3 want to leave: two may."
        next_step = "Who was refused, and how many were on call then?"
        expect(left, code="refused-too-many", why=why, next_step=next_step).equals(2)
        expect(len(staying), code="wrong-roster", why="Three came, two left: one stays.").equals(1)


# -- C4 to C6: progress and repeating ---------------------------------------------------------------------------


def test_c4_another_shift(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """While the change of one shift is held up, doctors of another shift come and go without waiting for it."""
    ann, bob = rng.sample(NAMES, 2)
    not_held_up(app, everywhere(net), leaves, leaves, expect, rng, ann, bob)
    for held, other in ((comes, comes), (comes, leaves), (leaves, comes)):
        not_held_up(app, net.races("postgres"), held, other, expect, rng, ann, bob)


def not_held_up(
    app: App,
    races: Iterator[Race],
    first: Callable[[str, str], Call],
    second: Callable[[str, str], Call],
    expect: Expect,
    rng: random.Random,
    ann: str,
    bob: str,
) -> None:
    """`first` is held up in one shift; `second`, in another one, is answered meanwhile."""
    for race in races:
        held, other = race.fresh(lambda: [staff(app, expect, rng, [ann, bob]) for _ in range(2)])
        race.park(first(held, ann))
        fast = race.settle(second(other, bob))
        why = "Shifts have nothing to do with each other: nobody waits for a transaction of another shift."
        next_step = "What does your program lock, and how much of it does it need?"
        waits = fast.waited or not answers_within([fast], HOLD)
        expect(waits, code="shifts-entangled", why=why, next_step=next_step).is_false()
        race.release()
        proper_answer(fast.reply, expect)
        if definite([fast.reply]):
            why = "Coming is answered with 200, and one of two may leave."
            expect(fast.reply.status, code="wrong-answer", why=why).equals(200)


def test_c5_the_program_repeats(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """What the database turns away for others' sake is the program's to repeat: a doctor gets 200 or 409, and a
    crowd of them gets on."""
    ann, bob = rng.sample(NAMES, 2)
    for race in net.races("postgres"):
        shift = race.fresh(lambda: staff(app, expect, rng, [ann, bob]))
        slow = race.park(leaves(shift, ann))
        fast = race.settle(leaves(shift, bob))
        race.release()
        for reply in (slow.reply, fast.reply):
            proper_answer(reply, expect)
    pairs_leave(app, expect, rng, ann, bob)
    a_crowd_leaves(app, expect, rng)


def pairs_leave(app: App, expect: Expect, rng: random.Random, ann: str, bob: str) -> None:
    """Two leave each of many shifts at once; they must get on."""
    shifts = [staff(app, expect, rng, [ann, bob]) for _ in range(20)]
    replies = app.together(
        {"a": [leaves(shift, ann) for shift in shifts], "b": [leaves(shift, bob) for shift in shifts]}, per_copy=4
    )
    for reply in replies:
        proper_answer(reply, expect)
    left = [reply.status for reply in replies].count(200)
    why = "In 20 shifts of two, both want to leave at once: in at least half of them one gets away."
    expect(left, code="no-progress", why=why, next_step="What keeps them from each other?").at_least(10)
    for shift in shifts:
        somebody_stays(app.b, shift, expect)


def a_crowd_leaves(app: App, expect: Expect, rng: random.Random) -> None:
    """All doctors of one shift want to leave at once: one stays, and the others get away."""
    doctors = [f"dr-{number}" for number in range(CROWD)]
    shift = staff(app, expect, rng, doctors)
    calls = [leaves(shift, doctor) for doctor in doctors]
    replies = app.together({"a": calls[: CROWD // 2], "b": calls[CROWD // 2 :]}, per_copy=8)
    staying = somebody_stays(app.b, shift, expect, f"{CROWD} are on call and all want to leave: one stays.")
    for reply in replies:
        why = f"{CROWD} doctors of one shift want to leave at once, 8 through each copy: each gets his answer."
        next_step = "What does each of the 8 hold, and what does it still need? The last log lines tell who gave up."
        expect(reply.status, code="lost-in-the-crowd", why=why, next_step=next_step).one_of([200, 409, 503])
        proper_answer(reply, expect)
    left = [reply.status for reply in replies].count(200)
    why = "Who was told 200 is off, and nobody else."
    expect(len(staying), code="wrong-roster", why=why, volatile=True).equals(CROWD - left)
    next_step = "How long does one of them keep the others waiting, and how often must each begin again?"
    if definite(replies):
        why = f"{CROWD} want to leave: all but one may."
        expect(left, code="refused-too-many", why=why, next_step=next_step, volatile=True).equals(CROWD - 1)
    why = f"{CROWD} want to leave at once: at least half of them get away."
    expect(left, code="no-progress", why=why, next_step=next_step, volatile=True).at_least(CROWD // 2)


def test_c6_the_lost_answer(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """The connection to the database breaks, and the answer of one statement is lost. What is answered then is true;
    the client asks again, and gets the answer it should have got; and the others are not held to what was lost."""
    ann, bob = rng.sample(NAMES, 2)
    for doctors, answer, stays in (([ann, bob], 200, bob), ([ann], 409, ann)):
        for race in net.races("postgres", do="cut"):
            shift = race.fresh(partial(staff, app, expect, rng, doctors))
            slow = race.park(leaves(shift, ann))
            race.release()
            if definite([slow.reply]):
                true_answer(app, shift, ann, slow.reply, answer, expect)
            again = leaves(shift, ann)(app.a)
            why = f"After a lost connection the repeated request is answered as if nothing had been lost: {answer}."
            next_step = "What becomes of a connection that broke, and of a change that had been made?"
            expect(again.status, code="not-recovered", why=why, next_step=next_step).equals(answer)
            staying = somebody_stays(app.b, shift, expect)
            why = "Repeating changes nothing that was done already."
            expect(staying, code="wrong-roster", why=why).equals([stays])
    for race in net.races("postgres", do="cut"):
        shift = race.fresh(partial(staff, app, expect, rng, [ann, bob]))
        race.park(leaves(shift, ann))
        race.release()
        here = len(on_call(looks_at(shift)(app.b), expect))
        other = leaves(shift, bob)(app.b)
        why = "The client never asked again. Its colleague is the last one only if the roster shows nobody else."
        next_step = "What did the lost request leave behind, and who will take it away?"
        expect(other.status, code="held-to-what-was-lost", why=why, next_step=next_step).equals(
            200 if here > 1 else 409
        )


def true_answer(app: App, shift: str, doctor: str, reply: Reply, answer: int, expect: Expect) -> None:
    """A 200 or 409 that was given although a statement's answer was lost says what is the case."""
    next_step = "What does your program know when a connection broke, and what does it only hope?"
    why = f"Not to know is no answer: 200 says he is off, 409 that he is the last one. Here it is {answer}, or a 5xx."
    expect(reply.status, code="answered-unknown", why=why, next_step=next_step).equals(answer)
    if answer == 200:
        why = "200 says that he is off now."
        expect(on_call(looks_at(shift)(app.b), expect), code="answered-unknown", why=why, next_step=next_step).lacks(
            doctor
        )


# -- C7 to C9: coming, counting, looking ------------------------------------------------------------------------


def test_c7_coming_and_leaving(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """One leaves while another comes, and two come to a new shift at once: nobody gets lost, nobody gets an error."""
    ann, bob = rng.sample(NAMES, 2)
    for first, second in ((leaves, comes), (comes, leaves)):
        for race in net.races("postgres"):
            shift = race.fresh(lambda: staff(app, expect, rng, [ann]))
            who = {leaves: ann, comes: bob}
            slow = race.park(first(shift, who[first]))
            fast = race.settle(second(shift, who[second]))
            race.release()
            off, on = (slow.reply, fast.reply) if first is leaves else (fast.reply, slow.reply)
            came_well(on, expect)
            staying = somebody_stays(app.b, shift, expect)
            proper_answer(off, expect)
            if definite([off]):
                why = "Who came is on call; who left is not, and who was refused still is."
                wanted = [bob] if off.status == 200 else sorted([ann, bob])
                expect(staying, code="wrong-roster", why=why).equals(wanted)
    for race in net.races("postgres"):
        shift = race.fresh(lambda: new_shift(rng))
        slow = race.park(comes(shift, ann))
        fast = race.settle(comes(shift, bob))
        race.release()
        for reply in (slow.reply, fast.reply):
            came_well(reply, expect)
        staying = somebody_stays(app.b, shift, expect)
        expect(staying, code="wrong-roster", why="Both came.").equals(sorted([ann, bob]))


def came_well(reply: Reply, expect: Expect) -> None:
    next_step = "What was not there when your program looked, and was there when it wrote?"
    why = "Coming is answered with 200, also when somebody else comes at the same moment."
    expect(reply.status, code="cannot-come", why=why, next_step=next_step).equals(200)


def test_c8_the_same_doctor_twice(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """A doctor taps twice, and both taps are on their way at once. That counts as one: afterwards the others may
    leave as far as the rule allows, and not farther."""
    ann, bob, carol = rng.sample(NAMES, 3)
    for race in net.races("postgres"):
        shift = race.fresh(lambda: staff(app, expect, rng, [ann, bob, carol]))
        slow = race.park(leaves(shift, ann))
        fast = race.settle(leaves(shift, ann))
        race.release()
        for reply in (slow.reply, fast.reply):
            why = "Three are on call and one of them leaves, with two taps: both taps are answered with 200."
            next_step = "What had changed when the second tap's turn came?"
            expect(reply.status, code="tap-refused", why=why, next_step=next_step).one_of([200, 503])
            proper_answer(reply, expect)
        if definite([slow.reply, fast.reply]):
            the_rest_leaves(app, shift, [bob, carol], expect)
    for race in net.races("postgres"):
        shift = race.fresh(lambda: staff(app, expect, rng, [bob]))
        slow = race.park(comes(shift, ann))
        fast = race.settle(comes(shift, ann))
        race.release()
        for reply in (slow.reply, fast.reply):
            came_well(reply, expect)
        the_rest_leaves(app, shift, [bob, ann], expect)


def the_rest_leaves(app: App, shift: str, doctors: list[str], expect: Expect) -> None:
    """Two are on call: the first may leave, the second may not."""
    staying = somebody_stays(app.b, shift, expect)
    why = "A doctor who taps twice left, or came, once."
    expect(staying, code="wrong-roster", why=why).equals(sorted(doctors))
    statuses = [leaves(shift, doctor)(app.b).status for doctor in doctors]
    why = "Two doctors are on call: the first may leave, the second is the last."
    next_step = "What did the second tap count, although nothing changed?"
    expect(statuses, code="count-drifts", why=why, next_step=next_step).equals([200, 409])
    somebody_stays(app.a, shift, expect)


def test_c9_whoever_looks(app: App, net: Net, expect: Expect, rng: random.Random) -> None:
    """Whoever looks sees at least one doctor: while the last one tries to leave or comes once more, and while one hands
    over to another in the middle of the look."""
    ann, bob = rng.sample(sorted(NAMES), 2)
    for call in (leaves, comes):  # the last one tries to leave, or comes once more; somebody looks
        for race in net.races("postgres"):
            shift = race.fresh(lambda: staff(app, expect, rng, [ann]))
            race.park(call(shift, ann))
            seen = race.probe(looks_at(shift))
            race.release()
            expect(on_call(seen, expect), code="wrong-roster", why="The last one is on call.").equals([ann])
    for early, late in ((ann, bob), (bob, ann)):  # somebody looks; the one hands over to the other
        for race in net.races("postgres"):
            shift = race.fresh(lambda: staff(app, expect, rng, [ann, bob]))
            leaves(shift, early)(app.b)
            slow = race.park(looks_at(shift))
            race.settle(comes(shift, early))
            race.settle(leaves(shift, late))
            race.release()
            on_call(slow.reply, expect)

"""One position of a race; labkit.Race says what each step promises."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from tinnyswe.engines.base import Connection
from tinnyswe.labkit import Copy, NoAnswer, Reply
from tinnyswe.labkit.world import Doing
from tinnyswe.model.failure import FaultNote
from tinnyswe.run.copies import RunningCopy, Surroundings
from tinnyswe.run.holding import Holder, ReplyCutter
from tinnyswe.run.pending import Call
from tinnyswe.run.roles import EngineRole
from tinnyswe.run.settling import Patience, longest_silence, settle

T = TypeVar("T")
LOOK = 0.05  # s; only a failsafe, holders wake their waiters
_DONE = {"run": "held", "kill": "killed", "warp": "warped", "cut": "cut"}


class Series:
    """What the positions of one race share."""

    def __init__(
        self, role: EngineRole, roles: Sequence[EngineRole], first: RunningCopy, second: RunningCopy, do: Doing
    ) -> None:
        self.role = role
        self.roles = roles
        self.first = first
        self.second = second
        self.do = do
        self.patience = Patience()


class World(Surroundings, Protocol):
    def disturb(self, copy: str, on: bool) -> None:
        """From now on a fault may (or may no longer) explain that this copy does not answer."""


class RunningRace:
    """Position k of a series; k = 0 is its opening: B alone, then A."""

    def __init__(self, series: Series, k: int, make_holder: Callable[[], Holder], world: World) -> None:
        self.k = k
        self.hit = False
        self.over = False  # A answered without being held: there is no further position
        self.ghost = False  # A answered although something of its copy is held: background traffic took the place
        self._series = series
        self._make_holder = make_holder  # made once its copy runs: a restarted one has another proxy
        self._holder: Holder | None = None
        self._world = world
        self._slow: Call | None = None
        self._fast: list[Call] = []
        self._released = False
        self._finished = False

    def fresh(self, make: Callable[[], T]) -> T:
        self._world.timeline.fresh_trace()
        return make()

    def park(self, call: Callable[[Copy], Reply]) -> Call:
        series, copy = self._series, self._series.first
        self._slow = slow = Call(copy, call, self._world.clock.left)
        if self.k == 0:
            return slow
        copy.start()
        self._holder = holder = self._make_holder()
        holder.arm(self.k)
        self._world.disturb(copy.name, True)
        slow.begin()
        self._wait_until_held(slow, holder)
        if series.do == "cut":
            self._look_for_cut(holder)
        elif self.hit:
            self._act(holder)
        return slow

    def _wait_until_held(self, slow: Call, holder: Holder) -> None:
        clock = self._world.clock
        while True:
            answered = slow.answered
            request = holder.held()  # asked after the answer: what is held then is other traffic, and a position taken
            if request is not None:
                self._fault(request)
                self.hit = True
                return
            if answered:
                self.over = True
                return
            if clock.left() <= 0:
                limit = clock.check_seconds
                raise NoAnswer(f"answer of copy {slow.copy.name}, alone", elapsed=clock.elapsed(), limit=limit)
            holder.wait(LOOK)

    def _look_for_cut(self, holder: Holder) -> None:
        cut = holder.fired() if isinstance(holder, ReplyCutter) else None
        self.hit, self.over = cut is not None, cut is None
        if cut is not None:
            self._fault(cut)

    def _fault(self, request: str) -> None:
        detail = {"warp": "every TTL ran out meanwhile", "cut": "the reply was lost"}.get(self._series.do, "")
        kind = _DONE[self._series.do]
        target = f"copy {self._series.first.name}"
        self._world.timeline.begin_fault(
            FaultNote(kind=kind, target=target, position=self.k, request=request, detail=detail)
        )

    def _act(self, holder: Holder) -> None:
        if self._series.do == "kill":
            self._series.first.kill()
            holder.discard()
        elif self._series.do == "warp":
            self._series.role.warp()

    def settle(self, call: Callable[[Copy], Reply]) -> Call:
        series = self._series
        fast = Call(series.second, call, self._world.clock.left)
        self._fast.append(fast)
        series.second.start()
        fast.begin()
        watch = Watch(fast, series.roles)
        if self.k == 0:
            if fast.wait(self._world.clock.left()):
                times = [at for at, _ in watch.requests()]
                series.patience = Patience(longest_silence(fast.began, times, fast.ended))
        else:
            fast.settled = settle(watch, series.patience, self._world.clock.left)
        fast.requests = len(watch.requests())
        if not fast.answered:
            self._world.timeline.say(f"{series.second.name} has not answered: {fast.settled}")
        return fast

    def probe(self, call: Callable[[Copy], Reply]) -> Reply:
        return call(self._series.second)

    def release(self) -> None:
        series = self._series
        if self._slow is None or self._released:
            return
        self._released = True
        self.ghost = self.hit and self._slow.answered and series.do not in ("kill", "cut")
        if not self._slow.begun:
            self._slow.begin()
        self._let_go()
        if self.hit and series.do in ("run", "warp"):
            self._world.timeline.say(f"— copy {series.first.name} goes on")
        left = self._world.clock.left
        for call in (self._slow, *self._fast):
            call.wait(left())
        self._world.disturb(series.first.name, False)
        if series.first.killed:
            series.first.start()

    def _let_go(self) -> None:
        if self._holder is not None:
            self._holder.let_go()

    def finish(self) -> None:
        """Leave nothing of this position behind, also when the check failed in the middle of it."""
        if self._finished:
            return
        self._finished = True
        series = self._series
        self._let_go()
        self._world.disturb(series.first.name, False)
        self._world.timeline.fault = None
        for call in (self._slow, *self._fast):
            if call is not None and call.begun and not call.wait(1.0):
                call.copy.stop()  # its late write must not land in the next world


class Watch:
    """settling.Watched over one call: its copy, and that copy's connections to every engine."""

    def __init__(self, call: Call, roles: Sequence[EngineRole]) -> None:
        self._call = call
        self._roles = [(role, role.proxies[call.copy.name]) for role in roles if call.copy.name in role.proxies]

    def answered(self) -> bool:
        return self._call.answered

    def requests(self) -> list[tuple[float, str]]:
        seen = [(s.at, s.text) for _, proxy in self._roles for s in proxy.history() if s.at >= self._call.began]
        return sorted(seen)

    def outstanding(self) -> float | None:
        began = self._call.began  # what a thread of the copy waits for since before (a BLPOP) says nothing about it
        since = [o.since for _, proxy in self._roles for o in proxy.outstanding() if o.since >= began]
        return time.monotonic() - min(since) if since else None

    def blocked(self) -> bool:
        for role, proxy in self._roles:
            waiting = [
                Connection(local_port=c.local_port, backend_pid=c.backend_pid)
                for c in proxy.connections()
                if c.since is not None and c.since >= self._call.began
            ]
            if waiting and role.instance.blocked(waiting):
                return True
        return False

    def last_traffic(self) -> float:
        return max([self._call.began, *(proxy.last_traffic for _, proxy in self._roles)])

    def asleep(self) -> bool:
        return self._call.copy.asleep()

    def wait(self, seconds: float) -> None:
        self._call.wait(seconds)

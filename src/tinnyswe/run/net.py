"""The network between the copies and their engines: the `net` fixture."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from tinnyswe.engines.base import Gates
from tinnyswe.labkit.world import Doing, Positions
from tinnyswe.model.errors import UsageError
from tinnyswe.run.copies import RunningApp
from tinnyswe.run.holding import Holder, ReplyCutter, RequestHolder, RowHolder
from tinnyswe.run.races import RunningRace, Series, World
from tinnyswe.run.roles import EngineRole

_GHOSTS = 3  # times one position is tried again when background traffic took its place


class RunningNet:
    """Implements labkit.Net."""

    def __init__(self, app: RunningApp, roles: Mapping[str, EngineRole], world: World) -> None:
        self._app = app
        self._roles = roles
        self._world = world
        self._race: RunningRace | None = None
        self._open: Generator[RunningRace, None, None] | None = None
        self._partitioned: set[tuple[str, str]] = set()

    def races(
        self,
        role: str,
        *,
        first: str = "a",
        second: str = "b",
        do: Doing = "run",
        at: Positions = "requests",
        limit: int = 30,
    ) -> Generator[RunningRace, None, None]:
        engine = known_role(self._roles, role)
        self.clear()
        series = Series(engine, tuple(self._roles.values()), self._app[first], self._app[second], do)
        self._open = self._series(series, engine.gates() if at == "rows" else None, limit)
        return self._open

    def _series(self, series: Series, gates: Gates | None, limit: int) -> Generator[RunningRace, None, None]:
        series.first.start()
        series.second.start()
        try:
            if gates is not None:
                gates.install()
            if series.do in ("run", "warp"):
                yield from self._positions(series, gates, range(1))
            yield from self._positions(series, gates, range(1, limit + 1))
        finally:
            if self._race is not None:
                self._race.finish()
            if gates is not None:
                gates.remove()

    def _positions(self, series: Series, gates: Gates | None, positions: range) -> Generator[RunningRace, None, None]:
        for k in positions:
            for _attempt in range(_GHOSTS + 1):
                race = self._race = RunningRace(series, k, lambda: self._holder(series, gates), self._world)
                yield race
                race.release()
                race.finish()
                if race.over:
                    return
                if not race.ghost:
                    break
                self._world.timeline.note(f"position {k} was taken by other traffic of copy {series.first.name}")
        if len(positions) > 1:
            self._give_up(series, gates, positions[-1], self._race)

    def _give_up(self, series: Series, gates: Gates | None, limit: int, last: RunningRace | None) -> None:
        """The positions did not end: what cannot be tried cannot pass, or padding would hide a gap.

        Row events are many where a request writes many rows; there the rest is left untried, and said.
        """
        name = series.first.name
        if gates is not None:
            self._world.timeline.note(f"copy {name} has more than {limit} row events: not all tried")
        elif last is not None and last.ghost:
            self._world.complain(
                code="restless",
                why=f"Copy {name} sends the engine other requests faster than it serves one: it cannot be graded.",
                next_step="What runs in the background of your program, and how often must it?",
            )
        else:
            self._world.complain(
                code="too-many-requests",
                why=f"One request of a client costs the engine more than {limit} requests, with nobody in the way.",
                observed=f"more than {limit} requests to {series.role.kind}",
                next_step="Which of them does the answer need?",
            )

    def _holder(self, series: Series, gates: Gates | None) -> Holder:
        proxy = series.role.proxies[series.first.name]
        if gates is not None:
            return RowHolder(gates, proxy)
        return ReplyCutter(proxy) if series.do == "cut" else RequestHolder(proxy)

    def clear(self) -> None:
        """End the present series: let go of what its position holds, and take its gates away.

        A check that failed in the middle leaves its series suspended, with a traceback that keeps it alive.
        """
        if self._open is not None:
            self._open.close()
        self._open = self._race = None

    def requests(self, role: str, copy: str) -> int:
        return known_role(self._roles, role).sent[copy]

    def cut(self, role: str, copy: str) -> None:
        known_role(self._roles, role).proxies[copy].close_all()
        self._world.timeline.done("cut", f"connections of copy {copy} to {role}")

    def partition(self, role: str, copy: str, *, blocked: bool = True) -> None:
        known_role(self._roles, role).proxies[copy].blackhole(blocked)
        (self._partitioned.add if blocked else self._partitioned.discard)((role, copy))
        self._world.disturb(copy, blocked)
        self._world.timeline.done("partition" if blocked else "healed", f"copy {copy} and {role}")

    def heal(self) -> None:
        """Undo every partition."""
        for role, copy in sorted(self._partitioned):
            self.partition(role, copy, blocked=False)


def known_role(roles: Mapping[str, EngineRole], role: str) -> EngineRole:
    """The role, or a UsageError that names those there are: a mistake in the lab's checks."""
    if role not in roles:
        raise UsageError(f"the lab has no engine role {role!r}; it has {', '.join(sorted(roles)) or 'none'}")
    return roles[role]

"""The network between the copies and their engines: the `net` fixture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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

    def races(
        self,
        role: str,
        *,
        first: str = "a",
        second: str = "b",
        do: Doing = "run",
        at: Positions = "requests",
        limit: int = 30,
    ) -> Iterator[RunningRace]:
        engine = known_role(self._roles, role)
        series = Series(engine, tuple(self._roles.values()), self._app[first], self._app[second], do)
        series.first.start()
        series.second.start()
        gates = engine.gates() if at == "rows" else None
        try:
            if gates is not None:
                gates.install()
            if do in ("run", "warp"):
                yield from self._positions(series, gates, range(1))
            yield from self._positions(series, gates, range(1, limit + 1))
        finally:
            self.clear()
            if gates is not None:
                gates.remove()

    def _positions(self, series: Series, gates: Gates | None, positions: range) -> Iterator[RunningRace]:
        for k in positions:
            for _attempt in range(_GHOSTS + 1):
                race = self._race = RunningRace(series, k, self._holder(series, gates), self._world)
                yield race
                race.release()
                race.finish()
                if race.over:
                    return
                if not race.ghost:
                    break
                self._world.timeline.note(f"position {k} was taken by other traffic of copy {series.first.name}: again")
        if len(positions) > 1:
            self._world.timeline.note(
                f"copy {series.first.name} sends more than {positions[-1]} requests: not all tried"
            )

    def _holder(self, series: Series, gates: Gates | None) -> Holder:
        proxy = series.role.proxies[series.first.name]
        if gates is not None:
            return RowHolder(gates, proxy)
        return ReplyCutter(proxy) if series.do == "cut" else RequestHolder(proxy)

    def clear(self) -> None:
        """Let go of what the present position holds."""
        if self._race is not None:
            self._race.finish()
            self._race = None

    def requests(self, role: str, copy: str) -> int:
        return self._roles[role].sent[copy]

    def cut(self, role: str, copy: str) -> None:
        self._roles[role].proxies[copy].close_all()
        self._world.timeline.done("cut", f"connections of copy {copy} to {role}")

    def partition(self, role: str, copy: str, *, blocked: bool = True) -> None:
        self._roles[role].proxies[copy].blackhole(blocked)
        self._world.disturb(copy, blocked)
        self._world.timeline.done("partition" if blocked else "healed", f"copy {copy} and {role}")


def known_role(roles: Mapping[str, EngineRole], role: str) -> EngineRole:
    """The role, or a UsageError that names those there are: a mistake in the lab's checks."""
    if role not in roles:
        raise UsageError(f"the lab has no engine role {role!r}; it has {', '.join(sorted(roles)) or 'none'}")
    return roles[role]

"""The step proxy: sees the requests between one copy and one engine, and can hold or cut the k-th."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from tinnyswe.faults.link import Link, Pipe, hung_up
from tinnyswe.faults.tcp import TcpRelay
from tinnyswe.faults.wire import Parser, Piece, Unit, parser
from tinnyswe.model.base import Record

_HISTORY = 10_000  # requests remembered

Fault = Literal["park", "cut-before", "cut-after"]


class Seen(Record, frozen=True, kw_only=True):
    """A request that reached the proxy. number: k, 1-based since the counter was reset. at: monotonic seconds."""

    number: int
    text: str
    connection: int
    at: float


class Outstanding(Record, frozen=True, kw_only=True):
    """Something forwarded and not answered. since: monotonic seconds. Uncounted ones (log-in, Parse) wait too."""

    connection: int
    text: str
    since: float
    counted: bool = True


class ConnectionInfo(Record, frozen=True, kw_only=True):
    """A connection as it is now. opaque: why its bytes pass unread, or "".

    since: when the newest of what waits was forwarded (monotonic seconds); None when nothing waits. A background
    thread's blocking read waits too: compare with the moment the call began.
    """

    id: int
    local_port: int  # of the proxy's side towards the engine
    backend_pid: int | None
    outstanding: bool
    opaque: str = ""
    since: float | None = None


class _Lane:
    """What the proxy knows of one link."""

    def __init__(self, made: Parser) -> None:
        self.parser = made
        self.waiting: deque[Piece] = deque()  # behind a held request
        self.held: Unit | None = None  # the request at the head of `waiting`, numbered and not forwarded
        self.open: dict[Unit, float] = {}  # forwarded, not answered; since when
        self.doomed: Unit | None = None  # forwarded; its reply will be dropped
        self.cutting = False  # nothing more is forwarded; closes when nothing is open


class StepProxy(TcpRelay):
    """A TcpRelay that reads `wire` ("resp", "pgwire", "http"). Counts requests over all its connections.

    parked: the request held now. cut: the last request cut. count: requests since the counter was reset, the held
    one included. opaque: why the first connection that could not be read could not, or "".
    on_request: called for each request, in the proxy's thread, without its lock.
    """

    def __init__(
        self,
        listener: socket.socket,
        upstream: Callable[[], socket.socket],
        wire: str,
        *,
        on_request: Callable[[Seen], None] | None = None,
    ) -> None:
        self._parser = parser(wire)
        super().__init__(listener, upstream)
        self.parked: Seen | None = None
        self.cut: Seen | None = None
        self.count = 0
        self.opaque = ""
        self._armed: tuple[Fault, int] | None = None
        self._lanes: dict[Link, _Lane] = {}
        self._history: deque[Seen] = deque(maxlen=_HISTORY)
        self._on_request = on_request
        self._unreported: deque[Seen] = deque()

    # -- positions

    def reset_counter(self) -> None:
        """Count from 0 now, over all connections; forget the history. What is armed stays armed."""
        with self.changed:
            self._check()
            self.count = 0
            self.cut = None
            self._history.clear()

    def park_before(self, k: int) -> None:
        """Hold the k-th counted request, and what is behind it on its connection; other connections run on."""
        self._arm("park", k)

    def cut_before(self, k: int) -> None:
        """Drop the k-th request; close its connection once what was before it is answered."""
        self._arm("cut-before", k)

    def cut_after(self, k: int) -> None:
        """Forward the k-th request, drop its reply when it has come, and close its connection."""
        self._arm("cut-after", k)

    def release(self) -> None:
        """Disarm, and let the held request go; it is dropped if its sender hung up meanwhile (a killed copy)."""
        with self.changed:
            self._check()
            self._armed = None
            self.parked = None
            for link, lane in self._lanes.items():
                if lane.held is None:
                    continue
                if hung_up(link.client):
                    self._drop(link, lane)
                else:
                    self._advance(link, lane)
            self._wake()
            self.changed.notify_all()

    # -- what can be seen

    def history(self) -> list[Seen]:
        """Requests since the counter was reset, oldest first (the last 10,000)."""
        with self.changed:
            return list(self._history)

    def outstanding(self) -> list[Outstanding]:
        """What waits for an answer of the engine, oldest first."""
        with self.changed:
            self._check()
            found = [
                Outstanding(connection=link.id, text=unit.text, since=since, counted=unit.counted)
                for link, lane in self._lanes.items()
                for unit, since in lane.open.items()
            ]
        return sorted(found, key=lambda waiting: waiting.since)

    def connections(self) -> list[ConnectionInfo]:
        """Connections that are open now, oldest first."""
        with self.changed:
            self._check()
            return [
                ConnectionInfo(
                    id=link.id,
                    local_port=link.local_port,
                    backend_pid=lane.parser.backend_pid,
                    outstanding=bool(lane.open),
                    opaque=lane.parser.opaque,
                    since=max(lane.open.values(), default=None),
                )
                for link, lane in self._lanes.items()
                if not link.end
            ]

    # -- the relay's events

    def _opened(self, link: Link) -> None:
        self._lanes[link] = _Lane(self._parser())

    def _dropped(self, link: Link) -> None:
        self._lanes.pop(link, None)

    def _holds(self, link: Link) -> bool:
        lane = self._lanes.get(link)
        return lane is not None and lane.held is not None

    def _arrived(self, link: Link, pipe: Pipe, data: bytes) -> None:
        lane = self._lanes[link]
        if pipe is link.to_server:
            lane.waiting.extend(lane.parser.client(data))
        else:
            self._answered(link, lane, data)
            if lane.parser.passing:
                lane.waiting.extend(lane.parser.client(b""))
        for unit in [unit for unit in lane.open if unit.answered]:
            del lane.open[unit]
        self.opaque = self.opaque or lane.parser.opaque
        self._advance(link, lane)

    def _source_ended(self, link: Link, pipe: Pipe) -> None:
        lane = self._lanes[link]
        if pipe is link.to_server:
            lane.waiting.extend(lane.parser.client_ended())
            self._advance(link, lane)
        else:
            lane.parser.server_ended()
            lane.open.clear()
            self._end_if_cut(link, lane)

    def _after_turn(self) -> None:
        while self._unreported:
            seen = self._unreported.popleft()
            if self._on_request is not None:
                self._on_request(seen)

    # -- requests and answers

    def _arm(self, fault: Fault, k: int) -> None:
        with self.changed:
            self._check()
            self._armed = (fault, k)

    def _advance(self, link: Link, lane: _Lane) -> None:
        """Forward what waits, up to a request that must not go."""
        if lane.held is not None and self.parked is not None:
            return
        while lane.waiting and not link.end:
            piece = lane.waiting[0]
            if lane.cutting or (lane.doomed is not None and piece.unit is not None):
                lane.waiting.clear()
                break
            if piece.unit is not None and piece.unit.counted and piece.unit is not lane.held:
                self._admit(link, lane, piece.unit)
                if lane.held is not None:
                    return
                if lane.cutting:
                    continue
            lane.held = None
            self._forward(link, lane, lane.waiting.popleft())
        self._end_if_cut(link, lane)

    def _admit(self, link: Link, lane: _Lane, unit: Unit) -> None:
        """Number a request, and do to it what is armed."""
        self.count += 1
        seen = Seen(number=self.count, text=unit.text, connection=link.id, at=time.monotonic())
        self._history.append(seen)
        self._unreported.append(seen)
        if self._armed is None or self._armed[1] != self.count:
            return
        fault, self._armed = self._armed[0], None
        if fault == "park":
            lane.held, self.parked = unit, seen
            return
        self.cut = seen
        if fault == "cut-before":
            lane.cutting = True
        else:
            lane.doomed = unit

    def _forward(self, link: Link, lane: _Lane, piece: Piece) -> None:
        link.to_server.out += piece.data
        link.to_client.out += piece.to_client
        if piece.unit is not None and not piece.unit.answered:
            lane.open[piece.unit] = time.monotonic()

    def _answered(self, link: Link, lane: _Lane, data: bytes) -> None:
        for answer in lane.parser.server(data):
            if lane.doomed is None or next(iter(lane.open), lane.doomed) is not lane.doomed:
                link.to_client.out += answer.data
            for unit in answer.units:
                lane.open.pop(unit, None)

    def _end_if_cut(self, link: Link, lane: _Lane) -> None:
        if (lane.cutting and not lane.open) or (lane.doomed is not None and lane.doomed not in lane.open):
            link.end = link.end or "flush"

    def _drop(self, link: Link, lane: _Lane) -> None:
        lane.waiting.clear()
        lane.held = None
        link.end = "close"

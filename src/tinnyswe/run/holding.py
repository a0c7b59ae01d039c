"""Holding one copy at a position: before its k-th request, or at its n-th row event."""

from __future__ import annotations

import time
from typing import Protocol

from tinnyswe.engines.base import Gates
from tinnyswe.faults.stepproxy import StepProxy
from tinnyswe.run.settling import LOOK


class Holder(Protocol):
    """One way to hold a copy."""

    def arm(self, position: int) -> None:
        """From now on, hold the copy when it reaches `position`, counted from now."""

    def held(self) -> str | None:
        """What the copy is held before, as text; None while it is not held."""

    def wait(self, seconds: float) -> None: ...
    def let_go(self) -> None: ...
    def discard(self) -> None:
        """Forget the held request: its sender is dead, and it must not reach the engine."""


class RequestHolder:
    """Holds a copy before its k-th engine request, at its proxy."""

    def __init__(self, proxy: StepProxy) -> None:
        self._proxy = proxy

    def arm(self, position: int) -> None:
        with self._proxy.changed:  # no request may slip in between the two
            self._proxy.reset_counter()
            self._proxy.park_before(position)

    def held(self) -> str | None:
        parked = self._proxy.parked
        return parked.text if parked is not None else None

    def wait(self, seconds: float) -> None:
        with self._proxy.changed:
            self._proxy.changed.wait(seconds)

    def let_go(self) -> None:
        self._proxy.release()

    def discard(self) -> None:
        self._proxy.close_all()
        self._proxy.release()


class ReplyCutter(RequestHolder):
    """Drops the reply of the k-th request and closes its connection; the copy is never held."""

    def arm(self, position: int) -> None:
        with self._proxy.changed:  # no request may slip in between the two
            self._proxy.reset_counter()
            self._proxy.cut_after(position)

    def held(self) -> str | None:
        return None

    def fired(self) -> str | None:
        """What was cut, as text; None when the copy never got that far."""
        cut = self._proxy.cut
        return cut.text if cut is not None else None


class RowHolder:
    """Holds a copy inside its statement, at its n-th row event, by gate triggers.

    Gates hold backends, and a copy may open a new one for every request (Django does). So its first request is held at
    the proxy for a moment: by then the backend is there, the gate is closed for it, and the request goes on.
    """

    def __init__(self, gates: Gates, proxy: StepProxy) -> None:
        self._gates = gates
        self._proxy = proxy
        self._position = 0
        self._closed = False

    def arm(self, position: int) -> None:
        self._position = position
        self._closed = False
        with self._proxy.changed:  # no request may slip in between the two
            self._proxy.reset_counter()
            self._proxy.park_before(1)

    def held(self) -> str | None:
        if not self._closed:
            self._close_gate()
            return None
        if not self._gates.held():
            return None
        statement = next((waiting.text for waiting in self._proxy.outstanding()), "a statement")
        return f"row event {self._position} of {statement}"

    def _close_gate(self) -> None:
        if self._proxy.parked is not None:
            backends = [c.backend_pid for c in self._proxy.connections() if c.backend_pid is not None]
            self._gates.hold(backends, self._position)
            self._closed = True
            self._proxy.release()

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, LOOK))

    def let_go(self) -> None:
        self._proxy.release()
        self._gates.release()

    def discard(self) -> None:
        self._proxy.close_all()
        self.let_go()

"""What is happening in a run: events for the readers, and the trace and active fault a failure quotes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from tinnyswe.model.events import AnyEvent, FaultDone, Note, RequestSeen
from tinnyswe.model.failure import FaultNote

_TRACE_LINES = 40  # a failing race is told from its world's making on; longer stories are cut at their start


class Timeline:
    """Shared by every part of the world; safe to call from any thread."""

    def __init__(self, emit: Callable[[AnyEvent], None]) -> None:
        self._emit = emit
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._trace: deque[str] = deque(maxlen=_TRACE_LINES)
        self.check = ""
        self.fault: FaultNote | None = None

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._started

    def emit(self, event: AnyEvent) -> None:
        with self._lock:
            self._emit(event)

    def fresh_trace(self) -> None:
        """A new world begins: what came before explains nothing about it."""
        self._trace.clear()

    def trace(self) -> tuple[str, ...]:
        return tuple(self._trace)

    def say(self, line: str) -> None:
        """Add a line to the trace only."""
        self._trace.append(line)

    def note(self, text: str) -> None:
        """A sentence for the reader of the timeline."""
        self.emit(Note(at=self.now(), check=self.check, text=text))

    def request(self, copy: str, role: str, text: str, position: int | None = None) -> None:
        self._trace.append(f"{copy}: {text}" if role == "http" else f"{copy} → {role}: {text}")
        self.emit(RequestSeen(at=self.now(), check=self.check, copy=copy, role=role, text=text, position=position))

    def begin_fault(self, fault: FaultNote) -> None:
        self.fault = fault
        self.done(fault.kind, fault.target, position=fault.position, request=fault.request, detail=fault.detail)

    def end_fault(self) -> None:
        """The fault is over; what it did stays in the trace."""
        if self.fault is not None:
            self.done("release", self.fault.target, position=self.fault.position, request=self.fault.request)
            self.fault = None

    def done(self, kind: str, target: str, *, position: int | None = None, request: str = "", detail: str = "") -> None:
        where = f" before its request {position}: {request}" if position is not None else ""
        if request.startswith("row event"):  # held inside a statement, by a gate
            where = f" at {request}"
        self._trace.append(f"— {kind} {target}{where}" + (f" ({detail})" if detail else ""))
        self.emit(
            FaultDone(
                at=self.now(),
                check=self.check,
                kind=kind,
                target=target,
                position=position,
                request=request,
                detail=detail,
            )
        )

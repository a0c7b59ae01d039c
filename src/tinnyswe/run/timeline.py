"""What is happening in a run: events for the readers, and the trace and active fault a failure quotes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from tinnyswe.model.events import AnyEvent, FaultDone, Note, RequestSeen
from tinnyswe.model.failure import FaultNote
from tinnyswe.model.redaction import Redaction

_TRACE_LINES = 40  # a failing race is told from its world's making on; longer stories are cut at their start


class Timeline:
    """Shared by every part of the world; safe to call from any thread."""

    def __init__(self, emit: Callable[[AnyEvent], None]) -> None:
        self._emit = emit
        self._lock = threading.Lock()
        self._tracing = threading.Lock()  # proxies add lines while a failing check takes the trace
        self._started = time.monotonic()
        self._trace: deque[tuple[str, int]] = deque(maxlen=_TRACE_LINES)  # a line, and how often in a row
        self.check = ""
        self.fault: FaultNote | None = None
        self.redacted = Redaction()  # of the engines' passwords; every text of the run goes through it

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._started

    def emit(self, event: AnyEvent) -> None:
        with self._lock:
            self._emit(event)

    def fresh_trace(self) -> None:
        """A new world begins: what came before explains nothing about it."""
        with self._tracing:
            self._trace.clear()

    def trace(self) -> tuple[str, ...]:
        with self._tracing:
            return tuple(line if times == 1 else f"{line} ({times} times)" for line, times in self._trace)

    def say(self, line: str) -> None:
        """Add a line to the trace only."""
        line = self._safe(line)
        with self._tracing:
            again = bool(self._trace) and self._trace[-1][0] == line
            times = self._trace.pop()[1] + 1 if again else 1
            self._trace.append((line, times))

    def _safe(self, text: str) -> str:
        """Without passwords, and with every character that JSON can carry."""
        return self.redacted(text).encode("utf-8", "backslashreplace").decode()

    def note(self, text: str) -> None:
        """A sentence for the reader of the timeline."""
        self.emit(Note(at=self.now(), check=self.check, text=self._safe(text)))

    def request(self, copy: str, role: str, text: str, position: int | None = None, *, told: bool = True) -> None:
        """A request was sent. told: part of the story (what a copy asks while it starts is not)."""
        text = self._safe(text)
        if told:
            self.say(f"{copy}: {text}" if role == "http" else f"{copy} → {role}: {text}")
        self.emit(RequestSeen(at=self.now(), check=self.check, copy=copy, role=role, text=text, position=position))

    def begin_fault(self, fault: FaultNote) -> None:
        self.fault = msgspec.structs.replace(fault, request=self._safe(fault.request))
        if fault.kind != "cut":
            self._untell(self.fault.request)
        self.done(fault.kind, fault.target, position=fault.position, request=fault.request, detail=fault.detail)

    def _untell(self, request: str) -> None:
        """Take a held request out of the story: it has been sent, and has not arrived."""
        copy = self.fault.target.removeprefix("copy ") if self.fault is not None else ""
        with self._tracing:
            for place in range(len(self._trace) - 1, -1, -1):
                line, _ = self._trace[place]
                if line.startswith(f"{copy} → ") and line.endswith(f": {request}"):
                    del self._trace[place]
                    return

    def done(self, kind: str, target: str, *, position: int | None = None, request: str = "", detail: str = "") -> None:
        request = self._safe(request)
        where = f" before its request {position}: {request}" if position is not None else ""
        if request.startswith("row event"):  # held inside a statement, by a gate
            where = f" at {request}"
        self.say(f"— {kind} {target}{where}" + (f" ({detail})" if detail else ""))
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

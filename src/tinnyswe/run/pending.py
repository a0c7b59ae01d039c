"""A call in a thread of its own: a request that may be held for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tinnyswe.labkit import NoAnswer, Reply
from tinnyswe.labkit.world import Settled
from tinnyswe.run.copies import RunningCopy


class Call:
    """Implements labkit.Pending. The call starts with `begin`, or when its reply is first asked for."""

    def __init__(self, copy: RunningCopy, call: Callable[[RunningCopy], Reply], patience: Callable[[], float]) -> None:
        self.copy = copy
        self._call = call
        self._patience = patience
        self._thread: threading.Thread | None = None
        self._done = threading.Event()
        self._reply: Reply | None = None
        self._raised: BaseException | None = None
        self.began = 0.0
        self.ended = 0.0
        self.settled: Settled = "answered"
        self.requests = 0

    def begin(self) -> None:
        self.began = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"call-{self.copy.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._reply = self._call(self.copy)
        except BaseException as raised:  # re-raised in the check's thread by `reply`
            self._raised = raised
        finally:
            self.ended = time.monotonic()
            self._done.set()

    @property
    def begun(self) -> bool:
        return self._thread is not None

    @property
    def answered(self) -> bool:
        return self._done.is_set()

    @property
    def waited(self) -> bool:
        return self.settled in ("blocked", "clock")

    @property
    def reply(self) -> Reply:
        """The answer. Raises what the call raised, NoAnswer when the check's time is over."""
        if not self.begun:
            self.begin()
        if not self._done.wait(self._patience()):
            elapsed = time.monotonic() - self.began
            raise NoAnswer(f"answer of copy {self.copy.name}", elapsed=elapsed, limit=elapsed)
        if self._raised is not None:
            raise self._raised
        if self._reply is None:  # the call returned None: the check's lambda lacks its reply
            raise TypeError("a race's call must return the reply of the request it sends")
        return self._reply

    def wait(self, seconds: float) -> bool:
        """Wait for the answer without raising; True when it is there."""
        return self._done.wait(seconds)

"""One engine role of a lab in a run: the instance, its present corner, and a proxy for each copy."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from typing import Any

from tinnyswe.engines.base import Gates, Install, Instance, Scope
from tinnyswe.engines.registry import get
from tinnyswe.faults.stepproxy import Seen, StepProxy
from tinnyswe.model.errors import UsageError
from tinnyswe.model.events import EngineReady, EngineUsed
from tinnyswe.model.lab import EngineNeed
from tinnyswe.model.plan import EngineChoice
from tinnyswe.run.copies import Surroundings


class EngineRole:
    """Implements labkit.EngineHandle; what is special to an engine is looked up on its scope, then its instance."""

    def __init__(self, choice: EngineChoice, need: EngineNeed, around: Surroundings) -> None:
        self.choice = choice
        self.need = need
        self._around = around
        self._instance: Instance | None = None
        self._scope: Scope | None = None
        self._scopes = 0
        self._lock = threading.Lock()
        self.proxies: dict[str, StepProxy] = {}
        self.sent: Counter[str] = Counter()
        self.down = False

    @property
    def role(self) -> str:
        return self.choice.role

    @property
    def kind(self) -> str:
        return self.choice.kind

    @property
    def version(self) -> str:
        return self.choice.version

    @property
    def instance(self) -> Instance:
        """The instance that serves the present corner (not always the one that was started first)."""
        return self.scope.instance

    @property
    def scope(self) -> Scope:
        if self._scope is None:
            raise RuntimeError(f"engine {self.role} was asked for before it was opened")
        return self._scope

    def client(self) -> Any:
        return self.scope.client()

    def warp(self) -> None:
        """Every running TTL runs out now."""
        self.instance.warp(self.scope)

    def gates(self) -> Gates:
        """Gate triggers for this corner; raises UsageError where the engine has none: a mistake in the lab."""
        gates = self.instance.gates(self.scope)
        if gates is None:
            raise UsageError(f'{self.kind} has no positions inside its statements; use at="requests"')
        return gates

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        scope = self.scope
        return getattr(scope, name) if hasattr(scope, name) else getattr(self.instance, name)

    # -- life ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start the engine if it does not run, and make a fresh corner in it."""
        began = time.monotonic()
        started = self._instance is None
        if self._instance is None:
            plan = self._around.plan
            engine = get(self.kind)
            install = Install.read(self.choice.home)
            folder = plan.scratch / "logs"
            self._instance = engine.start(
                install, folder, self.need.options, runtime=plan.runtime, run=plan.scratch.name
            )
        self._scopes += 1
        self._scope = self._instance.scope(f"run{self._scopes}")
        self._around.timeline.redacted.hide(self._scope.secrets)
        if started:
            timeline = self._around.timeline
            timeline.emit(EngineReady(at=timeline.now(), engine=self.used(), seconds=time.monotonic() - began))

    def used(self) -> EngineUsed:
        choice = self.choice
        return EngineUsed(
            role=choice.role,
            kind=choice.kind,
            version=choice.version,
            level=choice.level,
            binary_sha256=choice.binary_sha256,
        )

    def drop(self) -> None:
        """Leave the present corner; the next `open` makes another."""
        self._stop_proxies()
        if self._scope is not None:
            self._scope.drop()
            self._scope = None

    def close(self) -> None:
        self._stop_proxies()
        if self._instance is not None:
            self._instance.stop()
        self._instance = self._scope = None

    def _stop_proxies(self) -> None:
        for proxy in self.proxies.values():
            proxy.stop()
        self.proxies.clear()

    # -- the network to it --------------------------------------------------------------------------------------

    def dsn(self, copy: str) -> str:
        """The address this copy gets: its own proxy, never the engine itself."""
        with self._lock:
            listener = self._around.sandbox.expose(f"{self.role}-{copy}")
            proxy = StepProxy(
                listener.sock, self._dial, self.instance.wire, on_request=lambda seen: self._saw(copy, seen)
            )
            proxy.start()
            previous = self.proxies.get(copy)
            self.proxies[copy] = proxy
            self.sent[copy] = 0
        if previous is not None:
            previous.stop()
        return self.scope.dsn(listener.host, listener.port)

    def _dial(self) -> socket.socket:
        return socket.create_connection(self.instance.address, timeout=5.0)

    def _saw(self, copy: str, seen: Seen) -> None:
        self.sent[copy] += 1
        told = self._around.serving(copy)
        self._around.timeline.request(copy, self.role, seen.text, seen.number, told=told)

    # -- faults -------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        self.down = True
        self.instance.kill()
        self._around.timeline.done("kill", self.role)

    def restart(self) -> None:
        self.instance.restart()
        self.down = False
        self._around.timeline.done("restart", self.role)

    def freeze(self) -> None:
        self.down = True
        self.instance.freeze()
        self._around.timeline.done("freeze", self.role)

    def thaw(self) -> None:
        self.instance.thaw()
        self.down = False
        self._around.timeline.done("thaw", self.role)

    def recover(self) -> None:
        """Undo what a check left: frozen (it is alive) or killed."""
        if self.down:
            self.thaw() if self.instance.alive() else self.restart()

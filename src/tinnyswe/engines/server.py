"""What all engines that are one server process on one port have in common: start, wait, kill, freeze, restart, stop."""

from __future__ import annotations

import abc
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from tinnyswe.engines import store
from tinnyswe.engines.base import EngineError, Install
from tinnyswe.engines.manifest import Manifest
from tinnyswe.engines.ports import HOST, Port, taken
from tinnyswe.model.errors import UsageError
from tinnyswe.processes import tree
from tinnyswe.processes.identity import engine_identity, own
from tinnyswe.processes.lease import new_lease, release, take
from tinnyswe.processes.spawn import Minded, spawn

READY_SECONDS = 30.0  # recovery after a kill included; a start takes well below one
_PAUSE = 0.002
_SHM = Path("/dev/shm")
_ROOM = 1 << 30  # bytes free in /dev/shm, and of memory, before data is put there
_TAKEN = re.compile(r"address already in use", re.IGNORECASE)


def data_folder(name: str) -> Path:
    """A path for an engine's data, in memory when there is room. Not made yet: it gets its lease first.

    It is short, as Unix sockets may live below it.
    """
    base = _SHM if _has_room(_SHM) else Path(tempfile.gettempdir())
    return base / f"tinny-{name}-{secrets.token_hex(6)}"


def make_folder(path: Path) -> None:
    """Make a data folder that only whoever the engine runs as (and root) can enter."""
    path.mkdir(mode=0o700)
    own(path, engine_identity())


def _has_room(folder: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    return shutil.disk_usage(folder).free > _ROOM and psutil.virtual_memory().available > _ROOM


def refuse_ours(options: Mapping[str, Any], ours: frozenset[str], manifest: Manifest) -> None:
    """Raise UsageError for an option of lab.toml that only we may set."""
    for name in options:
        if name in ours:
            raise UsageError(
                f"option {name!r} of {manifest.title} is set by tinnySWE itself",
                where=f"options of engine {manifest.id}",
                next_step="Leave it out.",
                code="managed-option",
            )


class Server(abc.ABC):
    """One running server. Subclasses say how it is called, how it is asked, and what a scope is."""

    def __init__(
        self,
        manifest: Manifest,
        install: Install,
        directory: Path,
        options: Mapping[str, Any],
        *,
        runtime: Path,
        run: str,
    ) -> None:
        self.manifest = manifest
        self.install = install
        self.directory = directory
        self.options = dict(options)
        self.runtime = runtime
        self.run = run
        self.frozen = False
        self._stopped = False
        self._minded: Minded | None = None
        self._in_use = store.use(install.home)
        self._port = Port()
        self._data = data_folder(manifest.id)
        self._lease = new_lease("engine", run=run, directories=(self._data,), name=manifest.id)
        self._log = directory / f"{self._lease.id}.log"
        directory.mkdir(parents=True, exist_ok=True)

    # What an engine says about itself.

    @abc.abstractmethod
    def _prepare(self) -> None:
        """Make the data folder ready for the first start."""

    @abc.abstractmethod
    def _command(self) -> list[str]:
        """The server's command line; never holds a password."""

    @abc.abstractmethod
    def _answers(self) -> bool:
        """Send a real request; True when it is answered, False or an OSError while it is not."""

    @abc.abstractmethod
    def _disconnect(self) -> None:
        """Close every connection of the grader: the server behind them is gone or about to go."""

    @abc.abstractmethod
    def _clean_up(self) -> None:
        """Remove what a killed server left that would keep the next one from starting on its data."""

    def _settled_in(self) -> None:  # noqa: B027  (most engines have nothing to do here)
        """Called each time it has begun to answer."""

    # Facts.

    @property
    def kind(self) -> str:
        return self.manifest.id

    @property
    def version(self) -> str:
        return self.install.version

    @property
    def wire(self) -> str:
        return self.manifest.wire

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self._port.number

    @property
    def secrets(self) -> tuple[str, ...]:
        """Passwords that must not be shown."""
        return ()

    def pids(self) -> tuple[int, ...]:
        """The server and all below it; empty when it does not run."""
        return tuple(tree.pids(self._minded.pid)) if self._minded and self._minded.alive() else ()

    def alive(self) -> bool:
        return self._minded is not None and self._minded.alive()

    def logs(self, n: int = 20) -> tuple[str, ...]:
        """The last `n` lines it wrote since its last start, passwords struck out."""
        try:
            text = self._log.read_text("utf-8", "replace")
        except OSError:
            return ()
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return tuple(text.splitlines()[-n:]) if n else ()

    # Life.

    def start(self) -> None:
        """First start: prepare, spawn, wait until it answers. Leaves nothing behind when that fails."""
        try:
            os.close(take(self._lease, self.runtime)[2])  # from here on a sweep would find what we leave
            make_folder(self._data)
            self._prepare()
            self._launch()
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        if self._minded is not None:
            self._minded.kill()
        self.frozen = False
        self._disconnect()

    def freeze(self) -> None:
        """Stop every process of it; its connections stay open and nothing answers."""
        if self.alive() and self._minded is not None:
            self._minded.freeze()
            self.frozen = True

    def thaw(self) -> None:
        if self.alive() and self._minded is not None:
            self._minded.thaw()
        self.frozen = False

    def restart(self) -> None:
        if self._stopped:
            raise UsageError(f"this {self.manifest.title} was stopped for good", code="engine-stopped")
        self.kill()
        self._clean_up()
        self._launch()

    def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._disconnect()
        if self._minded is not None:
            self._minded.close()
        else:
            release(self._lease, self.runtime)
        self._port.close()
        os.close(self._in_use)

    def _launch(self) -> None:
        if self._port.listened_on():
            raise taken(self._port.number)
        self._minded = spawn(
            self._command(),
            cwd=self._data,
            env={"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.defpath, "HOME": str(self._data)},
            log=self._log,
            lease=self._lease,
            identity=engine_identity(),
            runtime=self.runtime,
        )
        self._wait(self._minded)
        self._settled_in()

    def _wait(self, minded: Minded) -> None:
        started = time.monotonic()
        while True:
            try:
                if self._answers():
                    return
                problem = "it does not answer yet"
            except OSError as trouble:
                problem = str(trouble).strip() or type(trouble).__name__
            if not minded.alive():
                raise self._failed(f"ended with status {minded.returncode} instead of starting")
            if time.monotonic() - started > READY_SECONDS:
                raise self._failed(f"is not ready after {READY_SECONDS:g} s: {problem}")
            time.sleep(_PAUSE)

    def _failed(self, what: str) -> EngineError:
        lines = self.logs(8)
        if any(_TAKEN.search(line) for line in lines):
            return taken(self._port.number)
        return EngineError(
            f"{self.manifest.title} {what}" + "".join(f"\n  | {line}" for line in lines),
            where=str(self._log),
            next_step="Read its last lines above; they are the engine's own words.",
            code="engine-not-ready",
        )


def poll(ready: Callable[[], bool], seconds: float) -> bool:
    """Call `ready` until it is true; False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True

"""What every engine offers, whatever it is: the contracts of this room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tinnyswe.engines.manifest import Manifest
from tinnyswe.model.base import Record, from_json
from tinnyswe.model.errors import TinnyError

# Raised when the way an engine is unpacked or prepared changes: caches of an older revision are replaced.
WRAPPER_REVISION = 1

# (what is being done, bytes done, bytes in all)
Progress = Callable[[str, int, int], None]


def quiet(what: str, done: int, total: int) -> None:
    """A progress callback that says nothing."""


class EngineError(TinnyError):
    """An engine did not start, stopped by itself, or does not answer: verdict `error`."""


class Binary(Record, frozen=True, kw_only=True):
    """A program of the install, and how to see that it is still the one that was installed.

    path: relative to Install.home. size, changed: of the file when it was digested; when they still hold, so does the
    digest (a change of content changes the inode's ctime, `changed`, in ns).
    """

    path: str
    sha256: str
    size: int
    changed: int


class Install(Record, frozen=True, kw_only=True):
    """An engine in the cache, ready to start. `home/install.json` holds it."""

    engine: str
    version: str
    platform: str
    source: str  # package==version it came from
    source_sha256: str
    wrapper: int
    home: Path
    binaries: dict[str, Binary]

    @property
    def binary_sha256(self) -> str:
        """Digest of the server's binary, as receipts carry it."""
        return self.binaries["server"].sha256

    def binary(self, role: str = "server") -> Path:
        return self.home / self.binaries[role].path

    @classmethod
    def read(cls, home: Path) -> Install:
        """The install in this folder; raises OSError when there is none, FormatError when it cannot be read."""
        return from_json(cls, (home / "install.json").read_bytes(), where=str(home / "install.json"))


class Connection(Record, frozen=True, kw_only=True):
    """One connection to an engine as a proxy knows it."""

    local_port: int  # of the proxy's side towards the engine
    backend_pid: int | None = None  # what the engine called itself at its start (Postgres)


class Gates(Protocol):
    """Positions inside the engine: holds a backend at its n-th row event."""

    def install(self) -> None: ...
    def hold(self, backend_pids: Sequence[int], n: int) -> None: ...
    def held(self) -> bool: ...
    def release(self) -> None: ...
    def remove(self) -> None: ...


class Scope(Protocol):
    """An isolated corner of an engine: nothing in it is seen from another scope, and the other way round."""

    @property
    def name(self) -> str: ...
    @property
    def instance(self) -> Instance:
        """The instance that serves this scope: what to kill, freeze, proxy and ask about waiting."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Passwords to redact wherever the learner's traffic or logs are shown."""

    def dsn(self, host: str, port: int) -> str:
        """The learner's address of this scope through whatever listens at host:port."""

    def client(self) -> Any:
        """The grader's own client, connected directly; the same object until the engine restarts or the scope goes."""

    def drop(self) -> None:
        """Remove the corner and whatever is connected to it. Safe to call twice.

        An instance that serves one scope at a time sleeps afterwards: it starts again with its next scope.
        """


class Instance(Protocol):
    """One running engine."""

    @property
    def kind(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def install(self) -> Install: ...
    @property
    def address(self) -> tuple[str, int]:
        """Host and port; they survive kill and restart."""

    @property
    def wire(self) -> str: ...
    def scope(self, name: str) -> Scope: ...
    def pids(self) -> tuple[int, ...]: ...
    def logs(self, n: int = 20) -> tuple[str, ...]: ...
    def alive(self) -> bool: ...
    def kill(self) -> None:
        """SIGKILL the whole process tree; the data stays for `restart`."""

    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def restart(self) -> None:
        """Kill what runs, start on the same data and address, wait until it answers."""

    def stop(self) -> None:
        """End it and remove its data. Safe to call twice."""

    def blocked(self, connections: Sequence[Connection]) -> bool:
        """True when the engine itself says that one of these connections waits for another one."""

    def warp(self, scope: Scope) -> None:
        """Let every running TTL of the scope run out now; UsageError where there are none."""

    def gates(self, scope: Scope) -> Gates | None: ...


class Engine(Protocol):
    """An engine this build knows: how to get it and how to start it."""

    @property
    def manifest(self) -> Manifest: ...
    def install(self, cache: Path, *, wanted: str = "", offline: bool = False, progress: Progress = quiet) -> Install:
        """Fetch and verify it, or return what is there. wanted: a version as in lab.toml, ">=8" (versions.py).

        Raises CannotRunHere: no package for this computer or of this version, offline, or it cannot be had.
        """

    def installed(self, cache: Path, wanted: str = "") -> Install | None:
        """What is in the cache, if it is whole; None when it has to be installed (again)."""

    def start(
        self, install: Install, directory: Path, options: Mapping[str, Any], *, runtime: Path, run: str
    ) -> Instance:
        """Start an instance and wait until it answers a real request.

        directory: where its log goes. options: settings of the engine itself, as [engine.<role>] options of lab.toml.
        Raises UsageError for an option that is ours to set, EngineError when it does not come up.
        """

"""Valkey: how it is configured, started and asked. One process per scope, as most of its state is global."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinnyswe.engines.base import Connection, Install, Scope
from tinnyswe.engines.manifest import Manifest
from tinnyswe.engines.packaged import Packaged
from tinnyswe.engines.server import Server
from tinnyswe.model.errors import UsageError
from tinnyswe.processes.identity import engine_identity, own

if TYPE_CHECKING:
    import redis

OURS = frozenset(
    {
        "port",
        "bind",
        "dir",
        "daemonize",
        "pidfile",
        "logfile",
        "user",
        "aclfile",
        "requirepass",
        "unixsocket",
        "include",
    }
)
DEFAULTS: Mapping[str, Any] = {"save": "", "appendonly": False}
GRADER = "grader"
_DIRECTIVE = re.compile(r"^[a-z][a-z0-9-]*$")
_CLIENT_SECONDS = 10.0  # for one answer to the grader


class ValkeyEngine(Packaged):
    """How to get Valkey and start it."""

    def start(
        self, install: Install, directory: Path, options: Mapping[str, Any], *, runtime: Path, run: str
    ) -> ValkeyInstance:
        """Start a server. options: directives of valkey.conf, e.g. {"appendonly": true, "maxmemory": "10mb"}."""
        self.check(install, options, OURS)
        directives(options)
        instance = ValkeyInstance(self.manifest, install, directory, options, runtime=runtime, run=run)
        instance.start()
        return instance


def engine(manifest: Manifest) -> ValkeyEngine:
    return ValkeyEngine(manifest)


class ValkeyInstance(Server):
    """One Valkey process. `default` is the learner's user, `grader` ours, so that neither can lock the other out."""

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
        super().__init__(manifest, install, directory, options, runtime=runtime, run=run)
        self._password = secrets.token_urlsafe(18)
        self._learner_password = secrets.token_urlsafe(18)
        self._client: redis.Redis | None = None
        self._scope: ValkeyScope | None = None
        self._siblings: list[ValkeyInstance] = []

    @property
    def secrets(self) -> tuple[str, ...]:
        return self._password, self._learner_password

    @property
    def learner_password(self) -> str:
        return self._learner_password

    def client(self) -> redis.Redis:
        """The grader's client: strings in and out; bytes that are not UTF-8 survive as surrogates."""
        if self._client is None:
            import redis  # 100 ms that only who talks to a server should pay
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            host, port = self.address
            self._client = redis.Redis(
                host=host,
                port=port,
                username=GRADER,
                password=self._password,
                decode_responses=True,
                encoding_errors="surrogateescape",
                socket_timeout=_CLIENT_SECONDS,
                socket_connect_timeout=_CLIENT_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        return self._client

    def scope(self, name: str) -> ValkeyScope:
        """This process when it is free, else a new one of its own with the same options."""
        if self._scope is None:
            if not self.alive():
                self.restart()
            self._scope = ValkeyScope(name, self, owner=None)
            return self._scope
        sibling = ValkeyInstance(
            self.manifest, self.install, self.directory, self.options, runtime=self.runtime, run=self.run
        )
        sibling.start()
        self._siblings.append(sibling)
        return sibling.taken_by(name, self)

    def taken_by(self, name: str, owner: ValkeyInstance) -> ValkeyScope:
        self._scope = ValkeyScope(name, self, owner=owner)
        return self._scope

    def give_back(self, sibling: ValkeyInstance) -> None:
        """End a process that was started for a scope."""
        sibling.stop()
        self._siblings.remove(sibling)

    def rest(self) -> None:
        """End the process and forget data, users and settings; the next scope starts it again on the same address."""
        self.kill()
        for path in sorted(self._data.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        self._prepare()
        self._scope = None

    def blocked(self, connections: Sequence[Connection]) -> bool:
        """Whether one of them waits in a blocking command (BLPOP, WAIT, XREAD BLOCK ...)."""
        if self.frozen or not self.alive():
            return False
        ports = {connection.local_port for connection in connections}
        for client in self.client().client_list():
            if "b" in client["flags"] and int(client["addr"].rpartition(":")[2]) in ports:
                return True
        return False

    def expire_all(self) -> int:
        """Let every running TTL run out now; returns how many did."""
        from tinnyswe.engines.valkey import expiry

        return expiry.age(self.client(), None)

    def age(self, seconds: float) -> int:
        """Shorten every running TTL by `seconds`; what reaches 0 expires. Returns how many expired."""
        from tinnyswe.engines.valkey import expiry

        return expiry.age(self.client(), seconds)

    def warp(self, scope: Scope) -> None:
        of = scope.instance
        if not isinstance(of, ValkeyInstance):
            raise UsageError(f"scope {scope.name} is not one of Valkey", code="wrong-scope")
        of.expire_all()

    def gates(self, scope: Scope) -> None:
        """None: positions inside a command do not exist, commands are atomic."""

    def stop(self) -> None:
        for sibling in self._siblings:
            sibling.stop()
        self._siblings.clear()
        super().stop()

    def _prepare(self) -> None:
        """Write the configuration, which carries the digests of the passwords and nothing that opens a door."""
        host, port = self.address
        lines = [
            f"bind {host}",
            f"port {port}",
            f"dir {quoted(str(self._data))}",
            "daemonize no",
            'logfile ""',
            f"user default on #{_sha256(self._learner_password)} ~* &* +@all",
            f"user {GRADER} on #{_sha256(self._password)} ~* &* +@all",
            *directives({**DEFAULTS, **self.options}),
        ]
        path = self._data / "valkey.conf"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
        own(path, engine_identity())

    def _command(self) -> list[str]:
        # A file size limit then is an error the server reports, like a full disk, and not a deadly signal.
        deaf = ["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]
        return [*deaf, str(self.install.binary()), str(self._data / "valkey.conf")]

    def _answers(self) -> bool:
        with socket.create_connection(self.address, timeout=1) as link:
            link.sendall(f"AUTH {GRADER} {self._password}\r\nPING\r\n".encode())
            said = b""
            while said.count(b"\r\n") < 2:
                data = link.recv(1024)
                if not data:
                    return False
                said += data
        return said == b"+OK\r\n+PONG\r\n"

    def _clean_up(self) -> None:
        """Nothing: an append-only file cut short is mended by the server itself."""

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class ValkeyScope:
    """A Valkey process as one world sees it."""

    def __init__(self, name: str, instance: ValkeyInstance, *, owner: ValkeyInstance | None) -> None:
        self.name = name
        self.instance = instance
        self._owner = owner
        self._dropped = False

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.instance.secrets

    def dsn(self, host: str, port: int) -> str:
        return f"redis://:{self.instance.learner_password}@{host}:{port}/0"

    def client(self) -> redis.Redis:
        return self.instance.client()

    def drop(self) -> None:
        if self._dropped:
            return
        self._dropped = True
        if self._owner is not None:
            self._owner.give_back(self.instance)
        else:
            self.instance.rest()


def directives(options: Mapping[str, Any]) -> list[str]:
    """Lines of valkey.conf; a list repeats its directive. Raises UsageError for what cannot be one."""
    lines = []
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if not _DIRECTIVE.match(name) or not isinstance(one, str | int | float):
                raise UsageError(
                    f"{name} = {one!r} is no directive of valkey.conf",
                    next_step='Write them as in valkey.conf, e.g. maxmemory-policy = "allkeys-lru".',
                    code="bad-option",
                )
            text = ("yes" if one else "no") if isinstance(one, bool) else str(one)
            # Several words are several arguments, as in client-output-buffer-limit = "pubsub 32mb 8mb 60".
            lines.append(f"{name} {' '.join(map(quoted, text.split())) or quoted('')}")
    return lines


def quoted(text: str) -> str:
    """A string of valkey.conf."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

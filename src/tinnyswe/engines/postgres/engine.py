"""PostgreSQL: how it is configured, started and asked. One server, a database and a role for each scope."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinnyswe.engines.base import Connection, Install, Scope
from tinnyswe.engines.manifest import Manifest
from tinnyswe.engines.packaged import Packaged
from tinnyswe.engines.postgres.template import SUPERUSER, copy_template, forget_shared_memory
from tinnyswe.engines.server import Server
from tinnyswe.model.errors import UsageError

if TYPE_CHECKING:
    import psycopg

    from tinnyswe.engines.postgres.gates import GateTriggers
    from tinnyswe.engines.postgres.scope import PostgresScope

OURS = frozenset(
    {
        "port", "listen_addresses", "unix_socket_directories", "data_directory", "config_file", "hba_file",
        "external_pid_file", "dynamic_shared_memory_type", "logging_collector", "log_destination",
    }
)  # fmt: skip
DEFAULTS: Mapping[str, Any] = {
    # A computer that loses power takes the whole run with it, so nothing is gained by waiting for the disk.
    "fsync": False,
    # Background work would add row locks, snapshots and log lines nobody asked for.
    "autovacuum": False,
    "deadlock_timeout": "50ms",
    # Plans whose shape does not depend on the number of cores here.
    "jit": False,
    "max_parallel_workers_per_gather": 0,
    "io_method": "sync",  # no I/O worker processes: three forks less at every start
    "ssl": False,
    "huge_pages": "off",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "superuser_reserved_connections": 10,  # the grader gets in when the learner has used up the rest
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": False,
}
# What a database's owner may preset for everybody who connects to it, pinned for us.
PINNED = (
    "-c search_path=pg_catalog,public,pg_temp -c row_security=off -c default_transaction_read_only=off "
    "-c default_transaction_isolation=read\\ committed -c session_replication_role=origin -c lock_timeout=0 "
    "-c statement_timeout=15s -c idle_in_transaction_session_timeout=0 -c datestyle=ISO -c timezone=UTC"
)
_SETTING = re.compile(r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$")
_BLOCKED = """
    SELECT coalesce(bool_or(cardinality(pg_blocking_pids(pid)) > 0
                            OR cardinality(pg_safe_snapshot_blocking_pids(pid)) > 0), false)
    FROM unnest(%s::int[]) AS pid
"""


class PostgresEngine(Packaged):
    """How to get PostgreSQL and start it."""

    def start(
        self, install: Install, directory: Path, options: Mapping[str, Any], *, runtime: Path, run: str
    ) -> PostgresInstance:
        """Start a server. options: settings of postgresql.conf, e.g. {"fsync": true, "wal_level": "logical"}."""
        self.check(install, options, OURS)
        arguments(options)
        instance = PostgresInstance(self.manifest, install, directory, options, runtime=runtime, run=run)
        instance.start()
        return instance


def engine(manifest: Manifest) -> PostgresEngine:
    return PostgresEngine(manifest)


class PostgresInstance(Server):
    """One Postgres server, reachable over loopback TCP with a password only."""

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
        self._password = ""
        self._admin: psycopg.Connection[Any] | None = None
        self._admin_lock = threading.Lock()
        self._scopes: list[PostgresScope] = []
        self._first = True

    @property
    def data(self) -> Path:
        return self._data / "data"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self._password, *(secret for scope in self._scopes for secret in scope.secrets))

    def connect(self, database: str = "postgres", **more: Any) -> psycopg.Connection[Any]:
        """A new autocommit connection of the superuser, with every setting pinned that a learner could preset."""
        import psycopg

        host, port = self.address
        return psycopg.connect(
            host=host,
            port=port,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
            **{"user": SUPERUSER, "password": self._password, "options": PINNED, **more},
        )

    def admin(self) -> psycopg.Connection[Any]:
        """The superuser's connection to the maintenance database, opened again when it was lost."""
        with self._admin_lock:
            if self._admin is None or self._admin.closed:
                self._admin = self.connect(application_name="tinny")
            return self._admin

    def scope(self, name: str) -> PostgresScope:
        """A database of its own, owned by a role that can do nothing else."""
        from tinnyswe.engines.postgres.scope import PostgresScope

        scope = PostgresScope(name, self)
        self._scopes.append(scope)
        return scope

    def forget(self, scope: PostgresScope) -> None:
        if scope in self._scopes:
            self._scopes.remove(scope)

    def blocked(self, connections: Sequence[Connection]) -> bool:
        """Whether one of these backends waits for a lock (advisory ones too) or a safe snapshot."""
        pids = [connection.backend_pid for connection in connections if connection.backend_pid]
        if not pids or self.frozen or not self.alive():
            return False
        row = self.admin().execute(_BLOCKED, [pids]).fetchone()
        return row is not None and bool(row[0])

    def warp(self, scope: Scope) -> None:
        raise UsageError(
            "Postgres has no TTLs that could run out",
            next_step='Use do="warp" with an engine that has them, such as valkey.',
            code="no-ttl",
        )

    def gates(self, scope: Scope) -> GateTriggers:
        """Positions inside statements, for this scope's tables."""
        from tinnyswe.engines.postgres.gates import GateTriggers
        from tinnyswe.engines.postgres.scope import PostgresScope

        if not isinstance(scope, PostgresScope):
            raise UsageError(f"scope {scope.name} is not one of Postgres", code="wrong-scope")
        return GateTriggers(scope)

    def _prepare(self) -> None:
        self._password = copy_template(self.install, self.data, runtime=self.runtime, run=self.run)

    def _command(self) -> list[str]:
        host, port = self.address
        ours = {
            "listen_addresses": host,
            "port": port,
            "unix_socket_directories": "",
            "dynamic_shared_memory_type": "mmap",  # its files lie in the data folder and go with it
        }
        return [
            str(self.install.binary()), "-D", str(self.data), *arguments({**DEFAULTS, **self.options, **ours}),
        ]  # fmt: skip

    def _answers(self) -> bool:
        import psycopg

        try:
            return self.admin().execute("SELECT 1").fetchone() == (1,)
        except psycopg.Error as problem:
            raise OSError(str(problem)) from problem

    def _clean_up(self) -> None:
        """A lock file of a killed server: its pid may belong to another process of this user by now."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _settled_in(self) -> None:
        forget_shared_memory(self.data)
        if not self._first:
            return
        from psycopg import sql

        admin = self.admin()
        password = secrets.token_urlsafe(18)
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(SUPERUSER), scram(admin, password)))
        admin.execute("REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC")
        self._password = password
        self._first = False

    def _disconnect(self) -> None:
        with self._admin_lock:
            if self._admin is not None:
                self._admin.close()
                self._admin = None
        for scope in self._scopes:
            scope.disconnect()


def scram(connection: psycopg.Connection[Any], password: str) -> Any:
    """The verifier of a password as an SQL literal: the password itself is never in a statement or a log."""
    from psycopg import sql

    verifier = connection.pgconn.encrypt_password(password.encode(), b"", b"scram-sha-256")
    return sql.Literal(verifier.decode())


def arguments(options: Mapping[str, Any]) -> list[str]:
    """`-c name=value` for each setting. Raises UsageError for what cannot be one."""
    words = []
    for name, value in options.items():
        if not _SETTING.match(name) or not isinstance(value, str | int | float):
            raise UsageError(
                f"{name} = {value!r} is no setting of postgresql.conf",
                next_step='Write them as in postgresql.conf, e.g. wal_level = "logical".',
                code="bad-option",
            )
        text = ("on" if value else "off") if isinstance(value, bool) else str(value)
        words += ["-c", f"{name}={text}"]
    return words

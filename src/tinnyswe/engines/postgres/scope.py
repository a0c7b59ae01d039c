"""A database for one world, owned by a role of the learner's that can do nothing outside it."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from tinnyswe.engines.postgres.engine import PostgresInstance, scram
from tinnyswe.engines.postgres.locks import RowGate, rowgate
from tinnyswe.model.errors import SubmissionError

_NOT_A_NAME = re.compile(r"[^a-z0-9_]+")


class PostgresScope:
    """Database and role share one name: `<name>_<four hex digits>`."""

    def __init__(self, name: str, instance: PostgresInstance) -> None:
        self.name = name
        self.instance = instance
        plain = _NOT_A_NAME.sub("_", name.lower()).strip("_")[:40] or "lab"
        self.database = f"{plain}_{secrets.token_hex(2)}"
        self._password = secrets.token_urlsafe(18)
        self._client: psycopg.Connection[Any] | None = None
        self._dropped = False
        self._create()

    @property
    def role(self) -> str:
        return self.database

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self._password,)

    def dsn(self, host: str, port: int) -> str:
        return f"postgresql://{self.role}:{self._password}@{host}:{port}/{self.database}"

    def client(self) -> psycopg.Connection[Any]:
        """The superuser's connection to this database; the same until it is lost."""
        if self._client is None or self._client.closed or self._client.broken:
            self._client = self.connect()
        return self._client

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        """A new connection of the superuser to this database."""
        return self.instance.connect(self.database, **{"application_name": "tinny", **more})

    def learner(self) -> psycopg.Connection[Any]:
        """A new connection with the learner's rights and presets: what runs the learner's own SQL (migrate.sql)."""
        return self.connect(user=self.role, password=self._password, options="", application_name="tinny setup")

    def apply(self, script: str) -> None:
        """Run the learner's own SQL as the owner of the database; raises SubmissionError in the engine's words."""
        with self.learner() as connection:
            try:
                connection.execute(script.encode())  # bytes: the learner's text, not a query template of ours
            except psycopg.Error as problem:
                raise SubmissionError(str(problem).strip(), code="setup-failed") from problem

    @contextlib.contextmanager
    def rowgate(self) -> Iterator[RowGate]:
        """Lock every row of the learner's until the block ends, on a connection of its own."""
        with self.connect(application_name="tinny rowgate") as connection, rowgate(connection) as gate:
            yield gate

    def disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def drop(self) -> None:
        if self._dropped:
            return
        self._dropped = True
        if self.instance.alive():
            self._end_prepared()
            self.disconnect()
            admin = self.instance.admin()
            self._drop_slots(admin)
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.database)))
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(self.role)))
        self.instance.forget(self)

    def _create(self) -> None:
        admin = self.instance.admin()
        name = sql.Identifier(self.database)
        admin.execute(
            sql.SQL(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
            ).format(name, scram(admin, self._password))
        )
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template1").format(name, name))
        admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))

    def _end_prepared(self) -> None:
        """Transactions prepared for a second phase outlive their connections and keep a database from going."""
        found = self.instance.admin().execute("SELECT gid FROM pg_prepared_xacts WHERE database = %s", [self.database])
        for (gid,) in found.fetchall():
            self.client().execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))

    def _drop_slots(self, admin: psycopg.Connection[Any]) -> None:
        """So do logical replication slots; whoever reads one is cut off first."""
        slots = "FROM pg_replication_slots WHERE database = %s"
        admin.execute(f"SELECT pg_terminate_backend(active_pid, 5000) {slots} AND active", [self.database])
        admin.execute(f"SELECT pg_drop_replication_slot(slot_name) {slots}", [self.database])

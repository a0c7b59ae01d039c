"""Positions inside Postgres: triggers that hold a chosen backend at its n-th row event (docs/concepts/races.md).

Every base table of the learner's gets four row triggers: BEFORE (first by name), BEFORE (last), AFTER, and a deferred
constraint. Each counts an event and takes and frees a shared advisory lock keyed by (backend pid, n). The grader holds
that key exclusively for the backends and the n it wants, so such a backend waits inside its statement, after its
snapshot was taken. Events are counted over all transactions of a backend since `hold`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql

from tinnyswe.engines.postgres.locks import impatient, tables

if TYPE_CHECKING:
    import psycopg

    from tinnyswe.engines.postgres.scope import PostgresScope

SCHEMA = "tinny_gate"
# Advisory locks of the learner's with two keys of this size, and just these, are not to be expected.
KEY = 0x74000000

# The counter is a session setting of the form epoch:n. The epoch is a sequence, because sequences are seen at once by
# every snapshot; whoever carries an older epoch starts at 0. A rolled-back transaction takes its events back.
_FUNCTION = f"""
CREATE SCHEMA {SCHEMA};
CREATE SEQUENCE {SCHEMA}.epoch;
SELECT nextval('{SCHEMA}.epoch');
CREATE FUNCTION {SCHEMA}.pass() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    epoch text := pg_sequence_last_value('{SCHEMA}.epoch');
    seen text[] := string_to_array(current_setting('tinny.gate', true), ':');
    n int := CASE WHEN seen[1] = epoch THEN seen[2]::int ELSE 0 END + 1;
BEGIN
    PERFORM set_config('tinny.gate', epoch || ':' || n, false);
    PERFORM pg_advisory_lock_shared({KEY} + pg_backend_pid(), n);
    PERFORM pg_advisory_unlock_shared({KEY} + pg_backend_pid(), n);
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
"""
# Triggers fire in the byte order of their names.
_TRIGGERS = (
    ("!!tinny_1_before", "CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OR DELETE ON {table}"),
    ("~~tinny_2_before", "CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OR DELETE ON {table}"),
    ("~~tinny_3_after", "CREATE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table}"),
    (
        "~~tinny_4_deferred",
        "CREATE CONSTRAINT TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table} DEFERRABLE INITIALLY DEFERRED",
    ),
)
_GATED = """
    SELECT n.nspname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgname = %s AND NOT t.tgisinternal
"""
_HELD = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objsubid = 2 AND objid = %s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = ANY(%s::oid[]))
"""


class GateTriggers:
    """The gates of one scope. Used from one thread at a time; backends that connect after `hold` are not held."""

    def __init__(self, scope: PostgresScope) -> None:
        self._scope = scope
        self._holder: psycopg.Connection[Any] | None = None
        self._keys: list[int] = []
        self._n = 0

    def install(self) -> None:
        """Gate every base table there is now; call it again after a migration.

        Raises EngineError when the learner's program holds a table locked.
        """
        connection = self._connection()
        with impatient(connection):
            if connection.execute("SELECT to_regnamespace(%s)", [SCHEMA]).fetchone() == (None,):
                connection.execute(_FUNCTION)
            gated = connection.execute(_GATED, [_TRIGGERS[0][0]]).fetchall()
            for table in tables(connection):
                if table not in gated:
                    self._gate(connection, sql.Identifier(*table))

    def hold(self, backend_pids: Sequence[int], n: int) -> None:
        """Hold each of these backends before its n-th row event (n = 1, 2, ...) from now on."""
        self.release()
        connection = self._connection()
        connection.execute(f"SELECT nextval('{SCHEMA}.epoch')")
        self._keys, self._n = [KEY + pid for pid in backend_pids], n
        connection.execute("SELECT pg_advisory_lock(key, %s) FROM unnest(%s::int[]) AS key", [n, self._keys])

    def held(self) -> bool:
        """Whether one of them waits at its gate now."""
        if not self._keys:
            return False
        row = self._connection().execute(_HELD, [self._n, self._keys]).fetchone()
        return row == (True,)

    def release(self) -> None:
        """Let them go on, and hold nobody any more."""
        if self._holder is not None and not self._holder.closed:
            self._holder.execute("SELECT pg_advisory_unlock_all()")
        self._keys = []

    def remove(self) -> None:
        """Take the triggers off every table and forget the connection. Safe to call twice."""
        self.release()
        connection = self._connection()
        with impatient(connection):
            connection.execute(f"SET LOCAL client_min_messages = warning; DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.close()
        self._holder = None

    def _connection(self) -> psycopg.Connection[Any]:
        if self._holder is None or self._holder.closed or self._holder.broken:
            self._holder = self._scope.connect(application_name="tinny gates")
        return self._holder

    @staticmethod
    def _gate(connection: psycopg.Connection[Any], table: sql.Identifier) -> None:
        for name, statement in _TRIGGERS:
            connection.execute(
                sql.SQL(statement + f" FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.pass()").format(
                    name=sql.Identifier(name), table=table
                )
            )

"""Waiting for the learner's tables without waiting for ever, and the row gate, the cheap first step of a row race."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import errors, sql

from tinnyswe.engines.base import EngineError

if TYPE_CHECKING:
    import psycopg

_LOCK_SECONDS = 3

# Base tables of the learner's. Leaves of partitioned tables are among them, so their parents need not be.
TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
    AND n.nspname NOT IN ('information_schema', 'tinny_gate') ORDER BY c.oid
"""
_WAITING = """
    WITH RECURSIVE chain(pid, above) AS (
        SELECT pid, pg_blocking_pids(pid) FROM unnest(%s::int[]) AS pid
        UNION
        SELECT blocker, pg_blocking_pids(blocker) FROM chain, unnest(above) AS blocker
    )
    SELECT EXISTS (SELECT FROM chain WHERE pg_backend_pid() = ANY(above))
"""


def tables(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """(schema, name) of every base table of the learner's in this database."""
    return connection.execute(TABLES).fetchall()


@contextlib.contextmanager
def impatient(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """A transaction that gives up on a locked table; raises EngineError "tables-locked" then."""
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
            yield
    except (errors.LockNotAvailable, errors.DeadlockDetected) as problem:
        raise EngineError(
            f"a table stayed locked for {_LOCK_SECONDS} s: {problem.diag.message_primary}",
            where=problem.diag.context or "",
            next_step="A connection of the program sits in an open transaction; let it end first.",
            code="tables-locked",
        ) from problem


class RowGate:
    """Every row of the learner's is locked FOR UPDATE by one connection of ours."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def holds(self, backend_pids: Sequence[int]) -> bool:
        """Whether one of these backends waits for the gate, directly or behind others that do."""
        row = self._connection.execute(_WAITING, [list(backend_pids)]).fetchone()
        return row == (True,)


@contextlib.contextmanager
def rowgate(client: psycopg.Connection[Any]) -> Iterator[RowGate]:
    """Lock the rows of every base table the learner owns until the block ends. `client`: the grader's, in the scope.

    Rows inserted later are not locked. Raises EngineError "tables-locked" when the program holds rows of its own.
    """
    with client.transaction(force_rollback=True):
        with impatient(client):
            for schema, table in tables(client):
                rows = sql.SQL("SELECT FROM {} FOR UPDATE").format(sql.Identifier(schema, table))
                client.execute(sql.SQL("SELECT count(*) FROM ({}) AS locked").format(rows))
        yield RowGate(client)

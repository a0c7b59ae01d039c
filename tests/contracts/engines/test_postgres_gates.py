"""Positions inside Postgres: a chosen backend stops at its n-th row event, whatever hides the write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tinnyswe.engines.base import Connection, EngineError, Instance
from tinnyswe.engines.postgres.engine import PostgresInstance
from tinnyswe.engines.postgres.gates import GateTriggers
from tinnyswe.engines.postgres.scope import PostgresScope
from tinnyswe.labkit import until

Start = Callable[..., Instance]
Learner = psycopg.Connection[Any]

SCHEMA = """
    CREATE TABLE seats (id int PRIMARY KEY, owner text, free bool NOT NULL DEFAULT true);
    CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, seat int REFERENCES seats, note text);
    CREATE SCHEMA own;
    CREATE TABLE own.parts (id int, kind text) PARTITION BY LIST (kind);
    CREATE TABLE own.parts_a PARTITION OF own.parts FOR VALUES IN ('a');
    CREATE VIEW free_seats AS SELECT * FROM seats WHERE free;
    INSERT INTO seats VALUES (1), (2), (3);
    CREATE FUNCTION take(seat int, who text) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE seats SET owner = who, free = false WHERE id = seat AND free;
        INSERT INTO log (seat, note) VALUES (seat, who);
        RETURN 1;
    END $$;
"""
# One row written: BEFORE first, BEFORE last, AFTER, deferred.
WRITES = {
    "update": ("UPDATE seats SET owner = 'ann' WHERE id = 1", 4),
    "two rows": ("UPDATE seats SET owner = 'ann' WHERE id <= 2", 8),
    "delete": ("DELETE FROM seats WHERE id = 3", 4),
    "insert select": ("INSERT INTO log (seat, note) SELECT id, 'x' FROM seats WHERE id = 1", 4),
    "cte": ("WITH gone AS (DELETE FROM seats WHERE id = 3 RETURNING id) INSERT INTO log (note) SELECT id FROM gone", 8),
    "function": ("SELECT take(1, 'ann')", 8),
    "view": ("UPDATE free_seats SET owner = 'ann' WHERE id = 2", 4),
    "upsert": ("INSERT INTO seats VALUES (1, 'ann') ON CONFLICT (id) DO UPDATE SET owner = 'ann'", 6),
    "merge": (
        "MERGE INTO seats USING (VALUES (9)) v(id) ON seats.id = v.id WHEN NOT MATCHED THEN INSERT (id) VALUES (9)",
        4,
    ),
    "partition": ("INSERT INTO own.parts VALUES (1, 'a')", 4),
    "no row": ("UPDATE seats SET owner = 'ann' WHERE id = 77", 0),
}


@pytest.fixture
def scope(start: Start) -> PostgresScope:
    instance = start("postgres")
    assert isinstance(instance, PostgresInstance)
    scope = instance.scope("shop")
    with scope.learner() as setup:
        setup.execute(SCHEMA)
    return scope


@pytest.fixture
def gates(scope: PostgresScope) -> Iterator[GateTriggers]:
    gates = scope.instance.gates(scope)
    gates.install()
    yield gates
    gates.remove()


@pytest.fixture
def connect(scope: PostgresScope) -> Iterator[Callable[[], Learner]]:
    made: list[Learner] = []

    def connect() -> Learner:
        made.append(psycopg.connect(scope.dsn(*scope.instance.address), autocommit=True))
        return made[-1]

    yield connect
    for each in made:
        each.close()


class Running:
    """A statement running on a connection in a thread of its own."""

    def __init__(self, connection: Learner, *statements: str) -> None:
        self.problem: psycopg.Error | None = None
        self._thread = threading.Thread(target=self._run, args=(connection, statements))
        self._thread.start()

    def _run(self, connection: Learner, statements: tuple[str, ...]) -> None:
        try:
            for statement in statements:
                connection.execute(statement)
        except psycopg.Error as problem:
            self.problem = problem

    def over(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(10)
        assert self.over()


def pid(connection: Learner) -> int:
    return connection.info.backend_pid


def held_or_over(gates: GateTriggers, running: Running) -> bool:
    """Wait until it is one or the other; True when it is held."""
    until(lambda: gates.held() or running.over(), seconds=10, what="a held or finished statement")
    return gates.held()


def positions(gates: GateTriggers, connection: Learner, *statements: str) -> int:
    """How many positions these statements have: each is held at n = 1, 2, ... until nothing is held any more."""
    for n in range(1, 40):
        gates.hold([pid(connection)], n)
        connection.execute("BEGIN")
        running = Running(connection, *statements, "SET CONSTRAINTS ALL IMMEDIATE")
        held = held_or_over(gates, running)
        gates.release()
        running.join()
        assert running.problem is None
        connection.execute("ROLLBACK")
        if not held:
            return n - 1
    raise AssertionError("no end of positions")


@pytest.mark.parametrize("what", WRITES)
def test_each_row_written_has_its_positions(gates: GateTriggers, connect: Callable[[], Learner], what: str) -> None:
    statement, count = WRITES[what]
    assert positions(gates, connect(), statement) == count


def test_it_is_held_inside_its_statement_after_its_snapshot(
    gates: GateTriggers, scope: PostgresScope, connect: Callable[[], Learner]
) -> None:
    """The textbook write skew in one statement: both count the same rows, both go."""
    leave = "UPDATE seats SET free = false WHERE id = {} AND (SELECT count(*) FROM seats WHERE free) > 2"
    a, b = connect(), connect()
    gates.hold([pid(a)], 1)
    first = Running(a, leave.format(1))
    assert held_or_over(gates, first)
    b.execute(leave.format(2))
    gates.release()
    first.join()
    row = scope.client().execute("SELECT count(*) FROM seats WHERE free").fetchone()
    assert row == (1,)


def test_at_commit_the_deferred_gate_holds_and_others_still_see_nothing(
    gates: GateTriggers, scope: PostgresScope, connect: Callable[[], Learner]
) -> None:
    a = connect()
    gates.hold([pid(a)], 4)
    commit = Running(a, "BEGIN", "UPDATE seats SET owner = 'ann' WHERE id = 1", "COMMIT")
    assert held_or_over(gates, commit)
    state = scope.client().execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid(a)]).fetchone()
    assert state == ("COMMIT",)
    assert scope.client().execute("SELECT owner FROM seats WHERE id = 1").fetchone() == (None,)
    gates.release()
    commit.join()
    assert scope.client().execute("SELECT owner FROM seats WHERE id = 1").fetchone() == ("ann",)


def test_events_are_counted_over_transactions_and_afresh_for_each_hold(
    gates: GateTriggers, connect: Callable[[], Learner]
) -> None:
    a = connect()
    for _ in range(2):
        gates.hold([pid(a)], 5)
        running = Running(a, "INSERT INTO log (note) VALUES ('first')", "INSERT INTO log (note) VALUES ('second')")
        assert held_or_over(gates, running)
        gates.release()
        running.join()
        assert running.problem is None


def test_only_the_chosen_backends_are_held(gates: GateTriggers, connect: Callable[[], Learner]) -> None:
    a, b, c = connect(), connect(), connect()
    gates.hold([pid(a), pid(b)], 1)
    c.execute("UPDATE seats SET owner = 'cid' WHERE id = 3")
    running = Running(b, "UPDATE seats SET owner = 'bob' WHERE id = 2")
    assert held_or_over(gates, running)
    gates.release()
    running.join()
    assert not gates.held()


def test_serializable_and_foreign_keys_behave_under_gates(gates: GateTriggers, connect: Callable[[], Learner]) -> None:
    a, b = connect(), connect()
    skew = (
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "UPDATE seats SET free = false WHERE id = {} AND (SELECT count(*) FROM seats WHERE free) > 2",
        "COMMIT",
    )
    gates.hold([pid(a)], 1)
    first = Running(a, *(step.format(1) for step in skew))
    assert held_or_over(gates, first)
    second = Running(b, *(step.format(2) for step in skew))
    second.join()
    gates.release()
    first.join()
    assert [type(each.problem) for each in (first, second)] in (
        [psycopg.errors.SerializationFailure, type(None)],
        [type(None), psycopg.errors.SerializationFailure],
    )
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connect().execute("INSERT INTO log (seat) VALUES (77)")


def test_installed_twice_gates_new_tables_too(
    gates: GateTriggers, scope: PostgresScope, connect: Callable[[], Learner]
) -> None:
    a = connect()
    a.execute("CREATE TABLE later (id int)")
    assert positions(gates, a, "INSERT INTO later VALUES (1)") == 0
    gates.install()
    assert positions(gates, a, "INSERT INTO later VALUES (1)") == 4


def test_removed_they_are_gone_with_all_they_brought(scope: PostgresScope, connect: Callable[[], Learner]) -> None:
    gates = scope.instance.gates(scope)
    gates.install()
    gates.remove()
    gates.remove()
    count = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%tinny%'"
    assert scope.client().execute(count).fetchone() == (0,)
    assert scope.client().execute("SELECT to_regnamespace('tinny_gate')").fetchone() == (None,)
    connect().execute("UPDATE seats SET owner = 'ann'")


def test_the_learner_needs_no_rights_and_gets_none(gates: GateTriggers, connect: Callable[[], Learner]) -> None:
    a = connect()
    for forbidden in ("DROP SCHEMA tinny_gate CASCADE", "SELECT nextval('tinny_gate.epoch')", "SET ROLE grader"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            a.execute(forbidden)


def test_a_table_the_program_keeps_locked_is_named(scope: PostgresScope, connect: Callable[[], Learner]) -> None:
    a = connect()
    a.execute("BEGIN")
    a.execute("LOCK TABLE seats")
    gates = scope.instance.gates(scope)
    with pytest.raises(EngineError, match="stayed locked for 3 s") as caught:
        gates.install()
    assert caught.value.code == "tables-locked"
    a.execute("ROLLBACK")
    gates.install()
    gates.remove()


def test_blocked_is_a_wait_for_any_lock_of_any_backend(scope: PostgresScope, connect: Callable[[], Learner]) -> None:
    a, b, c = connect(), connect(), connect()

    def blocked(*who: Learner) -> bool:
        return scope.instance.blocked([Connection(local_port=0, backend_pid=pid(each)) for each in who])

    for take, give in (
        ("SELECT FROM seats WHERE id = 1 FOR UPDATE", "ROLLBACK"),
        ("LOCK TABLE seats", "ROLLBACK"),
        ("SELECT pg_advisory_xact_lock(7)", "ROLLBACK"),
        ("INSERT INTO seats VALUES (50)", "ROLLBACK"),
    ):
        a.execute("BEGIN")
        a.execute(take)
        b.execute("BEGIN")
        waiting = Running(b, take)
        until(lambda: blocked(c, b), seconds=5, what="a blocked backend")
        assert not blocked(a, c)
        a.execute(give)
        waiting.join()
        assert not blocked(a, b, c)
        b.execute("ROLLBACK")
    assert not scope.instance.blocked([Connection(local_port=0, backend_pid=None)])


def test_rowgate_holds_who_waits_for_its_rows_directly_or_behind_another(
    scope: PostgresScope, connect: Callable[[], Learner]
) -> None:
    a, b, c = connect(), connect(), connect()
    with scope.rowgate() as gate:
        b.execute("BEGIN")
        b.execute("SELECT pg_advisory_xact_lock(1)")
        direct = Running(b, "UPDATE seats SET owner = 'bob' WHERE id = 1")
        behind = Running(a, "SELECT pg_advisory_lock(1)")
        until(lambda: gate.holds([pid(b)]) and gate.holds([pid(a)]), seconds=5, what="two held backends")
        assert not gate.holds([pid(c)])
    direct.join()
    b.execute("COMMIT")
    behind.join()
    assert scope.client().execute("SELECT owner FROM seats WHERE id = 1").fetchone() == ("bob",)

"""psycopg and Postgres do not notice the step proxy, and it sees the backends, the statements and who waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from integration.faults.conftest import Proxy, proxies
from tinnyswe.engines.base import Connection, Instance, Scope
from tinnyswe.faults.stepproxy import StepProxy
from tinnyswe.labkit import until

Connect = Callable[..., "psycopg.Connection[Any]"]


@pytest.fixture
def scope(postgres: Instance) -> Iterator[Scope]:
    made = postgres.scope("proxied")
    yield made
    made.drop()


@pytest.fixture
def proxy(scope: Scope) -> Iterator[Proxy]:
    with proxies(scope) as made:
        yield made


@pytest.fixture
def step_and_connect(proxy: Proxy) -> Iterator[tuple[StepProxy, Connect]]:
    step, dsn = proxy()
    with connecting(dsn) as connect:
        yield step, connect


class connecting:
    """Opens connections to a DSN and closes them all at the end."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._open: list[psycopg.Connection[Any]] = []

    def __enter__(self) -> Connect:
        return self._connect

    def _connect(self, **options: Any) -> psycopg.Connection[Any]:
        self._open.append(psycopg.connect(self._dsn, autocommit=True, connect_timeout=5, **options))
        return self._open[-1]

    def __exit__(self, *_: object) -> None:
        for connection in self._open:
            connection.close()


def simple(connect: Connect) -> list[Any]:
    one = connect()
    rows = one.execute("SELECT n, repeat('x', n) FROM generate_series(1, 2000) n").fetchall()
    two = one.execute("SELECT 1; SELECT 2")
    first = two.fetchall()
    two.nextset()
    return [rows, first, two.fetchall(), one.execute("SHOW application_name").fetchone() is not None]


def prepared_after_five_runs(connect: Connect) -> list[Any]:
    one = connect()
    return [one.execute("SELECT %s::int + 1, %s::text", (n, "é" * n)).fetchall() for n in range(9)]


def pipeline_mode(connect: Connect) -> list[Any]:
    one = connect()
    with one.pipeline() as pipe:
        cursors = [one.execute("SELECT %s::int", (n,)) for n in range(50)]
        middle = cursors[10].fetchall()
        pipe.sync()
        late = one.execute("SELECT 'late'")
    results = [middle, [cursor.fetchall() for cursor in cursors if cursor is not cursors[10]], late.fetchall()]
    with pytest.raises(psycopg.errors.DivisionByZero):
        fail_in_a_pipeline(one)
    return [*results, one.execute("SELECT 3").fetchall()]


def fail_in_a_pipeline(one: psycopg.Connection[Any]) -> None:
    with one.pipeline():
        one.execute("SELECT 1/%s::int", (0,))
        one.execute("SELECT 2")  # raises already here if the error has arrived


def copies(connect: Connect) -> list[Any]:
    one = connect()
    one.execute("CREATE TEMP TABLE numbers (n int, t text)")
    cursor = one.cursor()
    with cursor.copy("COPY numbers FROM STDIN") as copy:
        for n in range(3000):
            copy.write_row((n, "x" * (n % 50)))
    with cursor.copy("COPY numbers (n) FROM STDIN WHERE n > %s", (5,)) as copy:
        copy.write_row((7,))
    with pytest.raises(psycopg.errors.InvalidTextRepresentation), cursor.copy("COPY numbers (n) FROM STDIN") as copy:
        copy.write(b"not a number\n" * 100)
    with cursor.copy("COPY numbers TO STDOUT") as copy:
        out = b"".join(bytes(part) for part in copy)
    cursor.executemany("INSERT INTO numbers VALUES (%s, %s)", [(n, "many") for n in range(100)])
    return [out, cursor.execute("SELECT count(*), sum(n) FROM numbers").fetchall()]


def cursors(connect: Connect) -> list[Any]:
    one = connect()
    with one.transaction(), one.cursor("named", scrollable=True) as named:
        named.execute("SELECT generate_series(1, %s)", (1000,))
        some = [named.fetchmany(10), named.fetchone()]
        named.scroll(-5)
        some.append(named.fetchmany(3))
    streamed = list(one.cursor().stream("SELECT generate_series(1, 50)"))
    return [some, streamed, one.cursor(binary=True).execute("SELECT 7::int8, now() > '2000-01-01'").fetchall()]


def failures(connect: Connect) -> list[Any]:
    one = connect()
    said = []
    for statement, parameters in (
        ("SELEC", None),
        ("SELECT 1/0", None),
        ("SELECT 1/%s::int", (0,)),
        ("SELECT $9", None),
    ):
        with pytest.raises(psycopg.Error) as refused:
            one.execute(statement, parameters)
        said.append((refused.value.sqlstate, str(refused.value)))
    one.execute("CREATE TEMP TABLE u (n int PRIMARY KEY)")
    with pytest.raises(psycopg.errors.UniqueViolation), one.transaction():
        one.execute("INSERT INTO u VALUES (1), (1)")
    return [said, one.execute("").statusmessage, one.execute("SELECT 1").fetchall()]


def serializable(connect: Connect) -> list[Any]:
    setup, one, two = connect(), connect(), connect()
    setup.execute("CREATE TABLE IF NOT EXISTS shift (doctor text PRIMARY KEY, on_call bool)")
    setup.execute("TRUNCATE shift")
    setup.execute("INSERT INTO shift VALUES ('ann', true), ('bob', true)")
    for connection in (one, two):
        connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        connection.execute("SELECT count(*) FROM shift WHERE on_call")
    one.execute("UPDATE shift SET on_call = false WHERE doctor = %s", ("ann",))
    two.execute("UPDATE shift SET on_call = false WHERE doctor = %s", ("bob",))
    one.execute("COMMIT")
    with pytest.raises(psycopg.errors.SerializationFailure):
        two.execute("COMMIT")
    return setup.execute("SELECT * FROM shift ORDER BY 1").fetchall()


def notifications(connect: Connect) -> list[Any]:
    one, two = connect(), connect()
    one.execute("LISTEN news")
    two.execute("NOTIFY news, 'hello'")
    return [(note.channel, note.payload) for note in one.notifies(timeout=5, stop_after=1)]


TALKS = [simple, prepared_after_five_runs, pipeline_mode, copies, cursors, failures, serializable, notifications]


@pytest.mark.parametrize("talk", TALKS)
def test_every_result_is_the_same_through_the_proxy(
    scope: Scope, step_and_connect: tuple[StepProxy, Connect], talk: Callable[[Connect], Any]
) -> None:
    step, connect = step_and_connect
    with connecting(scope.dsn(*scope.instance.address)) as direct:
        expected = talk(direct)
    assert talk(connect) == expected
    assert not step.opaque
    assert step.count
    until(lambda: not step.outstanding(), seconds=5, what="rest")


def test_labels_stay_when_psycopg_prepares(step_and_connect: tuple[StepProxy, Connect]) -> None:
    step, connect = step_and_connect
    one = connect()
    step.reset_counter()
    for n in range(8):
        one.execute("SELECT %s::int", (n,))
    with one.transaction():
        one.execute("SELECT 2")
    assert [seen.text for seen in step.history()] == ["SELECT $1::int"] * 8 + ["BEGIN", "SELECT 2", "COMMIT"]


def test_backends_are_known_and_a_cancel_reaches_them(
    scope: Scope, step_and_connect: tuple[StepProxy, Connect]
) -> None:
    step, connect = step_and_connect
    one = connect()
    assert [info.backend_pid for info in step.connections()] == [one.info.backend_pid]
    failed: list[BaseException] = []

    def sleep() -> None:
        try:
            one.execute("SELECT pg_sleep(30)")
        except psycopg.errors.QueryCanceled as error:
            failed.append(error)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    until(lambda: [w.text for w in step.outstanding()] == ["SELECT pg_sleep(30)"], seconds=5, what="the sleep")
    seen = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = %s"
    admin = scope.client()  # a cancel that comes before the statement is ignored by the server
    until(lambda: admin.execute(seen, (one.info.backend_pid,)).fetchone() == (1,), seconds=5, what="a sleeping backend")
    one.cancel_safe(timeout=5)
    sleeper.join(5)
    assert failed


@pytest.mark.parametrize(("cut", "rows"), [("cut_before", 0), ("cut_after", 1)])
def test_a_commit_that_is_cut_is_lost_or_done(step_and_connect: tuple[StepProxy, Connect], cut: str, rows: int) -> None:
    step, connect = step_and_connect
    one, other = connect(), connect()
    other.execute("CREATE TABLE paid (n int)")
    step.reset_counter()
    getattr(step, cut)(3)
    one.execute("BEGIN")
    one.execute("INSERT INTO paid VALUES (%s)", (1,))
    with pytest.raises(psycopg.OperationalError):
        one.execute("COMMIT")
    assert step.cut is not None
    assert step.cut.text == "COMMIT"
    assert other.execute("SELECT count(*) FROM paid").fetchone() == (rows,)


@pytest.mark.parametrize("prepare", [False, True])
def test_waiting_for_a_lock_is_seen_even_while_only_preparing(
    scope: Scope, step_and_connect: tuple[StepProxy, Connect], prepare: bool
) -> None:
    step, connect = step_and_connect
    holder, waiter = connect(), connect()
    holder.execute("CREATE TABLE shift (n int)")
    holder.execute("BEGIN")
    holder.execute("LOCK TABLE shift")
    read = threading.Thread(target=lambda: waiter.execute("SELECT n FROM shift WHERE n > %s", (1,), prepare=prepare))
    read.start()

    def blocked() -> bool:
        waiting = [
            Connection(local_port=c.local_port, backend_pid=c.backend_pid) for c in step.connections() if c.outstanding
        ]
        return bool(waiting) and scope.instance.blocked(waiting)

    until(blocked, seconds=5, what="a blocked backend")
    assert step.outstanding()[0].counted is not prepare
    holder.execute("COMMIT")
    read.join(5)


def test_write_skew_is_made_at_will(proxy: Proxy) -> None:
    (step, slow), (_, fast) = proxy(), proxy()

    def off(connect: Connect, doctor: str) -> None:
        with (one := connect()).transaction():
            (count,) = one.execute("SELECT count(*) FROM shift WHERE on_call").fetchone() or (0,)
            if count > 1:
                one.execute("UPDATE shift SET on_call = false WHERE doctor = %s", (doctor,))

    with connecting(slow) as connect_slow, connecting(fast) as connect_fast:
        one = connect_slow()
        one.execute("CREATE TABLE shift (doctor text, on_call bool)")
        one.execute("INSERT INTO shift VALUES ('ann', true), ('bob', true)")
        step.reset_counter()
        step.park_before(4)
        leaving = threading.Thread(target=off, args=(connect_slow, "ann"))
        leaving.start()
        with step.changed:
            assert step.changed.wait_for(lambda: step.parked is not None, timeout=5)
        assert step.parked is not None
        assert step.parked.text == "COMMIT"
        off(connect_fast, "bob")
        step.release()
        leaving.join(5)
        assert one.execute("SELECT count(*) FROM shift WHERE on_call").fetchone() == (0,)

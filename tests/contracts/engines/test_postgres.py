"""What only Postgres has: a role that can do nothing outside its database, and a grader nobody can mislead."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tinnyswe.engines.base import Instance
from tinnyswe.engines.postgres.engine import PostgresInstance
from tinnyswe.engines.postgres.scope import PostgresScope
from tinnyswe.model.errors import UsageError

Start = Callable[..., Instance]


@pytest.fixture
def instance(start: Start) -> PostgresInstance:
    instance = start("postgres")
    assert isinstance(instance, PostgresInstance)
    return instance


@pytest.fixture
def scope(instance: PostgresInstance) -> PostgresScope:
    return instance.scope("Shop & Co")


@pytest.fixture
def learner(scope: PostgresScope) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(scope.dsn(*scope.instance.address), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "ALTER ROLE grader PASSWORD 'x'",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
        "ALTER SYSTEM SET fsync = on",
        "SET session_replication_role = replica",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'grader'",
        "CREATE EXTENSION pageinspect",
    ],
)
def test_the_learner_may_not(learner: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        learner.execute(statement)


def test_the_learner_may_do_all_a_migration_does(learner: psycopg.Connection[Any]) -> None:
    learner.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE SCHEMA s; CREATE TYPE s.kind AS ENUM ('x')")
    learner.execute("CREATE EXTENSION pg_trgm")
    learner.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    learner.execute("CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()")


def test_other_databases_are_closed_to_the_learner(instance: PostgresInstance, scope: PostgresScope) -> None:
    other = instance.scope("other")
    for database in ("postgres", "template1", other.database):
        dsn = scope.dsn(*instance.address).rpartition("/")[0] + "/" + database
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(dsn)


def test_what_the_owner_presets_does_not_reach_the_grader(
    scope: PostgresScope, learner: psycopg.Connection[Any]
) -> None:
    learner.execute("CREATE SCHEMA evil")
    learner.execute("CREATE FUNCTION evil.now() RETURNS int LANGUAGE sql AS 'SELECT 42'")
    learner.execute("CREATE TABLE rows (id int)")
    learner.execute("INSERT INTO rows VALUES (1)")
    for preset in (
        "search_path = evil, pg_catalog",
        "default_transaction_read_only = on",
        "default_transaction_isolation = serializable",
        "statement_timeout = 1",
        "timezone = 'Asia/Tokyo'",
    ):
        learner.execute(f"ALTER DATABASE {scope.database} SET {preset}")
    client = scope.client()
    assert client.execute("SELECT pg_typeof(now())::text").fetchone() == ("timestamp with time zone",)
    assert client.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
    assert client.execute("SHOW statement_timeout").fetchone() == ("15s",)
    assert client.execute("SHOW timezone").fetchone() == ("UTC",)
    assert client.execute("SELECT count(*) FROM rows").fetchone() == (1,)
    client.execute("INSERT INTO rows VALUES (2)")
    with scope.learner() as setup, pytest.raises(psycopg.errors.QueryCanceled):
        setup.execute("SELECT pg_sleep(1)")


def test_the_grader_gets_in_when_the_learner_used_up_all_connections(instance: PostgresInstance) -> None:
    scope = instance.scope("full")
    dsn = scope.dsn(*instance.address)
    taken: list[psycopg.Connection[Any]] = []
    with contextlib.suppress(psycopg.OperationalError):
        taken += (psycopg.connect(dsn) for _ in range(200))
    assert 80 <= len(taken) < 100
    with pytest.raises(psycopg.OperationalError, match="reserved"):
        psycopg.connect(dsn)
    assert scope.client().execute("SELECT 1").fetchone() == (1,)
    for each in taken:
        each.close()


def test_drop_cuts_off_whoever_is_connected_and_what_outlives_connections(start: Start) -> None:
    instance = start("postgres", {"wal_level": "logical", "max_prepared_transactions": 5})
    assert isinstance(instance, PostgresInstance)
    scope = instance.scope("shop")
    with psycopg.connect(scope.dsn(*instance.address), autocommit=True) as learner:
        learner.execute("CREATE TABLE t (id int)")
        scope.client().execute("SELECT pg_create_logical_replication_slot('left', 'test_decoding')")
        learner.execute("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left'")
        scope.drop()
        with pytest.raises(psycopg.OperationalError):
            learner.execute("SELECT 1")
    rows = instance.admin().execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()
    assert rows == [("postgres",), ("template0",), ("template1",)]
    roles = instance.admin().execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'shop%'").fetchone()
    assert roles == (0,)


def test_names_are_safe_whatever_the_scope_is_called(instance: PostgresInstance) -> None:
    names = ['"; DROP TABLE x', "ünïcode", "x" * 200, "", "Shop"]
    scopes = [instance.scope(name) for name in names]
    assert all(scope.client().info.dbname == scope.database for scope in scopes)
    assert len({scope.database for scope in scopes}) == len(names)


def test_options_are_its_own_settings_and_ours_are_defaults(start: Start) -> None:
    instance = start("postgres", {"fsync": True, "work_mem": "1MB", "pg_trgm.similarity_threshold": 0.5})
    assert isinstance(instance, PostgresInstance)
    shown = {name: (instance.admin().execute(f"SHOW {name}").fetchone() or ("",))[0] for name in SHOWN}
    assert shown == SHOWN


SHOWN = {
    "fsync": "on",
    "work_mem": "1MB",
    "autovacuum": "off",
    "deadlock_timeout": "50ms",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "ssl": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
}


def test_it_has_no_ttls(instance: PostgresInstance, scope: PostgresScope) -> None:
    with pytest.raises(UsageError, match="no TTLs"):
        instance.warp(scope)


def test_every_start_has_another_password_for_the_superuser(start: Start) -> None:
    one, two = start("postgres"), start("postgres")
    assert isinstance(one, PostgresInstance)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        one.connect(password=two.secrets[0])
    assert one.secrets[0] not in "\n".join(one.logs(100))


def test_a_lost_admin_connection_is_opened_again(instance: PostgresInstance) -> None:
    scope = instance.scope("shop")
    old = scope.client()
    instance.kill()
    instance.restart()
    assert old.closed
    assert scope.client().execute("SELECT 1").fetchone() == (1,)
    assert instance.blocked([]) is False

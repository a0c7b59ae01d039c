"""How a learner's program would use each engine, in the few words the contract tests need."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class Session(Protocol):
    """A learner's connection."""

    def write(self, key: str, value: str) -> None: ...
    def read(self, key: str) -> str | None: ...
    def fill(self) -> None:
        """Write a lot; raises the client's error when the server refuses."""


class PostgresSession:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        connection.execute("CREATE TABLE IF NOT EXISTS notes (key text PRIMARY KEY, value text)")

    def write(self, key: str, value: str) -> None:
        self.connection.execute("INSERT INTO notes VALUES (%s, %s)", [key, value])

    def read(self, key: str) -> str | None:
        row = self.connection.execute("SELECT value FROM notes WHERE key = %s", [key]).fetchone()
        return row[0] if row else None

    def fill(self) -> None:
        for _ in range(20):  # 2 MB each
            self.connection.execute(
                "INSERT INTO notes SELECT gen_random_uuid(), string_agg(gen_random_uuid()::text, '') "
                "FROM generate_series(1, 1000) AS a, generate_series(1, 50) GROUP BY a"
            )


class ValkeySession:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def write(self, key: str, value: str) -> None:
        self.client.set(key, value)

    def read(self, key: str) -> str | None:
        return self.client.get(key)

    def fill(self) -> None:
        for number in range(200):  # 64 KB each
            self.client.set(f"fill:{number}", "x" * 65536)


@contextlib.contextmanager
def postgres(dsn: str, seconds: float) -> Iterator[PostgresSession]:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=max(2, round(seconds))) as connection:
        yield PostgresSession(connection)


@contextlib.contextmanager
def valkey(dsn: str, seconds: float) -> Iterator[ValkeySession]:
    client = redis.Redis.from_url(dsn, decode_responses=True, socket_timeout=seconds, retry=Retry(NoBackoff(), 0))
    with client:
        yield ValkeySession(client)


OPEN = {"postgres": postgres, "valkey": valkey}
# Options under which an acknowledged write must survive SIGKILL.
DURABLE: dict[str, dict[str, Any]] = {"postgres": {}, "valkey": {"appendonly": True}}
REFUSED = {"postgres": psycopg.Error, "valkey": redis.RedisError}
# What the server itself calls a full disk, to its client and in its log.
DISK_FULL = {"postgres": "could not extend file", "valkey": "AOF file"}


def session(kind: str, dsn: str, seconds: float = 10.0) -> contextlib.AbstractContextManager[Session]:
    """Connect as the learner; `seconds` is the client's patience."""
    return OPEN[kind](dsn, seconds)

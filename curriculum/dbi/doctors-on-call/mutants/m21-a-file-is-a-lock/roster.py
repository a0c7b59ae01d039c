"""Who is on call in which shift. pool.connection() is one transaction: committed at the end of the block."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from psycopg import Connection
from psycopg_pool import ConnectionPool


class Busy(Exception):
    """Tried for a while and never got through: the client may come again."""


LOCKS = f"/tmp/roster-{os.getuid()}"  # not TMPDIR: each copy has one of its own


@contextmanager
def alone(shift: str) -> Iterator[None]:
    """One request of a shift after the other, in all copies of this computer."""
    os.makedirs(LOCKS, exist_ok=True)
    with open(os.path.join(LOCKS, sha256(shift.encode()).hexdigest()), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Roster:
    def __init__(self, url: str) -> None:
        self.pool = ConnectionPool(url, min_size=2, max_size=8, timeout=10, open=True)
        self.pool.wait()

    def on(self, shift: str, doctor: str) -> None:
        with self.pool.connection() as db:
            db.execute("INSERT INTO shift (id) VALUES (%s) ON CONFLICT DO NOTHING", [shift])
            db.execute(
                "INSERT INTO duty (shift, doctor, on_call) VALUES (%s, %s, true)"
                " ON CONFLICT (shift, doctor) DO UPDATE SET on_call = true",
                [shift, doctor],
            )

    def off(self, shift: str, doctor: str) -> bool:
        """Let the doctor leave; False when he is the last one on call."""
        with alone(shift), self.pool.connection() as db:
            on_call = doctors_on_call(db, shift)
            if doctor not in on_call:
                return True
            if len(on_call) == 1:
                return False
            db.execute("UPDATE duty SET on_call = false WHERE shift = %s AND doctor = %s", [shift, doctor])
            return True

    def on_call(self, shift: str) -> list[str]:
        with self.pool.connection() as db:
            return doctors_on_call(db, shift)


def doctors_on_call(db: Connection, shift: str) -> list[str]:
    rows = db.execute("SELECT doctor FROM duty WHERE shift = %s AND on_call ORDER BY doctor", [shift])
    return [doctor for (doctor,) in rows]

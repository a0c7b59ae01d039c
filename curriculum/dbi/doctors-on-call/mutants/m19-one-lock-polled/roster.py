"""Who is on call in which shift. Whoever wants to leave first takes the row of the shift."""

from __future__ import annotations

import time

from psycopg import Connection
from psycopg_pool import ConnectionPool


class Busy(Exception):
    """Tried for a while and never got through: the client may come again."""


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
        with self.pool.connection() as db:
            while db.execute("SELECT pg_try_advisory_xact_lock(42)").fetchone() != (True,):
                time.sleep(0.02)
            # READ COMMITTED: this statement looks after the lock was granted, so it sees who left before us.
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

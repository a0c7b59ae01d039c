"""Who is on call in which shift, as a log of comings and goings: nothing is ever overwritten."""

from __future__ import annotations

from psycopg import Connection
from psycopg_pool import ConnectionPool

LATEST = "SELECT DISTINCT ON (doctor) doctor, on_call FROM event WHERE shift = %(shift)s ORDER BY doctor, id DESC"
LEAVE = f"""
INSERT INTO event (shift, doctor, on_call)
SELECT %(shift)s, %(doctor)s, false
FROM ({LATEST}) AS latest WHERE on_call
HAVING count(*) > 1 AND bool_or(doctor = %(doctor)s)
"""


class Busy(Exception):
    """Tried for a while and never got through: the client may come again."""


class Roster:
    def __init__(self, url: str) -> None:
        self.pool = ConnectionPool(url, min_size=2, max_size=8, timeout=10, open=True, kwargs={"autocommit": True})
        self.pool.wait()

    def on(self, shift: str, doctor: str) -> None:
        with self.pool.connection() as db:
            db.execute("INSERT INTO event (shift, doctor, on_call) VALUES (%s, %s, true)", [shift, doctor])

    def off(self, shift: str, doctor: str) -> bool:
        """Let the doctor leave; False when he is the last one on call."""
        with self.pool.connection() as db:
            left = db.execute(LEAVE, {"shift": shift, "doctor": doctor})
            return bool(left.rowcount) or doctor not in doctors_on_call(db, shift)

    def on_call(self, shift: str) -> list[str]:
        with self.pool.connection() as db:
            return doctors_on_call(db, shift)


def doctors_on_call(db: Connection, shift: str) -> list[str]:
    rows = db.execute(f"SELECT doctor FROM ({LATEST}) AS latest WHERE on_call ORDER BY doctor", {"shift": shift})
    return [doctor for (doctor,) in rows]

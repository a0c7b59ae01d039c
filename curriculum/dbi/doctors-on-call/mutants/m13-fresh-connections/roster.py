"""Who is on call in which shift. Each request has a connection to itself, and leaving is one statement on it."""

from __future__ import annotations

import psycopg
from psycopg import Connection


class Busy(Exception):
    """Tried for a while and never got through: the client may come again."""


class Roster:
    def __init__(self, url: str) -> None:
        self.url = url
        psycopg.connect(url).close()

    def connection(self) -> Connection:
        return psycopg.connect(self.url, autocommit=True)

    def on(self, shift: str, doctor: str) -> None:
        with self.connection() as db, db.transaction():
            db.execute("INSERT INTO shift (id) VALUES (%s) ON CONFLICT DO NOTHING", [shift])
            db.execute(
                "INSERT INTO duty (shift, doctor, on_call) VALUES (%s, %s, true)"
                " ON CONFLICT (shift, doctor) DO UPDATE SET on_call = true",
                [shift, doctor],
            )

    def off(self, shift: str, doctor: str) -> bool:
        """Let the doctor leave; False when he is the last one on call."""
        with self.connection() as db:
            left = db.execute(
                "UPDATE duty SET on_call = false WHERE shift = %(shift)s AND doctor = %(doctor)s"
                " AND (SELECT count(*) FROM duty WHERE shift = %(shift)s AND on_call) > 1",
                {"shift": shift, "doctor": doctor},
            )
            return bool(left.rowcount) or doctor not in doctors_on_call(db, shift)

    def on_call(self, shift: str) -> list[str]:
        with self.connection() as db:
            return doctors_on_call(db, shift)


def doctors_on_call(db: Connection, shift: str) -> list[str]:
    rows = db.execute("SELECT doctor FROM duty WHERE shift = %s AND on_call ORDER BY doctor", [shift])
    return [doctor for (doctor,) in rows]

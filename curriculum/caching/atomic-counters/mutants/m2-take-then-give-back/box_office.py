"""Seats of shows: the house and what is left of it. DECRBY changes and answers in one step."""

from __future__ import annotations

import redis


class BoxOffice:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def open_show(self, show: str, seats: int) -> None:
        self.client.hset(f"show:{show}", mapping={"seats": seats, "left": seats})

    def reserve(self, show: str, n: int) -> int | None:
        """Sell n seats and return how many are left; None when n are not there. LookupError: no such show."""
        self.show(show)
        left = self.client.hincrby(f"show:{show}", "left", -n)
        if left >= 0:
            return left
        self.client.hincrby(f"show:{show}", "left", n)  # it did not fit: put them back
        return None

    def show(self, show: str) -> dict[str, int]:
        seats, left = self.client.hmget(f"show:{show}", "seats", "left")
        if seats is None or left is None:
            raise LookupError(show)
        return {"left": int(left), "sold": int(seats) - int(left)}

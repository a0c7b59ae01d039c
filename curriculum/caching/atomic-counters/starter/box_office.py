"""Seats of shows, kept in Valkey."""

from __future__ import annotations

import redis


class BoxOffice:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def open_show(self, show: str, seats: int) -> None:
        self.client.set(f"show:{show}:left", seats)
        self.client.set(f"show:{show}:sold", 0)

    def reserve(self, show: str, n: int) -> int | None:
        """Sell n seats and return how many are left; None when n are not there. LookupError: no such show."""
        left = self._number(f"show:{show}:left")
        if left < n:
            return None
        self.client.set(f"show:{show}:left", left - n)
        self.client.incrby(f"show:{show}:sold", n)
        return left - n

    def show(self, show: str) -> dict[str, int]:
        return {"left": self._number(f"show:{show}:left"), "sold": self._number(f"show:{show}:sold")}

    def _number(self, key: str) -> int:
        value = self.client.get(key)
        if value is None:
            raise LookupError(key)
        return int(value)

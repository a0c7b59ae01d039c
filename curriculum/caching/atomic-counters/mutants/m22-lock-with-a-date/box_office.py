"""Seats of shows behind a lock that says in its value until when it holds."""

from __future__ import annotations

import random
import time

import redis

LEASE = 1.0  # s


class BoxOffice:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def open_show(self, show: str, seats: int) -> None:
        self.client.hset(f"show:{show}", mapping={"left": seats, "sold": 0})

    def reserve(self, show: str, n: int) -> int | None:
        """Sell n seats and return how many are left; None when n are not there. LookupError: no such show."""
        lock = f"lock:{show}"
        while not self._acquire(lock):
            time.sleep(random.uniform(0.02, 0.04))
        try:
            now = self.show(show)
            if now["left"] < n:
                return None
            self.client.hset(f"show:{show}", mapping={"left": now["left"] - n, "sold": now["sold"] + n})
            return now["left"] - n
        finally:
            self.client.delete(lock)

    def show(self, show: str) -> dict[str, int]:
        left, sold = self.client.hmget(f"show:{show}", "left", "sold")
        if left is None or sold is None:
            raise LookupError(show)
        return {"left": int(left), "sold": int(sold)}

    def _acquire(self, lock: str) -> bool:
        """Take the lock when it is free, or over: of those who find it over, GETSET lets one in."""
        if self.client.setnx(lock, time.time() + LEASE):
            return True
        ends = self.client.get(lock)
        if ends is None or float(ends) > time.time():
            return False
        return self.client.getset(lock, time.time() + LEASE) == ends

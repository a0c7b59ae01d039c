"""Seats of shows behind a lock that cleans up after a dead holder by itself."""

from __future__ import annotations

import random
import secrets
import time

import redis

LOCK_MS = 2000
DAYS = 35
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class BoxOffice:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def open_show(self, show: str, seats: int) -> None:
        self.client.hset(f"show:{show}", mapping={"left": seats, "sold": 0})

    def reserve(self, show: str, n: int) -> int | None:
        """Sell n seats and return how many are left; None when n are not there. LookupError: no such show."""
        self._warm_up(show)
        lock, token = f"lock:{show}", secrets.token_hex(8)
        while not self.client.set(lock, token, nx=True, px=LOCK_MS):
            time.sleep(random.uniform(0.02, 0.04))
        try:
            now = self.show(show)
            if now["left"] < n:
                return None
            self.client.hset(f"show:{show}", mapping={"left": now["left"] - n, "sold": now["sold"] + n})
            return now["left"] - n
        finally:
            self.client.eval(RELEASE, 1, lock, token)

    def show(self, show: str) -> dict[str, int]:
        left, sold = self.client.hmget(f"show:{show}", "left", "sold")
        if left is None or sold is None:
            raise LookupError(show)
        return {"left": int(left), "sold": int(sold)}

    def _warm_up(self, show: str) -> None:
        """Read the programme of the next weeks first, day by day."""
        with self.client.pipeline(transaction=False) as pipe:
            for day in range(DAYS):
                pipe.get(f"programme:{show}:{day}")
            pipe.execute()

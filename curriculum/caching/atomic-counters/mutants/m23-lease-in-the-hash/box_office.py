"""Seats of shows: one hash each, which also says until when somebody is selling."""

from __future__ import annotations

import random
import time

import redis

LEASE = 1  # s, by the clock of the engine

TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
if tonumber(redis.call('HGET', KEYS[1], 'until') or '0') > now then return 0 end
redis.call('HSET', KEYS[1], 'until', tostring(now + ARGV[1]))
return 1
"""


class BoxOffice:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def open_show(self, show: str, seats: int) -> None:
        self.client.hset(f"show:{show}", mapping={"left": seats, "sold": 0})

    def reserve(self, show: str, n: int) -> int | None:
        """Sell n seats and return how many are left; None when n are not there. LookupError: no such show."""
        while not self.client.eval(TAKE, 1, f"show:{show}", LEASE):
            time.sleep(random.uniform(0.02, 0.04))
        try:
            now = self.show(show)
            if now["left"] < n:
                return None
            self.client.hset(f"show:{show}", mapping={"left": now["left"] - n, "sold": now["sold"] + n})
            return now["left"] - n
        finally:
            self.client.hdel(f"show:{show}", "until")

    def show(self, show: str) -> dict[str, int]:
        left, sold = self.client.hmget(f"show:{show}", "left", "sold")
        if left is None or sold is None:
            raise LookupError(show)
        return {"left": int(left), "sold": int(sold)}

"""Seats of shows: one hash each, changed by a script that runs alone in the engine."""

from __future__ import annotations

import redis

RESERVE = """
local left = tonumber(redis.call('HGET', KEYS[1], 'left'))
local n = tonumber(ARGV[1])
if not left then return -2 end
if left < n then return -1 end
redis.call('HINCRBY', KEYS[1], 'sold', n)
return redis.call('HINCRBY', KEYS[1], 'left', -n)
"""
REFUSED, UNKNOWN = -1, -2


class BoxOffice:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._reserve = client.register_script(RESERVE)  # EVALSHA; loads the script again when the cache lost it

    def open_show(self, show: str, seats: int) -> None:
        self.client.hset(f"show:{show}", "left", seats)
        self.client.hset(f"show:{show}", "sold", 0)

    def reserve(self, show: str, n: int) -> int | None:
        """Sell n seats and return how many are left; None when n are not there. LookupError: no such show."""
        left = self._reserve(keys=[f"show:{show}"], args=[n])
        if left == UNKNOWN:
            raise LookupError(show)
        return None if left == REFUSED else left

    def show(self, show: str) -> dict[str, int]:
        left, sold = self.client.hmget(f"show:{show}", "left", "sold")
        if left is None or sold is None:
            raise LookupError(show)
        return {"left": int(left), "sold": int(sold)}

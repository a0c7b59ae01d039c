"""Seats of shows: two counters, changed together by one script and read together by one MGET."""

from __future__ import annotations

import redis

RESERVE = """
local left = tonumber(redis.call('GET', KEYS[1]))
local n = tonumber(ARGV[1])
if not left then return redis.error_reply('NOSHOW') end
if left < n then return false end
redis.call('INCRBY', KEYS[2], n)
return redis.call('DECRBY', KEYS[1], n)
"""


class BoxOffice:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def open_show(self, show: str, seats: int) -> None:
        left, sold = keys_of(show)
        self.client.mset({left: seats, sold: 0})

    def reserve(self, show: str, n: int) -> int | None:
        """Sell n seats and return how many are left; None when n are not there. LookupError: no such show."""
        try:
            return self.client.eval(RESERVE, 2, *keys_of(show), n)
        except redis.ResponseError as error:
            if str(error).startswith("NOSHOW"):
                raise LookupError(show) from error
            raise

    def show(self, show: str) -> dict[str, int]:
        left, sold = self.client.mget(keys_of(show))
        if left is None or sold is None:
            raise LookupError(show)
        return {"left": int(left), "sold": int(sold)}


def keys_of(show: str) -> tuple[str, str]:
    """The braces keep both keys on one node of a cluster."""
    return f"left:{{{show}}}", f"sold:{{{show}}}"

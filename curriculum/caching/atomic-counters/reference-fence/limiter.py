"""At most five login attempts of a user in each window of the clock: a counter named after its window."""

from __future__ import annotations

import time

import redis

LIMIT = 5


class Limiter:
    def __init__(self, client: redis.Redis, window: int) -> None:
        self.client = client
        self.window = window  # seconds

    def attempt(self, user: str) -> bool:
        """Count one attempt; True when it is allowed. Refused ones die with the counter of this window."""
        key = f"limit:{user}:{int(time.time()) // self.window}"
        with self.client.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.expire(key, self.window * 2)
            used, _ = pipe.execute()
        return used <= LIMIT

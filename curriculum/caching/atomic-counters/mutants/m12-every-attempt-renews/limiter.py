"""At most five login attempts of a user per window."""

from __future__ import annotations

import redis

LIMIT = 5


class Limiter:
    def __init__(self, client: redis.Redis, window: int) -> None:
        self.client = client
        self.window = window  # seconds

    def attempt(self, user: str) -> bool:
        """Count one attempt; True when it is allowed."""
        key = f"limit:{user}"
        with self.client.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.expire(key, self.window)
            used, _ = pipe.execute()
        return used <= LIMIT

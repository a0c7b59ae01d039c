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
        used = self.client.incr(key)
        if used == 1:
            self.client.expire(key, self.window)
        return used <= LIMIT

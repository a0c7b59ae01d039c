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
        self.client.set(key, 0, nx=True, ex=self.window)  # the first one opens the window, with its end
        return self.client.incr(key) <= LIMIT

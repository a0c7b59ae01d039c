"""At most five login attempts of a user per window, counted in a transaction that others may break."""

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
        with self.client.pipeline() as pipe:
            pipe.watch(key)
            if int(pipe.get(key) or 0) >= LIMIT:
                return False
            pipe.multi()
            pipe.incr(key)
            pipe.expire(key, self.window, nx=True)
            try:
                pipe.execute()
            except redis.WatchError:
                return False
            return True

"""At most five login attempts of a user per window, one at a time."""

from __future__ import annotations

import redis

LIMIT = 5


class Limiter:
    def __init__(self, client: redis.Redis, window: int) -> None:
        self.client = client
        self.window = window  # seconds

    def attempt(self, user: str) -> bool:
        """Count one attempt; True when it is allowed. Nobody types two passwords at once: that is a machine."""
        lock = f"limit:lock:{user}"
        if not self.client.set(lock, "1", nx=True, px=self.window * 1000):
            return False
        try:
            return self._count(f"limit:{user}")
        finally:
            self.client.delete(lock)

    def _count(self, key: str) -> bool:
        if int(self.client.get(key) or 0) >= LIMIT:
            return False
        with self.client.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.expire(key, self.window, nx=True)
            used, _ = pipe.execute()
        return used <= LIMIT

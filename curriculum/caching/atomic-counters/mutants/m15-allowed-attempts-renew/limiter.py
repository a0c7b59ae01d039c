"""At most five login attempts of a user per window. A refused one changes nothing."""

from __future__ import annotations

import redis

LIMIT = 5

ATTEMPT = """
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then return 0 end
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


class Limiter:
    def __init__(self, client: redis.Redis, window: int) -> None:
        self.window = window  # seconds
        self._attempt = client.register_script(ATTEMPT)

    def attempt(self, user: str) -> bool:
        """Count one attempt; True when it is allowed."""
        return self._attempt(keys=[f"limit:{user}"], args=[LIMIT, self.window]) == 1

"""At most five login attempts of a user per window. The window opens with the first one."""

from __future__ import annotations

import redis

LIMIT = 5

ATTEMPT = """
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if used >= tonumber(ARGV[1]) then return 0 end
if redis.call('INCR', KEYS[1]) == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 1
"""


class Limiter:
    def __init__(self, client: redis.Redis, window: int) -> None:
        self.window = window  # seconds
        self._attempt = client.register_script(ATTEMPT)

    def attempt(self, user: str) -> bool:
        """Count one attempt; True when it is allowed. A refused one does not count."""
        return self._attempt(keys=[f"limit:{user}"], args=[LIMIT, self.window]) == 1

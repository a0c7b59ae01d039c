"""At most five login attempts of a user in any window: a log of the allowed ones that slides along."""

from __future__ import annotations

from uuid import uuid4

import redis

LIMIT = 5

ATTEMPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = ARGV[2] * 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
return 1
"""


class Limiter:
    def __init__(self, client: redis.Redis, window: int) -> None:
        self.client = client
        self.window = window  # seconds

    def attempt(self, user: str) -> bool:
        """Count one attempt; True when it is allowed. A refused one does not count."""
        return self.client.eval(ATTEMPT, 1, f"limit:{user}", LIMIT, self.window, uuid4().hex) == 1

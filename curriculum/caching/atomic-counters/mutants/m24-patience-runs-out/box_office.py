"""Seats of shows behind a lock. A lock with a TTL can be lost while we still think we hold it (a stall is enough),
so nothing is written unless the engine sees our token in the lock at the moment of the write."""

from __future__ import annotations

import random
import secrets
import time

import redis

LOCK_MS = 2000
PATIENCE = 0.5  # s
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class LockLost(Exception):
    """Somebody else holds the lock now. Nothing was written."""


class BoxOffice:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def open_show(self, show: str, seats: int) -> None:
        self.client.hset(f"show:{show}", mapping={"left": seats, "sold": 0})

    def reserve(self, show: str, n: int) -> int | None:
        """Sell n seats and return how many are left; None when n are not there. LookupError: no such show."""
        lock, token = f"lock:{show}", secrets.token_hex(8)
        while True:
            if not self._acquire(lock, token):
                return None
            try:
                return self._sell(show, n, lock, token)
            except LockLost:
                continue
            finally:
                self.client.eval(RELEASE, 1, lock, token)

    def show(self, show: str) -> dict[str, int]:
        left, sold = self.client.hmget(f"show:{show}", "left", "sold")
        if left is None or sold is None:
            raise LookupError(show)
        return {"left": int(left), "sold": int(sold)}

    def _acquire(self, lock: str, token: str) -> bool:
        """True once the lock is ours; False when that takes longer than a customer would wait."""
        ends = time.monotonic() + PATIENCE
        while not self.client.set(lock, token, nx=True, px=LOCK_MS):
            if time.monotonic() > ends:
                return False
            time.sleep(random.uniform(0.02, 0.04))
        return True

    def _sell(self, show: str, n: int, lock: str, token: str) -> int | None:
        with self.client.pipeline() as pipe:
            pipe.watch(lock)
            if pipe.get(lock) != token:
                raise LockLost(lock)
            now = self.show(show)
            if now["left"] < n:
                return None
            pipe.multi()
            pipe.hset(f"show:{show}", mapping={"left": now["left"] - n, "sold": now["sold"] + n})
            try:
                pipe.execute()
            except redis.WatchError as error:
                raise LockLost(lock) from error
            return now["left"] - n

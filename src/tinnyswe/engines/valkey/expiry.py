"""Time for keys only: TTLs that run out now, or earlier, whatever the keys are called and wherever they live."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tinnyswe.engines.base import EngineError
from tinnyswe.engines.server import poll

if TYPE_CHECKING:
    import redis

_SECONDS = 5.0
_MILLION_YEARS_MS = 31_556_952_000_000_000

# ARGV[1]: how many ms every TTL is shortened. Returns {due, horizon}: how many TTLs run out, and the Unix time in ms
# at which they do. They run out by themselves a moment later, so that "expired" events and WATCH see the real thing.
_SHORTEN = """
local now = server.call('TIME')
local horizon = now[1] * 1000 + math.floor(now[2] / 1000) + 1
local less = tonumber(ARGV[1])
local due = 0
local function earlier(left)
  if left > less then return horizon - 1 + left - less end
  due = due + 1
  return horizon
end
local function shorten_fields(key)
  local fields = server.call('HKEYS', key)
  for _, field in ipairs(fields) do
    local left = server.call('HPTTL', key, 'FIELDS', 1, field)[1]
    if left >= 0 then
      -- Expired fields count in HLEN until the server comes by, but a time in the past ends them at once.
      local at = earlier(left)
      if at == horizon then at = 1 end
      server.call('HPEXPIREAT', key, string.format('%.0f', at), 'FIELDS', 1, field)
    end
  end
end
local by_field = server.pcall('COMMAND', 'INFO', 'HPTTL')[1]
for db in string.gmatch(server.call('INFO', 'keyspace'), 'db(%d+):') do
  server.call('SELECT', db)
  local cursor = '0'
  repeat
    local page = server.call('SCAN', cursor, 'COUNT', 1000)
    cursor = page[1]
    for _, key in ipairs(page[2]) do
      local left = server.call('PTTL', key)
      if left >= 0 then server.call('PEXPIREAT', key, string.format('%.0f', earlier(left))) end
      if by_field and server.call('TYPE', key).ok == 'hash' then shorten_fields(key) end
    end
  until cursor == '0'
end
return {due, string.format('%.0f', horizon)}
"""

# ARGV[1]: the horizon. Touches every key, which removes the expired ones, and returns 1 while the clock has not passed.
_SETTLE = """
local now = server.call('TIME')
if now[1] * 1000 + math.floor(now[2] / 1000) <= tonumber(ARGV[1]) then return 1 end
for db in string.gmatch(server.call('INFO', 'keyspace'), 'db(%d+):') do
  server.call('SELECT', db)
  local cursor = '0'
  repeat
    local page = server.call('SCAN', cursor, 'COUNT', 1000)
    cursor = page[1]
    for _, key in ipairs(page[2]) do
      server.call('EXISTS', key)
    end
  until cursor == '0'
end
return 0
"""


def age(client: redis.Redis, seconds: float | None) -> int:
    """Shorten every TTL by `seconds` (None: all of it) in one atomic step; returns how many ran out.

    Covers all databases, every type, and the fields of hashes where the server knows such TTLs (Valkey 9). When it
    returns, what ran out is gone.
    """
    less = _MILLION_YEARS_MS if seconds is None else round(seconds * 1000)
    due, horizon = cast("tuple[int, str]", client.eval(_SHORTEN, 0, str(less)))
    if due and not poll(lambda: client.eval(_SETTLE, 0, horizon) == 0, _SECONDS):
        raise EngineError("Valkey's clock stands still", code="clock-stands-still")
    return due

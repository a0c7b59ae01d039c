#!lua name=boxoffice

local LIMIT = 5

local function reserve(keys, args)
  local left = tonumber(redis.call('HGET', keys[1], 'left'))
  local n = tonumber(args[1])
  if not left then return 'unknown' end
  if left < n then return 'refused' end
  redis.call('HINCRBY', keys[1], 'sold', n)
  return redis.call('HINCRBY', keys[1], 'left', -n)
end

local function attempt(keys, args)
  local used = tonumber(redis.call('GET', keys[1]) or '0')
  if used >= LIMIT then return 0 end
  if redis.call('INCR', keys[1]) == 1 then redis.call('EXPIRE', keys[1], args[1]) end
  return 1
end

redis.register_function('reserve', reserve)
redis.register_function('attempt', attempt)

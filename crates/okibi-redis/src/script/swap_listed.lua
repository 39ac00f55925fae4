-- The same for a session with an owner. If it writes, the list KEYS[2] gets the entry ARGV[4]
-- before the record, and loses ARGV[5], the entry of the replaced record, after it. The expected
-- value is ARGV[7]. ARGV[3] is the time. ARGV[6] is the owner, which KEYS[3] stores if given.
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[7] or false) then return held end
local former = held and KEYS[3] and redis.call('GET', KEYS[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[4])
redis.call('PEXPIREAT', KEYS[2], redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[6], 'PXAT', ARGV[2]) end
if ARGV[5] ~= ARGV[4] then redis.call('ZREM', KEYS[2], ARGV[5]) end
return former and former ~= ARGV[6] and {former} or 1

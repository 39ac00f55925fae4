-- The same for a session with an owner. If it writes, the list KEYS[2] gets the entry ARGV[4]
-- before the record, and loses the entry of the same owner's former note after it. KEYS[3], if
-- given, stores the note ARGV[5]. The expected value is ARGV[6]. ARGV[3] is the time. Returns the
-- former note if it named another owner.
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[6] or false) then return held end
local former = held and KEYS[3] and redis.call('GET', KEYS[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[4])
redis.call('PEXPIREAT', KEYS[2], redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[5], 'PXAT', ARGV[2]) end
if not former or former == ARGV[5] then return 1 end
if former:sub(33) ~= ARGV[5]:sub(33) then return {former} end
redis.call('ZREM', KEYS[2], former:sub(1, 33) .. KEYS[1])
return 1

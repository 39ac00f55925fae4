-- Writes ARGV[1] if the key holds ARGV[2], and leaves its expiry as it is; else returns what it
-- holds.
local held = redis.call('GET', KEYS[1])
if held ~= ARGV[2] then return held end
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return 1

-- Writes ARGV[1] with the expiry ARGV[2] if the key holds ARGV[4], or nothing without ARGV[4]; else
-- returns what it holds. KEYS[2], if given, stores the note ARGV[3]; an empty ARGV[3] means no
-- owner. Returns the former note if that changes.
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[4] or false) then return held end
local former = held and KEYS[2] and redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[2] and ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PXAT', ARGV[2])
elseif former then redis.call('DEL', KEYS[2]) end
return former and former ~= ARGV[3] and {former} or 1

-- Writes ARGV[1] until ARGV[2] if the key holds ARGV[4], or nothing if there is none; else says what it holds. KEYS[2], if
-- there is one, says whose the session is: ARGV[3], nobody's if that is empty. Says whose it was, if that changes.
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[4] or false) then return held end
local former = held and KEYS[2] and redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[2] and ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PXAT', ARGV[2])
elseif former then redis.call('DEL', KEYS[2]) end
return former and former ~= ARGV[3] and {former} or 1

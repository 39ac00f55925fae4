-- Deletes a session and what says whose it is; and says whose it was and what it held, if it was somebody's.
local former = redis.call('GET', KEYS[2])
local held = former and redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
return held and {former, held} or 1

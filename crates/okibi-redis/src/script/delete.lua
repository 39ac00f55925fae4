-- Deletes a session and its owner's key. Returns the owner and the record if the session had an
-- owner.
local former = redis.call('GET', KEYS[2])
local held = former and redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
return held and {former, held} or 1

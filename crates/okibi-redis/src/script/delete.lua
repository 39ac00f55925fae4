-- Deletes a session and the note with its owner. Returns the note if there was one.
local former = redis.call('GET', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
return former and {former} or 1

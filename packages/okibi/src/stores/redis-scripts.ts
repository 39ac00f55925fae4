// Lua scripts that run inside Redis. Each script is atomic. Written by `cargo xtask facts` from crates/okibi-redis/src/script: change that.

/**
 * Writes ARGV[1] with the expiry ARGV[2] if the key holds ARGV[4], or nothing without ARGV[4]; else returns what it
 * holds. KEYS[2], if given, stores the note ARGV[3]; an empty ARGV[3] means no owner. Returns the former note if that
 * changes.
 */
export const SWAP = `local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[4] or false) then return held end
local former = held and KEYS[2] and redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[2] and ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PXAT', ARGV[2])
elseif former then redis.call('DEL', KEYS[2]) end
return former and former ~= ARGV[3] and {former} or 1`

/**
 * The same for a session with an owner. If it writes, the list KEYS[2] gets the entry ARGV[4] before the record, and
 * loses the entry of the same owner's former note after it. KEYS[3], if given, stores the note ARGV[5]. The expected
 * value is ARGV[6]. ARGV[3] is the time. Returns the former note if it named another owner.
 */
export const SWAP_LISTED = `local held = redis.call('GET', KEYS[1])
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
return 1`

/** Writes ARGV[1] if the key holds ARGV[2], and leaves its expiry as it is; else returns what it holds. */
export const REPLACE = `local held = redis.call('GET', KEYS[1])
if held ~= ARGV[2] then return held end
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return 1`

/** Deletes a session and the note with its owner. Returns the note if there was one. */
export const DELETE = `local former = redis.call('GET', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
return former and {former} or 1`

/**
 * For a list that may be on another server than the record: adds the entry ARGV[3] with the expiry ARGV[2], removes
 * entries that expired before ARGV[1], and sets the list's expiry to that of its last entry.
 */
export const LIST = `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1`

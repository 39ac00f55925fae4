// Lua scripts that run inside Redis. Each script is atomic. Written by `cargo xtask facts` from crates/okibi-redis/src/script: change that.

/**
 * Writes ARGV[1] with the expiry ARGV[2] if the key holds ARGV[4], or nothing without ARGV[4]; else returns what it
 * holds. KEYS[2], if given, stores the owner ARGV[3]; an empty ARGV[3] means no owner. Returns the former owner if that
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
 * loses ARGV[5], the entry of the replaced record, after it. The expected value is ARGV[7]. ARGV[3] is the time.
 * ARGV[6] is the owner, which KEYS[3] stores if given.
 */
export const SWAP_LISTED = `local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[7] or false) then return held end
local former = held and KEYS[3] and redis.call('GET', KEYS[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[4])
redis.call('PEXPIREAT', KEYS[2], redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[6], 'PXAT', ARGV[2]) end
if ARGV[5] ~= ARGV[4] then redis.call('ZREM', KEYS[2], ARGV[5]) end
return former and former ~= ARGV[6] and {former} or 1`

/** Deletes a session and its owner's key. Returns the owner and the record if the session had an owner. */
export const DELETE = `local former = redis.call('GET', KEYS[2])
local held = former and redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
return held and {former, held} or 1`

/**
 * For a list that may be on another server than the record: adds the entry ARGV[3] with the expiry ARGV[2], removes
 * entries that expired before ARGV[1], and sets the list's expiry to that of its last entry.
 */
export const LIST = `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1`

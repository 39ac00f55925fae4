// What runs inside Redis, each one step for everybody who uses the server. Written by `cargo xtask facts` from crates/okibi-redis/src/script: change that.

/**
 * Writes ARGV[1] until ARGV[2] if the key holds ARGV[4], or nothing if there is none; else says what it holds. KEYS[2],
 * if there is one, says whose the session is: ARGV[3], nobody's if that is empty. Says whose it was, if that changes.
 */
export const SWAP = `local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[4] or false) then return held end
local former = held and KEYS[2] and redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[2] and ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PXAT', ARGV[2])
elseif former then redis.call('DEL', KEYS[2]) end
return former and former ~= ARGV[3] and {former} or 1`

/**
 * The same for a session of an owner: if it writes, the list KEYS[2] gets the entry ARGV[4] before the record and loses
 * ARGV[5], the entry of what was replaced, after it. What the key must hold is ARGV[7]. ARGV[3] is the time, ARGV[6]
 * the owner, which KEYS[3] says if there is one.
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

/** Deletes a session and what says whose it is; and says whose it was and what it held, if it was somebody's. */
export const DELETE = `local former = redis.call('GET', KEYS[2])
local held = former and redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
return held and {former, held} or 1`

/**
 * Where a list may be on another server than the record: adds the entry ARGV[3] until ARGV[2], drops what expired
 * before ARGV[1], and lets the list live as long as its last entry.
 */
export const LIST = `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1`

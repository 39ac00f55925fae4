//! What runs inside Redis. Each script is one step for everybody who uses the server.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// Writes ARGV[1] until ARGV[2] if the key holds ARGV[4], or nothing if there is none; else says what it holds. KEYS[2], if
/// there is one, says whose the session is: ARGV[3], nobody's if that is empty. Says whose it was, if that changes.
pub(crate) static SWAP: LazyLock<Named> = LazyLock::new(|| {
    Named::new(
        "
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[4] or false) then return held end
local former = held and KEYS[2] and redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[2] and ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PXAT', ARGV[2])
elseif former then redis.call('DEL', KEYS[2]) end
return former and former ~= ARGV[3] and {former} or 1",
    )
});

/// The same for a session of an owner: if it writes, the list KEYS[2] gets the entry ARGV[4] before the record and loses
/// ARGV[5], the entry of what was replaced, after it. What the key must hold is ARGV[7]. ARGV[3] is the time, ARGV[6] the
/// owner, which KEYS[3] says if there is one.
pub(crate) static SWAP_LISTED: LazyLock<Named> = LazyLock::new(|| {
    Named::new(
        "
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[7] or false) then return held end
local former = held and KEYS[3] and redis.call('GET', KEYS[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[4])
redis.call('PEXPIREAT', KEYS[2], redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[6], 'PXAT', ARGV[2]) end
if ARGV[5] ~= ARGV[4] then redis.call('ZREM', KEYS[2], ARGV[5]) end
return former and former ~= ARGV[6] and {former} or 1",
    )
});

/// Deletes a session and what says whose it is; and says whose it was and what it held, if it was somebody's.
pub(crate) static DELETE: LazyLock<Named> = LazyLock::new(|| {
    Named::new(
        "
local former = redis.call('GET', KEYS[2])
local held = former and redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
return held and {former, held} or 1",
    )
});

/// Where a list may be on another server than the record: adds the entry ARGV[3] until ARGV[2], drops what expired before
/// ARGV[1], and lets the list live as long as its last entry.
pub(crate) static LIST: LazyLock<Named> = LazyLock::new(|| {
    Named::new(
        "
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1",
    )
});

/// A script, and the name by which Redis knows it once it has seen it.
pub(crate) struct Named {
    text: &'static str,
    name: String,
}

impl Named {
    fn new(text: &'static str) -> Self {
        Self { text, name: Script::new(text).get_hash().to_owned() }
    }

    /// Runs it by its name. Redis answers `NOSCRIPT` if it has not seen it, or has forgotten it.
    pub(crate) fn by_name(&self, keys: &[&str], values: &[&[u8]]) -> Cmd {
        call("EVALSHA", &self.name, keys, values)
    }

    /// Runs it by its text, by which Redis gets to know it.
    pub(crate) fn by_text(&self, keys: &[&str], values: &[&[u8]]) -> Cmd {
        call("EVAL", self.text, keys, values)
    }
}

fn call(how: &str, script: &str, keys: &[&str], values: &[&[u8]]) -> Cmd {
    // Made in its full size at once: growing bit by bit costs as much as all else about it.
    let bytes = keys.iter().map(|key| key.len()).chain(values.iter().map(|value| value.len())).sum::<usize>();
    let mut command = Cmd::with_capacity(keys.len() + values.len() + 3, how.len() + script.len() + bytes + 20);
    command.arg(how).arg(script).arg(keys.len()).arg(keys).arg(values);
    command
}

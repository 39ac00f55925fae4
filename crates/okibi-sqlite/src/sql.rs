//! The statements of the store. Each is atomic.

use bytes::Bytes;
use okibi_store::{Loaded, Owner, StoreKey, Swap, Timestamp, Write};
use rusqlite::{Connection, OptionalExtension, Result, named_params};

/// Creates the row, or replaces an expired one.
const CREATE: &str = "INSERT INTO okibi_sessions (key, value, expires_at, owner)
    VALUES (:key, :value, :expires_at, :owner)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner
    WHERE okibi_sessions.expires_at <= :now";
/// Replaces the value of a live row that equals the expected value.
const REPLACE: &str = "UPDATE okibi_sessions SET value = :value, expires_at = :expires_at, owner = :owner
    WHERE key = :key AND value = :expected AND expires_at > :now";
const LOAD: &str = "SELECT value, expires_at FROM okibi_sessions WHERE key = :key AND expires_at > :now";
const DELETE: &str = "DELETE FROM okibi_sessions WHERE key = :key";
pub(crate) const LIST: &str = "SELECT key FROM okibi_sessions WHERE owner = :owner AND expires_at > :now";
pub(crate) const PURGE: &str = "DELETE FROM okibi_sessions
    WHERE key IN (SELECT key FROM okibi_sessions WHERE expires_at <= :now LIMIT :limit)";

pub(crate) fn load(connection: &Connection, key: &str, now: Timestamp) -> Result<Option<Loaded>> {
    let mut load = connection.prepare_cached(LOAD)?;
    let row = load.query_row(named_params! { ":key": key, ":now": column(now) }, |row| {
        let expires_at = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
        Ok(Loaded {
            bytes: Bytes::from(row.get::<_, Vec<u8>>(0)?),
            expires_at: Some(Timestamp::from_millis(expires_at)),
        })
    });
    row.optional()
}

/// Runs in a transaction, so that the reported conflict is the state at that moment.
pub(crate) fn swap(
    connection: &Connection,
    key: &str,
    expected: Option<&[u8]>,
    write: &Write,
    now: Timestamp,
) -> Result<Swap> {
    if swapped(connection, key, expected, write, now)? {
        return Ok(Swap::Done);
    }
    Ok(Swap::Conflict(load(connection, key, now)?.map(|loaded| loaded.bytes)))
}

fn swapped(connection: &Connection, key: &str, expected: Option<&[u8]>, write: &Write, now: Timestamp) -> Result<bool> {
    let value = &write.bytes[..];
    let owner = write.owner.as_ref().map(Owner::as_str);
    let (now, expires_at) = (column(now), column(write.expires_at));
    let changed = match expected {
        None => connection.prepare_cached(CREATE)?.execute(named_params! {
            ":key": key, ":value": value, ":expires_at": expires_at, ":owner": owner, ":now": now,
        }),
        Some(expected) => connection.prepare_cached(REPLACE)?.execute(named_params! {
            ":key": key, ":value": value, ":expires_at": expires_at, ":owner": owner, ":now": now,
            ":expected": expected,
        }),
    };
    Ok(changed? > 0)
}

pub(crate) fn delete(connection: &Connection, key: &str) -> Result<()> {
    connection.prepare_cached(DELETE)?.execute(named_params! { ":key": key })?;
    Ok(())
}

pub(crate) fn list(connection: &Connection, owner: &str, now: Timestamp) -> Result<Vec<StoreKey>> {
    let mut list = connection.prepare_cached(LIST)?;
    let keys = list.query_map(named_params! { ":owner": owner, ":now": column(now) }, |row| {
        Ok(StoreKey::new(row.get::<_, String>(0)?))
    })?;
    keys.collect()
}

/// Deletes at most `limit` expired rows and returns their number.
pub(crate) fn purge(connection: &Connection, now: Timestamp, limit: u32) -> Result<usize> {
    connection.prepare_cached(PURGE)?.execute(named_params! { ":now": column(now), ":limit": limit })
}

/// A time as the column stores it.
fn column(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

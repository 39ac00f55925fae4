//! The statements of the store. Each is atomic and one round trip.

use bytes::Bytes;
use okibi_store::{Loaded, Owner, StoreKey, Timestamp, Write};
use sqlx::{Result, Row, postgres::PgRow, query};

use crate::connection::Statement;

/// Makes a write durable also on connections with `synchronous_commit = off`: this column of a
/// `RETURNING` sets it to `on` for the transaction of the write.
macro_rules! durably {
    ($statement:literal) => {
        concat!(
            $statement,
            " RETURNING CASE WHEN current_setting('synchronous_commit') = 'off'
                THEN set_config('synchronous_commit', 'on', true) END"
        )
    };
}

/// Creates the row, or replaces an expired one.
const CREATE: &str = durably!(
    "INSERT INTO okibi_sessions AS held (key, value, expires_at, owner) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner
    WHERE held.expires_at <= $5"
);
/// Replaces the value of a live row that equals the expected value.
const REPLACE: &str = durably!(
    "UPDATE okibi_sessions SET value = $2, expires_at = $3, owner = $4
    WHERE key = $1 AND expires_at > $5 AND value = $6"
);
const LOAD: &str = "SELECT value, expires_at FROM okibi_sessions WHERE key = $1 AND expires_at > $2";
const DELETE: &str = durably!("DELETE FROM okibi_sessions WHERE key = $1");
const LIST: &str = "SELECT key FROM okibi_sessions WHERE owner = $1 AND expires_at > $2";
/// Rows that are locked by another purge or a write are skipped. `ARRAY` is evaluated once with
/// every plan.
const PURGE: &str = "WITH dropped AS (
        DELETE FROM okibi_sessions WHERE key = ANY (ARRAY(
            SELECT key FROM okibi_sessions WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM dropped";

pub(crate) fn load(key: &StoreKey, now: Timestamp) -> Statement<'_> {
    query(LOAD).bind(key.as_str()).bind(column(now))
}

/// The result of [`load`].
pub(crate) fn loaded(rows: &[PgRow]) -> Result<Option<Loaded>> {
    let Some(row) = rows.first() else { return Ok(None) };
    let expires_at = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
    let bytes = Bytes::from(row.try_get::<Vec<u8>, _>(0)?);
    Ok(Some(Loaded { bytes, expires_at: Some(Timestamp::from_millis(expires_at)) }))
}

/// Writes if the stored value is the expected one. Then it returns a row.
pub(crate) fn swap<'q>(
    key: &'q StoreKey,
    expected: Option<&'q [u8]>,
    write: &'q Write,
    now: Timestamp,
) -> Statement<'q> {
    let statement = query(if expected.is_some() { REPLACE } else { CREATE })
        .bind(key.as_str())
        .bind(&write.bytes[..])
        .bind(column(write.expires_at))
        .bind(write.owner.as_ref().map(Owner::as_str))
        .bind(column(now));
    if let Some(expected) = expected { statement.bind(expected) } else { statement }
}

pub(crate) fn delete(key: &StoreKey) -> Statement<'_> {
    query(DELETE).bind(key.as_str())
}

pub(crate) fn list(owner: &Owner, now: Timestamp) -> Statement<'_> {
    query(LIST).bind(owner.as_str()).bind(column(now))
}

/// The result of [`list`].
pub(crate) fn listed(rows: &[PgRow]) -> Result<Vec<StoreKey>> {
    rows.iter().map(|row| Ok(StoreKey::new(row.try_get::<String, _>(0)?))).collect()
}

/// Deletes at most `limit` expired rows.
pub(crate) fn purge(now: Timestamp, limit: i64) -> Statement<'static> {
    query(PURGE).bind(column(now)).bind(limit)
}

/// The number of rows that [`purge`] deleted.
pub(crate) fn purged(rows: &[PgRow]) -> Result<i64> {
    rows.first().map_or(Ok(0), |row| row.try_get(0))
}

/// A time as the column stores it.
fn column(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

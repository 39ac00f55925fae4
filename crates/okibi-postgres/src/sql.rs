//! The statements of the store, each one step and one round trip on its own.

use bytes::Bytes;
use okibi_store::{Loaded, Owner, StoreKey, Timestamp, Write};
use sqlx::{PgConnection, Result, Row};

/// A write counts as done only when it is on disk, also where the app's connections have `synchronous_commit = off`: this
/// column of a `RETURNING` turns it on for the write's own transaction.
macro_rules! durably {
    ($statement:literal) => {
        concat!(
            $statement,
            " RETURNING CASE WHEN current_setting('synchronous_commit') = 'off'
                THEN set_config('synchronous_commit', 'on', true) END"
        )
    };
}

/// Creates the row, or takes the place of an expired one.
const CREATE: &str = durably!(
    "INSERT INTO okibi_sessions AS held (key, value, expires_at, owner) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner
    WHERE held.expires_at <= $5"
);
/// Replaces the value of a live row that still is what was expected.
const REPLACE: &str = durably!(
    "UPDATE okibi_sessions SET value = $2, expires_at = $3, owner = $4
    WHERE key = $1 AND expires_at > $5 AND value = $6"
);
const LOAD: &str = "SELECT value, expires_at FROM okibi_sessions WHERE key = $1 AND expires_at > $2";
const DELETE: &str = durably!("DELETE FROM okibi_sessions WHERE key = $1");
const LIST: &str = "SELECT key FROM okibi_sessions WHERE owner = $1 AND expires_at > $2";
/// What another purge or a write is busy with is left alone. The array is made once, whatever the plan.
const PURGE: &str = "DELETE FROM okibi_sessions WHERE key = ANY (ARRAY(
    SELECT key FROM okibi_sessions WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))";

pub(crate) async fn load(connection: &mut PgConnection, key: &StoreKey, now: Timestamp) -> Result<Option<Loaded>> {
    let row = sqlx::query(LOAD).bind(key.as_str()).bind(column(now)).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let expires_at = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
    let bytes = Bytes::from(row.try_get::<Vec<u8>, _>(0)?);
    Ok(Some(Loaded { bytes, expires_at: Some(Timestamp::from_millis(expires_at)) }))
}

/// Writes if what is expected lies there, and says whether it did.
pub(crate) async fn write(
    connection: &mut PgConnection,
    key: &StoreKey,
    expected: Option<&[u8]>,
    write: &Write,
    now: Timestamp,
) -> Result<bool> {
    let statement = sqlx::query(if expected.is_some() { REPLACE } else { CREATE })
        .bind(key.as_str())
        .bind(&write.bytes[..])
        .bind(column(write.expires_at))
        .bind(write.owner.as_ref().map(Owner::as_str))
        .bind(column(now));
    let statement = if let Some(expected) = expected { statement.bind(expected) } else { statement };
    Ok(statement.fetch_optional(connection).await?.is_some())
}

pub(crate) async fn delete(connection: &mut PgConnection, key: &StoreKey) -> Result<()> {
    sqlx::query(DELETE).bind(key.as_str()).fetch_optional(connection).await.map(drop)
}

pub(crate) async fn list(connection: &mut PgConnection, owner: &Owner, now: Timestamp) -> Result<Vec<StoreKey>> {
    let rows = sqlx::query(LIST).bind(owner.as_str()).bind(column(now)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(StoreKey::new(row.try_get::<String, _>(0)?))).collect()
}

/// Drops at most `limit` expired rows and says how many it dropped.
pub(crate) async fn purge(connection: &mut PgConnection, now: Timestamp, limit: i64) -> Result<usize> {
    let done = sqlx::query(PURGE).bind(column(now)).bind(limit).execute(connection).await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

/// A time as the table has it.
fn column(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

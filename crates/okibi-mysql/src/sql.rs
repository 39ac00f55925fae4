//! The statements of the store. Each is atomic and one round trip.

use bytes::Bytes;
use okibi_store::{Loaded, Owner, StoreKey, Timestamp, Write};
use sqlx::{AssertSqlSafe, MySqlConnection, Result, Row, mysql::MySqlRow};

/// Creates the row. `ON DUPLICATE KEY UPDATE` does not fit: it does not report whether a row was
/// created or left as it was.
const CREATE: &str = "INSERT INTO okibi_sessions (value, expires_at, owner, `key`) VALUES (?, ?, ?, ?)";
/// Replaces an expired row.
pub(crate) const TAKE: &str =
    "UPDATE okibi_sessions SET value = ?, expires_at = ?, owner = ? WHERE `key` = ? AND expires_at <= ?";
/// Replaces the value of a live row that equals the expected value. sqlx counts rows found instead
/// of rows changed, so a write of the stored bytes counts.
pub(crate) const REPLACE: &str =
    "UPDATE okibi_sessions SET value = ?, expires_at = ?, owner = ? WHERE `key` = ? AND expires_at > ? AND value = ?";
pub(crate) const LOAD: &str = "SELECT value, expires_at FROM okibi_sessions WHERE `key` = ? AND expires_at > ?";
/// The stored row, expired or not.
pub(crate) const LOOK: &str = "SELECT value, expires_at FROM okibi_sessions WHERE `key` = ?";
pub(crate) const DELETE: &str = "DELETE FROM okibi_sessions WHERE `key` = ?";
pub(crate) const LIST: &str = "SELECT `key` FROM okibi_sessions WHERE owner = ? AND expires_at > ?";
/// Finds expired rows and locks none.
pub(crate) const EXPIRED: &str = "SELECT `key`, expires_at FROM okibi_sessions
    WHERE expires_at >= ? AND expires_at <= ? ORDER BY expires_at LIMIT ?";
/// Deletes rows by their keys. That locks these rows and no gaps, in the order in which writes
/// lock. A delete by expiry would lock the gaps too, and could deadlock with a write.
pub(crate) const PURGE: &str =
    "DELETE held FROM okibi_sessions AS held FORCE INDEX (PRIMARY) WHERE held.expires_at <= ? AND held.`key` IN (";

/// How a swap writes.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    /// If there is no row.
    Create,
    /// If there is an expired row.
    Take,
    /// If there is a live row with these bytes.
    Replace(&'a [u8]),
}

/// The keys of expired rows, and the expiry of the last one.
pub(crate) struct Expired {
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) last: i64,
}

pub(crate) async fn load(connection: &mut MySqlConnection, key: &StoreKey, now: Timestamp) -> Result<Option<Loaded>> {
    let load = sqlx::query(LOAD).bind(key.as_str().as_bytes()).bind(column(now));
    // Fetches all rows (at most one), so that the whole answer is read.
    load.fetch_all(connection).await?.first().map(loaded).transpose()
}

pub(crate) async fn look(connection: &mut MySqlConnection, key: &StoreKey) -> Result<Option<Loaded>> {
    let look = sqlx::query(LOOK).bind(key.as_str().as_bytes());
    look.fetch_all(connection).await?.first().map(loaded).transpose()
}

fn loaded(row: &MySqlRow) -> Result<Loaded> {
    let expires_at = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
    let bytes = Bytes::from(row.try_get::<Vec<u8>, _>(0)?);
    Ok(Loaded { bytes, expires_at: Some(Timestamp::from_millis(expires_at)) })
}

/// Writes if the stored value is the expected one. Returns whether it wrote.
pub(crate) async fn write(
    connection: &mut MySqlConnection,
    key: &StoreKey,
    step: Step<'_>,
    write: &Write,
    now: Timestamp,
) -> Result<bool> {
    let statement = match step {
        Step::Create => CREATE,
        Step::Take => TAKE,
        Step::Replace(_) => REPLACE,
    };
    let mut statement = sqlx::query(statement)
        .bind(&write.bytes[..])
        .bind(column(write.expires_at))
        .bind(write.owner.as_ref().map(|owner| owner.as_str().as_bytes()))
        .bind(key.as_str().as_bytes());
    match step {
        Step::Create => {}
        Step::Take => statement = statement.bind(column(now)),
        Step::Replace(expected) => statement = statement.bind(column(now)).bind(expected),
    }
    Ok(statement.execute(connection).await?.rows_affected() > 0)
}

pub(crate) async fn delete(connection: &mut MySqlConnection, key: &StoreKey) -> Result<()> {
    sqlx::query(DELETE).bind(key.as_str().as_bytes()).execute(connection).await.map(drop)
}

pub(crate) async fn list(connection: &mut MySqlConnection, owner: &Owner, now: Timestamp) -> Result<Vec<StoreKey>> {
    let rows = sqlx::query(LIST).bind(owner.as_str().as_bytes()).bind(column(now)).fetch_all(connection).await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        // okibi writes keys as UTF-8 only.
        if let Ok(key) = String::from_utf8(row.try_get(0)?) {
            keys.push(StoreKey::new(key));
        }
    }
    Ok(keys)
}

/// At most `limit` rows that expired between `since` and `now`, oldest first.
pub(crate) async fn expired(
    connection: &mut MySqlConnection,
    since: i64,
    now: Timestamp,
    limit: usize,
) -> Result<Expired> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(EXPIRED).bind(since).bind(column(now)).bind(limit).fetch_all(connection).await?;
    let keys = rows.iter().map(|row| row.try_get(0)).collect::<Result<_>>()?;
    let last = rows.last().map_or(Ok(since), |row| row.try_get(1))?;
    Ok(Expired { keys, last })
}

/// Deletes the rows among these that have expired, and returns their number.
pub(crate) async fn purge(connection: &mut MySqlConnection, keys: &[Vec<u8>], now: Timestamp) -> Result<usize> {
    let mut statement = String::from(PURGE);
    for at in 0..keys.len() {
        statement.push_str(if at == 0 { "?" } else { ", ?" });
    }
    statement.push(')');
    let mut purge = sqlx::query(AssertSqlSafe(statement)).persistent(false).bind(column(now));
    for key in keys {
        purge = purge.bind(key);
    }
    let done = purge.execute(connection).await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

/// A time as the column stores it.
fn column(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

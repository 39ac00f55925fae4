//! Makes the table, from any number of instances at once, and refuses one that loses what it acknowledged.

use sqlx::{PgConnection, Result, Row};

use crate::{SCHEMA, connection::Held, fault::Fault};

/// What is there of the table and its indexes, and whether the table is one that a crash would empty.
const LOOK: &str = "SELECT
    to_regclass('okibi_sessions') IS NOT NULL
        AND to_regclass('okibi_sessions_expires_at') IS NOT NULL
        AND to_regclass('okibi_sessions_owner') IS NOT NULL,
    EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('okibi_sessions') AND relpersistence = 'u')";

/// A number that nobody else takes for an advisory lock: the first bytes of the SHA-256 of `okibi_sessions`.
const LOCK: i64 = -8_640_331_450_552_768_956;

struct Found {
    is_complete: bool,
    is_unlogged: bool,
}

/// Where everything is there already, nothing is locked and no permission to create is needed.
pub(crate) async fn migrate(held: &mut Held) -> std::result::Result<(), Fault> {
    let mut found = held.run(look).await.map_err(Fault::Request)?;
    if !found.is_complete {
        held.run(create).await.map_err(Fault::Request)?;
        found = held.run(look).await.map_err(Fault::Request)?;
    }
    if found.is_unlogged { Err(Fault::Unlogged) } else { Ok(()) }
}

async fn look(connection: &mut PgConnection) -> Result<Found> {
    let row = sqlx::query(LOOK).persistent(false).fetch_one(connection).await?;
    Ok(Found { is_complete: row.try_get(0)?, is_unlogged: row.try_get(1)? })
}

/// All in one message, which makes it one transaction, whose end gives the lock back.
async fn create(connection: &mut PgConnection) -> Result<()> {
    // `IF NOT EXISTS` alone lets two at once both try, of whom one fails.
    let statements = format!("SELECT pg_advisory_xact_lock({LOCK}); {SCHEMA}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(connection).await.map(drop)
}

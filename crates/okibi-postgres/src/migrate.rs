//! Creates the table, safely from several instances at the same time. Refuses a table that loses
//! acknowledged writes.

use sqlx::{Error, Row, postgres::PgRow, query};

use crate::{SCHEMA, connection::Borrowed, error::RequestError};

/// Whether the table and its indexes exist, and whether the table is unlogged.
const LOOK: &str = "SELECT
    to_regclass('okibi_sessions') IS NOT NULL
        AND to_regclass('okibi_sessions_expires_at') IS NOT NULL
        AND to_regclass('okibi_sessions_owner') IS NOT NULL,
    EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('okibi_sessions') AND relpersistence = 'u')";

/// The key of the advisory lock: the first bytes of the SHA-256 of `okibi_sessions`.
const LOCK: i64 = -8_640_331_450_552_768_956;

struct TableState {
    is_complete: bool,
    is_unlogged: bool,
}

/// If everything exists, it takes no lock and needs no right to create.
pub(crate) async fn migrate(borrowed: &mut Borrowed) -> Result<(), RequestError> {
    let mut found = table_state(borrowed).await?;
    if !found.is_complete {
        // With `IF NOT EXISTS` alone two concurrent migrations both try, and one fails. The end of
        // the transaction releases the lock.
        let statements = format!("SELECT pg_advisory_xact_lock({LOCK}); {SCHEMA}");
        borrowed.script(statements).await.map_err(RequestError::Request)?;
        found = table_state(borrowed).await?;
    }
    if found.is_unlogged { Err(RequestError::Unlogged) } else { Ok(()) }
}

async fn table_state(borrowed: &mut Borrowed) -> Result<TableState, RequestError> {
    let rows = borrowed.fetch(query(LOOK).persistent(false)).await.map_err(RequestError::Request)?;
    found(&rows).map_err(|error| RequestError::Request(error.into()))
}

fn found(rows: &[PgRow]) -> Result<TableState, Error> {
    let row = rows.first().ok_or(Error::RowNotFound)?;
    Ok(TableState { is_complete: row.try_get(0)?, is_unlogged: row.try_get(1)? })
}

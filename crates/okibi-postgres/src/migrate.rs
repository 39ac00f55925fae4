//! Makes the table, from any number of instances at once, and refuses one that loses what it acknowledged.

use sqlx::{Error, Row, postgres::PgRow, query};

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
pub(crate) async fn migrate(held: &mut Held) -> Result<(), Fault> {
    let mut found = look(held).await?;
    if !found.is_complete {
        // `IF NOT EXISTS` alone lets two at once both try, of whom one fails. The transaction's end gives the lock back.
        let statements = format!("SELECT pg_advisory_xact_lock({LOCK}); {SCHEMA}");
        held.script(statements).await.map_err(Fault::Request)?;
        found = look(held).await?;
    }
    if found.is_unlogged { Err(Fault::Unlogged) } else { Ok(()) }
}

async fn look(held: &mut Held) -> Result<Found, Fault> {
    let rows = held.ask(query(LOOK).persistent(false)).await.map_err(Fault::Request)?;
    found(&rows).map_err(|error| Fault::Request(error.into()))
}

fn found(rows: &[PgRow]) -> Result<Found, Error> {
    let row = rows.first().ok_or(Error::RowNotFound)?;
    Ok(Found { is_complete: row.try_get(0)?, is_unlogged: row.try_get(1)? })
}

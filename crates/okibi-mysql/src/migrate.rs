//! Creates the table, safely from several instances at the same time. Refuses a table that loses
//! acknowledged writes.

use sqlx::{MySqlConnection, Result, Row};

use crate::{SCHEMA, connection::Borrowed, error::RequestError};

/// The storage engine of the table, if it exists, and whether each statement is a transaction.
const LOOK: &str = "SELECT @@autocommit, (SELECT engine FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name = 'okibi_sessions')";

struct TableState {
    commits: bool,
    engine: Option<String>,
}

/// If the table exists, no right to create is needed.
pub(crate) async fn migrate(borrowed: &mut Borrowed) -> std::result::Result<(), RequestError> {
    let mut found = borrowed.run(look).await.map_err(RequestError::Request)?;
    if !found.commits {
        return Err(RequestError::NotCommitted);
    }
    if found.engine.is_none() {
        borrowed.run(create).await.map_err(RequestError::Request)?;
        found = borrowed.run(look).await.map_err(RequestError::Request)?;
    }
    match found.engine {
        Some(engine) if !engine.eq_ignore_ascii_case("InnoDB") => Err(RequestError::NotDurable(engine)),
        _ => Ok(()),
    }
}

async fn look(connection: &mut MySqlConnection) -> Result<TableState> {
    let row = sqlx::query(LOOK).persistent(false).fetch_one(connection).await?;
    Ok(TableState { commits: row.try_get::<i64, _>(0)? != 0, engine: row.try_get(1)? })
}

/// One statement. The server executes it once for concurrent callers.
async fn create(connection: &mut MySqlConnection) -> Result<()> {
    sqlx::raw_sql(SCHEMA).execute(connection).await.map(drop)
}

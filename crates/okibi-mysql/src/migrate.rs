//! Makes the table, from any number of instances at once, and refuses one that loses what it acknowledged.

use sqlx::{MySqlConnection, Result, Row};

use crate::{SCHEMA, connection::Held, fault::Fault};

/// What keeps the table, if there is one, and whether each statement is a transaction.
const LOOK: &str = "SELECT @@autocommit, (SELECT engine FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name = 'okibi_sessions')";

struct Found {
    commits: bool,
    engine: Option<String>,
}

/// Where the table is there already, no permission to create is needed.
pub(crate) async fn migrate(held: &mut Held) -> std::result::Result<(), Fault> {
    let mut found = held.run(look).await.map_err(Fault::Request)?;
    if !found.commits {
        return Err(Fault::NotCommitted);
    }
    if found.engine.is_none() {
        held.run(create).await.map_err(Fault::Request)?;
        found = held.run(look).await.map_err(Fault::Request)?;
    }
    match found.engine {
        Some(engine) if !engine.eq_ignore_ascii_case("InnoDB") => Err(Fault::NotDurable(engine)),
        _ => Ok(()),
    }
}

async fn look(connection: &mut MySqlConnection) -> Result<Found> {
    let row = sqlx::query(LOOK).persistent(false).fetch_one(connection).await?;
    Ok(Found { commits: row.try_get::<i64, _>(0)? != 0, engine: row.try_get(1)? })
}

/// One statement, which the server itself carries out once, however many ask for it.
async fn create(connection: &mut MySqlConnection) -> Result<()> {
    sqlx::raw_sql(SCHEMA).execute(connection).await.map(drop)
}

//! Makes the table, from any number of instances at once, and refuses one that loses what it acknowledged.

use sqlx::{MySqlConnection, Result, Row};

use crate::{SCHEMA, connection::Held, fault::Fault};

/// What keeps the table, if there is one.
const LOOK: &str = "SELECT engine FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name = 'okibi_sessions'";

/// Where the table is there already, no permission to create is needed.
pub(crate) async fn migrate(held: &mut Held) -> std::result::Result<(), Fault> {
    let mut engine = held.run(look).await.map_err(Fault::Request)?;
    if engine.is_none() {
        held.run(create).await.map_err(Fault::Request)?;
        engine = held.run(look).await.map_err(Fault::Request)?;
    }
    match engine {
        Some(engine) if !engine.eq_ignore_ascii_case("InnoDB") => Err(Fault::NotDurable(engine)),
        _ => Ok(()),
    }
}

async fn look(connection: &mut MySqlConnection) -> Result<Option<String>> {
    let rows = sqlx::query(LOOK).persistent(false).fetch_all(connection).await?;
    rows.first().map(|row| row.try_get(0)).transpose()
}

/// One statement, which the server itself carries out once, however many ask for it.
async fn create(connection: &mut MySqlConnection) -> Result<()> {
    sqlx::raw_sql(SCHEMA).execute(connection).await.map(drop)
}

//! Sessions in `MySQL` or `MariaDB`, as in `docs/stores.md`:
//! `cargo run -p okibi --example mysql --features mysql`.

use std::{env, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use okibi::{MysqlStore, Name, Session, Sessions, purge_every};
use sqlx::mysql::MySqlPoolOptions;

const VISITS: Name<u32> = Name::new("visits");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = MySqlPoolOptions::new().acquire_timeout(Duration::from_secs(1));
    let pool = options.connect(&env::var("DATABASE_URL")?).await?;

    let store = Arc::new(MysqlStore::new(pool));
    store.migrate().await?;
    let purging = purge_every(Arc::clone(&store), Duration::from_hours(1));

    let app = Router::new().route("/", get(home)).layer(Sessions::new(store).layer()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    purging.stop().await;
    Ok(())
}

async fn home(session: Session) -> Result<String, okibi::Error> {
    let visits = session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
    Ok(format!("visit {visits}"))
}

//! Sessions in Redis or Valkey, as in `docs/stores.md`:
//! `cargo run -p okibi --example redis --features redis`.

use axum::{Router, routing::get};
use okibi::{Name, RedisStore, Session, Sessions};

const VISITS: Name<u32> = Name::new("visits");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = RedisStore::connect("redis://localhost:6379").await?;

    let app = Router::new().route("/", get(home)).layer(Sessions::new(store).layer()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn home(session: Session) -> Result<String, okibi::Error> {
    let visits = session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
    Ok(format!("visit {visits}"))
}

//! A small service whose sessions lie in one SQLite file that other processes open as well, a Hono app among them.
//!
//! `cargo run -p okibi --features sqlite --example shared -- sessions.sqlite` prints the address it listens on. The test
//! `packages/okibi/test/both-faces.test.ts` plays it against a Hono app on the same file.

use std::{collections::BTreeMap, time::Duration};

use axum::{Router, extract::Path, routing::get};
use okibi::{Error, Name, Session, SessionOf, Sessions, SqliteStore};

const COUNT: Name<u64> = Name::new("count");

/// Every value there is, whatever its name.
type Values = BTreeMap<String, serde_json::Value>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which SQLite file?")?;
    let sessions = Sessions::new(SqliteStore::open(path)?).layer()?;
    let app = Router::new()
        .route("/add", get(add))
        .route("/set/{name}", get(set))
        .route("/slow/{name}", get(slow))
        .route("/read", get(read))
        .route("/rotate", get(rotate))
        .route("/renew", get(renew))
        .route("/logout", get(logout))
        .layer(sessions);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn add(session: Session) -> Result<String, Error> {
    session.update(COUNT, |count| count.unwrap_or(0) + 1).map(|count| count.to_string())
}

async fn set(Path(name): Path<String>, values: SessionOf<Values>) -> Result<(), Error> {
    values.update(move |values| drop(values.insert(name.clone(), true.into()))).map(drop)
}

/// Changes the session, and takes its time about it.
async fn slow(Path(name): Path<String>, values: SessionOf<Values>) -> Result<(), Error> {
    values.update(move |values| drop(values.insert(name.clone(), true.into())))?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(())
}

async fn read(values: SessionOf<Values>) -> Result<axum::Json<Values>, Error> {
    values.get().map(axum::Json)
}

async fn rotate(session: Session) -> Result<(), Error> {
    session.rotate()
}

async fn renew(session: Session) -> Result<(), Error> {
    session.renew_id()
}

async fn logout(session: Session) -> Result<(), Error> {
    session.destroy()
}

//! A small service for users to list and revoke their sessions, on a store that other processes
//! use, too.
//!
//! `cargo run -p okibi --all-features --example everywhere -- <store>` prints the address that it
//! listens on. The store is an SQLite file, or `redis://…`, `postgres://…`, `mysql://…`. Several
//! `redis://…` with commas between them are a cluster. The test
//! `packages/okibi/test/stores/everywhere.test.ts` runs it with a Hono app on the same store.

use axum::{Extension, Json, Router, extract::Path, routing::get};
use okibi::{Directory, Error, MysqlStore, PostgresStore, RedisStore, Session, Sessions, SqliteStore, store::Store};
use redis::cluster::ClusterClient;
use sqlx::{MySqlPool, PgPool};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let place = std::env::args().nth(1).ok_or("which store?")?;
    let service = match place.split_once("://").map(|(scheme, _)| scheme) {
        Some("redis") if place.contains(',') => {
            service(RedisStore::cluster(&ClusterClient::new(place.split(',').collect::<Vec<_>>())?).await?)?
        }
        Some("redis") => service(RedisStore::connect(&place).await?)?,
        Some("postgres") => service(PostgresStore::new(PgPool::connect(&place).await?))?,
        Some("mysql") => service(MysqlStore::new(MySqlPool::connect(&place).await?))?,
        _ => service(SqliteStore::open(&place)?)?,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, service).await?;
    Ok(())
}

fn service(store: impl Store) -> Result<Router, Failure> {
    let sessions = Sessions::new(store).layer()?;
    Ok(Router::new()
        .route("/login/{owner}/{label}", get(log_in))
        .route("/who", get(who))
        .route("/owned", get(owned))
        .route("/end/{label}", get(end))
        .route("/end-others", get(revoke_others))
        .route("/end-all/{owner}", get(revoke_all))
        .layer(Extension(sessions.directory()))
        .layer(sessions))
}

async fn log_in(Path((owner, label)): Path<(String, String)>, session: Session) -> Result<(), Error> {
    session.set_owner(owner.as_str())?;
    session.set_label(label.as_str())
}

async fn who(session: Session) -> String {
    session.owner().unwrap_or_else(|| "nobody".to_owned())
}

/// The labels of all sessions of this owner. The current session is marked.
async fn owned(session: Session) -> Result<Json<Vec<(Option<String>, bool)>>, Error> {
    let owned = session.list().await?;
    Ok(Json(owned.into_iter().map(|session| (session.label, session.current)).collect()))
}

async fn end(Path(label): Path<String>, session: Session) -> Result<String, Error> {
    let owned = session.list().await?;
    let Some(found) = owned.iter().find(|owned| owned.label.as_ref() == Some(&label)) else {
        return Ok("false".to_owned());
    };
    session.revoke(found.handle).await.map(|ended| ended.to_string())
}

async fn revoke_others(session: Session) -> Result<String, Error> {
    session.revoke_others().await.map(|ended| ended.to_string())
}

async fn revoke_all(Path(owner): Path<String>, Extension(directory): Extension<Directory>) -> Result<String, Error> {
    directory.revoke_all(&owner).await.map(|ended| ended.to_string())
}

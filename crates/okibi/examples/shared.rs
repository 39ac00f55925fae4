//! A small service that shares its store with other processes, such as a Hono app: an SQLite file,
//! or a database with an address that begins with `postgres:`, `mysql:` or `redis:`.
//! `redis-cluster:` is a Redis Cluster.
//!
//! `cargo run -p okibi --features sqlite --example shared -- sessions.sqlite` prints the address
//! that it listens on. The tests `packages/okibi/test/both-faces.test.ts` and
//! `test/stores/*-shared.test.ts` run it with a Hono app.
//!
//! With the further arguments `hono-sessions` or `hono-sessions-cookie` and an encryption key, it
//! uses the sessions of an app with that npm package: `packages/okibi/test/joined.test.ts`.

use std::{collections::BTreeMap, time::Duration};

use axum::{Extension, Router, extract::Path, routing::get};
use okibi::{
    Directory, Error, MysqlStore, Name, PostgresStore, RedisStore, Session, SessionLayer, SessionOf, Sessions,
    SqliteStore,
    compat::{HonoProtection, HonoSessions, IronSecrets},
    store::Store,
};
use redis::cluster::ClusterClient;
use sqlx::{MySqlPool, PgPool};
use tokio::sync::Semaphore;

const COUNT: Name<u64> = Name::new("count");

/// All values, under any name.
type Values = BTreeMap<String, serde_json::Value>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().ok_or("which SQLite file or database?")?;
    let spoken = arguments.next().zip(arguments.next());
    let sessions = match place.split_once(':') {
        Some(("mysql", _)) => sessions(MysqlStore::new(MySqlPool::connect(&place).await?), spoken)?,
        Some(("postgres", _)) => sessions(PostgresStore::new(PgPool::connect(&place).await?), spoken)?,
        Some(("redis", _)) => sessions(RedisStore::connect(&place).await?, spoken)?,
        Some(("redis-cluster", rest)) => {
            let client = ClusterClient::new([format!("redis:{rest}")])?;
            sessions(RedisStore::cluster(&client).await?, spoken)?
        }
        _ => sessions(SqliteStore::open(place)?, spoken)?,
    };
    let app = Router::new()
        .route("/add", get(add))
        .route("/set/{name}", get(set))
        .route("/slow/{name}", get(slow))
        .route("/entered", get(entered))
        .route("/go", get(go))
        .route("/read", get(read))
        .route("/rotate", get(rotate))
        .route("/renew", get(renew))
        .route("/logout", get(logout))
        .route("/own/{owner}", get(own))
        .route("/owner", get(owner))
        .route("/owned", get(owned))
        .route("/end-all/{owner}", get(revoke_all))
        .layer(Extension(sessions.directory()))
        .layer(sessions);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// The dialect and the encryption key, if it is not okibi's own dialect.
fn sessions(store: impl Store, spoken: Option<(String, String)>) -> Result<SessionLayer, Box<dyn std::error::Error>> {
    let Some((dialect, key)) = spoken else {
        // The tests send a hundred concurrent requests for one record, and a busy machine is slow.
        let (most, in_all) = (Duration::from_mins(1), Duration::from_mins(2));
        return Ok(Sessions::new(store).store_timeout(most).commit_deadline(in_all).layer()?);
    };
    let keys = IronSecrets::new([key])?;
    let idle = Some(Duration::from_mins(15));
    let spoken = |protection| HonoSessions { protection, idle, ..HonoSessions::default() };
    match dialect.as_str() {
        "hono-sessions" => Ok(Sessions::hono_sessions(spoken(HonoProtection::SealedId(keys)), store).layer()?),
        "hono-sessions-cookie" => Ok(Sessions::hono_sessions_sealed(spoken(HonoProtection::Sealed(keys))).layer()?),
        _ => Err(format!("{dialect}: unknown dialect; use hono-sessions or hono-sessions-cookie").into()),
    }
}

async fn add(session: Session) -> Result<String, Error> {
    session.update(COUNT, |count| count.unwrap_or(0) + 1).map(|count| count.to_string())
}

async fn set(Path(name): Path<String>, values: SessionOf<Values>) -> Result<(), Error> {
    values.update(move |values| drop(values.insert(name.clone(), true.into()))).map(drop)
}

/// Signals between requests. A permit is kept until another request takes it.
struct Signals {
    entered: Semaphore,
    go: Semaphore,
}

static SIGNALS: Signals = Signals { entered: Semaphore::const_new(0), go: Semaphore::const_new(0) };

async fn pass(signal: &Semaphore) {
    // The semaphore is never closed.
    if let Ok(permit) = signal.acquire().await {
        permit.forget();
    }
}

/// Changes the session, and waits until another request gets `/go`. `/entered` responds when this
/// request waits.
async fn slow(Path(name): Path<String>, values: SessionOf<Values>) -> Result<(), Error> {
    values.update(move |values| drop(values.insert(name.clone(), true.into())))?;
    SIGNALS.entered.add_permits(1);
    pass(&SIGNALS.go).await;
    Ok(())
}

async fn entered() {
    pass(&SIGNALS.entered).await;
}

async fn go() {
    SIGNALS.go.add_permits(1);
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

async fn own(Path(owner): Path<String>, session: Session) -> Result<(), Error> {
    session.set_owner(owner.as_str())
}

async fn owner(session: Session) -> String {
    session.owner().unwrap_or_default()
}

async fn owned(session: Session) -> Result<String, Error> {
    session.list().await.map(|list| list.len().to_string())
}

async fn revoke_all(Path(owner): Path<String>, Extension(directory): Extension<Directory>) -> Result<String, Error> {
    directory.revoke_all(&owner).await.map(|ended| ended.to_string())
}

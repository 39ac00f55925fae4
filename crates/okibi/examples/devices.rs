//! Where a user is signed in, and how they sign out elsewhere. It is the example of `docs/log-out-everywhere.md`.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use axum::{
    Extension, Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header::USER_AGENT},
    routing::{get, post},
};
use okibi::{Directory, Error, Handle, Session, Sessions, SqliteStore};

/// The app, on any store that can list by owner.
pub(crate) fn app(store: SqliteStore) -> Result<Router, okibi::ConfigError> {
    let sessions =
        Sessions::new(store).idle(Duration::from_hours(24 * 7)).absolute(Duration::from_hours(24 * 30)).layer()?;
    Ok(Router::new()
        .route("/login/{user}", post(log_in))
        .route("/devices", get(devices))
        .route("/devices/{handle}/end", post(end_device))
        .route("/devices/end-others", post(revoke_others))
        .route("/admin/{user}/end-all", post(revoke_all)) // behind a guard of your own
        .layer(Extension(sessions.directory()))
        .layer(sessions))
}

async fn log_in(Path(user): Path<String>, headers: HeaderMap, session: Session) -> Result<(), Error> {
    // Check a password here. A session that gets another owner gets another id as well.
    session.set_owner(user.as_str())?;
    let device = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("unknown device");
    session.set_label(device)
}

async fn devices(session: Session) -> Result<String, Error> {
    let mut page = String::new();
    for device in session.list().await? {
        let here = if device.current { ", this one" } else { "" };
        let label = device.label.unwrap_or_default();
        let (since, seen) = (minutes_ago(device.created), minutes_ago(device.last_active));
        writeln!(page, "{label}{here}: since {since}, last seen {seen}, {}", device.handle).expect("a String takes it");
    }
    Ok(page)
}

fn minutes_ago(time: SystemTime) -> String {
    format!("{} minutes ago", time.elapsed().unwrap_or_default().as_secs() / 60)
}

async fn end_device(Path(handle): Path<String>, session: Session) -> Result<StatusCode, Error> {
    let Some(handle) = Handle::parse(&handle) else { return Ok(StatusCode::NOT_FOUND) };
    // Only among the sessions of this session's owner.
    let ended = session.revoke(handle).await?;
    Ok(if ended { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

async fn revoke_others(session: Session) -> Result<String, Error> {
    session.revoke_others().await.map(|ended| format!("{ended} ended"))
}

async fn revoke_all(Path(user): Path<String>, Extension(directory): Extension<Directory>) -> Result<String, Error> {
    directory.revoke_all(&user).await.map(|ended| format!("{ended} ended"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = app(SqliteStore::open("sessions.sqlite")?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}

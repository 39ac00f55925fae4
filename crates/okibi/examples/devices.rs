//! The devices of a user, and how the user revokes their sessions. It is the example of
//! `docs/log-out-everywhere.md`.

use std::{fmt::Write as _, time::Duration};

use axum::{
    Extension, Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header::USER_AGENT},
    routing::{get, post},
};
use okibi::{Directory, Error, Handle, Session, Sessions, SqliteStore};

/// The app, on any store that lists by owner.
pub(crate) fn app(store: SqliteStore) -> Result<Router, okibi::ConfigError> {
    let sessions =
        Sessions::new(store).idle(Duration::from_hours(24 * 7)).absolute(Duration::from_hours(24 * 30)).layer()?;
    Ok(Router::new()
        .route("/login/{user}", post(log_in))
        .route("/devices", get(devices))
        .route("/devices/{handle}/revoke", post(revoke_device))
        .route("/devices/revoke-others", post(revoke_others))
        .route("/admin/{user}/revoke-all", post(revoke_all)) // protect it with a guard of your own
        .layer(Extension(sessions.directory()))
        .layer(sessions))
}

async fn log_in(Path(user): Path<String>, headers: HeaderMap, session: Session) -> Result<(), Error> {
    // Check a password here. A change of owner also rotates the session.
    session.set_owner(user.as_str())?;
    let device = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("unknown device");
    session.set_label(device)
}

async fn devices(session: Session) -> Result<String, Error> {
    let mut page = String::new();
    for device in session.list().await? {
        let here = if device.current { ", this one" } else { "" };
        let label = device.label.unwrap_or_default();
        let seconds = device.last_active.elapsed().unwrap_or_default().as_secs();
        writeln!(page, "{label}{here}: active {seconds} s ago, {}", device.handle).expect("a String takes it");
    }
    Ok(page)
}

async fn revoke_device(Path(handle): Path<String>, session: Session) -> Result<StatusCode, Error> {
    let Some(handle) = Handle::parse(&handle) else { return Ok(StatusCode::NOT_FOUND) };
    // Only among the sessions of this session's owner.
    let revoked = session.revoke(handle).await?;
    Ok(if revoked { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

async fn revoke_others(session: Session) -> Result<String, Error> {
    session.revoke_others().await.map(|revoked| format!("{revoked} revoked"))
}

async fn revoke_all(Path(user): Path<String>, Extension(directory): Extension<Directory>) -> Result<String, Error> {
    directory.revoke_all(&user).await.map(|revoked| format!("{revoked} revoked"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = app(SqliteStore::open("sessions.sqlite")?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}

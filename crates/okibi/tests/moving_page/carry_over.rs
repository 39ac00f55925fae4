//! The example of `docs/from-tower-sessions.md`: adopts the sessions of tower-sessions.

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use okibi::{ConfigError, Error, Name, Session, Sessions};
use tower_sessions::{Session as OldSession, SessionManagerLayer, SessionStore};

const USER: Name<String> = Name::new("user");

/// Adopts a session of tower-sessions, and ends the old one.
async fn carry_over(old: OldSession, session: Session, request: Request, next: Next) -> Response {
    match carried(&old, &session).await {
        Ok(()) => next.run(request).await,
        Err(answer) => answer,
    }
}

async fn carried(old: &OldSession, session: &Session) -> Result<(), Response> {
    if old.id().is_none() {
        return Ok(());
    }
    if !session.is_live() {
        // Copy what your app needs.
        let user = old.get::<String>("user").await.map_err(|error| unavailable(&error))?;
        if let Some(user) = user {
            sign_in(session, &user).await.map_err(IntoResponse::into_response)?;
        }
    }
    // This deletes the old record, and the old layer removes the old cookie.
    old.flush().await.map_err(|error| unavailable(&error))
}

async fn sign_in(session: &Session, user: &str) -> Result<(), Error> {
    session.set_owner(user)?;
    session.set(USER, user)?;
    // Store the new session before the old one is deleted, so that a failure loses nothing.
    session.commit().await
}

fn unavailable(error: &tower_sessions::session::Error) -> Response {
    tracing::error!(%error, "the old store failed");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

pub(crate) fn app(sessions: Sessions, old: impl SessionStore + Clone) -> Result<Router, ConfigError> {
    Ok(Router::new()
        .route("/", get(home))
        .layer(from_fn(carry_over))
        .layer(sessions.layer()?)
        .layer(SessionManagerLayer::new(old)))
}

async fn home(session: Session) -> Result<String, Error> {
    Ok(session.get(USER)?.unwrap_or_else(|| "guest".to_owned()))
}

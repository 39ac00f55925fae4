//! A login with "remember me". It is the example of `docs/remember-me.md`.

use std::time::Duration;

use axum::{
    Form, Router,
    response::Redirect,
    routing::{get, post},
};
use okibi::{ConfigError, Error, MemoryStore, Name, Session, Sessions};
use serde::Deserialize;

const USER: Name<String> = Name::new("user");
const MONTH: Duration = Duration::from_hours(24 * 30);

#[derive(Deserialize)]
struct Login {
    user: String,
    remember: Option<String>,
}

pub(crate) fn app(sessions: Sessions) -> Result<Router, ConfigError> {
    // Whoever does not ask to be remembered: signed out when the browser is closed, after an hour without activity, and after a day.
    let sessions = sessions.persistent(false).layer()?;
    Ok(Router::new().route("/login", post(log_in)).route("/", get(home)).layer(sessions))
}

async fn log_in(session: Session, Form(login): Form<Login>) -> Result<Redirect, Error> {
    // Check a password here.
    session.set_owner(login.user.as_str())?; // another owner: the session gets another id as well
    session.set(USER, &login.user)?;
    if login.remember.is_some() {
        session.set_idle(MONTH)?;
        session.set_absolute(MONTH)?;
        session.set_persistent(true)?;
    }
    Ok(Redirect::to("/"))
}

async fn home(session: Session) -> Result<String, Error> {
    Ok(session.get(USER)?.unwrap_or_else(|| "nobody".to_owned()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = app(Sessions::new(MemoryStore::new()))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}

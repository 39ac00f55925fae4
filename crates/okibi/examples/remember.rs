//! A login with "remember me". It is the example of `docs/remember-me.md`.

use std::time::Duration;

use axum::{
    Form, Router,
    response::{Html, Redirect},
    routing::get,
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
    // By default a session ends when the browser closes, after an hour without activity, and after a day.
    let sessions = sessions.persistent(false).layer()?;
    Ok(Router::new().route("/login", get(form).post(log_in)).route("/", get(home)).layer(sessions))
}

async fn log_in(session: Session, Form(login): Form<Login>) -> Result<Redirect, Error> {
    // Check a password here.
    if session.owner().is_some() {
        session.destroy()?; // a user was logged in: begin a new session
    }
    session.rotate()?; // a new id
    session.set_owner(login.user.as_str())?;
    session.set(USER, &login.user)?;
    if login.remember.is_some() {
        session.set_idle(MONTH)?;
        session.set_absolute(MONTH)?;
        session.set_persistent(true)?;
    }
    Ok(Redirect::to("/"))
}

async fn home(session: Session) -> Result<String, Error> {
    Ok(session.get(USER)?.unwrap_or_else(|| "not logged in".to_owned()))
}

async fn form() -> Html<&'static str> {
    Html(
        "<form method=post>
            <label>User name <input name=user required></label>
            <label><input name=remember type=checkbox> Remember me</label>
            <button>Log in</button>
        </form>",
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = app(Sessions::new(MemoryStore::new()))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}

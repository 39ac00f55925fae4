//! An app with a page that polls the end of its session. It is the polling example of
//! `docs/remember-me.md`.

use std::time::UNIX_EPOCH;

use axum::{Router, routing::get};
use okibi::{Session, Sessions, no_activity};

pub(crate) fn app(sessions: Sessions) -> Result<Router, okibi::ConfigError> {
    Ok(Router::new().route("/time-left", get(time_left).route_layer(no_activity())).layer(sessions.layer()?))
}

async fn time_left(session: Session) -> String {
    let since_epoch = session.expires_at().and_then(|end| end.duration_since(UNIX_EPOCH).ok());
    since_epoch.map_or_else(String::new, |end| end.as_millis().to_string())
}

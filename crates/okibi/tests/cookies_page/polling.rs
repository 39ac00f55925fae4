//! A page that asks the server periodically, which is no activity.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{Router, routing::get};
use okibi::{Session, Sessions, no_activity};

pub(crate) fn app(sessions: Sessions) -> Result<Router, okibi::ConfigError> {
    Ok(Router::new().route("/time-left", get(time_left).route_layer(no_activity())).layer(sessions.layer()?))
}

async fn time_left(session: Session) -> String {
    let millis = |end: SystemTime| end.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    session.expires_at().map_or_else(String::new, |end| millis(end).to_string())
}

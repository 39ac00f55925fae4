//! A page that asks the server periodically, which is no activity.

use axum::{Router, routing::get};
use okibi::{Session, Sessions, no_activity};

pub(crate) fn app(sessions: Sessions) -> Result<Router, okibi::ConfigError> {
    Ok(Router::new().route("/time-left", get(time_left).route_layer(no_activity())).layer(sessions.layer()?))
}

async fn time_left(session: Session) -> String {
    session.expires_at().map_or_else(String::new, |end| end.as_millis().to_string())
}

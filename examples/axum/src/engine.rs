//! The panel: what the engine did for this request.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};
use okibi::Session;
use serde::Serialize;

/// The start of the session cookie, by its default name.
const COOKIE: &str = "__Host-session=";

/// What the engine did, and the times of the session. Spans are in seconds, null without a session.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "four facts and one property, each yes or no")]
pub(crate) struct Engine {
    cookie_came: bool,
    loaded: bool,
    written: bool,
    cookie_sent: bool,
    persistent: bool,
    renewal_due_in: Option<u64>,
    idle_ends_in: Option<u64>,
    ends_in: Option<u64>,
}

impl Engine {
    /// Call it after the commit. `loaded`: whether there was a session before the request changed
    /// anything.
    pub(crate) fn of(session: &Session, headers: &HeaderMap, loaded: bool) -> Self {
        let now = SystemTime::now();
        let left = |end: Option<SystemTime>| end.map(|end| seconds(end.duration_since(now).unwrap_or_default()));
        let report = session.report();
        Self {
            cookie_came: has_cookie(headers),
            loaded,
            // A sealed session is written by sending the cookie.
            written: report.writes > 0 || report.sends_cookie,
            cookie_sent: report.sends_cookie,
            persistent: session.is_persistent(),
            renewal_due_in: left(report.touch_due_at),
            idle_ends_in: left(session.expires_at()),
            ends_in: left(session.deadline()),
        }
    }
}

/// A span in whole seconds, rounded.
pub(crate) fn seconds(span: Duration) -> u64 {
    (span + Duration::from_millis(500)).as_secs()
}

/// Whether the request has a session cookie, whatever its value.
fn has_cookie(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).any(|cookie| cookie.trim_start().starts_with(COOKIE))
}

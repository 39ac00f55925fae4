//! The panel: what the engine did for this request.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};
use okibi::Session;
use serde::Serialize;

/// The beginning of the session's cookie, by its default name.
const COOKIE: &str = "__Host-session=";

/// What the engine did, and what it will do when. Spans are in seconds, null without a session.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "four questions and one property, each answered with yes or no")]
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
    /// To be asked after the commit. `loaded`: whether there was a session before the request changed anything.
    pub(crate) fn of(session: &Session, headers: &HeaderMap, loaded: bool) -> Self {
        let now = SystemTime::now();
        let left = |end: Option<SystemTime>| end.map(|end| seconds(end.duration_since(now).unwrap_or_default()));
        let report = session.report();
        Self {
            cookie_came: cookie_came(headers),
            loaded,
            // Where the cookie is the store, sending it is writing it.
            written: report.writes > 0 || report.sends_cookie,
            cookie_sent: report.sends_cookie,
            persistent: session.is_persistent(),
            renewal_due_in: left(report.touch_due_at),
            idle_ends_in: left(session.expires_at()),
            ends_in: left(session.deadline()),
        }
    }
}

/// A span in whole seconds, to the nearest.
pub(crate) fn seconds(span: Duration) -> u64 {
    (span + Duration::from_millis(500)).as_secs()
}

/// Whether the request brought a cookie under the session's name, whatever its value.
fn cookie_came(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).any(|cookie| cookie.trim_start().starts_with(COOKIE))
}

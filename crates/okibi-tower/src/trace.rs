//! What operators see: the engine's events and the outcome of commits, never an id or a value (S7).

use std::error::Error as _;

use okibi_core::Event;

use crate::Error;

/// Reports what the engine noticed.
pub(crate) fn events(cookie: &str, events: Vec<Event>) {
    for event in events {
        let event_code = event.code();
        match event {
            Event::ForgedCookie | Event::UndecodableRecord | Event::CleanupFailed => {
                tracing::warn!(target: "okibi", cookie, event = event_code, "session event");
            }
            _ => tracing::debug!(target: "okibi", cookie, event = event_code, "session event"),
        }
    }
}

/// Reports a failure that a visitor will notice.
pub(crate) fn failure(cookie: &str, doing: &'static str, error: &Error) {
    let code = error.kind().code();
    let source = error.source().map(tracing::field::display);
    tracing::error!(target: "okibi", cookie, code, source, "session {doing} failed: {error}");
}

/// Reports a commit that was made.
pub(crate) fn committed(cookie: &str, changes: usize, discarded: bool) {
    if discarded {
        tracing::debug!(target: "okibi", cookie, changes, "request failed: session changes dropped");
    } else {
        tracing::debug!(target: "okibi", cookie, changes, "session committed");
    }
}

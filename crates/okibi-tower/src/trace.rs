//! Reports events, commits and errors through `tracing`, without ids and values.

use std::{
    error::Error as StdError,
    fmt, iter,
    panic::{self, AssertUnwindSafe},
};

use okibi_core::Event;

use crate::{Error, shared::Shared};

/// Reports the engine's events.
pub(crate) fn events(shared: &Shared, events: Vec<Event>) {
    let cookie = shared.engine.cookie_name();
    for event in events {
        let event_code = event.code();
        match event {
            Event::ForgedCookie | Event::UndecodableRecord | Event::CleanupFailed => {
                tracing::warn!(target: "okibi", cookie, event = event_code, "session event");
            }
            _ => tracing::debug!(target: "okibi", cookie, event = event_code, "session event"),
        }
        emit(shared, event);
    }
}

/// Reports a stored value that counts as absent because it does not fit its type. The report
/// contains neither value nor type.
pub(crate) fn misfit(shared: &Shared, name: &str) {
    let (cookie, event) = (shared.engine.cookie_name(), Event::Misfit.code());
    tracing::warn!(target: "okibi", cookie, name, event, "session event");
    emit(shared, Event::Misfit);
}

fn emit(shared: &Shared, event: Event) {
    let Some(on_event) = &shared.environment.on_event else { return };
    // The commit and its cookie do not depend on the handler of events.
    if panic::catch_unwind(AssertUnwindSafe(|| on_event(event))).is_err() {
        let cookie = shared.engine.cookie_name();
        tracing::error!(target: "okibi", cookie, event = event.code(), "on_event panicked");
    }
}

/// Reports an error that the visitor notices.
pub(crate) fn failure(cookie: &str, doing: &'static str, error: &Error) {
    let code = error.kind().code();
    tracing::error!(target: "okibi", cookie, code, "session {doing} failed: {}", Chain(error));
}

/// Reports a commit.
pub(crate) fn committed(cookie: &str, changes: usize, discarded: bool) {
    if discarded {
        tracing::debug!(target: "okibi", cookie, changes, "request failed: session changes dropped");
    } else {
        tracing::debug!(target: "okibi", cookie, changes, "session committed");
    }
}

/// An error and its causes in one line, without repetitions.
struct Chain<'a>(&'a Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        for cause in iter::successors(self.0.source(), |cause| (*cause).source()) {
            let cause = cause.to_string();
            if cause != said {
                write!(f, ": {cause}")?;
            }
            said = cause;
        }
        Ok(())
    }
}

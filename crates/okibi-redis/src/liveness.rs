//! Detects an open connection that answers nothing.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A connection is replaced if commands were sent on it and no answer arrived for this long.
///
/// The driver cancels a command and keeps the connection. That does not help if the peer
/// disappeared without closing it: a machine without power, or a firewall that dropped its state.
const SILENCE: Duration = Duration::from_secs(1);

/// The time of the first command that has no answer yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Liveness(Arc<Mutex<Option<Instant>>>);

impl Liveness {
    /// Records that a command is sent.
    pub(crate) fn asked(&self) {
        self.set(|since| since.or_else(|| Some(Instant::now())));
    }

    /// Records that an answer arrived, to any command.
    pub(crate) fn answered(&self) {
        self.set(|_| None);
    }

    /// Whether an answer is overdue.
    pub(crate) fn is_silent(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > SILENCE)
    }

    fn set(&self, change: impl FnOnce(Option<Instant>) -> Option<Instant>) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = change(*since);
    }
}

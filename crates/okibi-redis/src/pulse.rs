//! Notices when a connection is there and nobody answers on it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// After which a connection on which something was asked and nothing at all was answered is given up for another one.
///
/// The driver gives a command up and keeps the connection. That is of no use where the other side has gone without a word:
/// a machine that lost its power, a firewall that forgot.
const SILENCE: Duration = Duration::from_secs(1);

/// Since when a connection has been asked and has answered nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<Mutex<Option<Instant>>>);

impl Pulse {
    /// Something is being asked.
    pub(crate) fn asked(&self) {
        self.set(|since| since.or_else(|| Some(Instant::now())));
    }

    /// An answer came, whatever it was an answer to.
    pub(crate) fn answered(&self) {
        self.set(|_| None);
    }

    /// Whether nothing has been heard for too long.
    pub(crate) fn is_silent(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > SILENCE)
    }

    fn set(&self, change: impl FnOnce(Option<Instant>) -> Option<Instant>) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = change(*since);
    }
}

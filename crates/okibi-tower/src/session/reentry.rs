//! Which session's update is running on this thread: its function must not change that session.

use std::{cell::Cell, ptr};

use super::Inner;

thread_local! {
    /// The session whose update runs its function on this thread; null for none.
    static UPDATED: Cell<*const Inner> = const { Cell::new(ptr::null()) };
}

/// Held while the function of an update runs.
pub(super) struct Running {
    before: *const Inner,
}

impl Running {
    pub(super) fn of(session: &Inner) -> Self {
        Self { before: UPDATED.replace(session) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        UPDATED.set(self.before);
    }
}

/// Whether the caller is the function of an update of this very session.
pub(super) fn is_inside_update_of(session: &Inner) -> bool {
    ptr::eq(UPDATED.get(), session)
}

//! The session of the update that runs on this thread. The function of an update must not change
//! its session.

use std::{cell::Cell, ptr};

use super::Inner;

thread_local! {
    /// The session of the update that runs its function on this thread. Null: none.
    static UPDATING: Cell<*const Inner> = const { Cell::new(ptr::null()) };
}

/// Exists while the function of an update runs.
pub(super) struct RunningUpdate {
    before: *const Inner,
}

impl RunningUpdate {
    pub(super) fn of(session: &Inner) -> Self {
        Self { before: UPDATING.replace(session) }
    }
}

impl Drop for RunningUpdate {
    fn drop(&mut self) {
        UPDATING.set(self.before);
    }
}

/// Whether the caller is the function of an update of this session.
pub(super) fn is_inside_update_of(session: &Inner) -> bool {
    ptr::eq(UPDATING.get(), session)
}

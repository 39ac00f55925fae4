//! The current time, for stores that check expiry themselves.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::Timestamp;

/// Returns the current time. Tests pass a clock of their own and run on virtual time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The time of the system clock. A clock that is set before 1970 reads as the Unix epoch.
pub fn system_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::default().plus(since_epoch)
}

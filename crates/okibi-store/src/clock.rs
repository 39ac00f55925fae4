//! What time it is, for stores that judge expiry themselves.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::Timestamp;

/// Tells a store what time it is. Tests give one of their own, so that they run on virtual time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The time by the system's clock; a clock set before 1970 reads as the Unix epoch.
pub fn system_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::default().plus(since_epoch)
}

//! How long a face may wait: for one answer of a store, and for a whole commit.

use core::time::Duration;

use crate::error::ConfigError;

/// The longest that a timer of JavaScript waits.
const LONGEST_TIMER: Duration = Duration::from_millis((1 << 31) - 1);

/// Checks how long a face waits for one answer of a store, and for a commit with all its conflicts.
///
/// # Errors
/// A span of zero, or one longer than 2,147,483 seconds, which is 24 days: longer than a timer of JavaScript waits.
pub fn check_timeouts(store_timeout: Duration, commit_deadline: Duration) -> Result<(), ConfigError> {
    for (option, value) in [("store_timeout", store_timeout), ("commit_deadline", commit_deadline)] {
        if value.is_zero() || value > LONGEST_TIMER {
            let rule = "must be longer than zero and at most 2147483 seconds (24 days): no timer waits longer";
            return Err(ConfigError::Span { option, value, rule });
        }
    }
    Ok(())
}

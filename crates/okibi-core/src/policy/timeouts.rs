//! The timeouts of a face: for one store call and for a whole commit.

use core::time::Duration;

use crate::error::ConfigError;

/// The longest timer in JavaScript.
const LONGEST_TIMER: Duration = Duration::from_millis((1 << 31) - 1);

/// Checks the timeout of one store call and the deadline of a commit with all its conflicts.
///
/// # Errors
/// A duration of zero, or of more than 2,147,483 seconds (24 days), the longest timer in
/// JavaScript.
pub fn check_timeouts(store_timeout: Duration, commit_deadline: Duration) -> Result<(), ConfigError> {
    for (option, value) in [("store_timeout", store_timeout), ("commit_deadline", commit_deadline)] {
        if value.is_zero() || value > LONGEST_TIMER {
            let rule = "must be longer than zero and at most 2147483 seconds (24 days): the longest timer";
            return Err(ConfigError::Span { option, value, rule });
        }
    }
    Ok(())
}

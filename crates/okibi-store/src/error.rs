//! The errors of a store.

use std::{error::Error as StdError, fmt};

/// A failed store call. The cause is the backend, never the visitor's request.
///
/// Its `Display` string is safe to show to a visitor. The cause is its
/// [`source`](StdError::source): log it.
///
/// ```
/// use okibi_store::{StoreError, StoreErrorKind};
///
/// let error = StoreError::unavailable("connection refused");
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// assert_eq!(error.to_string(), "session store unavailable: nothing was written");
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Whether a failed call may have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The backend could not be reached, or it refused the call. Nothing was written.
    Unavailable,
    /// No answer arrived. A write may or may not have happened. Use this kind when in doubt.
    Unknown,
}

impl StoreError {
    /// The backend could not be reached, or it refused the call. Nothing was written.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Unavailable, source: Some(source.into()) }
    }

    /// The answer was lost. A write may or may not have happened.
    pub fn unknown(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Unknown, source: Some(source.into()) }
    }

    /// Whether the call may have written.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "session store unavailable: nothing was written",
            StoreErrorKind::Unknown => "session store did not answer: the outcome is unknown",
        })
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

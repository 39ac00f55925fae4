//! What can go wrong between okibi and a backend.

use std::{error::Error as StdError, fmt};

/// A fault of the store, never of the visitor.
///
/// Its own text is safe to show to a visitor; the cause is its [`source`](StdError::source), for the operator's log.
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

/// What a store's fault means for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The request did not reach the backend or was refused: nothing was written.
    Unavailable,
    /// No answer arrived, so a write may or may not have happened. When in doubt, it is this one.
    Unknown,
}

impl StoreError {
    /// The backend could not be reached or refused: nothing was written.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Unavailable, source: Some(source.into()) }
    }

    /// The answer was lost: a write may or may not have happened.
    pub fn unknown(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Unknown, source: Some(source.into()) }
    }

    /// What the fault means for what was asked.
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

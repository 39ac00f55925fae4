//! What passes between the engine and a store: the words of the store contract.

use bytes::Bytes;

use crate::{codec::fields, id::Owner, time::Timestamp};

/// What a load found.
#[derive(Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The bytes that the last write put there.
    pub bytes: Bytes,
    /// The backend's own expiry, where it can tell.
    pub expires_at: Option<Timestamp>,
}

impl core::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Loaded");
        shown.field("bytes", &format_args!("{} bytes", self.bytes.len())).field("expires_at", &self.expires_at).finish()
    }
}

/// What a store is asked to put under a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The record, encoded. A store never looks inside.
    pub bytes: Bytes,
    /// When the store may forget it. The engine enforces expiry itself; this only collects garbage.
    pub expires_at: Timestamp,
    /// Whose session it is, for stores that can list by owner: `<namespace>:<owner>`.
    pub owner: Option<Owner>,
}

fields!(Write { bytes, expires_at, owner });

impl core::fmt::Debug for Write {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Write")
            .field("bytes", &format_args!("{} bytes", self.bytes.len()))
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A store's answer to a compare-and-swap.
#[derive(Clone, PartialEq, Eq)]
pub enum Swap {
    /// The key held what was expected and now holds what was written.
    Done,
    /// The key held something else, which is returned; nothing was written. `None`: nothing lies there, or it has expired.
    Conflict(Option<Bytes>),
}

impl core::fmt::Debug for Swap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Done => f.write_str("Done"),
            Self::Conflict(None) => f.write_str("Conflict(nothing)"),
            Self::Conflict(Some(bytes)) => write!(f, "Conflict({} bytes)", bytes.len()),
        }
    }
}

/// What a backend can promise about a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Reads see the last write, and a swap is atomic. All of okibi's promises hold.
    Strong,
    /// Reads see the last write, but there is no compare-and-swap: the store re-reads right before it writes.
    NoSwap,
    /// A read may be stale for a while (Cloudflare KV): what depends on a swap is best effort within that time.
    Eventual,
}

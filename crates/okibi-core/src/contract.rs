//! The types of the store contract: what the engine and a store exchange.

use bytes::Bytes;

use crate::{codec::fields, id::Owner, time::Timestamp};

/// A loaded value.
#[derive(Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The bytes of the last write.
    pub bytes: Bytes,
    /// The backend's own expiry, if the backend knows it.
    pub expires_at: Option<Timestamp>,
}

impl core::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Loaded");
        shown.field("bytes", &format_args!("{} bytes", self.bytes.len())).field("expires_at", &self.expires_at).finish()
    }
}

/// A value to store under a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The encoded record. A store does not read it.
    pub bytes: Bytes,
    /// When the store may delete the value. The engine checks expiry itself, so this is only for
    /// cleanup.
    pub expires_at: Timestamp,
    /// The owner of the session, as `<namespace>:<owner>`, for stores that can list by owner.
    pub owner: Option<Owner>,
    /// Whether `expires_at` and `owner` are those that the expected record was written with. A store may then write the
    /// bytes alone, or ignore this.
    pub keeps: bool,
}

fields!(Write { bytes, expires_at, owner; keeps });

impl core::fmt::Debug for Write {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Write")
            .field("bytes", &format_args!("{} bytes", self.bytes.len()))
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The answer of a store to a compare-and-swap.
#[derive(Clone, PartialEq, Eq)]
pub enum Swap {
    /// The stored value was the expected one. It is now the written one.
    Done,
    /// The stored value was another one, which is returned, and nothing was written. `None`:
    /// nothing is stored, or it has expired.
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

/// What a backend guarantees about a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// A read returns the last write, and a swap is atomic. All guarantees of okibi hold.
    Strong,
    /// A read returns the last write, but there is no compare-and-swap: the store reads again right
    /// before it writes.
    NoSwap,
    /// A read may be stale for some time (Cloudflare KV). Within that time, guarantees that need a
    /// swap are best effort.
    Eventual,
}

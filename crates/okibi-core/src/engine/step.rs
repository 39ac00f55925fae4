//! Steps and answers: what the engine requests from the face, and what the face returns.

use core::fmt;

use bytes::Bytes;

use crate::{
    codec::fields,
    contract::{Loaded, Swap, Write},
    id::StoreKey,
    session::Patch,
    text::Text,
};

/// The next action of the face.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Load this key. Answer with [`Answer::Loaded`].
    Load(StoreKey),
    /// Load this key from the store of an accepted dialect. Answer with [`Answer::Loaded`].
    LoadAccepted {
        /// The index of the accepted dialect in the configuration.
        entry: usize,
        /// The store key.
        key: StoreKey,
    },
    /// Delete this key from the store of an accepted dialect. Answer with [`Answer::Deleted`].
    DeleteAccepted {
        /// The index of the accepted dialect in the configuration.
        entry: usize,
        /// The store key.
        key: StoreKey,
    },
    /// Compare and swap. Answer with [`Answer::Swapped`].
    Swap {
        /// The store key.
        key: StoreKey,
        /// The bytes that must be stored now; `None`: nothing may be stored.
        expected: Option<Bytes>,
        /// The value to store.
        write: Write,
    },
    /// Delete this key. Answer with [`Answer::Deleted`].
    Delete(StoreKey),
    /// Run the function of an update again. Answer with [`Answer::Recomputed`].
    Recompute {
        /// The face's token of the update.
        token: u32,
        /// The input: the JSON of the named value, or of all data.
        current: Option<Text>,
    },
    /// Nothing: the task is done.
    Done,
}

/// The result of a [`Step`].
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// The stored value, if there is one.
    Loaded(Option<Loaded>),
    /// Whether the swap was made.
    Swapped(Swap),
    /// The key is deleted.
    Deleted,
    /// The new result of the function.
    Recomputed(Patch),
    /// The store failed.
    Failed(Fault),
}

/// How a store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was written.
    NotDone,
    /// The reply is lost. The write may or may not have happened.
    Unknown,
}

/// The store calls of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Number of loads.
    pub loads: u32,
    /// Number of swaps.
    pub swaps: u32,
    /// Number of deletes.
    pub deletes: u32,
}

fields!(Calls { loads, swaps, deletes });

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(_) => f.write_str("Load"),
            Self::LoadAccepted { entry, .. } => write!(f, "LoadAccepted({entry})"),
            Self::Swap { expected, write, .. } => {
                write!(f, "Swap({:?} bytes, {write:?})", expected.as_ref().map(Bytes::len))
            }
            Self::Delete(_) => f.write_str("Delete"),
            Self::DeleteAccepted { entry, .. } => write!(f, "DeleteAccepted({entry})"),
            Self::Recompute { token, .. } => write!(f, "Recompute({token})"),
            Self::Done => f.write_str("Done"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded(loaded) => {
                write!(f, "Loaded({:?} bytes)", loaded.as_ref().map(|loaded| loaded.bytes.len()))
            }
            Self::Swapped(swap) => write!(f, "Swapped({swap:?})"),
            Self::Deleted => f.write_str("Deleted"),
            Self::Recomputed(patch) => write!(f, "Recomputed({} names)", patch.len()),
            Self::Failed(fault) => write!(f, "Failed({fault:?})"),
        }
    }
}

//! What passes between the engine and the face: the steps that it is asked to take, and what came of them.

use core::fmt;

use bytes::Bytes;

use crate::{
    codec::fields,
    contract::{Loaded, Swap, Write},
    id::StoreKey,
    random::{RANDOM_BYTES, Random, SEAL_RANDOM},
    session::Patch,
    text::Text,
};

/// What the face is to do next.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Load this key; answer with [`Answer::Loaded`].
    Load(StoreKey),
    /// Load this key from the store of an accepted dialect; answer with [`Answer::Loaded`].
    LoadAccepted {
        /// Which of the configuration's accepted dialects.
        entry: usize,
        /// Where.
        key: StoreKey,
    },
    /// Delete this key from the store of an accepted dialect; answer with [`Answer::Deleted`].
    DeleteAccepted {
        /// Which of the configuration's accepted dialects.
        entry: usize,
        /// Where.
        key: StoreKey,
    },
    /// Compare and swap; answer with [`Answer::Swapped`].
    Swap {
        /// Where.
        key: StoreKey,
        /// What must lie there.
        expected: Option<Bytes>,
        /// What to put there.
        write: Write,
    },
    /// Delete this key; answer with [`Answer::Deleted`].
    Delete(StoreKey),
    /// Run an update's function again; answer with [`Answer::Recomputed`].
    Recompute {
        /// The token that the face gave the update.
        token: u32,
        /// What it reads now: the JSON of the name's value, or of the whole data.
        current: Option<Text>,
    },
    /// Nothing: the task is done.
    Done,
}

/// What came of a [`Step`].
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// What lay under the key.
    Loaded(Option<Loaded>),
    /// Whether the swap was made.
    Swapped(Swap),
    /// The key is gone.
    Deleted,
    /// What the function made this time.
    Recomputed(Patch),
    /// The store failed.
    Failed(Fault),
}

/// How a store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was written.
    NotDone,
    /// The answer is lost: it may or may not have been written.
    Unknown,
}

/// Counters for a request: the store calls that the engine asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Loads asked for.
    pub loads: u32,
    /// Swaps asked for.
    pub swaps: u32,
    /// Deletes asked for.
    pub deletes: u32,
}

fields!(Calls { loads, swaps, deletes });

impl Random {
    /// Whether what is left is enough for the call that takes in this answer. If not, that call gets new ones.
    ///
    /// After a swap that was made, there is a marker to write, which takes 32 bytes, or a cookie to seal, which takes 80.
    /// Anything else may take them all.
    pub fn suffices_for(&self, answer: &Answer) -> bool {
        let needed = if *answer == Answer::Swapped(Swap::Done) { SEAL_RANDOM } else { RANDOM_BYTES };
        self.left() >= needed
    }
}

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

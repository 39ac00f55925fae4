//! The store contract: a map from key to bytes with expiry and compare-and-swap, which knows nothing about sessions.
//!
//! An app hands a store to okibi's layer and seldom calls it itself. [`MemoryStore`] is here; databases have crates of
//! their own. What merges parallel changes, counts lifetimes and rotates ids is the engine, which needs no more from a
//! store than this:
//!
//! | call | does |
//! |---|---|
//! | [`load`](Store::load) | what lies under a key, or nothing if it is absent or has expired |
//! | [`swap`](Store::swap) | writes if the key still holds what is expected, else says what it holds |
//! | [`delete`](Store::delete) | removes a key, whatever it holds |
//!
//! # A store of your own
//!
//! Three `async fn`s and an honest answer about what the backend can promise. The suite in `okibi-contract` checks all
//! of it:
//!
//! ```
//! use std::{collections::HashMap, sync::Mutex};
//! use okibi_store::{Consistency, Loaded, Store, StoreError, StoreKey, Swap, Write, system_time};
//!
//! #[derive(Default)]
//! struct Shelf(Mutex<HashMap<StoreKey, Loaded>>);
//!
//! /// Expiry is judged on every read, whatever cleans up.
//! fn live(held: Option<&Loaded>) -> Option<&Loaded> {
//!     held.filter(|held| held.expires_at > Some(system_time()))
//! }
//!
//! impl Store for Shelf {
//!     async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
//!         Ok(live(self.0.lock().unwrap().get(key)).cloned())
//!     }
//!
//!     async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
//!         let mut shelf = self.0.lock().unwrap(); // held from the comparison to the write: one step
//!         let current = live(shelf.get(key)).map(|held| held.bytes.clone());
//!         if current.as_deref() != expected {
//!             return Ok(Swap::Conflict(current));
//!         }
//!         shelf.insert(key.clone(), Loaded { bytes: write.bytes, expires_at: Some(write.expires_at) });
//!         Ok(Swap::Done)
//!     }
//!
//!     async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
//!         self.0.lock().unwrap().remove(key);
//!         Ok(())
//!     }
//!
//!     fn consistency(&self) -> Consistency {
//!         Consistency::Strong
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() {
//! okibi_contract::Contract::new(Shelf::default()).run().await.assert_kept();
//! # }
//! ```
#![forbid(unsafe_code)]

mod boxed;
mod cached;
mod clock;
mod error;
mod memory;
mod purge;

use std::{future::Future, sync::Arc};

pub use bytes::Bytes;
pub use okibi_core::{Consistency, Loaded, Owner, StoreKey, Swap, Timestamp, Write};

#[cfg(feature = "tokio")]
pub use crate::purge::{PurgeTask, purge_every};
pub use crate::{
    boxed::{BoxFuture, DynStore},
    cached::Cached,
    clock::{Clock, system_time},
    error::{StoreError, StoreErrorKind},
    memory::MemoryStore,
    purge::{Purge, Purger},
};

/// A place for sessions: a map from key to bytes with expiry and compare-and-swap.
///
/// Several apps may share one. They open each other's sessions if their keys begin with the same namespace, which is the
/// cookie's name if nothing else is set.
///
/// Implementors write `async fn`. The contract suite in `okibi-contract` says in tests what every method must do.
///
/// - A store never looks inside the bytes, and gives back exactly what was written. Keys and owners are compared
///   character by character, with no regard to any language's rules.
/// - Expired means absent, for a load as for a swap, from the very millisecond `expires_at` names. That the backend
///   removes expired entries sooner or later only saves space (CVE-2024-35220).
/// - A future that is dropped leaves the old state or the new one, never anything in between.
/// - Keys, bytes and owners stay out of logs and errors: bytes are a visitor's data, and under an old dialect the key is
///   the very id (ASVS 16.2.5).
pub trait Store: Send + Sync + 'static {
    /// What lies under `key`, or `None` if it is absent or has expired.
    ///
    /// # Errors
    /// A [`StoreError`] if the backend could not be asked or its answer did not arrive. Never for an absent key.
    fn load(&self, key: &StoreKey) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send;

    /// Replaces what lies under `key` if it is still `expected`, byte for byte; `None` expects nothing (absent or expired).
    ///
    /// Comparison and write are one step, where [`consistency`](Self::consistency) is `Strong`. The write replaces bytes,
    /// expiry and owner. If the key holds something else, nothing is written and [`Swap::Conflict`] carries what it holds
    /// at that moment. The backend may compare a digest of the bytes instead of the bytes.
    ///
    /// # Errors
    /// A [`StoreError`]; its kind says whether the write may have happened all the same.
    fn swap(
        &self,
        key: &StoreKey,
        expected: Option<&[u8]>,
        write: Write,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// Removes `key`, whatever it holds. An absent key is no error.
    ///
    /// # Errors
    /// A [`StoreError`] if the backend could not be asked or its answer did not arrive.
    fn delete(&self, key: &StoreKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What this backend can promise.
    fn consistency(&self) -> Consistency;

    /// Whether it may drop what has not expired, when it is full, say. A session that was dropped is over, which only costs its
    /// visitor a login; but a note of a session's end that was dropped lets that session open again. So a store that evicts is
    /// refused for the notes of sealed sessions (`revocations`).
    fn evicts(&self) -> bool {
        false
    }

    /// Where this store is in memory. Two layers with one cookie are one session only if their stores have one address, as clones
    /// of an [`Arc`] do. A store that hands every call to another one returns that one's; no other needs to implement it.
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The sessions of one owner, where the backend can list them.
    fn owners(&self) -> Option<Owners<'_>> {
        None
    }

    /// What drops expired entries, where the backend does not do that by itself.
    fn purger(&self) -> Option<Purger<'_>> {
        None
    }
}

/// A store's ability to list what belongs to one owner.
pub type Owners<'a> = &'a dyn OwnerIndex;

/// Lists the keys whose last write named an owner.
///
/// A backend whose index is apart from its records adds an entry before the record and removes it after the record, so
/// that no session is ever missing from the list.
pub trait OwnerIndex: Send + Sync {
    /// The keys that may belong to `owner`: every live one, each once, in any order.
    ///
    /// The caller verifies each by loading it, so an entry that a crash left behind does no harm. While nothing is being
    /// written, the list is exact, unless it is too long to be looked at in time.
    ///
    /// # Errors
    /// The future's: a [`StoreError`] if the backend could not be asked or its answer did not arrive.
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>>;
}

impl<S: Store> Store for Arc<S> {
    fn load(&self, key: &StoreKey) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send {
        S::load(self, key)
    }

    fn swap(
        &self,
        key: &StoreKey,
        expected: Option<&[u8]>,
        write: Write,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send {
        S::swap(self, key, expected, write)
    }

    fn delete(&self, key: &StoreKey) -> impl Future<Output = Result<(), StoreError>> + Send {
        S::delete(self, key)
    }

    fn consistency(&self) -> Consistency {
        S::consistency(self)
    }

    fn evicts(&self) -> bool {
        S::evicts(self)
    }

    fn address(&self) -> usize {
        S::address(self)
    }

    fn owners(&self) -> Option<Owners<'_>> {
        S::owners(self)
    }

    fn purger(&self) -> Option<Purger<'_>> {
        S::purger(self)
    }
}

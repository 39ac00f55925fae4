//! The store contract: a map from key to bytes with expiry and compare-and-swap. It contains no
//! session logic.
//!
//! An app passes a store to okibi's layer and rarely calls it itself. This crate has
//! [`MemoryStore`]. Each database has a crate of its own. The engine merges concurrent changes,
//! checks lifetimes and rotates ids. It needs three calls from a store:
//!
//! | call | does |
//! |---|---|
//! | [`load`](Store::load) | returns the record under a key, or `None` if it is absent or has expired |
//! | [`swap`](Store::swap) | writes if the key still holds the expected record, else returns what it holds |
//! | [`delete`](Store::delete) | removes a key, whatever it holds |
//!
//! # A store of your own
//!
//! A store is three `async fn`s and its [`Consistency`]: what the backend guarantees. The suite in
//! `okibi-contract` checks all of it:
//!
//! ```
//! use std::{collections::HashMap, sync::Mutex};
//! use okibi_store::{Consistency, Loaded, Store, StoreError, StoreKey, Swap, Write, system_time};
//!
//! #[derive(Default)]
//! struct Shelf(Mutex<HashMap<StoreKey, Loaded>>);
//!
//! /// Every read checks the expiry. An expired record is absent.
//! fn live(stored: Option<&Loaded>) -> Option<&Loaded> {
//!     stored.filter(|stored| stored.expires_at > Some(system_time()))
//! }
//!
//! impl Store for Shelf {
//!     async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
//!         Ok(live(self.0.lock().unwrap().get(key)).cloned())
//!     }
//!
//!     async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
//!         let mut shelf = self.0.lock().unwrap(); // locked from the comparison to the write
//!         let current = live(shelf.get(key)).map(|stored| stored.bytes.clone());
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

/// A map from key to bytes with expiry and compare-and-swap. Sessions are stored in it.
///
/// Several apps may share one store. Apps with the same namespace open each other's sessions. The
/// namespace is the first part of each key; by default it is the name of the cookie.
///
/// Implementors write `async fn`. The contract suite in `okibi-contract` tests every rule:
///
/// - A store never interprets the bytes and returns exactly the bytes that were written. It
///   compares keys and owners byte for byte, without case folding or collation.
/// - An expired entry is absent, for a load and for a swap, from the millisecond in `expires_at`
///   on. Removing expired entries only saves space (CVE-2024-35220).
/// - A future that is dropped leaves the old state or the new one, never a mixture.
/// - Keys, bytes and owners never appear in logs or errors. The bytes are a visitor's data, and
///   under some dialects of other libraries the key is the id itself (ASVS 16.2.5).
pub trait Store: Send + Sync + 'static {
    /// Returns the record under `key`, or `None` if it is absent or has expired.
    ///
    /// # Errors
    /// A [`StoreError`] if the backend could not be reached or its answer did not arrive. An absent
    /// key is no error.
    fn load(&self, key: &StoreKey) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send;

    /// Replaces the record under `key` if it equals `expected`, byte for byte. `None` expects an
    /// absent or expired record.
    ///
    /// Comparison and write are atomic if [`consistency`](Self::consistency) is `Strong`. The write
    /// replaces bytes, expiry and owner. If the key holds another record, nothing is written, and
    /// [`Swap::Conflict`] carries the record of that moment. The backend may compare a digest of
    /// the bytes instead of the bytes.
    ///
    /// # Errors
    /// A [`StoreError`]. Its kind says whether the write may have happened.
    fn swap(
        &self,
        key: &StoreKey,
        expected: Option<&[u8]>,
        write: Write,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// Removes `key`, whatever it holds. An absent key is no error.
    ///
    /// # Errors
    /// A [`StoreError`] if the backend could not be reached or its answer did not arrive.
    fn delete(&self, key: &StoreKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What this backend guarantees.
    fn consistency(&self) -> Consistency;

    /// Whether the store may drop entries that have not expired, for example when it is full. The
    /// default is `false`.
    ///
    /// A dropped session only costs its visitor a login. A dropped revocation of a sealed session
    /// lets that session open again. So `revocations` refuses a store that evicts.
    fn evicts(&self) -> bool {
        false
    }

    /// The address of this store in memory. Two layers with the same cookie share one session only
    /// if their stores have the same address, as clones of an [`Arc`] do. Implement it only in a
    /// store that forwards every call to another store: return the address of that store.
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The index by owner, if the backend has one. The default is `None`.
    fn owners(&self) -> Option<Owners<'_>> {
        None
    }

    /// The purger, if the backend does not drop expired entries itself. The default is `None`.
    fn purger(&self) -> Option<Purger<'_>> {
        None
    }
}

/// A store's ability to list the keys of one owner.
pub type Owners<'a> = &'a dyn OwnerIndex;

/// Lists the keys of one owner: those that were last written with this owner.
///
/// A backend that stores the index apart from the records adds an index entry before it writes the
/// record, and removes the entry after the record. So no session is ever missing from the list.
pub trait OwnerIndex: Send + Sync {
    /// Lists the keys that may belong to `owner`: every live one, each once, in any order.
    ///
    /// The caller loads each key to verify it, so a stale index entry does no harm. While there are
    /// no concurrent writes, the list is exact, unless it is too long to be checked in time.
    ///
    /// # Errors
    /// The future fails with a [`StoreError`] if the backend could not be reached or its answer did
    /// not arrive.
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

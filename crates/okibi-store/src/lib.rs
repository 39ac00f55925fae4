//! The store contract: a map from key to bytes with expiry and compare-and-swap, which knows nothing about sessions.
#![forbid(unsafe_code)]

mod boxed;
mod clock;
mod error;
mod memory;

use std::{future::Future, sync::Arc};

pub use bytes::Bytes;
pub use okibi_core::{Consistency, Owner, StoreKey, Swap, Timestamp, Write};

pub use crate::{
    boxed::{BoxFuture, DynStore},
    clock::{Clock, system_time},
    error::{StoreError, StoreErrorKind},
    memory::MemoryStore,
};

/// What a load found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The bytes that the last write put there.
    pub bytes: Bytes,
    /// The backend's own expiry, where it can tell.
    pub expires_at: Option<Timestamp>,
}

/// A place for sessions: a map from key to bytes with expiry and compare-and-swap.
///
/// Implementors write `async fn`. The contract suite in `okibi-contract` says in tests what every method must do.
pub trait Store: Send + Sync + 'static {
    /// What lies under `key`, or `None` if it is absent or has expired.
    ///
    /// # Errors
    /// A [`StoreError`] if the backend could not be asked or its answer did not arrive.
    fn load(&self, key: &StoreKey) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send;

    /// Replaces what lies under `key` if it is still `expected`, byte for byte; `None` expects nothing (absent or expired).
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

    /// The sessions of one owner, where the backend can list them.
    fn owners(&self) -> Option<Owners<'_>> {
        None
    }
}

/// A store's ability to list what belongs to one owner.
pub type Owners<'a> = &'a dyn OwnerIndex;

/// Lists the keys whose last write named an owner.
pub trait OwnerIndex: Send + Sync {
    /// The keys that may belong to `owner`. The caller verifies each by loading it, so a stale entry does no harm.
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

    fn owners(&self) -> Option<Owners<'_>> {
        S::owners(self)
    }
}

//! The object-safe form of [`Store`](crate::Store). With it, layers, extractors and handlers are
//! not generic over the store.

use std::{future::Future, pin::Pin};

use crate::{Consistency, Loaded, Owners, Purger, Store, StoreError, StoreKey, Swap, Write};

/// The boxed future that the object-safe traits return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The object-safe form of [`Store`]. Every `Store` implements it. Do not implement it by hand.
pub trait DynStore: Send + Sync + 'static {
    /// See [`Store::load`].
    fn load<'a>(&'a self, key: &'a StoreKey) -> BoxFuture<'a, Result<Option<Loaded>, StoreError>>;
    /// See [`Store::swap`].
    fn swap<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: Option<&'a [u8]>,
        write: Write,
    ) -> BoxFuture<'a, Result<Swap, StoreError>>;
    /// See [`Store::delete`].
    fn delete<'a>(&'a self, key: &'a StoreKey) -> BoxFuture<'a, Result<(), StoreError>>;
    /// See [`Store::consistency`].
    fn consistency(&self) -> Consistency;
    /// See [`Store::evicts`].
    fn evicts(&self) -> bool;
    /// See [`Store::address`].
    fn address(&self) -> usize;
    /// See [`Store::owners`].
    fn owners(&self) -> Option<Owners<'_>>;
    /// See [`Store::purger`].
    fn purger(&self) -> Option<Purger<'_>>;
}

impl<S: Store> DynStore for S {
    fn load<'a>(&'a self, key: &'a StoreKey) -> BoxFuture<'a, Result<Option<Loaded>, StoreError>> {
        Box::pin(Store::load(self, key))
    }

    fn swap<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: Option<&'a [u8]>,
        write: Write,
    ) -> BoxFuture<'a, Result<Swap, StoreError>> {
        Box::pin(Store::swap(self, key, expected, write))
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(Store::delete(self, key))
    }

    fn consistency(&self) -> Consistency {
        Store::consistency(self)
    }

    fn evicts(&self) -> bool {
        Store::evicts(self)
    }

    fn address(&self) -> usize {
        Store::address(self)
    }

    fn owners(&self) -> Option<Owners<'_>> {
        Store::owners(self)
    }

    fn purger(&self) -> Option<Purger<'_>> {
        Store::purger(self)
    }
}

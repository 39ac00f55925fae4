//! The store under test, with a time limit on each of its calls.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use okibi_store::{
    BoxFuture, Consistency, Loaded, Owner, OwnerIndex, Owners, Purge, Purger, Store, StoreError, StoreKey, Swap, Write,
};

use crate::alarm::Alarm;

/// A store that fails if the store under test does not answer in time.
pub(crate) struct Timed<S> {
    store: Arc<S>,
    alarm: Alarm,
    limit: Duration,
    /// Calls without an answer in time.
    silences: AtomicU64,
}

impl<S: Store> Timed<S> {
    pub(crate) const fn new(store: Arc<S>, alarm: Alarm, limit: Duration) -> Self {
        Self { store, alarm, limit, silences: AtomicU64::new(0) }
    }

    /// Calls without an answer in time, so far.
    pub(crate) fn silences(&self) -> u64 {
        self.silences.load(Ordering::Relaxed)
    }

    async fn limited<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if let Some(answer) = self.alarm.within(self.limit, call).await {
            return answer;
        }
        self.silences.fetch_add(1, Ordering::Relaxed);
        let limit = self.limit;
        Err(StoreError::unknown(format!("no answer within {limit:?}, which is the suite's limit for a call")))
    }
}

impl<S: Store> Store for Timed<S> {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.limited(self.store.load(key)).await
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        self.limited(self.store.swap(key, expected, write)).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.limited(self.store.delete(key)).await
    }

    fn consistency(&self) -> Consistency {
        self.store.consistency()
    }

    fn evicts(&self) -> bool {
        self.store.evicts()
    }

    fn owners(&self) -> Option<Owners<'_>> {
        self.store.owners().map(|_| self as Owners<'_>)
    }

    fn purger(&self) -> Option<Purger<'_>> {
        self.store.purger().map(|_| self as Purger<'_>)
    }
}

impl<S: Store> OwnerIndex for Timed<S> {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async move {
            let owners = self.store.owners().ok_or_else(|| StoreError::unavailable("it can't list owners any more"))?;
            self.limited(owners.list(owner)).await
        })
    }
}

impl<S: Store> Purge for Timed<S> {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async move {
            let purger = self.store.purger().ok_or_else(|| StoreError::unavailable("it can't purge any more"))?;
            self.limited(purger.purge()).await
        })
    }
}

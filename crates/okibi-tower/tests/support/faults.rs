//! A store that counts its calls and can fail.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use okibi_store::{Consistency, Loaded, Owners, Store, StoreError, StoreKey, Swap, Write};

/// How the store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be reached.
    Down,
    /// It accepts calls and never answers. Nothing is written.
    Stalled,
    /// Reads work. Writes cannot reach it.
    ReadOnly,
    /// The next swap is carried out, but its reply is lost.
    LostReply,
    /// The driver sends the next swap twice. The second reply arrives.
    SentTwice,
    /// The reply of every swap is lost. Every other swap is carried out.
    RepliesLost,
    /// It claims to have no compare-and-swap.
    NoSwap,
}

/// A store with counters and a fault.
pub struct Faulty<S> {
    inner: S,
    fault: Mutex<Option<Fault>>,
    pub loads: AtomicU32,
    pub swaps: AtomicU32,
    pub deletes: AtomicU32,
}

impl<S> Faulty<S> {
    pub fn new(inner: S) -> Self {
        let zero = || AtomicU32::new(0);
        Self { inner, fault: Mutex::new(None), loads: zero(), swaps: zero(), deletes: zero() }
    }

    pub fn fails(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    /// Loads, swaps and deletes so far.
    pub fn counts(&self) -> (u32, u32, u32) {
        let of = |count: &AtomicU32| count.load(Ordering::SeqCst);
        (of(&self.loads), of(&self.swaps), of(&self.deletes))
    }

    pub fn reset(&self) {
        for count in [&self.loads, &self.swaps, &self.deletes] {
            count.store(0, Ordering::SeqCst);
        }
    }

    fn fault(&self) -> Option<Fault> {
        *self.fault.lock().unwrap()
    }

    /// A fault that happens once.
    fn once(&self, fault: Fault) -> bool {
        let mut current = self.fault.lock().unwrap();
        let happens = *current == Some(fault);
        if happens {
            *current = None;
        }
        happens
    }

    async fn answers(&self, writes: bool) -> Result<(), StoreError> {
        match self.fault() {
            Some(Fault::Down) => Err(StoreError::unavailable("connection refused")),
            Some(Fault::ReadOnly) if writes => Err(StoreError::unavailable("connection refused")),
            Some(Fault::Stalled) => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

impl<S: Store> Store for Faulty<S> {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.answers(false).await?;
        self.inner.load(key).await
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let number = self.swaps.fetch_add(1, Ordering::SeqCst);
        self.answers(true).await?;
        if self.once(Fault::LostReply) {
            self.inner.swap(key, expected, write).await?;
            return Err(StoreError::unknown("connection reset"));
        }
        if self.once(Fault::SentTwice) {
            self.inner.swap(key, expected, write.clone()).await?;
        }
        if self.fault() == Some(Fault::RepliesLost) {
            if number.is_multiple_of(2) {
                self.inner.swap(key, expected, write).await?;
            }
            return Err(StoreError::unknown("connection reset"));
        }
        self.inner.swap(key, expected, write).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.deletes.fetch_add(1, Ordering::SeqCst);
        self.answers(true).await?;
        self.inner.delete(key).await
    }

    fn consistency(&self) -> Consistency {
        if self.fault() == Some(Fault::NoSwap) { Consistency::NoSwap } else { self.inner.consistency() }
    }

    fn owners(&self) -> Option<Owners<'_>> {
        self.inner.owners()
    }
}

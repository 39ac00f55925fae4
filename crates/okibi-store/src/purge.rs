//! Drops expired entries of backends that do not drop them themselves: once, or periodically as a
//! task.

use crate::{BoxFuture, StoreError};

/// A store's ability to drop expired entries.
pub type Purger<'a> = &'a dyn Purge;

/// Drops expired entries.
///
/// This only saves space: a store never returns an expired entry. A backend that drops expired
/// entries itself, such as Redis, has no purger.
pub trait Purge: Send + Sync {
    /// Drops every expired entry and returns how many were dropped.
    ///
    /// It works in small steps and holds no lock for long, so the store serves requests in between.
    /// Several processes may purge concurrently. A future that is dropped before it completes has
    /// dropped some of the entries.
    ///
    /// # Errors
    /// The future fails with a [`StoreError`] if the backend fails.
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>>;
}

#[cfg(feature = "tokio")]
pub use self::task::{PurgeTask, purge_every};

#[cfg(feature = "tokio")]
mod task {
    use std::{error::Error as _, fmt, time::Duration};

    use tokio::task::JoinHandle;

    use crate::Store;

    /// Purges a store periodically until it is stopped. Made by [`purge_every`].
    ///
    /// Keep it for as long as the app runs: dropping it stops it.
    #[must_use = "dropping the task stops it; keep it, or call `detach`"]
    pub struct PurgeTask {
        handle: Option<JoinHandle<()>>,
    }

    /// Starts a task on the current tokio runtime that purges the store immediately and then after
    /// every `period`. An hour is a good period.
    ///
    /// A purge that fails is logged as a warning through `tracing` (target `okibi::purge`). The
    /// task tries again after the next period. If the store has no purger, the task ends
    /// immediately.
    ///
    /// Every instance of an app may run one.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use okibi_store::{MemoryStore, purge_every};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let store = Arc::new(MemoryStore::new()); // yours: in SQLite, Postgres, MySQL
    /// let purging = purge_every(Arc::clone(&store), Duration::from_hours(1));
    /// // … and when the app ends:
    /// purging.stop().await;
    /// # }
    /// ```
    pub fn purge_every(store: impl Store, period: Duration) -> PurgeTask {
        let handle = tokio::spawn(async move {
            while let Some(purger) = store.purger() {
                match purger.purge().await {
                    Ok(dropped) => tracing::debug!(target: "okibi::purge", dropped, "expired sessions were dropped"),
                    Err(error) => {
                        let cause = error.source().map(ToString::to_string).unwrap_or_default();
                        tracing::warn!(target: "okibi::purge", %error, cause, "expired sessions were not dropped");
                    }
                }
                tokio::time::sleep(period).await;
            }
        });
        PurgeTask { handle: Some(handle) }
    }

    impl PurgeTask {
        /// Stops the task and waits until it has ended.
        pub async fn stop(mut self) {
            let Some(handle) = self.handle.take() else { return };
            handle.abort();
            // The expected result is a cancelled task. The runtime has reported a panic of the
            // store.
            let _ = handle.await;
        }

        /// Lets the task run until the runtime shuts down.
        pub fn detach(mut self) {
            self.handle = None;
        }

        /// Whether the task has ended. It ends by itself if the store has no purger.
        pub fn is_finished(&self) -> bool {
            self.handle.as_ref().is_none_or(JoinHandle::is_finished)
        }
    }

    impl Drop for PurgeTask {
        fn drop(&mut self) {
            if let Some(handle) = &self.handle {
                handle.abort();
            }
        }
    }

    impl fmt::Debug for PurgeTask {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("PurgeTask").field("finished", &self.is_finished()).finish()
        }
    }
}

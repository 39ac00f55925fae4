//! Dropping what has expired, where the backend does not do that by itself: once, or again and again as a task.

use crate::{BoxFuture, StoreError};

/// A store's ability to drop expired entries.
pub type Purger<'a> = &'a dyn Purge;

/// Drops what has expired.
///
/// It only saves space: expired entries are never handed out, dropped or not. A backend that drops them by itself
/// (Redis) has no purger.
pub trait Purge: Send + Sync {
    /// Drops every entry that has expired and says how many there were.
    ///
    /// It goes little by little and locks nothing for long, so that requests are served in between, and several
    /// processes may do it at once. If the future is dropped, what was dropped until then stays dropped.
    ///
    /// # Errors
    /// The future's: a [`StoreError`] if the backend failed in between.
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

    /// Starts a task on the current tokio runtime that purges the store at once and then after every `period`. An hour is
    /// a good one.
    ///
    /// A purge that fails is reported as a warning through `tracing` (target `okibi::purge`) and tried again after the
    /// next period. For a store that clears up by itself the task ends at once.
    ///
    /// Several instances of an app may each run one.
    ///
    /// # Panics
    /// If it is called outside a tokio runtime.
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
        /// Stops the task and waits until it has ended. What it has dropped stays dropped.
        pub async fn stop(mut self) {
            let Some(handle) = self.handle.take() else { return };
            handle.abort();
            // Cancelled is what it is to be. A panic of the store's was reported by the runtime.
            let _ = handle.await;
        }

        /// Lets the task run until the runtime ends.
        pub fn detach(mut self) {
            self.handle = None;
        }

        /// Whether the task has ended, as it does where there is nothing to purge.
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

//! The purge task: when it purges, when it ends, and how it handles a failed purge.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use okibi_store::{
    BoxFuture, Consistency, Loaded, MemoryStore, Purge, Purger, Store, StoreError, StoreKey, Swap, Write, purge_every,
};

/// A store that counts its purges. Every second purge fails.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Store for Counted {
    async fn load(&self, _: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        Ok(None)
    }

    async fn swap(&self, _: &StoreKey, _: Option<&[u8]>, _: Write) -> Result<Swap, StoreError> {
        Ok(Swap::Done)
    }

    async fn delete(&self, _: &StoreKey) -> Result<(), StoreError> {
        Ok(())
    }

    fn consistency(&self) -> Consistency {
        Consistency::Strong
    }

    fn purger(&self) -> Option<Purger<'_>> {
        Some(self)
    }
}

impl Purge for Counted {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async {
            match self.0.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => Ok(1),
                _ => Err(StoreError::unavailable("down")),
            }
        })
    }
}

impl Counted {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn n27_the_task_purges_immediately_and_after_every_period_also_after_a_failure() {
    let store = Arc::new(Counted::default());
    let task = purge_every(Arc::clone(&store), HOUR);
    tokio::time::sleep(HOUR * 4 + HOUR / 2).await;
    assert_eq!(store.count(), 5);
    task.stop().await;
    tokio::time::sleep(HOUR * 4).await;
    assert_eq!((store.count(), Arc::strong_count(&store)), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn n27_dropping_the_task_stops_it_and_detaching_does_not() {
    let store = Arc::new(Counted::default());
    let task = purge_every(Arc::clone(&store), HOUR);
    tokio::time::sleep(HOUR / 2).await;
    drop(task);
    tokio::time::sleep(HOUR * 2).await;
    assert_eq!(store.count(), 1);
    purge_every(Arc::clone(&store), HOUR).detach();
    tokio::time::sleep(HOUR * 2 + HOUR / 2).await;
    assert_eq!(store.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn n27_the_task_ends_if_the_store_has_no_purger() {
    let task = purge_every(MemoryStore::new(), HOUR);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(task.is_finished());
    assert!(format!("{task:?}").contains("finished: true"));
}

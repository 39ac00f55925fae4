//! Late writes without a network: a store that wraps another one and delays its writes.

use std::{
    collections::VecDeque,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use okibi::store::{Consistency, Loaded, Owners, Purger, Store, StoreError, StoreKey, Swap, Write};
use serde_json::json;
use tokio::{sync::watch, time::sleep};

use crate::{
    backend::{BoxFuture, Failure, Fault},
    random::Random,
};

/// The late writes, for all stores of a run.
#[derive(Debug)]
pub struct Lateness {
    waiting: Mutex<VecDeque<Late>>,
    arrived: watch::Sender<usize>,
    /// The file that tells the Hono app, while it exists, which creations to delay.
    told: Option<PathBuf>,
}

/// The fate of one creation.
#[derive(Clone, Copy, Debug)]
struct Late {
    /// The delay.
    span: Duration,
    /// It is also made immediately and acknowledged; else its outcome is unknown to the app, which
    /// then asks again.
    twice: bool,
}

/// A store with late creations, when it is told to delay them.
#[derive(Debug)]
pub struct LateStore<S> {
    store: Arc<S>,
    lateness: Arc<Lateness>,
}

/// The fault: single creations are made later, or repeated later, when the visitor may have logged
/// out.
#[derive(Debug)]
pub struct LateWrites(pub Arc<Lateness>);

impl Lateness {
    /// No creation is late before [`LateWrites`] is injected. `told`: the file in which the Hono
    /// app then reads which ones are.
    pub fn new(told: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::default(), arrived: watch::Sender::new(0), told })
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Late>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> LateStore<S> {
    /// The wrapped store.
    pub fn new(store: Arc<S>, lateness: &Arc<Lateness>) -> Self {
        Self { store, lateness: Arc::clone(lateness) }
    }
}

impl<S: Store> Store for LateStore<S> {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.store.load(key).await
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let late = if expected.is_none() { self.lateness.waiting().pop_front() } else { None };
        let Some(late) = late else { return self.store.swap(key, expected, write).await };
        let (store, lateness) = (Arc::clone(&self.store), Arc::clone(&self.lateness));
        let (again, same) = (key.clone(), write.clone());
        tokio::spawn(async move {
            sleep(late.span).await;
            // Its result is not awaited.
            drop(store.swap(&again, None, same).await);
            lateness.arrived.send_modify(|arrived| *arrived += 1);
        });
        if late.twice {
            return self.store.swap(key, None, write).await;
        }
        Err(StoreError::unknown("the write is under way"))
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    fn consistency(&self) -> Consistency {
        self.store.consistency()
    }

    fn owners(&self) -> Option<Owners<'_>> {
        self.store.owners()
    }

    fn purger(&self) -> Option<Purger<'_>> {
        self.store.purger()
    }
}

impl Fault for LateWrites {
    fn name(&self) -> &'static str {
        "late"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let count = 4 + random.index(8);
            let late = |_| Late { span: random.millis(100..1800), twice: random.chance(50) };
            let writes: Vec<Late> = (0..count).map(late).collect();
            let until = *self.0.arrived.borrow() + count;
            if let Some(told) = &self.0.told {
                let writes = writes.iter().map(|late| json!({ "ms": late.span.as_millis(), "twice": late.twice }));
                fs::write(told, json!(writes.collect::<Vec<_>>()).to_string())?;
            }
            self.0.waiting().extend(writes);
            self.0.arrived.subscribe().wait_for(|arrived| *arrived >= until).await?;
            if let Some(told) = &self.0.told {
                fs::remove_file(told)?;
            }
            Ok(())
        })
    }
}

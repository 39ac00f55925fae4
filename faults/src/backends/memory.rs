//! Sessions in this process: the store never fails, so every finding is the engine's or a face's. A
//! write may be late.

use std::sync::Arc;

use okibi::{MemoryStore, Sessions};
use serde_json::Value;

use crate::{
    backend::{Backend, BoxFuture, Failure, Fault},
    inject::{LateStore, LateWrites, Lateness},
};

struct Memory {
    store: Arc<MemoryStore>,
    lateness: Arc<Lateness>,
    faults: Vec<Box<dyn Fault>>,
}

pub(super) fn start() -> Box<dyn Backend> {
    let lateness = Lateness::new(None);
    let faults: Vec<Box<dyn Fault>> = vec![Box::new(LateWrites(Arc::clone(&lateness)))];
    Box::new(Memory { store: Arc::new(MemoryStore::new()), lateness, faults })
}

impl Backend for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn sessions(&self, _instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        let store = LateStore::new(Arc::clone(&self.store), &self.lateness);
        Box::pin(async move { Ok(Sessions::new(store)) })
    }

    fn hono(&self, _instance: usize) -> Option<Value> {
        None
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &self.faults
    }
}

//! Sessions in this process: nothing can fail, so whatever the checker finds is the engine's or a face's own.

use std::sync::Arc;

use okibi::{MemoryStore, Sessions};
use serde_json::Value;

use crate::backend::{Backend, BoxFuture, Failure, Fault};

struct Memory(Arc<MemoryStore>);

pub(super) fn start() -> Box<dyn Backend> {
    Box::new(Memory(Arc::new(MemoryStore::new())))
}

impl Backend for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn sessions(&self, _instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        let store = Arc::clone(&self.0);
        Box::pin(async move { Ok(Sessions::new(store)) })
    }

    fn hono(&self, _instance: usize) -> Option<Value> {
        None
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &[]
    }
}

//! The app with okibi.

use std::rc::Rc;

use okibi::{
    MemoryStore, Secrets, Sessions,
    store::{Consistency, Loaded, Store, StoreError, StoreKey, Swap, Write},
};

use okibi_bench_kit::app::app;

use super::Counted;
use crate::{
    contest::{AxumSite, Contestant, Machine, Runner},
    counting::{Calls, Counting},
};

pub(super) fn memory(machine: &Rc<Machine>) -> Box<dyn Contestant> {
    boxed("okibi", machine, Sessions::new(MemoryStore::new()))
}

pub(super) fn signed(machine: &Rc<Machine>) -> Box<dyn Contestant> {
    let secrets = Secrets::new(["a secret of the bench, and a long one"]).expect("long enough");
    boxed("okibi, signed id", machine, Sessions::new(MemoryStore::new()).secret(secrets))
}

pub(super) fn counted(machine: &Rc<Machine>) -> Counted {
    let calls = Calls::default();
    let store = Counting { store: MemoryStore::new(), calls: calls.clone() };
    (boxed("okibi", machine, Sessions::new(store)), calls)
}

fn boxed(name: &'static str, machine: &Rc<Machine>, sessions: Sessions) -> Box<dyn Contestant> {
    Runner::boxed(name, machine, AxumSite::new(app(sessions.layer().expect("the defaults work"))))
}

impl Store for Counting<MemoryStore> {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.calls.load();
        self.store.load(key).await
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        self.calls.write();
        self.store.swap(key, expected, write).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.calls.write();
        self.store.delete(key).await
    }

    fn consistency(&self) -> Consistency {
        self.store.consistency()
    }
}

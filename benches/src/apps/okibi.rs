//! The app with okibi.

use std::rc::Rc;

use axum::{Router, routing::get};
use okibi::{
    Error, MemoryStore, Name, Secrets, Session, SessionLayer, Sessions,
    store::{Consistency, Loaded, Store, StoreError, StoreKey, Swap, Write},
};

use super::Counted;
use crate::{
    contest::{AxumSite, Contestant, Machine, Runner},
    counting::{Calls, Counting},
    page::{Page, TEXT, USER},
};

const VISITS: Name<u32> = Name::new("visits");
const EMAIL: Name<String> = Name::new("user");

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
    Runner::boxed(name, machine, AxumSite(app(sessions.layer().expect("the defaults work"))))
}

/// The app, whatever its sessions are kept in.
pub(crate) fn app(layer: SessionLayer) -> Router {
    Router::new()
        .route(Page::Login.path(), get(login))
        .route(Page::Untouched.path(), get(|| async { TEXT }))
        .route(Page::Read.path(), get(read))
        .route(Page::Write.path(), get(write))
        .layer(layer)
}

async fn login(session: Session) -> Result<&'static str, Error> {
    session.set(EMAIL, &USER.to_owned())?;
    session.set(VISITS, &1)?;
    Ok(TEXT)
}

async fn read(session: Session) -> Result<&'static str, Error> {
    std::hint::black_box(session.get(VISITS)?);
    Ok(TEXT)
}

async fn write(session: Session) -> Result<&'static str, Error> {
    session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
    Ok(TEXT)
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

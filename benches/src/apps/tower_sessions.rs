//! The app with tower-sessions.

use std::rc::Rc;

use async_trait::async_trait;
use axum::{Router, http::StatusCode, routing::get};
use tower_sessions::{
    MemoryStore, Session, SessionManagerLayer, SessionStore,
    session::{Id, Record},
    session_store::Result as StoreResult,
};

use super::Counted;
use crate::{
    contest::{AxumSite, Contestant, Machine, Runner},
    counting::{Calls, Counting},
    page::{Page, TEXT, USER},
};

type Answer = Result<&'static str, StatusCode>;

const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

pub(super) fn memory(machine: &Rc<Machine>) -> Box<dyn Contestant> {
    Runner::boxed("tower-sessions", machine, AxumSite::new(app(MemoryStore::default())))
}

pub(super) fn counted(machine: &Rc<Machine>) -> Counted {
    let calls = Calls::default();
    let store = Counting { store: MemoryStore::default(), calls: calls.clone() };
    (Runner::boxed("tower-sessions", machine, AxumSite::new(app(store))), calls)
}

pub(crate) fn app(store: impl SessionStore + Clone) -> Router {
    Router::new()
        .route(Page::Login.path(), get(login))
        .route(Page::Untouched.path(), get(|| async { TEXT }))
        .route(Page::Read.path(), get(read))
        .route(Page::Write.path(), get(write))
        .route(Page::Visits.path(), get(visits))
        .layer(SessionManagerLayer::new(store))
}

async fn login(session: Session) -> Answer {
    session.insert("user", USER).await.map_err(|_| FAILED)?;
    session.insert("visits", 1).await.map_err(|_| FAILED)?;
    Ok(TEXT)
}

async fn read(session: Session) -> Answer {
    std::hint::black_box(session.get::<u32>("visits").await.map_err(|_| FAILED)?);
    Ok(TEXT)
}

async fn write(session: Session) -> Answer {
    let visits = session.get::<u32>("visits").await.map_err(|_| FAILED)?;
    session.insert("visits", visits.unwrap_or(0) + 1).await.map_err(|_| FAILED)?;
    Ok(TEXT)
}

async fn visits(session: Session) -> Result<String, StatusCode> {
    Ok(session.get::<u32>("visits").await.map_err(|_| FAILED)?.unwrap_or(0).to_string())
}

#[async_trait]
impl SessionStore for Counting<MemoryStore> {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        self.calls.write();
        self.store.create(record).await
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        self.calls.write();
        self.store.save(record).await
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        self.calls.load();
        self.store.load(id).await
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        self.calls.write();
        self.store.delete(id).await
    }
}

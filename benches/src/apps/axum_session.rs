//! The app with `axum_session`, which keeps sessions in its own memory and may write them to a
//! database besides.

use std::{
    collections::HashMap,
    fmt::Debug,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use axum::{Router, routing::get};
use axum_session::{DatabaseError, DatabasePool, Session, SessionConfig, SessionLayer, SessionNullPool, SessionStore};

use super::Counted;
use crate::{
    contest::{AxumSite, Contestant, Machine, Runner},
    counting::{Calls, Counting},
    page::{Page, TEXT, USER},
};

pub(super) fn memory(machine: &Rc<Machine>) -> Box<dyn Contestant> {
    boxed::<SessionNullPool>(machine, None)
}

pub(super) fn counted(machine: &Rc<Machine>) -> Counted {
    let calls = Calls::default();
    let database = Counting { store: Table::default(), calls: calls.clone() };
    (boxed(machine, Some(database)), calls)
}

fn boxed<D>(machine: &Rc<Machine>, database: Option<D>) -> Box<dyn Contestant>
where
    D: DatabasePool + Clone + Debug + Send + Sync + 'static,
{
    // The layer is made with the state of the app, and needs the runtime.
    let site = machine.block_on(async { AxumSite::new(app::<D>(database).await) });
    Runner::boxed("axum_session", machine, site)
}

/// Its layer starts a task that sweeps, so it is made inside the runtime.
pub(crate) async fn app<D>(database: Option<D>) -> Router
where
    D: DatabasePool + Clone + Debug + Send + Sync + 'static,
{
    let store = SessionStore::<D>::new(database, SessionConfig::default()).await.expect("the defaults work");
    Router::new()
        .route(Page::Login.path(), get(login::<D>))
        .route(Page::Untouched.path(), get(|| async { TEXT }))
        .route(Page::Read.path(), get(read::<D>))
        .route(Page::Write.path(), get(write::<D>))
        .route(Page::Visits.path(), get(visits::<D>))
        .layer(SessionLayer::new(store))
}

async fn login<D: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<D>) -> &'static str {
    session.set("user", USER);
    session.set("visits", 1);
    TEXT
}

async fn read<D: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<D>) -> &'static str {
    std::hint::black_box(session.get::<u32>("visits"));
    TEXT
}

async fn write<D: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<D>) -> &'static str {
    session.set("visits", session.get::<u32>("visits").unwrap_or(0) + 1);
    TEXT
}

async fn visits<D: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<D>) -> String {
    session.get::<u32>("visits").unwrap_or(0).to_string()
}

/// A database that is a map in memory: each session as text, and when it expires.
type Table = Arc<Mutex<HashMap<String, (String, i64)>>>;

impl Counting<Table> {
    fn rows<T>(&self, work: impl FnOnce(&mut HashMap<String, (String, i64)>) -> T) -> T {
        work(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl DatabasePool for Counting<Table> {
    async fn initiate(&self, _table: &str) -> Result<(), DatabaseError> {
        Ok(())
    }

    async fn count(&self, _table: &str) -> Result<i64, DatabaseError> {
        self.calls.load();
        Ok(self.rows(|rows| i64::try_from(rows.len()).unwrap_or(i64::MAX)))
    }

    async fn store(&self, id: &str, session: &str, expires: i64, _table: &str) -> Result<(), DatabaseError> {
        self.calls.write();
        self.rows(|rows| rows.insert(id.to_owned(), (session.to_owned(), expires)));
        Ok(())
    }

    async fn load(&self, id: &str, _table: &str) -> Result<Option<String>, DatabaseError> {
        self.calls.load();
        Ok(self.rows(|rows| rows.get(id).map(|(session, _)| session.clone())))
    }

    async fn delete_one_by_id(&self, id: &str, _table: &str) -> Result<(), DatabaseError> {
        self.calls.write();
        self.rows(|rows| rows.remove(id));
        Ok(())
    }

    async fn exists(&self, id: &str, _table: &str) -> Result<bool, DatabaseError> {
        self.calls.load();
        Ok(self.rows(|rows| rows.contains_key(id)))
    }

    /// Nothing expires during the bench.
    async fn delete_by_expiry(&self, _table: &str) -> Result<Vec<String>, DatabaseError> {
        self.calls.write();
        Ok(Vec::new())
    }

    async fn delete_all(&self, _table: &str) -> Result<(), DatabaseError> {
        self.calls.write();
        self.rows(HashMap::clear);
        Ok(())
    }

    async fn get_ids(&self, _table: &str) -> Result<Vec<String>, DatabaseError> {
        self.calls.load();
        Ok(self.rows(|rows| rows.keys().cloned().collect()))
    }

    fn auto_handles_expiry(&self) -> bool {
        false
    }
}

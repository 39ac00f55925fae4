//! Helpers of the tests.
#![allow(dead_code, unused_imports, reason = "each test program uses its own part of this")]

#[path = "../../../okibi-servers/tests/sql_store/mod.rs"]
pub(crate) mod sql_store;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use okibi_postgres::PostgresStore;
use okibi_servers::PostgresServer;
use sqlx::{PgPool, postgres::PgPoolOptions};

pub(crate) use self::sql_store::{held, key, texts, write};

/// A pool of this size, on a port of a server or of a proxy.
pub(crate) async fn pool(port: u16, size: u32) -> PgPool {
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    PgPoolOptions::new().max_connections(size).connect(&url).await.unwrap()
}

/// A database for one test, on a server that the running tests of a program share.
pub(crate) struct Database {
    pub(crate) server: Arc<PostgresServer>,
    pub(crate) pool: PgPool,
}

impl Database {
    pub(crate) async fn new(name: &str) -> Self {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        let server = {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared.upgrade().unwrap_or_else(|| {
                let server = Arc::new(PostgresServer::start().unwrap());
                *shared = Arc::downgrade(&server);
                server
            })
        };
        server.psql(&format!("CREATE DATABASE {name}"));
        let pool = PgPool::connect(&format!("postgres://postgres@127.0.0.1:{}/{name}", server.port())).await.unwrap();
        Self { server, pool }
    }

    /// A store on the pool, with its table created.
    pub(crate) async fn store(&self) -> PostgresStore {
        let store = PostgresStore::new(self.pool.clone());
        store.migrate().await.unwrap();
        store
    }

    /// Runs statements.
    pub(crate) async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
    }

    /// The single value that a query returns.
    pub(crate) async fn value<T>(&self, sql: &'static str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

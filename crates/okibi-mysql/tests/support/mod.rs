//! Helpers of the tests.
#![allow(dead_code, unused_imports, reason = "each test program uses its own part of this")]

#[path = "../../../okibi-servers/tests/sql_store/mod.rs"]
pub(crate) mod sql_store;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use okibi_mysql::MysqlStore;
use okibi_servers::MariaDbServer;
use sqlx::{AssertSqlSafe, MySqlPool, mysql::MySqlPoolOptions};

pub(crate) use self::sql_store::{held, key, texts, write};

/// A pool of this size for a database, on a port of its server or of a proxy.
pub(crate) async fn pool(port: u16, database: &str, size: u32) -> MySqlPool {
    let url = format!("mysql://okibi@127.0.0.1:{port}/{database}");
    MySqlPoolOptions::new().max_connections(size).connect(&url).await.unwrap()
}

/// A database for one test, on a server that the running tests of a program share.
pub(crate) struct Database {
    pub(crate) server: Arc<MariaDbServer>,
    pub(crate) pool: MySqlPool,
}

impl Database {
    pub(crate) async fn new(name: &str) -> Self {
        static SHARED: Mutex<Weak<MariaDbServer>> = Mutex::new(Weak::new());
        let server = {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared.upgrade().unwrap_or_else(|| {
                let server = Arc::new(MariaDbServer::start().unwrap());
                *shared = Arc::downgrade(&server);
                server
            })
        };
        server.sql(&format!("CREATE DATABASE {name}"));
        let pool = MySqlPool::connect(&format!("mysql://okibi@127.0.0.1:{}/{name}", server.port())).await.unwrap();
        Self { server, pool }
    }

    /// A store on the pool, with its table created.
    pub(crate) async fn store(&self) -> MysqlStore {
        let store = MysqlStore::new(self.pool.clone());
        store.migrate().await.unwrap();
        store
    }

    /// Runs statements.
    pub(crate) async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.pool).await.unwrap();
    }

    /// The single number that a query returns.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

//! Connections pass from one request to the next: without the pool each time, and without delaying
//! other users of the pool.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use okibi_postgres::PostgresStore;
use okibi_store::{Store, Swap};
use sqlx::{PgPool, postgres::PgPoolOptions};
use support::{Database, held, key, write};
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_mins(1);

/// A store on a pool of this size, the pool, and how often a connection was returned to it.
async fn counted(name: &str, size: u32) -> (Database, Arc<PostgresStore>, PgPool, Arc<AtomicUsize>) {
    let database = Database::new(name).await;
    let returned = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&returned);
    let options = PgPoolOptions::new().max_connections(size).after_release(move |_, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(true) })
    });
    let url = format!("postgres://postgres@127.0.0.1:{}/{name}", database.server.port());
    let pool = options.connect(&url).await.unwrap();
    let store = Arc::new(PostgresStore::new(pool.clone()));
    store.migrate().await.unwrap();
    store.swap(&key(1), None, write("1")).await.unwrap();
    all_back(&pool).await;
    returned.store(0, Ordering::SeqCst);
    (database, store, pool, returned)
}

/// Waits until the pool has all its connections.
async fn all_back(pool: &PgPool) {
    let back = async {
        while pool.num_idle() != usize::try_from(pool.size()).unwrap() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, back).await.unwrap();
}

#[tokio::test]
async fn f_a_session_that_is_read_and_written_takes_its_connection_back_to_the_pool_once() {
    let (_database, store, pool, returned) = counted("once", 2).await;
    assert_eq!(held(&store, &key(1)).await.unwrap(), "1");
    assert_eq!(store.swap(&key(1), Some(b"1"), write("2")).await.unwrap(), Swap::Done);
    all_back(&pool).await;
    assert_eq!(returned.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_requests_that_never_stop_let_the_rest_of_the_app_have_its_turn() {
    let (_database, store, pool, returned) = counted("turns", 2).await;
    let stop = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..16)
        .map(|_| {
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut loads = 0;
                while !stop.load(Ordering::Relaxed) {
                    store.load(&key(1)).await.unwrap().unwrap();
                    loads += 1;
                }
                loads
            })
        })
        .collect();
    for _ in 0..20 {
        let mut own = timeout(LONG, pool.acquire()).await.unwrap().unwrap();
        sqlx::query("SELECT 1").execute(&mut *own).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let mut loads = 0;
    for visitor in visitors {
        let own = visitor.await.unwrap();
        assert!(own > 0, "a visitor had no turn");
        loads += own;
    }
    all_back(&pool).await;
    let returned = returned.load(Ordering::SeqCst);
    assert!(returned < loads, "{returned} returns for {loads} loads");
}

#[tokio::test]
async fn f_who_gives_up_waiting_keeps_nothing_from_those_behind() {
    let (_database, store, pool, _) = counted("given_up", 1).await;
    // The only connection is in use, so all of these wait.
    let own = pool.acquire().await.unwrap();
    let waiting: Vec<_> = (0..9)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { held(&store, &key(1)).await })
        })
        .collect();
    sleep(Duration::from_millis(20)).await;
    // The first request, which waits for the pool, and some of those that wait for it.
    waiting.iter().step_by(2).for_each(tokio::task::JoinHandle::abort);
    drop(own);
    for (place, visitor) in waiting.into_iter().enumerate() {
        let ended = timeout(LONG, visitor).await.unwrap();
        assert_eq!(ended.is_ok(), place % 2 == 1, "visitor {place}");
    }
    assert_eq!(timeout(LONG, held(&store, &key(1))).await.unwrap().unwrap(), "1");
    all_back(&pool).await;
}

//! A SQLite file that another process locks: reads continue, writes are refused in time.

use http::StatusCode;
use okibi::SqliteStore;
use rusqlite::Connection;

use crate::world::{SLACK, STORE_TIMEOUT, World, add, cookie, is_an_outage, look, timed};

#[tokio::test(flavor = "multi_thread")]
async fn n6_n42_s22_a_locked_file_refuses_writes_in_time_and_serves_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let world = World::new("SQLite", SqliteStore::open(&path).unwrap(), Vec::new());
    let (ann, mut had) = world.visitor().await;
    let before = cookie(&ann);
    let other = Connection::open(&path).unwrap();
    for _ in 0..3 {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let newcomer = world.new_visitor();
        let ((answer, took), created) = tokio::join!(timed(add(&ann)), add(&newcomer));
        is_an_outage(&answer);
        assert!(took < STORE_TIMEOUT + SLACK, "a commit took {took:?}");
        is_an_outage(&created);
        assert!(newcomer.jar().is_empty());
        assert_eq!(look(&ann).await.ok().body, had.to_string());
        let calls = world.calls();
        assert_eq!(look(&world.new_visitor()).await.ok().body, "none");
        assert_eq!(world.calls(), calls);
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(add(&ann).await.status, StatusCode::CREATED);
        let has = look(&ann).await.ok().body.parse().unwrap();
        // The write without a reply may have been carried out late, but only once.
        assert!([had + 1, had + 2].contains(&has), "{had} became {has}");
        assert_eq!(cookie(&ann), before);
        had = has;
    }
}

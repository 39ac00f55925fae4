//! The face's scenarios on real SQLite files, through the crate that users add.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../okibi-tower/tests/support/mod.rs"]
mod support;

use std::{sync::Arc, time::Duration};

use okibi::{Session, Sessions, SqliteStore};
use support::{Browser, COUNT, Faulty, browser::app, scenarios};
use tempfile::TempDir;

/// A store in a file of its own. The file is deleted with the folder.
fn store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("sessions.db")).unwrap();
    (folder, store)
}

/// Many conflicts on a slow disk are not a fault of the store.
fn patient(store: SqliteStore) -> Sessions {
    Sessions::new(store).store_timeout(Duration::from_mins(1)).commit_deadline(Duration::from_mins(2))
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_a_hundred_concurrent_updates_all_count() {
    let (_folder, store) = store();
    scenarios::hundred_parallel_updates_make_a_hundred(patient(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_fifty_concurrent_sets_all_survive() {
    let (_folder, store) = store();
    scenarios::fifty_parallel_sets_all_survive(patient(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_s19_a_logout_during_slow_requests_revives_nothing() {
    let (_folder, store) = store();
    scenarios::logout_during_slow_requests_revives_nothing(patient(store), 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_a_hundred_racing_logins_have_one_winner() {
    let (_folder, store) = store();
    scenarios::a_hundred_racing_logins_have_one_winner(patient(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n5_a_login_wins_against_concurrent_changes() {
    let (_folder, store) = store();
    scenarios::parallel_changes_never_make_a_login_lose(patient(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_taken_once() {
    let (_folder, store) = store();
    scenarios::a_value_is_taken_once(patient(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s20_two_visitors_never_see_each_other() {
    let (_folder, store) = store();
    scenarios::two_visitors_never_see_each_other(patient(store), 500).await;
}

#[tokio::test]
async fn n3_n4_n15_reading_and_looking_write_nothing() {
    let (_folder, store) = store();
    let store = Arc::new(Faulty::new(store));
    let browser = Browser::new(app(Sessions::new(Arc::clone(&store))));
    scenarios::a_thousand_anonymous_requests_get_no_cookie(&browser).await;
    assert_eq!(store.counts(), (0, 0, 0));
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    store.reset();
    scenarios::a_thousand_reads_send_no_cookie(&browser).await;
    assert_eq!(store.counts(), (1000, 0, 0));
}

#[tokio::test]
async fn a_session_outlives_the_process_that_began_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = || app(Sessions::new(SqliteStore::open(folder.path().join("sessions.db")).unwrap()));
    let browser = Browser::new(open());
    browser.act(|session| async move { session.set(COUNT, &41) }).await.ok();
    let count =
        |session: Session| async move { Ok(session.update(COUNT, |count| count.unwrap_or(0) + 1)?.to_string()) };
    assert_eq!(browser.visiting(open()).act(count).await.ok().body, "42");
}

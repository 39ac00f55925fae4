//! The face's scenarios on a real Postgres, through the crate that users add, and the number of
//! statements.
//!
//! `cargo test -p okibi --test postgres`; it needs Postgres.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../okibi-tower/tests/support/mod.rs"]
mod support;

use std::time::Duration;

use okibi::{PostgresStore, Session, Sessions};
use okibi_servers::{Cut, PostgresServer, Proxy, Then};
use sqlx::PgPool;
use support::{Browser, COUNT, Clock, browser::app, scenarios};

/// A server of the test's own, with a store.
async fn started() -> (PostgresServer, PostgresStore) {
    let server = PostgresServer::start_with(&["shared_preload_libraries=pg_stat_statements"]).unwrap();
    server.psql("CREATE EXTENSION pg_stat_statements");
    let store = PostgresStore::new(PgPool::connect(&server.url()).await.unwrap());
    store.migrate().await.unwrap();
    (server, store)
}

/// Many conflicts on a slow machine are not a fault of the store.
fn patient(store: PostgresStore) -> Sessions {
    Sessions::new(store).store_timeout(Duration::from_mins(1)).commit_deadline(Duration::from_mins(2))
}

/// One server for all scenarios, with a store for each.
#[tokio::test(flavor = "multi_thread")]
async fn n1_n2_n5_s18_s19_s20_parallel_requests_lose_revive_and_mix_up_nothing() {
    let (server, _) = started().await;
    let pool = PgPool::connect(&server.url()).await.unwrap();
    let sessions = || patient(PostgresStore::new(pool.clone()));
    scenarios::hundred_parallel_updates_make_a_hundred(sessions()).await;
    scenarios::fifty_parallel_sets_all_survive(sessions()).await;
    scenarios::a_hundred_racing_logins_have_one_winner(sessions()).await;
    scenarios::parallel_changes_never_make_a_login_lose(sessions()).await;
    scenarios::a_value_is_taken_once(sessions()).await;
    scenarios::two_visitors_never_see_each_other(sessions(), 500).await;
    scenarios::logout_during_slow_requests_revives_nothing(sessions(), 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn round_trips_of_a_request_are_as_few_as_they_can_be() {
    let (server, store) = started().await;
    let clock = Clock::new();
    let (at_store, at_face) = (clock.clone(), clock.clone());
    let store = store.clock(move || at_store.now());
    let idle = Duration::from_mins(30);
    let browser = Browser::new(app(Sessions::new(store).idle(idle).clock(move || at_face.now().into())));
    // The number of statements that the server has carried out.
    let trips = async || {
        let count =
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'";
        let trips: u32 = server.psql(count).parse().unwrap();
        server.psql("SELECT pg_stat_statements_reset()");
        trips
    };
    let change =
        |session: Session| async move { Ok(session.update(COUNT, |count| count.unwrap_or(0) + 1)?.to_string()) };
    trips().await;

    browser.get("/bare").await.ok();
    browser.act(|session| async move { session.get(COUNT).map(|count| format!("{count:?}")) }).await.ok();
    assert_eq!(trips().await, 0, "a visitor without a cookie that stores nothing");
    browser.act(change).await.ok();
    assert_eq!(trips().await, 1, "a first change, which creates the session");
    browser.get("/bare").await.ok();
    assert_eq!(trips().await, 0, "untouched");
    browser.act(|session| async move { session.get(COUNT).map(|count| format!("{count:?}")) }).await.ok();
    assert_eq!(trips().await, 1, "read");
    browser.act(change).await.ok();
    assert_eq!(trips().await, 2, "changed");
    clock.advance(idle / 5);
    let renewed = browser.act(|session| async move { session.get(COUNT).map(|count| format!("{count:?}")) }).await.ok();
    assert_eq!(renewed.cookies().len(), 1);
    assert_eq!(trips().await, 2, "renewed");
    let login = |session: Session| async move {
        session.rotate()?;
        session.set_owner("ann")
    };
    browser.act(login).await.ok();
    assert!((1..=3).contains(&trips().await), "a login");
    browser.act(|session| async move { session.destroy() }).await.ok();
    assert!((1..=3).contains(&trips().await), "a logout");
}

#[tokio::test(flavor = "multi_thread")]
async fn n39_a_change_whose_reply_is_lost_is_counted_once() {
    let (server, _) = started().await;
    let proxy = Proxy::start(server.port()).unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    let store = PostgresStore::new(PgPool::connect(&url).await.unwrap());
    let browser = Browser::new(app(Sessions::new(store)));
    let change =
        |session: Session| async move { Ok(session.update(COUNT, |count| count.unwrap_or(1000) + 1)?.to_string()) };
    browser.act(change).await.ok();
    for (round, then) in [Then::Close, Then::Reset, Then::Close].into_iter().enumerate() {
        let expected = (1002 + round).to_string();
        proxy.cut_reply_to(format!("\"count\":{expected}}}"), Cut { after: round, then });
        assert_eq!(browser.act(change).await.ok().body, expected);
    }
    assert_eq!(proxy.traffic().cuts, 3);
    assert_eq!(server.psql("SELECT count(*) FROM okibi_sessions"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_processes_on_both_ends() {
    let (mut server, store) = started().await;
    let browser = Browser::new(app(Sessions::new(store)));
    browser.act(|session| async move { session.set(COUNT, &41) }).await.ok();
    server.kill();
    server.restart().unwrap();
    let store = PostgresStore::new(PgPool::connect(&server.url()).await.unwrap());
    let count =
        |session: Session| async move { Ok(session.update(COUNT, |count| count.unwrap_or(0) + 1)?.to_string()) };
    assert_eq!(browser.visiting(app(Sessions::new(store))).act(count).await.ok().body, "42");
}

#[test]
fn the_page_shows_the_example_and_the_table_as_they_are() {
    let page = include_str!("../../../docs/stores.md");
    let example = include_str!("../examples/postgres.rs").split_once("\n\n").unwrap().1;
    assert!(page.contains(&format!("```rust\n{example}```\n")));
    let table = include_str!("../../okibi-postgres/src/schema.sql").split_once('\n').unwrap().1;
    assert!(page.contains(&format!("```sql\n{table}```\n")));
}

//! The Redis commands of a request, through the crate that users add, and lost replies.
//!
//! `cargo test -p okibi --test redis`; it needs `redis-server`, and Redis 8 and Valkey (`cargo
//! xtask servers`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../okibi-tower/tests/support/mod.rs"]
mod support;

use std::time::Duration;

use okibi::{RedisStore, Session, Sessions};
use okibi_servers::{Cut, Proxy, RedisKind, RedisMonitor, RedisServer, Then};
use support::{Browser, COUNT, Clock, browser::app};

#[tokio::test(flavor = "multi_thread")]
async fn round_trips_of_a_request_are_as_few_as_they_can_be() {
    for kind in RedisKind::ALL {
        // Valkey compares in `SET`. The others need a script.
        let replace = if kind == RedisKind::Valkey { "SET" } else { "EVALSHA" };
        let server = RedisServer::start(kind);
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let clock = Clock::new();
        let at_face = clock.clone();
        let idle = Duration::from_mins(30);
        let app = app(Sessions::new(store).idle(idle).clock(move || at_face.now().into()));
        let read = |session: Session| async move { session.get(COUNT).map(|count| format!("{count:?}")) };
        let change =
            |session: Session| async move { Ok(session.update(COUNT, |count| count.unwrap_or(0) + 1)?.to_string()) };
        let login = |session: Session| async move {
            session.rotate()?;
            session.set_owner("ann")
        };
        // The first calls load the scripts, and try whether the server compares in `SET`. The store also reads the server's eviction policy, and
        // no request waits for that.
        let mut monitor = RedisMonitor::of(&server);
        let warm = Browser::new(app.clone());
        warm.act(change).await.ok();
        warm.act(login).await.ok();
        warm.act(change).await.ok();
        while !monitor.sent().contains(&"INFO".to_owned()) {
            warm.act(read).await.ok();
        }
        let browser = Browser::new(app);

        browser.get("/bare").await.ok();
        browser.act(read).await.ok();
        assert_eq!(monitor.sent(), [""; 0], "a visitor without a cookie that stores nothing");
        browser.act(change).await.ok();
        assert_eq!(monitor.sent(), ["SET"], "a first change, which creates the session");
        browser.get("/bare").await.ok();
        assert_eq!(monitor.sent(), [""; 0], "a request without its session");
        browser.act(read).await.ok();
        assert_eq!(monitor.sent(), ["GET"], "read");
        browser.act(change).await.ok();
        assert_eq!(monitor.sent(), ["GET", replace], "changed");
        clock.advance(idle / 5);
        assert_eq!(browser.act(read).await.ok().cookies().len(), 1);
        assert_eq!(monitor.sent(), ["GET", "EVALSHA"], "renewed");
        browser.act(login).await.ok();
        assert_eq!(monitor.sent(), ["GET", "EVALSHA", "EVALSHA"], "a login, which rotates");
        browser.act(change).await.ok();
        assert_eq!(monitor.sent(), ["GET", replace], "changed, with an owner");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n39_a_change_whose_reply_is_lost_is_counted_once() {
    let server = RedisServer::start(RedisKind::Redis7);
    let proxy = Proxy::start(server.port()).unwrap();
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}", proxy.port())).await.unwrap();
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_processes_on_both_ends() {
    let mut server = RedisServer::start_with(RedisKind::Redis7, &["--appendonly", "yes", "--appendfsync", "always"]);
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let browser = Browser::new(app(Sessions::new(store)));
    browser.act(|session| async move { session.set(COUNT, &41) }).await.ok();
    server.kill();
    server.restart();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let count =
        |session: Session| async move { Ok(session.update(COUNT, |count| count.unwrap_or(0) + 1)?.to_string()) };
    assert_eq!(browser.visiting(app(Sessions::new(store))).act(count).await.ok().body, "42");
}

/// This example is only compiled, because its servers do not run here.
#[allow(dead_code, missing_docs, unreachable_pub, reason = "an example")]
#[path = "stores_page/redis.rs"]
mod stores_page;

#[test]
fn the_page_shows_the_examples_as_they_are() {
    let page = include_str!("../../../docs/stores.md");
    let example = include_str!("../examples/redis.rs").split_once("\n\n").unwrap().1;
    assert!(page.contains(&format!("```rust\n{example}```\n")));
    let ways = include_str!("stores_page/redis.rs").split_once('\n').unwrap().1;
    assert!(page.contains(&format!("```rust\n{ways}```\n")));
}

//! The polling example of `docs/remember-me.md` does what the page says, and the page prints the
//! compiled file.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "cookies_page/polling.rs"]
mod polling;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
    routing::get,
};
use okibi::{MemoryStore, Name, Session, Sessions};
use tower::ServiceExt as _;

const MINUTE: u64 = 60_000;

async fn ask(app: &Router, path: &str, cookie: &str) -> (String, HeaderMap) {
    let request = Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (head, body) = response.into_parts();
    (String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap(), head.headers)
}

#[tokio::test]
async fn a_page_that_polls_tells_when_the_session_ends_and_keeps_it_alive_no_longer() {
    let (store, now) =
        (Arc::new(MemoryStore::new()), Arc::new(AtomicU64::new(okibi::store::system_time().as_millis())));
    let began = now.load(Ordering::Relaxed);
    let sessions = || {
        let now = Arc::clone(&now);
        let clock = move || UNIX_EPOCH + Duration::from_millis(now.load(Ordering::Relaxed));
        Sessions::new(Arc::clone(&store)).idle(Duration::from_mins(30)).clock(clock)
    };
    let set = async |session: Session| session.set(Name::<u32>::new("n"), &1);
    let others = Router::new().route("/", get(set)).layer(sessions().layer().unwrap());
    let app = polling::app(sessions()).unwrap();
    let (_, headers) = ask(&others, "/", "").await;
    let cookie = headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let end = (began + 30 * MINUTE).to_string();
    for minutes in [1, 20, 29] {
        now.store(began + minutes * MINUTE, Ordering::Relaxed);
        let (text, headers) = ask(&app, "/time-left", cookie).await;
        assert_eq!((text, headers.get("set-cookie")), (end.clone(), None), "after {minutes} minutes");
    }
    now.store(began + 31 * MINUTE, Ordering::Relaxed);
    assert_eq!(ask(&app, "/time-left", cookie).await.0, "");
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let page = include_str!("../../../docs/remember-me.md");
    let (_, code) = include_str!("cookies_page/polling.rs").split_once("\n\n").unwrap();
    assert!(page.contains(&format!("```rust\n{code}```\n")));
}

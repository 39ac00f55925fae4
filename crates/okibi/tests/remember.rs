//! The example of `docs/remember-me.md` does what the page says, and the page prints the compiled
//! file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, dead_code, reason = "a test fails by panicking")]

#[path = "../examples/remember.rs"]
mod remember;

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
    http::{Request, header},
};
use okibi::{MemoryStore, Sessions};
use tower::ServiceExt as _;

const DAY: Duration = Duration::from_hours(24);

/// Sends a request. Returns the body and the cookie that is set.
async fn ask(app: &Router, request: Request<Body>) -> (String, Option<String>) {
    let response = app.clone().oneshot(request).await.unwrap();
    assert!(response.status().is_success() || response.status().is_redirection(), "{response:?}");
    let cookie = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (String::from_utf8(body.to_vec()).unwrap(), cookie)
}

#[tokio::test]
async fn n56_who_is_remembered_is_signed_in_for_a_month_and_nobody_else() {
    let millis = Arc::new(AtomicU64::new(1_700_000_000_000));
    let now = Arc::clone(&millis);
    let clock = move || UNIX_EPOCH + Duration::from_millis(now.load(Ordering::SeqCst));
    let store_clock = clock.clone();
    let store = MemoryStore::new().clock(move || store_clock().into());
    let app = remember::app(Sessions::new(store).clock(clock)).unwrap();
    let log_in = async |form: &'static str| {
        let request = Request::post("/login").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        ask(&app, request.body(Body::from(form)).unwrap()).await.1.unwrap()
    };
    let user = async |cookie: &str| {
        let request = Request::get("/").header("cookie", cookie.split(';').next().unwrap());
        ask(&app, request.body(Body::empty()).unwrap()).await.0
    };
    let (kept, passing) = (log_in("user=ada&remember=on").await, log_in("user=eve").await);
    assert!(kept.contains("Max-Age="), "{kept}");
    assert!(!passing.contains("Max-Age="), "{passing}");
    assert_eq!((user(&kept).await, user(&passing).await), ("ada".into(), "eve".into()));
    millis.fetch_add(u64::try_from((DAY * 29).as_millis()).unwrap(), Ordering::SeqCst);
    assert_eq!((user(&kept).await, user(&passing).await), ("ada".into(), "not logged in".into()));
    millis.fetch_add(u64::try_from(DAY.as_millis()).unwrap(), Ordering::SeqCst);
    assert_eq!(user(&kept).await, "not logged in");
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let example = include_str!("../examples/remember.rs").split_once("\n\n").unwrap().1;
    assert!(include_str!("../../../docs/remember-me.md").contains(&format!("```rust [src/main.rs]\n{example}```\n")));
}

//! The allocations of a session, against the design's budget. The app without a session has tower's
//! `Identity` in place of the session layer. Both get the same requests.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use axum::{Router, body::Body, routing::get};
use futures_util::FutureExt as _;
use http::{Request, Response, header};
use okibi_store::MemoryStore;
use okibi_tower::{Error, Name, Session, Sessions};
use tower::{ServiceExt as _, layer::util::Identity};

const VISITS: Name<u32> = Name::new("visits");

fn routes() -> Router {
    Router::new()
        .route("/bare", get(|| async { "text" }))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/set", get(set))
}

async fn read(session: Session) -> Result<&'static str, Error> {
    assert!(session.get(VISITS)?.is_some());
    Ok("text")
}

async fn write(session: Session) -> Result<&'static str, Error> {
    assert!(session.update(VISITS, |visits| visits.unwrap_or(0) + 1)? > 1);
    Ok("text")
}

async fn set(session: Session) -> Result<&'static str, Error> {
    session.set(VISITS, &7)?;
    Ok("text")
}

/// Serves one request and counts its allocations. Nothing waits here, so no runtime is needed.
fn count(app: &Router, path: &str, cookie: Option<&str>) -> (u64, Response<Body>) {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    if let Some(cookie) = cookie {
        request.headers_mut().insert(header::COOKIE, shared_bytes(cookie));
    }
    let mut response = None;
    let measured = allocation_counter::measure(|| {
        response = app.clone().oneshot(request).now_or_never();
    });
    (measured.count_total, response.unwrap().unwrap())
}

/// A header value as hyper makes it: a slice of the connection's buffer.
fn shared_bytes(text: &str) -> http::HeaderValue {
    let buffer = bytes::Bytes::from(format!("cookie: {text}\r\n"));
    http::HeaderValue::from_maybe_shared(buffer.slice(8..8 + text.len())).unwrap()
}

/// The allocations that the session adds to a request, after both apps have served one.
fn added(path: &str, cookie: impl Fn(&Router) -> Option<String>) -> u64 {
    let app = routes().layer(Sessions::new(MemoryStore::new()).layer().unwrap());
    let bare = Router::new()
        .route("/bare", get(|| async { "text" }))
        .route("/read", get(|| async { "text" }))
        .route("/write", get(|| async { "text" }))
        .route("/set", get(|| async { "text" }))
        .layer(Identity::new());
    let cookie = cookie(&app);
    for _ in 0..3 {
        let (_, response) = count(&app, path, cookie.as_deref());
        assert_eq!(response.status(), 200);
        count(&bare, path, cookie.as_deref());
    }
    let (with, _) = count(&app, path, cookie.as_deref());
    let (without, _) = count(&bare, path, cookie.as_deref());
    let added = with - without;
    println!("{path}: {without} bare, {added} added");
    added
}

fn log_in(app: &Router) -> Option<String> {
    let (_, response) = count(app, "/set", None);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().map(str::to_owned)
}

#[test]
fn a_request_without_its_session_takes_at_most_3_allocations() {
    assert!(added("/bare", |_| None) <= 3);
    assert!(added("/bare", log_in) <= 3);
}

#[test]
fn a_read_takes_at_most_9_allocations() {
    assert!(added("/read", log_in) <= 9);
}

#[test]
fn a_read_and_write_takes_at_most_18_allocations() {
    assert!(added("/write", log_in) <= 18);
    assert!(added("/set", log_in) <= 18);
}

//! A visitor of an app with tower-sessions stays signed in, with the example of
//! `docs/from-tower-sessions.md` and that library. The page prints the compiled file.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "moving_page/carry_over.rs"]
mod carry_over;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header::SET_COOKIE},
    routing::get,
};
use okibi::{
    MemoryStore, Sessions,
    store::{Consistency, Loaded, Store, StoreError, StoreKey, Swap, Write},
};
use tower::ServiceExt as _;
use tower_sessions::{MemoryStore as OldStore, Session as OldSession, SessionManagerLayer};

/// The app before the move. It signs Ann in.
fn old_app(store: OldStore) -> Router {
    let sign_in = async |session: OldSession| session.insert("user", "ann").await.unwrap();
    Router::new().route("/", get(sign_in)).layer(SessionManagerLayer::new(store))
}

/// The status, the body, and the cookies that the response sets. A removed cookie has no value.
async fn ask(app: &Router, cookie: &str) -> (StatusCode, String, Vec<String>) {
    let request = Request::get("/").header("cookie", cookie).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let pair = |value: &axum::http::HeaderValue| value.to_str().unwrap().split(';').next().unwrap().to_owned();
    let cookies = response.headers().get_all(SET_COOKIE).iter().map(pair).collect();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap(), cookies)
}

async fn signed_in(old: &OldStore) -> String {
    ask(&old_app(old.clone()), "").await.2.remove(0)
}

#[tokio::test]
async fn a_visitor_stays_signed_in_and_the_old_session_ends() {
    let old = OldStore::default();
    let old_cookie = signed_in(&old).await;
    let app = carry_over::app(Sessions::new(MemoryStore::new()), old.clone()).unwrap();

    let (status, body, mut cookies) = ask(&app, &old_cookie).await;
    assert_eq!((status, body.as_str(), cookies.len()), (StatusCode::OK, "ann", 2));
    let removed = cookies.iter().position(|cookie| cookie == "id=").unwrap();
    cookies.remove(removed);
    assert!(cookies[0].starts_with("__Host-session="));
    assert_eq!(ask(&app, &cookies[0]).await.1, "ann");

    // The old cookie opens nothing, in the new app and in the old one.
    assert_eq!(ask(&app, &old_cookie).await, (StatusCode::OK, "guest".to_owned(), vec!["id=".to_owned()]));
    assert_ne!(ask(&old_app(old), &old_cookie).await.2, vec![old_cookie]);
}

#[tokio::test]
async fn a_session_of_the_app_itself_counts_and_the_old_one_ends() {
    let old = OldStore::default();
    let store = Arc::new(MemoryStore::new());
    let app = carry_over::app(Sessions::new(Arc::clone(&store)), old.clone()).unwrap();
    let (first, second) = (signed_in(&old).await, signed_in(&old).await);
    let cookies = ask(&app, &first).await.2;
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("__Host-session=")).unwrap();
    let (_, body, cookies) = ask(&app, &format!("{cookie}; {second}")).await;
    assert_eq!((body.as_str(), cookies), ("ann", vec!["id=".to_owned()]));
    assert_eq!(ask(&app, &second).await.1, "guest");
}

/// A store that cannot be reached.
struct Down;

impl Store for Down {
    async fn load(&self, _key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        Err(StoreError::unavailable("down"))
    }

    async fn swap(&self, _key: &StoreKey, _expected: Option<&[u8]>, _write: Write) -> Result<Swap, StoreError> {
        Err(StoreError::unavailable("down"))
    }

    async fn delete(&self, _key: &StoreKey) -> Result<(), StoreError> {
        Err(StoreError::unavailable("down"))
    }

    fn consistency(&self) -> Consistency {
        Consistency::Strong
    }
}

#[tokio::test]
async fn a_store_that_fails_loses_nothing() {
    let old = OldStore::default();
    let old_cookie = signed_in(&old).await;
    let app = carry_over::app(Sessions::new(Down), old.clone()).unwrap();
    let (status, _, cookies) = ask(&app, &old_cookie).await;
    assert_eq!((status, cookies), (StatusCode::SERVICE_UNAVAILABLE, Vec::new()));
    let app = carry_over::app(Sessions::new(MemoryStore::new()), old).unwrap();
    assert_eq!(ask(&app, &old_cookie).await.1, "ann");
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let page = include_str!("../../../docs/from-tower-sessions.md");
    let (_, code) = include_str!("moving_page/carry_over.rs").split_once("\n\n").unwrap();
    assert!(page.contains(&format!("```rust\n{code}```\n")));
}

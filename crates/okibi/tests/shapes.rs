//! The example of `docs/changing-shapes.md` does what the page says, and the page prints the
//! compiled file.

#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "a test fails by panicking")]

#[path = "../examples/shapes.rs"]
mod shapes;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
    routing::get,
};
use okibi::{Error, MemoryStore, Name, Session, Sessions};
use tower::ServiceExt as _;

/// The app of the deploy before.
fn old(sessions: Sessions) -> Router {
    let begin = async |session: Session| {
        session.set(Name::<String>::new("languages"), "de")?;
        session.set(Name::<Vec<String>>::new("cart"), &vec!["tea".to_owned()])?;
        session.set(Name::<String>::new("discount"), "ten")?;
        Ok::<_, Error>(())
    };
    Router::new().route("/", get(begin)).layer(sessions.layer().unwrap())
}

async fn ask(app: &Router, path: &str, cookie: &str) -> (String, Option<String>) {
    let request = Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    let cookie = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (String::from_utf8(body.to_vec()).unwrap(), cookie)
}

#[tokio::test]
async fn n57_a_deploy_that_changes_types_signs_nobody_out() {
    let store = Arc::new(MemoryStore::new());
    let cookie = ask(&old(Sessions::new(Arc::clone(&store))), "/", "").await.1.unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let new = shapes::app(Sessions::new(store)).unwrap();
    assert_eq!(ask(&new, "/", cookie).await.0, "tea, 0 off, in en");
    assert_eq!(ask(&new, "/order", cookie).await.0, "10");
    assert_eq!(ask(&new, "/", cookie).await.0, "tea, 10 off, in en");
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let example = include_str!("../examples/shapes.rs").split_once("\n\n").unwrap().1;
    assert!(include_str!("../../../docs/changing-shapes.md").contains(&format!("```rust\n{example}```\n")));
}

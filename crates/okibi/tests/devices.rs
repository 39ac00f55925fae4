//! The example of `docs/log-out-everywhere.md` does what the page says, and the page prints the
//! compiled file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, dead_code, reason = "a test fails by panicking")]

#[path = "../examples/devices.rs"]
mod devices;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, Method, Request, StatusCode},
};
use okibi::SqliteStore;
use tower::ServiceExt as _;

/// The status and body of a response, and the cookie that it sets.
async fn ask(app: &Router, method: Method, path: &str, cookie: &str) -> (StatusCode, String, String) {
    let request = Request::builder().method(method).uri(path).header("cookie", cookie).header("user-agent", "a phone");
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let set = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let (status, body) = (response.status(), response.into_body());
    let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    (status, text, set.split(';').next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn n25_a_user_sees_their_devices_and_revokes_one_the_others_or_all() {
    let app = devices::app(SqliteStore::in_memory().unwrap()).unwrap();
    let mut devices = Vec::new();
    for _ in 0..4 {
        devices.push(ask(&app, Method::POST, "/login/ann", "").await.2);
    }
    let bens = ask(&app, Method::POST, "/login/ben", "").await.2;
    let list = async |cookie: &str| ask(&app, Method::GET, "/devices", cookie).await.1;
    let page = list(&devices[0]).await;
    assert_eq!(page.lines().count(), 4);
    assert_eq!(page.matches("a phone, this one: active ").count(), 1);

    let other = page.lines().find(|line| !line.contains("this one")).unwrap();
    let revoke = format!("/devices/{}/revoke", other.rsplit(' ').next().unwrap());
    assert_eq!(
        ask(&app, Method::POST, &revoke, &bens).await.0,
        StatusCode::NOT_FOUND,
        "another user's session cannot be revoked"
    );
    assert_eq!(ask(&app, Method::POST, &revoke, &devices[0]).await.0, StatusCode::OK);
    assert_eq!(list(&devices[0]).await.lines().count(), 3);

    assert_eq!(ask(&app, Method::POST, "/devices/revoke-others", &devices[0]).await.1, "2 revoked");
    for device in &devices[1..] {
        assert_eq!(list(device).await, "", "the next request has no session");
    }
    assert_eq!(ask(&app, Method::POST, "/admin/ann/revoke-all", &bens).await.1, "1 revoked");
    assert_eq!(list(&devices[0]).await, "");
    assert_eq!(list(&bens).await.lines().count(), 1);
}

/// In-app browsers send 270 bytes, some browsers send nothing, and some send other characters than
/// ASCII.
#[tokio::test]
async fn n47_what_a_browser_says_of_itself_never_fails_a_login() {
    let app = devices::app(SqliteStore::in_memory().unwrap()).unwrap();
    let long = "Mozilla/5.0 ".repeat(30);
    for (agent, label) in [
        (Some(long.as_bytes()), &long[..256]),
        (Some(b"".as_slice()), ""),
        (Some(b"\xe9t\xe9".as_slice()), "unknown device"),
        (None, "unknown device"),
    ] {
        let mut login = Request::post("/login/ann").body(Body::empty()).unwrap();
        if let Some(agent) = agent {
            login.headers_mut().insert("user-agent", HeaderValue::from_bytes(agent).unwrap());
        }
        let response = app.clone().oneshot(login).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let set = response.headers()["set-cookie"].to_str().unwrap();
        let page = ask(&app, Method::GET, "/devices", set.split(';').next().unwrap()).await.1;
        let line = page.lines().find(|line| line.contains(", this one")).unwrap();
        assert_eq!(line.split_once(", this one").unwrap().0, label);
    }
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let example = include_str!("../examples/devices.rs").split_once("\n\n").unwrap().1;
    assert!(
        include_str!("../../../docs/log-out-everywhere.md").contains(&format!("```rust [src/main.rs]\n{example}```\n"))
    );
}

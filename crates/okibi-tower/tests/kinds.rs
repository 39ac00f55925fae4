//! Two kinds of sessions around one handler, where one of them fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use crate::support::{Browser, Fault, Faulty, USER, World};
use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{Next, from_fn},
    response::IntoResponse,
    routing::get,
};
use http::{HeaderValue, Response, StatusCode, header};
use okibi_store::MemoryStore;
use okibi_tower::{Error, Session, Sessions};

struct Admin;

#[tokio::test]
async fn n6_a_committed_session_keeps_its_cookie_when_the_commit_of_an_outer_kind_fails() {
    async fn log_in(user: Session, admin: Session<Admin>) -> Result<impl IntoResponse, Error> {
        user.rotate()?;
        user.set(USER, "ada")?;
        admin.set(USER, "ada")?;
        Ok(([("x-app", "its own")], "done"))
    }
    async fn see(user: Session) -> Result<String, Error> {
        Ok(user.get(USER)?.unwrap_or_default())
    }
    let world = World::new();
    let admins = Arc::new(Faulty::new(MemoryStore::new()));
    let admin_layer = Sessions::new(Arc::clone(&admins)).of::<Admin>("__Host-admin").layer().unwrap();
    let routes = Router::new().route("/log-in", get(log_in)).route("/see", get(see));
    let browser = Browser::new(routes.layer(world.sessions().layer().unwrap()).layer(admin_layer));
    browser.get("/log-in").await.ok();
    admins.fails(Fault::ReadOnly);
    let answer = browser.get("/log-in").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((answer.cookies().len(), answer.headers.get("x-app")), (1, None));
    assert_eq!(answer.all(&header::CACHE_CONTROL), ["no-store"]);
    assert_eq!(browser.get("/see").await.ok().body, "ada", "the visitor is still signed in");
}

#[tokio::test]
async fn r9_the_cookie_of_a_session_in_a_nested_app_is_sent_though_the_outer_commit_fails() {
    async fn log_in(admin: Session<Admin>) -> Result<impl IntoResponse, Error> {
        admin.rotate()?;
        admin.set(USER, "ada")?;
        Ok(([(header::SET_COOKIE, "app=1")], "done"))
    }
    async fn see(admin: Session<Admin>) -> Result<String, Error> {
        Ok(admin.get(USER)?.unwrap_or_default())
    }
    async fn around(user: Session, request: Request, next: Next) -> Result<Response<Body>, Error> {
        let is_log_in = request.uri().path() == "/in/log-in";
        // Another layer that makes a new response.
        let (mut head, body) = next.run(request).await.into_parts();
        head.headers.insert("x-around", HeaderValue::from_static("1"));
        if is_log_in {
            user.set(USER, "bob")?;
        }
        Ok(Response::from_parts(head, body))
    }
    let users = Arc::new(Faulty::new(MemoryStore::new()));
    let layer = Sessions::new(Arc::clone(&users)).layer().unwrap();
    let admins = Sessions::new(MemoryStore::new()).of::<Admin>("__Host-admin").layer().unwrap();
    let inner = Router::new().route("/log-in", get(log_in)).route("/see", get(see)).layer(admins);
    let browser = Browser::new(Router::new().nest_service("/in", inner).layer(from_fn(around)).layer(layer));
    browser.get("/in/log-in").await.ok();
    users.fails(Fault::ReadOnly);
    let answer = browser.get("/in/log-in").await;
    assert_eq!((answer.status, answer.headers.get("x-around")), (StatusCode::SERVICE_UNAVAILABLE, None));
    let cookies = answer.cookies();
    assert!(matches!(&*cookies, [cookie] if cookie.starts_with("__Host-admin=")), "{cookies:?}");
    assert_eq!(browser.get("/in/see").await.ok().body, "ada");
}

//! Two kinds of sessions around one handler, where one of them fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use axum::{Router, response::IntoResponse, routing::get};
use http::{StatusCode, header};
use okibi_store::MemoryStore;
use okibi_tower::{Error, Session, Sessions};
use support::{Browser, Fault, Faulty, USER, World};

struct Admin;

#[tokio::test]
async fn n6_a_session_whose_commit_was_made_keeps_its_cookie_when_that_of_another_kind_around_it_fails() {
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
    assert_eq!(browser.get("/see").await.ok().body, "ada", "nobody is logged out");
}

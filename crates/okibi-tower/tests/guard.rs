//! The guard: which requests pass, and the response to the others.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::support::{Browser, COUNT, Fault, USER, World, browser::routes};
use axum::{Router, routing::get};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use okibi_tower::{Session, guard};

struct Admin;

fn guarded(world: &World) -> Router {
    let page = || async { "the secret page" };
    routes()
        .route("/401", get(page).route_layer(guard(USER)))
        .route("/303", get(page).route_layer(guard(USER).redirect("/login?back=/a b\r\nx: y")))
        .route(
            "/own",
            get(page).route_layer(guard(USER).respond(|parts| {
                let mut response = Response::new(Bytes::from(format!("not for you: {}", parts.uri.path())));
                *response.status_mut() = StatusCode::FORBIDDEN;
                response
            })),
        )
        .route("/admin", get(page).route_layer(guard(USER).of::<Admin>()))
        .layer(world.sessions().layer().unwrap())
}

#[tokio::test]
async fn the_guard_denies_requests_without_the_value() {
    let world = World::new();
    let anonymous = Browser::new(guarded(&world));
    let other = anonymous.another();
    other.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    for browser in [anonymous, other] {
        let answer = browser.get("/401").await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::UNAUTHORIZED, "please log in"));
        assert_eq!(answer.all(&header::VARY), ["Cookie"]);
        let answer = browser.get("/303").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.all(&header::LOCATION), ["/login?back=/a%20b%0D%0Ax:%20y"]);
        let answer = browser.get("/own").await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::FORBIDDEN, "not for you: /own"));
        assert!(answer.cookies().is_empty());
    }
    assert_eq!(world.memory.len(), 1);
}

#[tokio::test]
async fn the_guard_allows_requests_with_the_value_and_loads_once() {
    let world = World::new();
    let browser = Browser::new(guarded(&world));
    browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
    for path in ["/401", "/303", "/own"] {
        world.store.reset();
        let answer = browser.get(path).await.ok();
        assert_eq!(answer.body, "the secret page");
        assert_eq!(world.store.counts(), (1, 0, 0));
        assert_eq!(answer.all(&header::VARY), ["Cookie"]);
    }
    let browser = browser.another();
    browser.act(|session| async move { session.flash(USER, &"ada".to_owned()) }).await.ok();
    assert_eq!(browser.get("/401").await.ok().body, "the secret page");
    assert_eq!(browser.get("/401").await.ok().body, "the secret page", "a guard does not read a flash");
}

#[tokio::test]
async fn the_guard_answers_a_failed_store_as_the_layer_does() {
    let world = World::new();
    let browser = Browser::new(guarded(&world));
    browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
    world.store.fails(Fault::Down);
    for path in ["/401", "/303", "/own"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.body, "session store unavailable, please try again");
    }
}

#[tokio::test]
async fn a_guard_without_its_layer_denies_every_request() {
    let page = || async { "the secret page" };
    let bare = Browser::new(Router::new().route("/", get(page).route_layer(guard(USER))));
    let world = World::new();
    let wrong_kind = Browser::new(guarded(&world));
    wrong_kind.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
    for answer in [bare.get("/").await, wrong_kind.get("/admin").await] {
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "session error"));
    }
}

/// Two sessions in one app, with two cookies and one store. Each has its own values, logins and
/// guards.
#[tokio::test]
async fn n29_two_sessions_in_one_app_share_only_a_store() {
    let world = World::new();
    let visit = async |session: Session, admin: Session<Admin>| {
        session.set(USER, &"visitor".to_owned())?;
        admin.set(USER, &"root".to_owned())?;
        Ok::<_, okibi_tower::Error>(())
    };
    let leave = async |admin: Session<Admin>| admin.destroy();
    let both = async |session: Session, admin: Session<Admin>| {
        Ok::<_, okibi_tower::Error>(format!("{:?} {:?}", session.get(USER)?, admin.get(USER)?))
    };
    let app = Router::new()
        .route("/visit", get(visit))
        .route("/leave", get(leave))
        .route("/both", get(both))
        .route("/admin", get(|| async { "admin" }).route_layer(guard(USER).of::<Admin>()))
        .layer(world.sessions().layer().unwrap())
        .layer(world.sessions().of::<Admin>("__Host-admin").layer().unwrap());
    let browser = Browser::new(app);
    assert_eq!(browser.get("/admin").await.status, StatusCode::UNAUTHORIZED);
    let answer = browser.get("/visit").await.ok();
    assert_eq!(answer.cookies().len(), 2);
    let names: Vec<String> = browser.jar().into_keys().collect();
    assert_eq!(names, ["__Host-admin", "__Host-session"]);
    assert_eq!(browser.get("/both").await.ok().body, "Some(\"visitor\") Some(\"root\")");
    assert_eq!(browser.get("/admin").await.ok().body, "admin");
    let swapped = browser.another();
    swapped.put("__Host-admin", &browser.jar()["__Host-session"]);
    assert_eq!(swapped.get("/admin").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.get("/leave").await.ok().cookies().len(), 1);
    assert_eq!(browser.get("/both").await.ok().body, "Some(\"visitor\") None");
    assert_eq!(world.memory.len(), 2, "one session, and the marker of the other");
}

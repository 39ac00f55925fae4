//! Sealed sessions with revocations, through the layer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use crate::support::{Browser, Fault, USER, World, browser::app, secrets};
use http::StatusCode;
use okibi_store::MemoryStore;
use okibi_tower::{ErrorKind, Sessions};

const MINUTE: Duration = Duration::from_mins(1);

fn sealed(world: &World) -> Browser {
    let now = world.clock.clone();
    let sessions = Sessions::sealed(secrets("a")).revocations(Arc::clone(&world.store)).clock(move || now.now().into());
    Browser::new(app(sessions))
}

async fn log_in(browser: &Browser) {
    browser
        .act(|session| async move {
            session.rotate()?;
            session.set(USER, &"ada".to_owned())
        })
        .await
        .ok();
}

async fn user(browser: &Browser) -> String {
    browser.act(|session| async move { Ok(session.get(USER)?.unwrap_or_default()) }).await.ok().body
}

#[tokio::test]
async fn n9_a_copy_of_the_cookie_opens_nothing_after_a_logout() {
    let world = World::new();
    let ada = sealed(&world);
    log_in(&ada).await;
    let thief = ada.copy();
    assert_eq!(user(&thief).await, "ada");
    ada.act(|session| async move { session.destroy() }).await.ok();
    assert!(ada.jar().is_empty());
    for _ in 0..12 {
        assert_eq!(user(&thief.copy()).await, "");
        world.clock.advance(MINUTE * 10);
    }
}

#[tokio::test]
async fn s18_after_a_login_the_old_cookie_opens_nothing() {
    let world = World::new();
    let ada = sealed(&world);
    log_in(&ada).await;
    let before = ada.copy();
    log_in(&ada).await;
    assert_eq!(user(&before).await, "");
    assert_eq!(user(&ada).await, "ada");
}

#[tokio::test]
async fn s22_only_requests_that_use_their_session_call_the_store() {
    let world = World::new();
    let ada = sealed(&world);
    log_in(&ada).await;
    ada.get("/bare").await.ok();
    ada.another().get("/bare").await.ok();
    user(&ada.another()).await;
    assert_eq!(world.store.counts(), (0, 0, 0));
    user(&ada).await;
    assert_eq!(world.store.counts(), (1, 0, 0));
    ada.act(|session| async move { session.set(USER, &"ben".to_owned()) }).await.ok();
    assert_eq!(world.store.counts(), (3, 0, 0));
    ada.act(|session| async move { session.destroy() }).await.ok();
    assert_eq!(world.store.counts(), (4, 1, 0));
}

#[tokio::test]
async fn n6_a_store_that_is_down_is_a_503_and_no_logout() {
    let world = World::new();
    let ada = sealed(&world);
    log_in(&ada).await;
    let before = ada.jar();
    for fault in [Fault::Down, Fault::ReadOnly] {
        world.store.fails(fault);
        let logout = ada.act(|session| async move { session.destroy() }).await;
        assert_eq!(logout.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(logout.cookies().is_empty());
        ada.get("/bare").await.ok();
    }
    assert_eq!(ada.jar(), before);
    world.store.fails(None);
    assert_eq!(user(&ada).await, "ada");
}

#[tokio::test]
async fn n25_sealed_sessions_cannot_be_listed_on_any_store() {
    let world = World::new();
    let ada = sealed(&world);
    ada.act(|session| async move { session.set_owner("ada") }).await.ok();
    let kind = ada
        .act(|session| async move {
            let error = session.list().await.unwrap_err();
            Ok((error.kind() == ErrorKind::UnsupportedByStore).to_string())
        })
        .await;
    assert_eq!(kind.ok().body, "true");
}

#[tokio::test]
async fn invalid_revocations_are_refused_when_configured() {
    let text = |sessions: Sessions| sessions.layer().unwrap_err().to_string();
    let evicting = Sessions::sealed(secrets("a")).revocations(MemoryStore::new());
    assert!(text(evicting).contains("revocations: this store evicts entries when it is full"));
    assert!(Sessions::sealed(secrets("a")).revocations(MemoryStore::new().refuse_when_full()).layer().is_ok());
    let endless = Sessions::sealed(secrets("a")).revocations(MemoryStore::new()).absolute(None);
    assert!(text(endless).contains("set absolute"));
    assert!(
        text(Sessions::new(MemoryStore::new()).revocations(MemoryStore::new())).contains("sessions in a store end")
    );
}

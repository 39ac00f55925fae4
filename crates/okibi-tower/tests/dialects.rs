//! Dialects of other libraries in this face: sharing the sessions of a Hono app, and adopting them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::support::{Browser, COUNT, Faulty, USER, World, browser::app};
use http::StatusCode;
use okibi_store::{MemoryStore, Store as _, StoreKey};
use okibi_tower::{
    Session, Sessions,
    compat::{HonoProtection, HonoSessions, IronSecrets},
};

const KEY: &str = "an encryption key of 32 characters, or more";

fn keyed() -> HonoSessions {
    HonoSessions {
        protection: HonoProtection::SealedId(IronSecrets::new([KEY]).unwrap()),
        idle: Some(Duration::from_mins(15)),
        ..HonoSessions::default()
    }
}

fn sealed() -> HonoSessions {
    HonoSessions { protection: HonoProtection::Sealed(IronSecrets::new([KEY]).unwrap()), ..HonoSessions::default() }
}

async fn log_in(browser: &Browser) {
    browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
}

async fn user(browser: &Browser) -> String {
    browser.act(|session| async move { Ok(session.get(USER)?.unwrap_or_default()) }).await.ok().body
}

#[tokio::test]
async fn sessions_of_hono_sessions_work_with_a_key_and_in_a_cookie() {
    let world = World::new();
    let (now, then) = (world.clock.clone(), world.clock.clone());
    let stored = Sessions::hono_sessions(keyed(), Arc::clone(&world.store)).clock(move || now.now().into());
    let in_cookie = Sessions::hono_sessions_sealed(sealed()).clock(move || then.now().into());
    for sessions in [stored, in_cookie] {
        let browser = Browser::new(app(sessions));
        log_in(&browser).await;
        assert!(browser.jar()["session"].starts_with("Fe26.2**"));
        let counted = browser.act(|session| async move {
            session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
            session.update(COUNT, |count| count.unwrap_or(0) + 1).map(|count| count.to_string())
        });
        assert_eq!(counted.await.ok().body, "2");
        assert_eq!(user(&browser).await, "ada");
        browser.act(|session: Session| async move { session.destroy() }).await.ok();
        assert_eq!((user(&browser).await.as_str(), browser.jar().len()), ("", 0));
    }
}

#[tokio::test]
async fn a_change_that_the_dialect_cannot_store_is_unsupported_by_dialect() {
    let browser = Browser::new(app(Sessions::hono_sessions(keyed(), MemoryStore::new())));
    let answer = browser.act(|session| async move {
        session.set(USER, &"ada".to_owned())?;
        let refused = session.set_owner("ada").unwrap_err();
        Ok(refused.kind().code())
    });
    assert_eq!(answer.await.ok().body, "unsupported_by_dialect");
}

#[tokio::test]
async fn n24_n41_sessions_of_another_library_are_adopted_and_a_logout_ends_both() {
    let old_store = Arc::new(MemoryStore::new());
    let old = Browser::new(app(Sessions::hono_sessions(keyed(), Arc::clone(&old_store))));
    log_in(&old).await;
    let stolen = old.jar()["session"].clone();

    let until = SystemTime::now() + Duration::from_hours(1);
    let new = app(Sessions::new(MemoryStore::new()).accept(keyed(), Arc::clone(&old_store), until));
    let browser = old.visiting(new);
    assert_eq!(user(&browser).await, "ada");
    assert_eq!(browser.jar().keys().collect::<Vec<_>>(), ["__Host-session"], "the new cookie, and not the old one");
    assert_eq!(user(&browser).await, "ada");
    browser.act(|session: Session| async move { session.destroy() }).await.ok();
    let thief = browser.another();
    thief.put("session", &stolen);
    assert_eq!(user(&thief).await, "");
}

#[tokio::test]
async fn a_session_of_a_cookie_store_is_adopted() {
    let old = Browser::new(app(Sessions::hono_sessions_sealed(sealed())));
    log_in(&old).await;
    let until = SystemTime::now() + Duration::from_hours(1);
    let browser = old.visiting(app(Sessions::new(MemoryStore::new()).accept_sealed(sealed(), until)));
    assert_eq!(user(&browser).await, "ada");
    assert_eq!(browser.jar().keys().collect::<Vec<_>>(), ["__Host-session"]);
}

#[tokio::test]
async fn n6_while_the_old_store_is_down_no_visitor_is_logged_out() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let old = Browser::new(app(Sessions::hono_sessions(keyed(), Arc::clone(&store))));
    log_in(&old).await;
    let before = old.jar();
    let until = SystemTime::now() + Duration::from_hours(1);
    let browser = old.visiting(app(Sessions::new(MemoryStore::new()).accept(keyed(), Arc::clone(&store), until)));
    store.fails(crate::support::Fault::Down);
    let answer = browser.act(|session| async move { session.get(USER).map(|_| ()) }).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::SERVICE_UNAVAILABLE, 0));
    assert_eq!(browser.jar(), before);
    store.fails(None);
    assert_eq!(user(&browser).await, "ada");
}

#[test]
fn options_that_exclude_each_other_are_refused_by_name() {
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    let says = |sessions: Sessions| sessions.layer().unwrap_err().to_string();
    assert!(
        says(Sessions::hono_sessions(sealed(), MemoryStore::new())).contains("store: a sealed cookie is the store")
    );
    assert!(
        says(Sessions::hono_sessions_sealed(keyed())).contains("store: none given; give one, or a secret that seals")
    );
    assert!(
        says(Sessions::hono_sessions(keyed(), MemoryStore::new()).idle(Duration::from_mins(5))).contains("lifetime")
    );
    assert!(says(Sessions::hono_sessions(keyed(), MemoryStore::new()).cookie_name("x")).contains("cookie"));
    assert!(
        says(Sessions::new(MemoryStore::new()).accept(sealed(), MemoryStore::new(), until)).contains("accept_sealed")
    );
    assert!(says(Sessions::new(MemoryStore::new()).accept_sealed(keyed(), until)).contains("accept"));
}

/// In these dialects the key is the id, so no store key may be shown.
#[tokio::test]
async fn s7_a_store_key_is_never_shown() {
    let store = Arc::new(MemoryStore::new());
    let key = StoreKey::new("3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b");
    assert!(store.load(&key).await.unwrap().is_none());
    let shown = format!("{key:?} {:?}", okibi_core::Step::Load(key.clone()));
    assert!(!shown.contains("3f8e2b0a"), "{shown}");
}

//! Owners of different namespaces are different owners: lists and revocations stay within one kind
//! of session and one app.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use crate::support::{
    Browser, USER,
    around::{Around, Call, Hooks},
    browser::{app, routes},
    log::Log,
    secrets,
};
use okibi_store::MemoryStore;
use okibi_tower::{Limits, Sessions};

/// All owners that the store was called with.
#[derive(Default)]
struct RecordOwners(Mutex<Vec<String>>);

impl Hooks for RecordOwners {
    fn note(&self, call: Call<'_>) {
        let owner = match call {
            Call::Swap(_, write) => write.owner.as_ref(),
            Call::List(owner) => Some(owner),
            Call::Load(_) | Call::Delete(_) => None,
        };
        self.0.lock().unwrap().extend(owner.map(|owner| owner.as_str().to_owned()));
    }
}

async fn log_in(browser: &Browser, user: &'static str) {
    let request = browser.act(move |session| async move {
        session.set_owner(user)?;
        session.set(USER, &user.to_owned())
    });
    request.await.ok();
}

async fn user(browser: &Browser) -> String {
    browser.act(|session| async move { Ok(session.get(USER)?.unwrap_or_default()) }).await.ok().body
}

/// Customer 17 and administrator 17 have different cookies, and so different namespaces.
#[tokio::test]
async fn n44_owners_of_different_namespaces_are_different() {
    let store = Arc::new(Around::<RecordOwners>::default());
    let of = |name: &str| Sessions::new(Arc::clone(&store)).cookie_name(name).layer().unwrap();
    let (customers, admins) = (of("__Host-session"), of("__Host-admin"));
    let (of_customers, of_admins) = (customers.directory(), admins.directory());
    let (customer, admin) = (Browser::new(routes().layer(customers)), Browser::new(routes().layer(admins)));
    let second = customer.another();
    for browser in [&customer, &second, &admin] {
        log_in(browser, "17").await;
    }
    assert_eq!((of_customers.list("17").await.unwrap().len(), of_admins.list("17").await.unwrap().len()), (2, 1));
    let admins_handle = of_admins.list("17").await.unwrap()[0].handle;
    assert!(!of_customers.revoke("17", admins_handle).await.unwrap());
    let request = customer.act(move |session| async move {
        assert_eq!(session.list().await?.len(), 2);
        assert!(!session.revoke(admins_handle).await?);
        assert_eq!(session.revoke_others().await?, 1);
        Ok(())
    });
    request.await.ok();
    assert_eq!(of_customers.revoke_all_except("17", admins_handle).await.unwrap(), 1);
    assert_eq!(of_customers.revoke_all("17").await.unwrap(), 0);
    assert_eq!(
        (user(&customer).await, user(&second).await, user(&admin).await),
        (String::new(), String::new(), "17".into())
    );
    log_in(&customer, "17").await;
    assert_eq!(of_admins.revoke_all("17").await.unwrap(), 1);
    assert_eq!((user(&customer).await, user(&admin).await), ("17".into(), String::new()));
    // No app can name an owner of another namespace.
    assert!(of_admins.list("session:17").await.unwrap().is_empty());
    let owners = store.hooks.0.lock().unwrap().clone();
    assert!(
        owners.iter().all(|owner| ["session:17", "admin:17", "admin:session:17"].contains(&owner.as_str())),
        "{owners:?}"
    );
    assert!(["session:17", "admin:17"].iter().all(|owner| owners.iter().any(|owners| owners == owner)), "{owners:?}");
}

/// The longest namespace with the longest owner.
#[tokio::test]
async fn n44_an_owner_has_256_bytes_in_every_namespace() {
    let store = Arc::new(Around::<RecordOwners>::default());
    let layer = Sessions::new(Arc::clone(&store)).namespace("n".repeat(64)).layer().unwrap();
    let directory = layer.directory();
    let browser = Browser::new(routes().layer(layer));
    let owner: &'static str = Box::leak("é".repeat(128).into_boxed_str());
    log_in(&browser, owner).await;
    assert_eq!(directory.list(owner).await.unwrap().len(), 1);
    assert!(store.hooks.0.lock().unwrap().iter().all(|owners| owners.len() == 64 + 1 + 256));
}

/// A record that is larger than the limits, because the limits were higher before, is listed and
/// revoked.
#[tokio::test]
async fn n25_a_session_larger_than_the_limits_is_revoked() {
    let store = Arc::new(MemoryStore::new());
    let of = |limits| Sessions::new(Arc::clone(&store)).limits(limits).layer().unwrap();
    let larger = Limits { bytes: 1024 * 1024, ..Limits::default() };
    let yesterday = Browser::new(routes().layer(of(larger)));
    let request = yesterday.act(|session| async move {
        session.set_owner("ada")?;
        session.set(USER, &"x".repeat(100_000))
    });
    request.await.ok();
    let directory = of(Limits::default()).directory();
    assert_eq!(directory.list("ada").await.unwrap().len(), 1);
    assert_eq!(directory.revoke_all("ada").await.unwrap(), 1);
    assert_eq!(user(&yesterday).await, "");
    let another = yesterday.visiting(app(Sessions::new(store).limits(larger)));
    assert_eq!(user(&another).await, "");
}

#[tokio::test]
async fn r25_two_apps_with_default_names_on_one_store_share_their_sessions() {
    let store = Arc::new(MemoryStore::new());
    let site = || app(Sessions::new(Arc::clone(&store)));
    let ann = Browser::new(site());
    log_in(&ann, "ada").await;
    let (log, _collecting) = Log::collect();
    assert_eq!(user(&ann.visiting(site())).await, "ada");
    assert!(!log.text().contains("session event"), "{}", log.text());
}

#[tokio::test]
async fn r25_two_apps_with_different_namespaces_do_not_and_the_others_cookie_is_an_event() {
    let store = Arc::new(MemoryStore::new());
    for signs in [false, true] {
        let site = |namespace: &str| {
            let sessions = Sessions::new(Arc::clone(&store)).namespace(namespace);
            app(if signs { sessions.secret(secrets("a")) } else { sessions })
        };
        let ann = Browser::new(site("shop"));
        log_in(&ann, "ada").await;
        let (log, collecting) = Log::collect();
        assert_eq!(user(&ann.visiting(site("forum"))).await, "");
        drop(collecting);
        assert!(log.text().contains("unknown_id"), "{}", log.text());
        assert_eq!(user(&ann).await, "ada");
    }
}

//! The sessions of one owner: listed and revoked, one by one or all of them, inside a request and
//! outside.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::support::{
    Browser, COUNT, Fault, USER, World,
    around::{Around, Hooks},
    browser::{app, routes},
    scenarios::{Pause, spawn},
    secrets,
};
use okibi_store::{BoxFuture, StoreKey};
use okibi_tower::{ErrorKind, Session, SessionInfo, Sessions};

async fn log_in(browser: &Browser, user: &'static str, device: &'static str) {
    let request = browser.act(move |session| async move {
        session.set_owner(user)?;
        session.set_label(device)?;
        session.set(USER, &user.to_owned())
    });
    request.await.ok();
}

async fn user(browser: &Browser) -> &'static str {
    let user = browser.act(|session| async move { Ok(session.get(USER)?.unwrap_or_default()) }).await.ok().body;
    ["ada", "eve", ""].into_iter().find(|known| *known == user).unwrap()
}

fn labels(list: &[SessionInfo]) -> Vec<(&str, bool)> {
    list.iter().map(|session| (session.label.as_deref().unwrap_or_default(), session.current)).collect()
}

/// Two devices of ada and one of eve.
async fn three_devices(world: &World) -> (Browser, Browser, Browser) {
    let phone = world.browser();
    let (laptop, other) = (phone.another(), phone.another());
    log_in(&phone, "ada", "phone").await;
    world.clock.advance(Duration::from_secs(1));
    log_in(&laptop, "ada", "laptop").await;
    log_in(&other, "eve", "eve's").await;
    (phone, laptop, other)
}

#[tokio::test]
async fn n25_an_owner_sees_their_own_sessions_and_no_others() {
    let world = World::new();
    let (phone, ..) = three_devices(&world).await;
    let request = phone.act(|session| async move {
        let list = session.list().await?;
        assert_eq!(labels(&list), [("laptop", false), ("phone", true)]);
        assert_eq!((session.owner().as_deref(), session.handle()), (Some("ada"), Some(list[1].handle)));
        assert!(list.iter().all(|session| session.expires_at > session.created));
        assert_eq!(session.label().as_deref(), Some("phone"));
        Ok(())
    });
    request.await.ok();
    let anonymous = phone.another();
    anonymous.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    let request = anonymous.act(|session| async move {
        assert!(session.list().await?.is_empty());
        assert_eq!((session.revoke_others().await?, session.label()), (0, None));
        Ok(())
    });
    request.await.ok();
}

#[tokio::test]
async fn n25_a_handle_revokes_an_owners_session_but_not_another_owners() {
    let world = World::new();
    let (phone, laptop, other) = three_devices(&world).await;
    let other_handle = other.act(|session| async move { Ok(session.handle().unwrap().to_string()) }).await.ok().body;
    let request = phone.act(move |session| async move {
        let handle = session.list().await?[0].handle;
        assert!(session.revoke(handle).await?);
        assert!(!session.revoke(handle).await?, "it is already revoked");
        assert!(!session.revoke(okibi_tower::Handle::parse(&other_handle).unwrap()).await?, "it belongs to eve");
        Ok(())
    });
    request.await.ok();
    assert_eq!((user(&phone).await, user(&laptop).await, user(&other).await), ("ada", "", "eve"));
}

#[tokio::test]
async fn n25_revoking_the_current_session_is_a_logout() {
    let world = World::new();
    let (phone, laptop, _) = three_devices(&world).await;
    let request = phone.act(|session| async move {
        let handle = session.handle().unwrap();
        session.revoke(handle).await.map(|ended| ended.to_string())
    });
    assert_eq!(request.await.ok().body, "true");
    assert!(phone.jar().is_empty());
    assert_eq!(user(&laptop).await, "ada");
}

#[tokio::test]
async fn n25_all_other_sessions_can_be_revoked() {
    let world = World::new();
    let (phone, laptop, other) = three_devices(&world).await;
    let tablet = phone.another();
    log_in(&tablet, "ada", "tablet").await;
    let ended = phone.act(|session| async move { Ok(session.revoke_others().await?.to_string()) }).await.ok();
    assert_eq!(ended.body, "2");
    assert_eq!(user(&phone).await, "ada");
    assert_eq!((user(&laptop).await, user(&tablet).await, user(&other).await), ("", "", "eve"));
}

#[tokio::test]
async fn n25_the_other_sessions_can_be_revoked_after_a_logout() {
    let world = World::new();
    let (phone, laptop, other) = three_devices(&world).await;
    let request = phone.act(|session| async move {
        session.destroy()?;
        Ok(session.revoke_others().await?.to_string())
    });
    assert_eq!(request.await.ok().body, "1");
    assert_eq!((user(&phone).await, user(&laptop).await, user(&other).await), ("", "", "eve"));
}

#[tokio::test]
async fn n25_a_login_can_revoke_all_earlier_sessions() {
    let world = World::new();
    let (phone, laptop, _) = three_devices(&world).await;
    let fresh = phone.another();
    let request = fresh.act(|session| async move {
        session.set_owner("ada")?;
        session.set(USER, &"ada".to_owned())?;
        Ok(session.revoke_others().await?.to_string())
    });
    assert_eq!(request.await.ok().body, "2");
    assert_eq!((user(&phone).await, user(&laptop).await, user(&fresh).await), ("", "", "ada"));
}

#[tokio::test]
async fn n25_the_directory_does_the_same_without_a_session() {
    let world = World::new();
    let layer = world.sessions().layer().unwrap();
    let directory = layer.directory();
    let phone = Browser::new(routes().layer(layer));
    let (laptop, other) = (phone.another(), phone.another());
    log_in(&phone, "ada", "phone").await;
    world.clock.advance(Duration::from_secs(1));
    log_in(&laptop, "ada", "laptop").await;
    log_in(&other, "eve", "eve's").await;
    let list = directory.list("ada").await.unwrap();
    assert_eq!(labels(&list), [("laptop", false), ("phone", false)]);
    assert!(!directory.revoke("eve", list[0].handle).await.unwrap());
    assert!(directory.revoke("ada", list[0].handle).await.unwrap());
    assert_eq!((user(&phone).await, user(&laptop).await), ("ada", ""));
    log_in(&laptop, "ada", "laptop").await;
    let laptops = directory.list("ada").await.unwrap()[0].handle;
    assert_eq!(directory.revoke_all_except("ada", laptops).await.unwrap(), 1);
    assert_eq!((user(&phone).await, user(&laptop).await), ("", "ada"));
    assert_eq!(directory.revoke_all("ada").await.unwrap(), 1);
    assert_eq!(directory.revoke_all("ada").await.unwrap(), 0);
    assert_eq!((user(&laptop).await, user(&other).await), ("", "eve"));
    // No session can have such an owner, so the caller has made a mistake.
    for owner in [String::new(), "a".repeat(257)] {
        assert_eq!(directory.list(&owner).await.unwrap_err().kind(), ErrorKind::InvalidOwner);
        assert_eq!(directory.revoke(&owner, laptops).await.unwrap_err().kind(), ErrorKind::InvalidOwner);
        assert_eq!(directory.revoke_all(&owner).await.unwrap_err().kind(), ErrorKind::InvalidOwner);
        assert_eq!(directory.revoke_all_except(&owner, laptops).await.unwrap_err().kind(), ErrorKind::InvalidOwner);
    }
    assert!(directory.list(&"a".repeat(256)).await.unwrap().is_empty());
}

#[tokio::test]
async fn n25_expired_sessions_are_not_listed() {
    let world = World::new();
    let (phone, ..) = three_devices(&world).await;
    world.clock.advance(Duration::from_mins(59));
    user(&phone).await;
    world.clock.advance(Duration::from_mins(2));
    let request = phone.act(|session| async move {
        assert_eq!(labels(&session.list().await?), [("phone", true)]);
        Ok(())
    });
    request.await.ok();
}

/// A revoked session stays revoked, whatever its own request does meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn n1_n25_a_pending_request_cannot_write_a_revoked_session() {
    let world = World::new();
    let directory = world.sessions().layer().unwrap().directory();
    for round in 0..100 {
        let browser = world.browser();
        log_in(&browser, "ada", "phone").await;
        let pause = Pause::new();
        let under_way = spawn(browser.copy(), {
            let pause = pause.clone();
            move |session: Session| async move {
                pause.wait().await;
                if round % 2 == 0 { session.rotate() } else { session.set(COUNT, &1) }
            }
        });
        pause.reached().await;
        if round % 4 < 2 {
            assert_eq!(directory.revoke_all("ada").await.unwrap(), 1);
            pause.go();
        } else {
            pause.go();
            directory.revoke_all("ada").await.unwrap();
        }
        under_way.await.unwrap().ok();
        directory.revoke_all("ada").await.unwrap();
        assert!(directory.list("ada").await.unwrap().is_empty());
        assert_eq!(user(&browser).await, "");
    }
}

/// Runs a future once, right after the store has made a list.
#[derive(Default)]
struct Meanwhile(Mutex<Option<BoxFuture<'static, ()>>>);

impl Hooks for Meanwhile {
    fn listed(&self, keys: Vec<StoreKey>) -> BoxFuture<'_, Vec<StoreKey>> {
        Box::pin(async {
            let meanwhile = self.0.lock().unwrap().take();
            if let Some(meanwhile) = meanwhile {
                meanwhile.await;
            }
            keys
        })
    }
}

/// Found by the fault rig: the list named the old id, and the session had another id when it was
/// loaded.
#[tokio::test]
async fn n25_a_session_that_gets_another_id_meanwhile_is_revoked() {
    for renews in [false, true] {
        let store = Arc::new(Around::<Meanwhile>::default());
        let layer = Sessions::new(Arc::clone(&store)).layer().unwrap();
        let directory = layer.directory();
        let phone = Browser::new(routes().layer(layer));
        let moves = |phone: &Browser| -> BoxFuture<'static, ()> {
            let phone = phone.copy();
            Box::pin(async move {
                let request =
                    phone.act(move |session| async move { if renews { session.renew_id() } else { session.rotate() } });
                request.await.ok();
            })
        };
        log_in(&phone, "ada", "phone").await;
        store.hooks.0.lock().unwrap().replace(moves(&phone));
        assert_eq!(labels(&directory.list("ada").await.unwrap()), [("phone", false)]);
        log_in(&phone, "ada", "phone").await;
        let handle = directory.list("ada").await.unwrap()[0].handle;
        store.hooks.0.lock().unwrap().replace(moves(&phone));
        if renews {
            assert!(directory.revoke("ada", handle).await.unwrap());
        } else {
            assert_eq!(
                directory.revoke_all("ada").await.unwrap(),
                2,
                "the session with the new id, and the login after it"
            );
        }
        directory.revoke_all("ada").await.unwrap();
        assert!(directory.list("ada").await.unwrap().is_empty());
    }
}

/// For this many lists, the list has one more key without a session, a new one each time.
#[derive(Default)]
struct Nowhere(AtomicU32);

impl Hooks for Nowhere {
    fn listed(&self, mut keys: Vec<StoreKey>) -> BoxFuture<'_, Vec<StoreKey>> {
        let left = self.0.load(Ordering::Relaxed);
        if left > 0 {
            self.0.store(left - 1, Ordering::Relaxed);
            keys.push(StoreKey::new(format!("session:nowhere{left}")));
        }
        Box::pin(async { keys })
    }
}

#[tokio::test]
async fn m7_a_list_that_keeps_changing_is_read_eight_times_however_slow_that_is() {
    let store = Arc::new(Around::<Nowhere>::default());
    // A future of an async block must not be polled again after it was ready, unlike tokio's own.
    let layer =
        Sessions::new(Arc::clone(&store)).commit_deadline(Duration::from_millis(1)).timer(|_| Box::pin(async {}));
    let layer = layer.layer().unwrap();
    let directory = layer.directory();
    let phone = Browser::new(routes().layer(layer));
    log_in(&phone, "ada", "phone").await;
    store.hooks.0.store(7, Ordering::Relaxed);
    assert_eq!(labels(&directory.list("ada").await.unwrap()), [("phone", false)]);
    store.hooks.0.store(8, Ordering::Relaxed);
    assert_eq!(directory.list("ada").await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn n25_a_store_that_is_down_revokes_nothing_and_is_an_error() {
    let world = World::new();
    let directory = world.sessions().layer().unwrap().directory();
    let (phone, ..) = three_devices(&world).await;
    world.store.fails(Fault::Down);
    for kind in [directory.list("ada").await.unwrap_err().kind(), directory.revoke_all("ada").await.unwrap_err().kind()]
    {
        assert_eq!(kind, ErrorKind::StoreUnavailable);
    }
    world.store.fails(None);
    assert_eq!(user(&phone).await, "ada");
}

/// A remote store: every call takes ten milliseconds.
struct Far;

const TRIP: Duration = Duration::from_millis(10);

impl Hooks for Far {
    fn wait(&self) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(TRIP))
    }
}

/// With 16 concurrent calls, a thousand sessions are listed in 64 round trips, and revoked in about
/// four times as many.
#[tokio::test(start_paused = true)]
async fn n25_a_thousand_sessions_are_listed_and_revoked_16_at_a_time() {
    let layer = Sessions::new(Around::new(Far)).layer().unwrap();
    let directory = layer.directory();
    let first = Browser::new(routes().layer(layer));
    for _ in 0..1000 {
        log_in(&first.another(), "ada", "one of many").await;
    }
    log_in(&first, "ada", "the last").await;
    let took = async |call: &mut (dyn Future<Output = usize> + Unpin)| {
        let start = tokio::time::Instant::now();
        (call.await, start.elapsed())
    };
    let (listed, list_took) = took(&mut Box::pin(async { directory.list("ada").await.unwrap().len() })).await;
    assert_eq!(listed, 1001);
    assert!(list_took < TRIP * 70, "{list_took:?}");
    let (ended, end_took) = took(&mut Box::pin(async { directory.revoke_all("ada").await.unwrap() })).await;
    assert_eq!(ended, 1001);
    assert!(end_took < TRIP * 300, "{end_took:?}");
    assert_eq!(user(&first).await, "");
}

/// A store without an index of owners.
struct Unlisted;

impl Hooks for Unlisted {
    const LISTS: bool = false;
}

#[tokio::test]
async fn n25_a_store_without_an_index_of_owners_is_unsupported() {
    for sessions in [Sessions::new(Around::new(Unlisted)), Sessions::sealed(secrets("a"))] {
        let browser = Browser::new(app(sessions));
        log_in(&browser, "ada", "phone").await;
        let request = browser.act(|session| async move {
            assert_eq!(session.list().await.unwrap_err().kind(), ErrorKind::UnsupportedByStore);
            assert_eq!(session.revoke_others().await.unwrap_err().kind(), ErrorKind::UnsupportedByStore);
            Ok(())
        });
        request.await.ok();
    }
}

#[tokio::test]
async fn n25_a_failure_after_some_revocations_is_an_unknown_outcome() {
    let world = World::new();
    three_devices(&world).await;
    let directory = world.sessions().layer().unwrap().directory();
    world.store.fails(Fault::ReadOnly);
    assert_eq!(directory.revoke_all("ada").await.unwrap_err().kind(), ErrorKind::StoreUnknown);
    assert_eq!(
        directory.revoke_all("eve").await.unwrap_err().kind(),
        ErrorKind::StoreUnavailable,
        "eve has one session"
    );
    world.store.fails(None);
    assert_eq!(directory.revoke_all("ada").await.unwrap(), 2);
}

/// A store with an index that names each key twice.
struct Twice;

impl Hooks for Twice {
    fn listed(&self, keys: Vec<StoreKey>) -> BoxFuture<'_, Vec<StoreKey>> {
        Box::pin(async { [keys.clone(), keys].concat() })
    }
}

#[tokio::test]
async fn n25_a_key_that_is_listed_twice_is_one_session() {
    let layer = Sessions::new(Around::new(Twice)).layer().unwrap();
    let directory = layer.directory();
    let phone = Browser::new(routes().layer(layer));
    log_in(&phone, "ada", "phone").await;
    log_in(&phone.another(), "ada", "laptop").await;
    assert_eq!(directory.list("ada").await.unwrap().len(), 2);
    assert_eq!(directory.revoke_all("ada").await.unwrap(), 2);
}

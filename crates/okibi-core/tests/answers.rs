//! Responses of concurrent requests to one session: the browser may keep any of them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use okibi_core::{
    Accept, Config, Consistency, Native, Op, Protection, Refusal, Secrets, Step, StoreKey, Timestamp,
    compat::HonoSessions,
};
use support::{Fate, Request, World};

const OLD_ID: &str = "3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b";
const OLD_RECORD: &str = r#"{"_data":{"n":{"value":10,"flash":false}},"_expire":"2023-12-14T22:13:20.000Z","_delete":false,"_accessed":"2023-11-14T22:13:20.000Z"}"#;

fn sealed() -> Protection {
    let secrets = Secrets::new(["a secret of these tests, long enough"]).unwrap();
    Protection::Sealed { secrets, chunks: 1 }
}

fn begun(config: impl Into<Config>) -> (World, String) {
    let mut world = World::new(config);
    let cookie = world.serve(None, |request| request.set("cart", 1)).cookie().unwrap();
    (world, cookie)
}

#[test]
fn m1_a_slow_response_after_a_renewal_does_not_undo_a_login() {
    let (mut world, old) = begun(Config::default());
    let new = world.serve(Some(&old), |request| request.log.push(Op::RenewId)).cookie().unwrap();
    let mut slow = world.request(Some(&old));
    slow.load(&mut world);
    assert!(slow.is_live());
    world.serve(Some(&new), |request| request.log.push(Op::Rotate));
    slow.commit(&mut world).unwrap();
    assert_eq!(slow.cookies(), [""; 0]);
}

#[test]
fn m1_a_slow_response_after_an_early_commit_does_not_undo_a_login() {
    for (early, failed) in [(Op::RenewId, false), (Op::Touch, false), (Op::Rotate, false), (Op::Touch, true)] {
        let (mut world, cookie) = begun(Config::default());
        let mut slow = world.request(Some(&cookie));
        slow.load(&mut world);
        slow.log.push(early);
        slow.commit(&mut world).unwrap();
        let decided = slow.cookie().unwrap();
        slow.log.clear();
        assert!(world.engine.is_touch_due(&slow.flow, world.now), "a cookie must be checked again");
        world.serve(Some(&decided), |request| request.log.push(Op::Rotate));
        slow.start_commit(&mut world, failed);
        while slow.outcome.is_none() {
            slow.take_step(&mut world, Fate::Fine);
        }
        assert_eq!(slow.cookies(), [""; 0]);
    }
    // Without a request in between the cookie is sent. If the id was renewed meanwhile, the newest
    // id is sent.
    let (mut world, cookie) = begun(Config::default());
    let mut slow = world.request(Some(&cookie));
    slow.load(&mut world);
    slow.log.push(Op::Rotate);
    slow.commit(&mut world).unwrap();
    slow.log.clear();
    let decided = slow.cookie().unwrap();
    slow.commit(&mut world).unwrap();
    assert_eq!(slow.cookie().as_ref(), Some(&decided));
    let newest = world.serve(Some(&decided), |request| request.log.push(Op::RenewId)).cookie().unwrap();
    slow.commit(&mut world).unwrap();
    assert_eq!(slow.cookie(), Some(newest));
}

/// The handler's own commit succeeded. Before its cookie is sent, the session is loaded again, and
/// that load fails.
#[test]
fn m1_after_an_early_commit_a_failed_reload_is_no_error() {
    let no_grace = || Config::from(Native { grace: Duration::ZERO, ..Native::default() });
    for (config, early, fate) in [
        (Config::default(), Op::Rotate, Fate::Refused),
        (Config::default(), Op::Rotate, Fate::ReplyLost),
        (no_grace(), Op::RenewId, Fate::Refused),
    ] {
        let (mut world, cookie) = begun(config);
        let mut request = world.request(Some(&cookie));
        request.load(&mut world);
        request.log.push(early);
        request.commit(&mut world).unwrap();
        let decided = request.cookie().unwrap();
        request.log.clear();
        request.start_commit(&mut world, false);
        request.take_step(&mut world, fate);
        assert_eq!(request.outcome, Some(Ok(())));
        assert_eq!(request.cookie(), Some(decided));
    }
    // The browser has this id already, and a login may have replaced it, so it is not sent.
    for fate in [Fate::Refused, Fate::ReplyLost, Fate::RequestLost] {
        let (mut world, cookie) = begun(Config::default());
        let mut slow = world.request(Some(&cookie));
        slow.load(&mut world);
        slow.log.push(Op::Touch);
        slow.commit(&mut world).unwrap();
        slow.log.clear();
        world.serve(Some(&cookie), |request| request.log.push(Op::Rotate));
        slow.start_commit(&mut world, false);
        slow.take_step(&mut world, fate);
        assert_eq!((slow.outcome, slow.cookies().len()), (Some(Ok(())), 0));
    }
    // The marker opens a renewed id that the browser has not received, so no cookie is needed.
    let (mut world, old) = begun(Config::default());
    world.serve(Some(&old), |request| request.log.push(Op::RenewId));
    let mut late = world.request(Some(&old));
    late.load(&mut world);
    late.start_commit(&mut world, false);
    late.take_step(&mut world, Fate::Refused);
    assert_eq!((late.outcome, late.cookies()), (Some(Ok(())), [""; 0].map(String::from).as_slice()));
}

/// While a marker points from the browser's id to the renewed id, the renewed id is not needed, and
/// a login may have replaced it.
#[test]
fn a_renewed_id_is_not_sent_if_the_reload_fails() {
    for logs_in in [false, true] {
        let (mut world, cookie) = begun(Config::default());
        let mut slow = world.request(Some(&cookie));
        slow.load(&mut world);
        slow.log.push(Op::RenewId);
        slow.commit(&mut world).unwrap();
        slow.log.clear();
        let signed_in = logs_in.then(|| {
            let mut login = world.request(Some(&cookie));
            login.load(&mut world);
            login.log.push(Op::Rotate);
            login.commit(&mut world).unwrap();
            login.cookie().unwrap()
        });
        slow.start_commit(&mut world, false);
        slow.take_step(&mut world, Fate::Refused);
        assert_eq!((slow.outcome, slow.cookies().len()), (Some(Ok(())), 0));
        // The cookie that the browser has now opens the session.
        assert!(world.serve(Some(&signed_in.unwrap_or(cookie)), |_| ()).is_live());
    }
    // When the marker may be over, only the new id opens the session.
    let (mut world, cookie) = begun(Config::default());
    let mut slow = world.request(Some(&cookie));
    slow.load(&mut world);
    slow.log.push(Op::RenewId);
    slow.commit(&mut world).unwrap();
    slow.log.clear();
    world.advance(60_001);
    slow.start_commit(&mut world, false);
    slow.take_step(&mut world, Fate::Refused);
    assert!(world.serve(slow.cookie().as_deref(), |_| ()).is_live());
}

/// Two logins from a double click, in every order of their steps. Each bit says which login takes
/// the next step.
#[test]
fn n48_a_double_clicked_login_signs_in_with_either_response() {
    let revoking = Native { protection: sealed(), revocations: true, ..Native::default() };
    for config in [Native::default(), Native { protection: sealed(), ..Native::default() }, revoking] {
        let takes = !matches!(config.protection, Protection::Sealed { .. });
        for order in 0..1_u32 << 9 {
            let (mut world, cookie) = begun(config.clone());
            let mut clicks = [0, 1].map(|_| world.request(Some(&cookie)));
            for click in &mut clicks {
                click.load(&mut world);
                click.log.push(Op::Rotate);
                click.set("user", "ada");
            }
            let mut tickets = 0;
            if takes {
                tickets = clicks.iter_mut().filter_map(|click| click.take_value(&mut world, "cart")).count();
            }
            let mut started = [false; 2];
            for step in 0..64 {
                let next = if step < 9 { (order >> step & 1) as usize } else { step % 2 };
                if !started[next] {
                    started[next] = true;
                    clicks[next].start_commit(&mut world, false);
                } else if clicks[next].outcome.is_none() {
                    clicks[next].take_step(&mut world, Fate::Fine);
                }
            }
            for click in &clicks {
                assert_eq!(click.outcome, Some(Ok(())));
                let kept = click.cookie().expect("each answer has a cookie");
                let found = world.serve(Some(&kept), |_| ());
                assert_eq!(found.get("user"), Some("ada".into()), "order {order:b}");
            }
            assert_eq!(tickets, usize::from(takes), "a taken value is returned once");
        }
    }
}

#[test]
fn a_renewal_without_grace_whose_reply_is_lost_keeps_the_session() {
    let (mut world, cookie) = begun(Native { grace: Duration::ZERO, ..Native::default() });
    let mut request = world.request(Some(&cookie));
    request.load(&mut world);
    request.log.push(Op::RenewId);
    request.start_commit(&mut world, false);
    request.take_step(&mut world, Fate::Fine);
    request.take_step(&mut world, Fate::ReplyLost);
    while request.outcome.is_none() {
        request.take_step(&mut world, Fate::Fine);
    }
    assert!(world.serve(request.cookie().as_deref(), |_| ()).is_live());
}

#[test]
fn a_logout_with_a_sealed_cookie_ends_the_successor_of_a_login_that_came_in_between() {
    for looks in [false, true] {
        let (mut world, cookie) = begun(Native { protection: sealed(), revocations: true, ..Native::default() });
        let login = world.serve(Some(&cookie), |request| {
            request.log.push(Op::Rotate);
            request.set("user", "ada");
        });
        let mut logout = world.request(Some(&cookie));
        if looks {
            logout.load(&mut world);
        }
        logout.log.push(Op::Destroy);
        logout.commit(&mut world).unwrap();
        assert!(!world.serve(login.cookie().as_deref(), |_| ()).is_live(), "looks: {looks}");
    }
}

/// The request saw its session live. Then a login moved the session, and a take or an early commit
/// found it gone.
#[test]
fn n8_a_logout_destroys_the_successor_even_if_the_request_was_slow_and_found_the_session_gone() {
    let revoking = Native { protection: sealed(), revocations: true, ..Native::default() };
    for config in [Native::default(), Native { grace: Duration::ZERO, ..Native::default() }, revoking] {
        let takes = !matches!(config.protection, Protection::Sealed { .. });
        for moves in [Op::Rotate, Op::RenewId].into_iter().take(1 + usize::from(takes)) {
            let (mut world, cookie) = begun(config.clone());
            let mut logout = world.request(Some(&cookie));
            logout.load(&mut world);
            let newest = world.serve(Some(&cookie), |request| request.log.push(moves.clone())).cookie();
            world.advance(60_000);
            if takes {
                logout.take_value(&mut world, "cart");
            } else {
                logout.set("cart", 2);
                logout.commit(&mut world).unwrap();
            }
            logout.log = vec![Op::Destroy];
            logout.commit(&mut world).unwrap();
            let grace = config.grace;
            assert!(!world.serve(newest.as_deref(), |_| ()).is_live(), "{moves:?}, grace {grace:?}, stored: {takes}");
        }
    }
}

#[test]
fn m6_a_copy_of_the_old_cookie_opens_nothing_after_a_logout_of_the_sealed_session() {
    let until = Timestamp::from_millis(1_800_000_000_000);
    let accept =
        vec![Accept { dialect: HonoSessions::default().into(), until, consistency: Some(Consistency::Strong) }];
    let config = Native { protection: sealed(), accept, ..Native::default() };
    let old = format!("session={OLD_ID}");
    let stored = |world: &mut World| {
        world.accepted_stores[0]
            .insert(StoreKey::new(OLD_ID), (Bytes::from_static(OLD_RECORD.as_bytes()), Timestamp::MAX));
    };
    let mut world = World::new(config.clone());
    stored(&mut world);
    let taken_over = world.serve_header(&old, |_| ());
    let new = taken_over.cookies()[0].split(';').next().unwrap().to_owned();
    assert!(world.serve_header(&new, |_| ()).is_live());
    world.serve_header(&new, |request| request.log.push(Op::Destroy));
    assert!(!world.serve_header(&old, |_| ()).is_live());
    // If the delete may have failed, the session is not adopted.
    for (fate, refusal) in [(Fate::Refused, Refusal::StoreUnavailable), (Fate::RequestLost, Refusal::StoreUnknown)] {
        let mut world = World::new(config.clone());
        stored(&mut world);
        let mut request = world.open(Some(&old));
        request.load(&mut world);
        request.start_commit(&mut world, false);
        request.take_step(&mut world, fate);
        assert_eq!((request.outcome, request.cookies().len()), (Some(Err(refusal)), 0));
    }
}

#[test]
fn after_a_destroy_no_error_says_that_nothing_was_written() {
    // The session is destroyed, and then the new session cannot be written.
    let (mut world, cookie) = begun(Config::default());
    let mut request = world.request(Some(&cookie));
    request.load(&mut world);
    request.log.push(Op::Destroy);
    request.set("new", 1);
    request.start_commit(&mut world, false);
    request.take_step(&mut world, Fate::Fine);
    request.take_step(&mut world, Fate::Refused);
    assert_eq!(request.outcome, Some(Err(Refusal::StoreUnknown)));
    assert!(!world.serve(Some(&cookie), |_| ()).is_live());
    // A logout in a dialect without markers: the record is deleted, and the reply is lost.
    let (mut world, cookie) = begun(HonoSessions::default());
    let mut request = world.request(Some(&cookie));
    request.log.push(Op::Destroy);
    request.start_commit(&mut world, false);
    request.take_step(&mut world, Fate::ReplyLost);
    assert_eq!(request.outcome, Some(Err(Refusal::StoreUnknown)));
}

#[test]
fn m7_a_task_that_times_out_after_a_destroy_or_a_lost_reply_has_an_unknown_outcome() {
    let ask = |world: &World, request: &Request| world.engine.out_of_time(&mut request.flow.clone());
    // Another request was first: nothing was written.
    let (mut world, cookie) = begun(Config::default());
    let mut request = world.request(Some(&cookie));
    request.load(&mut world);
    request.set("cart", 2);
    request.start_commit(&mut world, false);
    world.serve(Some(&cookie), |rival| rival.set("cart", 3));
    request.take_step(&mut world, Fate::Fine);
    assert_eq!((request.outcome, ask(&world, &request)), (None, Refusal::Conflict));
    // The reply was lost, and the swap was not repeated yet.
    request.take_step(&mut world, Fate::ReplyLost);
    assert_eq!((request.outcome, ask(&world, &request)), (None, Refusal::StoreUnknown));
    // The session has ended, and the new one is not written yet.
    let (mut world, cookie) = begun(Config::default());
    let mut request = world.request(Some(&cookie));
    request.load(&mut world);
    request.log.push(Op::Destroy);
    request.set("new", 1);
    request.start_commit(&mut world, false);
    request.take_step(&mut world, Fate::Fine);
    assert_eq!((request.outcome, ask(&world, &request)), (None, Refusal::StoreUnknown));
}

/// A commit of this change. The write and its repetition are both lost, so the stored bytes are
/// unknown.
fn doubtful(world: &mut World, cookie: &str) -> Request {
    let mut request = world.request(Some(cookie));
    request.load(world);
    request.set("cart", 2);
    request.start_commit(world, false);
    request.take_step(world, Fate::RequestLost);
    request.take_step(world, Fate::RequestLost);
    assert_eq!(request.outcome, Some(Err(Refusal::StoreUnknown)));
    request
}

#[test]
fn n39_a_session_in_doubt_is_refused_and_no_error_says_that_nothing_was_written() {
    let (mut world, cookie) = begun(Config::default());
    let mut request = doubtful(&mut world, &cookie);
    let calls = world.calls;
    assert!(request.flow.is_in_doubt());
    assert_eq!(request.commit(&mut world), Err(Refusal::StoreUnknown));
    let mut random = world.random();
    let taken = world.engine.take(&mut request.flow, "cart".into(), world.now, &mut random);
    assert_eq!((taken, world.calls), (Err(Refusal::StoreUnknown), calls));
    // A binding passes the flow back.
    request.flow = okibi_core::Flow::from_bytes(&request.flow.to_bytes()).unwrap();
    assert_eq!(request.commit(&mut world), Err(Refusal::StoreUnknown));
    // A failed request may still destroy the session. The stored session before that is unknown.
    request.log = vec![Op::Destroy];
    request.start_commit(&mut world, true);
    while request.outcome.is_none() {
        request.take_step(&mut world, Fate::Refused);
    }
    assert_eq!(request.outcome, Some(Err(Refusal::StoreUnknown)));
    request.start_commit(&mut world, true);
    while request.outcome.is_none() {
        request.take_step(&mut world, Fate::Fine);
    }
    assert_eq!(request.outcome, Some(Ok(())));
    assert!(!world.serve(Some(&cookie), |_| ()).is_live());
}

#[test]
fn n39_a_session_is_in_doubt_after_a_task_was_abandoned_during_a_write() {
    let (mut world, cookie) = begun(Config::default());
    let mut request = world.request(Some(&cookie));
    request.set("cart", 2);
    request.start_commit(&mut world, false);
    assert!(matches!(request.step, Step::Load(_)));
    // The request only reads. The next request adopts the session.
    request.outcome = None;
    request.start_commit(&mut world, false);
    assert!(!request.flow.is_in_doubt());
    request.take_step(&mut world, Fate::Fine);
    assert!(matches!(request.step, Step::Swap { .. }) && request.flow.is_in_doubt());
    request.outcome = None;
    assert_eq!(request.commit(&mut world), Err(Refusal::StoreUnknown));
}

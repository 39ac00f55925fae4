//! Sealed sessions with revocations: after a logout or a rotation no copy of the cookie opens.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use okibi_core::{
    ConfigError, Engine, Event, Flow, Lifetime, Native, Op, Protection, Refusal, Secrets, Step, Timestamp,
};
use support::{Fate, Request, World};

const MINUTE: u64 = 60_000;

fn config() -> Native {
    let secrets = Secrets::new(["a secret of these tests, long enough"]).unwrap();
    let protection = Protection::Sealed { secrets, chunks: 1 };
    Native { protection, revocations: true, ..Native::default() }
}

fn world() -> World {
    World::new(config())
}

fn new_session(world: &mut World) -> String {
    world.serve(None, |request| request.set("a", 1)).cookie().unwrap()
}

fn opens(world: &mut World, cookie: &str) -> bool {
    world.serve(Some(cookie), |_| ()).is_live()
}

/// The store calls of a request: loads, swaps, deletes.
fn calls(request: &Request) -> (u32, u32, u32) {
    let calls = request.flow.calls();
    (calls.loads, calls.swaps, calls.deletes)
}

#[test]
fn n9_a_copy_of_the_cookie_opens_nothing_after_a_logout() {
    let mut world = world();
    let cookie = new_session(&mut world);
    assert!(opens(&mut world, &cookie));
    let logout = world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    assert!(logout.cookies()[0].contains("Max-Age=0"));
    let deadline = Timestamp::from_millis(world.now.as_millis() + 24 * 60 * MINUTE);
    while world.now < deadline {
        let replay = world.serve(Some(&cookie), |_| ());
        assert!(!replay.is_live());
        assert_eq!(world.entries(), 1, "kept for as long as the cookie could be used");
        world.advance(10 * MINUTE);
    }
    world.advance(2 * MINUTE);
    assert_eq!(world.entries(), 0, "and no longer");
    assert!(!opens(&mut world, &cookie));
}

#[test]
fn n9_a_cookie_of_an_ended_session_causes_an_event_and_the_visitor_can_begin_another_session() {
    let mut world = world();
    let cookie = new_session(&mut world);
    world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    // At first it may be a late request of the same visitor. Its response must not replace the
    // cookie of a login.
    let late = world.serve(Some(&cookie), |request| request.set("b", 2));
    assert!(late.cookies().is_empty());
    assert_eq!(late.events, [Event::Revoked, Event::ChangesDropped]);
    world.advance(2 * MINUTE);
    let next = world.serve(Some(&cookie), |request| request.set("b", 2));
    assert_eq!(next.get("a"), None);
    assert!(opens(&mut world, &next.cookie().unwrap()));
    assert!(!opens(&mut world, &cookie));
}

#[test]
fn n9_every_copy_of_a_cookie_ends_even_one_that_was_renewed_or_changed() {
    let mut world = world();
    let first = new_session(&mut world);
    let second = world.serve(Some(&first), |request| request.set("b", 2)).cookie().unwrap();
    let third = world.serve(Some(&second), |request| request.log.push(Op::RenewId)).cookie().unwrap();
    world.advance(30 * MINUTE);
    let fourth = world.serve(Some(&third), |_| ()).cookie().unwrap();
    world.serve(Some(&second), |request| request.log.push(Op::Destroy));
    for cookie in [first, second, third, fourth] {
        assert!(!opens(&mut world, &cookie));
    }
}

#[test]
fn s22_only_a_request_that_uses_its_session_causes_a_store_call() {
    let mut world = world();
    let cookie = new_session(&mut world);
    assert_eq!(world.calls, 0, "a new session has no end yet");
    let untouched = world.request(Some(&cookie));
    assert!(untouched.flow.is_unread() && !untouched.is_live());
    world.serve(None, |_| ());
    world.serve(Some("AQ-forged"), |_| ());
    assert_eq!(world.calls, 0);
    assert_eq!(calls(&world.serve(Some(&cookie), |_| ())), (1, 0, 0));
    // The session may have ended since the load, so the commit loads the revocation again.
    assert_eq!(calls(&world.serve(Some(&cookie), |request| request.set("b", 2))), (2, 0, 0));
    let mut unread = world.request(Some(&cookie));
    unread.set("b", 2);
    unread.commit(&mut world).unwrap();
    assert_eq!(calls(&unread), (1, 0, 0), "a session that was just loaded is not loaded again");
    assert!(unread.cookie().is_some());
    assert_eq!(calls(&world.serve(Some(&cookie), |request| request.log.push(Op::Rotate))), (1, 1, 0));
    let cookie = new_session(&mut world);
    let mut logout = world.request(Some(&cookie));
    logout.log.push(Op::Destroy);
    logout.commit(&mut world).unwrap();
    assert_eq!(calls(&logout), (0, 1, 0), "a logout needs no load");
    assert!(!opens(&mut world, &cookie));
}

#[test]
fn n1_a_slow_request_sends_no_cookie_of_a_session_that_ended_meanwhile() {
    for change in [Op::RenewId, Op::Set("b".into(), support::json(2)), Op::Rotate] {
        let mut world = world();
        let cookie = new_session(&mut world);
        let mut slow = world.request(Some(&cookie));
        slow.load(&mut world);
        world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
        slow.log.push(change);
        slow.commit(&mut world).unwrap();
        // A rotation without changes begins no session.
        assert!(slow.cookies().is_empty());
        assert_eq!(slow.events.contains(&Event::ChangesDropped), !slow.log.contains(&Op::Rotate));
        assert!(!slow.is_live());
    }
}

#[test]
fn s18_after_a_rotation_the_cookie_from_before_opens_nothing() {
    let mut world = world();
    let before = new_session(&mut world);
    let after = world.serve(Some(&before), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    let late = world.serve(Some(&before), |request| request.set("late", 1));
    assert!(late.cookies().is_empty() && !late.is_live());
    assert!(opens(&mut world, &after));
    // A second login with the old cookie succeeds.
    let login = world.serve(Some(&before), |request| {
        request.log.push(Op::Rotate);
        request.set("user", "ben");
    });
    let again = login.cookie().unwrap();
    assert!(opens(&mut world, &again) && opens(&mut world, &after));
    // A change of owner is a change of privilege.
    let owned =
        world.serve(Some(&again), |request| request.log.push(Op::SetOwner(Some(okibi_core::Owner::new("ann")))));
    assert!(opens(&mut world, &owned.cookie().unwrap()));
    assert!(!opens(&mut world, &again));
}

#[test]
fn s18_of_a_hundred_parallel_requests_one_rotates() {
    let mut world = world();
    let cookie = new_session(&mut world);
    let mut racers: Vec<Request> = (0..100)
        .map(|racer| {
            let mut request = world.request(Some(&cookie));
            request.load(&mut world);
            request.set("winner", racer);
            request.log.push(Op::Rotate);
            request
        })
        .collect();
    for racer in &mut racers {
        racer.start_commit(&mut world, false);
    }
    while racers.iter().any(|racer| racer.outcome.is_none()) {
        for racer in racers.iter_mut().filter(|racer| racer.outcome.is_none()) {
            racer.take_step(&mut world, Fate::Fine);
        }
    }
    // One continues the session. Each of the others has its own session with its own changes.
    let mut winners = 0;
    for (number, racer) in racers.iter().enumerate() {
        let found = world.serve(racer.cookie().as_deref(), |_| ());
        assert_eq!(found.get("winner"), Some(number.into()));
        winners += usize::from(found.get("a").is_some());
    }
    assert_eq!((winners, world.entries()), (1, 1));
    assert!(!opens(&mut world, &cookie));
}

#[test]
fn n6_a_store_that_is_down_is_an_error_and_no_logout() {
    let mut world = world();
    let cookie = new_session(&mut world);
    for fate in [Fate::Refused, Fate::RequestLost] {
        let mut request = world.request(Some(&cookie));
        request.start_load(&mut world);
        request.take_step(&mut world, fate);
        assert_eq!(request.outcome, Some(Err(Refusal::StoreUnavailable)));
        assert!(request.cookies().is_empty());
        for change in [Op::Set("b".into(), support::json(2)), Op::Rotate, Op::Destroy] {
            let mut request = world.request(Some(&cookie));
            request.load(&mut world);
            request.log.push(change);
            request.start_commit(&mut world, false);
            while request.outcome.is_none() {
                request.take_step(&mut world, fate);
            }
            assert!(request.outcome.unwrap().is_err(), "{:?}", request.step);
            assert!(request.cookies().is_empty());
        }
        assert!(opens(&mut world, &cookie));
    }
}

#[test]
fn n39_a_write_with_a_lost_reply_is_recognized() {
    for change in [Op::Rotate, Op::Destroy] {
        let mut world = world();
        let cookie = new_session(&mut world);
        let mut request = world.request(Some(&cookie));
        request.load(&mut world);
        request.log.push(change);
        request.start_commit(&mut world, false);
        request.take_step(&mut world, Fate::ReplyLost);
        request.take_step(&mut world, Fate::Fine);
        assert_eq!(request.outcome, Some(Ok(())));
        assert!(request.events.contains(&Event::LostReplyResolved));
        assert_eq!(request.cookies().len(), 1);
        assert!(!opens(&mut world, &cookie));
    }
}

#[test]
fn n16_a_rotation_that_does_not_fit_ends_no_session() {
    let mut world = world();
    let cookie = new_session(&mut world);
    let mut request = world.request(Some(&cookie));
    request.load(&mut world);
    request.set("long", "x".repeat(5000));
    request.log.push(Op::Rotate);
    assert_eq!(request.commit(&mut world), Err(Refusal::CookieTooLarge));
    assert_eq!(world.entries(), 0);
    assert!(opens(&mut world, &cookie));
}

/// Two requests with one cookie, in every order of their steps. The flow is passed as bytes between
/// the steps.
#[test]
fn n1_s18_in_every_order_an_ended_session_stays_ended_and_one_rotation_wins() {
    let kinds = [Op::Destroy, Op::Rotate, Op::RenewId, Op::Set("b".into(), support::json(2))];
    let mut orders = 0;
    for first in &kinds {
        for second in &kinds {
            for order in 0..1_u32 << 8 {
                let mut world = world();
                let cookie = new_session(&mut world);
                let mut pair = [first, second].map(|change| {
                    let mut request = world.request(Some(&cookie));
                    request.load(&mut world);
                    request.log.push(change.clone());
                    request.start_commit(&mut world, false);
                    request
                });
                let mut order = order;
                while pair.iter().any(|request| request.outcome.is_none()) {
                    let chosen = usize::from(order & 1 == 1);
                    order >>= 1;
                    let next = if pair[chosen].outcome.is_none() { chosen } else { 1 - chosen };
                    pair[next].take_step(&mut world, Fate::Fine);
                    pair[next].flow = Flow::from_bytes(&pair[next].flow.to_bytes()).unwrap();
                }
                orders += 1;
                let sent: Vec<String> =
                    pair.iter().filter_map(Request::cookie).filter(|value| !value.is_empty()).collect();
                let is = |op: &Op| [first, second].iter().filter(|change| **change == op).count();
                let live = sent.iter().filter(|cookie| opens(&mut world, cookie)).count();
                if is(&Op::Destroy) > 0 {
                    assert_eq!(live, 0, "{first:?} {second:?}");
                    assert!(!opens(&mut world, &cookie));
                } else if is(&Op::Rotate) == 2 {
                    assert_eq!((sent.len(), live), (1, 1), "one winner");
                    assert!(!opens(&mut world, &cookie));
                } else if is(&Op::Rotate) == 1 {
                    assert_eq!(live, 1, "only the rotated one lives");
                } else {
                    assert_eq!(live, 2);
                }
            }
        }
    }
    assert!(orders > 4000);
}

#[test]
fn n9_a_session_can_be_revoked_from_elsewhere() {
    let mut world = world();
    let before = new_session(&mut world);
    world.serve(Some(&before), |request| request.set("b", 1));
    let after = world.serve(Some(&before), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    // A logout with the old cookie ends the new session too.
    let mut logout = world.request(Some(&before));
    logout.log.push(Op::Destroy);
    logout.commit(&mut world).unwrap();
    assert!(!opens(&mut world, &after));
}

#[test]
fn a_cookie_from_before_a_login_can_end_the_login_only_for_a_minute() {
    let mut world = world();
    let before = new_session(&mut world);
    let after = world.serve(Some(&before), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    world.advance(2 * MINUTE);
    world.serve(Some(&before), |request| request.log.push(Op::Destroy));
    assert!(opens(&mut world, &after));
}

#[test]
fn revocations_that_cannot_be_kept_long_enough_are_a_configuration_error() {
    let text = |config: Native| match Engine::new(config.into()) {
        Err(ConfigError::Together(text)) => text,
        other => panic!("{other:?}"),
    };
    let endless = Lifetime { idle: Duration::from_hours(1), absolute: None };
    assert!(text(Native { lifetime: endless, ..config() }).contains("set absolute"));
    let stored = Native { revocations: true, ..Native::default() };
    assert!(text(stored).starts_with("revocations: only a sealed cookie needs them"));
    assert!(Engine::new(config().into()).unwrap().needs_store());
    assert!(!Engine::new(Native { revocations: false, ..config() }.into()).unwrap().needs_store());
}

#[test]
fn s2_the_store_has_a_handle_and_nothing_that_opens_a_session() {
    let mut world = world();
    let cookie = new_session(&mut world);
    world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    let (key, (bytes, _)) = world.store.iter().next().unwrap();
    // 16 random bytes: the session's handle.
    let handle = key.as_str().strip_prefix("session:revoked:").unwrap();
    assert_eq!(handle.len(), 22);
    assert!(bytes.len() < 100, "{} bytes", bytes.len());
    assert!(matches!(world.steps.last(), Some(Step::Swap { .. })));
}

//! The semantics of the design: one test for each requirement that the engine can show alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use okibi_core::{
    Answer, Config, ConfigError, Consistency, CookieConfig, Engine, Event, Lifetime, Native, Op, Owner, Protection,
    RANDOM_BYTES, RandomBytes, Refusal, Secrets, Step, Swap, Text,
    formats::{Stored, decode, open, seal, sign, verify},
};
use support::{Fate, World, json};

const MINUTE: u64 = 60 * 1000;
const HOUR: u64 = 60 * MINUTE;
const A: &str = "a secret of thirty-two bytes: no more";
const B: &str = "another secret, also long enough to be one";

fn secrets(texts: &[&str]) -> Secrets {
    Secrets::new(texts).unwrap()
}

fn sealed(texts: &[&str], chunks: usize) -> Config {
    let protection = Protection::Sealed { secrets: secrets(texts), chunks };
    Native { protection, max_cookie_bytes: 24_576, ..Native::default() }.into()
}

fn signed(texts: &[&str]) -> Config {
    Protection::SignedId(secrets(texts)).into()
}

fn new_session(world: &mut World) -> String {
    world.serve(None, |request| request.set("a", 1)).cookie().unwrap()
}

#[test]
fn n1_a_slow_request_does_not_revive_a_destroyed_session() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    let mut slow = world.request(Some(&cookie));
    slow.load(&mut world);
    slow.set("late", 1);
    world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    slow.commit(&mut world).unwrap();
    assert!(slow.cookies().is_empty());
    assert!(slow.events.contains(&Event::ChangesDropped));
    assert_eq!(world.records(), []);
    // Later changes of the same request do not revive it either.
    slow.log.clear();
    slow.set("later", 1);
    slow.commit(&mut world).unwrap();
    assert_eq!((world.records().len(), slow.cookies().len()), (0, 0));
}

#[test]
fn r29_a_request_that_began_while_the_session_was_live_counts_as_activity() {
    let began = |world: &mut World| {
        let cookie = new_session(world);
        world.advance(59 * MINUTE);
        (world.request(Some(&cookie)), cookie)
    };
    // The request uses the session first, last, or in the middle of a long upload.
    for (before, after) in [(0, 55 * MINUTE), (55 * MINUTE, 0), (20 * MINUTE, 35 * MINUTE)] {
        let mut world = World::new(Config::default());
        let (mut slow, cookie) = began(&mut world);
        world.advance(before);
        slow.load(&mut world);
        assert!(slow.is_live());
        slow.set("late", 1);
        world.advance(after);
        slow.commit(&mut world).unwrap();
        world.advance(59 * MINUTE);
        let next = world.serve(Some(&cookie), |_| {});
        assert_eq!((next.get("a"), next.get("late")), (Some(1.into()), Some(1.into())));
    }
    // A request that begins later finds no session, although the store still has the record.
    let mut world = World::new(Config::default());
    let (_, cookie) = began(&mut world);
    world.advance(MINUTE);
    let late = world.serve(Some(&cookie), |_| {});
    assert!(!late.is_live() && late.events.contains(&Event::Expired));
    // A request lives at most one hour longer than the idle timeout.
    let mut world = World::new(Config::default());
    let (mut slow, _) = began(&mut world);
    slow.load(&mut world);
    slow.set("late", 1);
    world.advance(2 * HOUR);
    slow.commit(&mut world).unwrap();
    assert_eq!((world.entries(), slow.cookies().len()), (0, 0));
}

#[test]
fn m1_a_response_after_the_idle_timeout_sends_no_cookie_over_a_login_in_between() {
    // The request changes something, renews the id, or has committed early and has nothing left to
    // write.
    for op in [Some(Op::Touch), Some(Op::RenewId), None] {
        let mut world = World::new(Config::default());
        let cookie = new_session(&mut world);
        world.advance(59 * MINUTE);
        let mut slow = world.request(Some(&cookie));
        slow.load(&mut world);
        slow.set("late", 1);
        if op.is_none() {
            slow.commit(&mut world).unwrap();
            assert_eq!(slow.cookies().len(), 1);
            slow.log.clear();
        }
        world.advance(if op.is_none() { 61 } else { 2 } * MINUTE);
        let login = world.serve(Some(&cookie), |request| request.set("user", 2));
        assert!(login.cookie().is_some_and(|new| new != cookie), "for this request the session was over");
        slow.log.extend(op);
        slow.commit(&mut world).unwrap();
        assert_eq!(slow.cookies(), Vec::<String>::new());
        // Without a new login the visitor still has the session, with the cookie in the
        // browser.
        assert_eq!(world.serve(Some(&cookie), |_| {}).get("late"), Some(1.into()));
    }
}

#[test]
fn n2_a_hundred_parallel_updates_make_a_hundred_and_fifty_sets_survive() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    let mut requests: Vec<_> = (0..100)
        .map(|number| {
            let mut request = world.request(Some(&cookie));
            request.load(&mut world);
            request.add("n", 1);
            if number % 2 == 0 {
                request.set(&format!("name {number}"), number);
            }
            request
        })
        .collect();
    for request in &mut requests {
        request.start_commit(&mut world, false);
    }
    // The requests take their steps in turn, so each conflicts with all earlier ones.
    while requests.iter().any(|request| request.outcome.is_none()) {
        for request in requests.iter_mut().filter(|request| request.outcome.is_none()) {
            request.take_step(&mut world, Fate::Fine);
        }
    }
    let record = &world.records()[0];
    assert_eq!(record.get("n").unwrap().value.as_str(), "100");
    assert_eq!(record.entries.len(), 1 + 1 + 50);
}

#[test]
fn n3_n15_reading_before_a_touch_is_due_writes_nothing() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    for _ in 0..1000 {
        let request = world.serve(Some(&cookie), |_| {});
        let calls = request.flow.calls();
        assert_eq!((calls.loads, calls.swaps, calls.deletes), (1, 0, 0));
        assert!(request.cookies().is_empty());
        world.advance(360);
    }
    // Six minutes, a tenth of the idle timeout, have just passed. One write and one cookie are due.
    world.advance(1);
    let request = world.serve(Some(&cookie), |_| {});
    assert_eq!(request.flow.calls().swaps, 1);
    assert_eq!(request.cookie().as_deref(), Some(cookie.as_str()), "the same id, a new Max-Age");
    assert!(world.serve(Some(&cookie), |_| {}).cookies().is_empty());
}

#[test]
fn n4_a_request_that_stores_nothing_gets_no_record_and_no_cookie() {
    let mut world = World::new(Config::default());
    let logs = [
        vec![],
        vec![Op::Clear],
        vec![Op::Remove("a".into())],
        vec![Op::Rotate],
        vec![Op::RenewId],
        vec![Op::Destroy],
        vec![Op::SetIdle(60_000)],
        vec![Op::SetLabel(Some("x".into()))],
        vec![Op::Set("a".into(), json(1)), Op::Remove("a".into())],
    ];
    for log in logs {
        let request = world.serve(None, |request| request.log.clone_from(&log));
        assert!(request.cookies().is_empty(), "{log:?}");
    }
    assert_eq!((world.calls, world.entries()), (0, 0));
}

#[test]
fn n5_after_rotate_a_late_request_is_anonymous_and_sends_no_cookie() {
    let mut world = World::new(Config::default());
    let old = new_session(&mut world);
    let mut late = world.request(Some(&old));
    late.load(&mut world);
    late.set("late", 1);
    let new = world.serve(Some(&old), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    assert_ne!(old, new);
    late.commit(&mut world).unwrap();
    assert!(late.cookies().is_empty());
    let later = world.serve(Some(&old), |request| request.set("later", 1));
    assert!(!later.is_live() && later.cookies().is_empty());
    // A second login of the same visitor succeeds: it rotates.
    let second = world.serve(Some(&old), |request| {
        request.set("user", "again");
        request.log.push(Op::Rotate);
    });
    assert!(second.cookie().is_some_and(|cookie| cookie != old && cookie != new));
    assert_eq!(world.serve(Some(&new), |_| {}).get("a"), Some(1.into()));
    assert_eq!(world.serve(Some(&new), |_| {}).get("late"), None);
}

#[test]
fn n5_a_renewed_id_loses_no_parallel_request_and_survives_a_lost_response() {
    let mut world = World::new(Config::default());
    let old = new_session(&mut world);
    let mut parallel = world.request(Some(&old));
    parallel.load(&mut world);
    parallel.set("b", 2);
    let new = world.serve(Some(&old), |request| request.log.push(Op::RenewId)).cookie().unwrap();
    parallel.commit(&mut world).unwrap();
    assert_eq!(parallel.cookie().as_deref(), Some(new.as_str()), "sent the new cookie again");
    // The response with the new cookie is lost. The old cookie opens the session for the grace
    // period, and is never sent again.
    let again = world.serve(Some(&old), |request| {
        request.set("c", 3);
        request.log.push(Op::RenewId);
    });
    assert_eq!(again.cookie().as_deref(), Some(new.as_str()), "a followed request does not renew again");
    let reader = world.serve(Some(&old), |_| {});
    assert_eq!(reader.cookie().as_deref(), Some(new.as_str()));
    assert_eq!(reader.flow.calls().swaps, 0);
    let all = world.serve(Some(&new), |_| {});
    assert_eq!((all.get("a"), all.get("b"), all.get("c")), (Some(1.into()), Some(2.into()), Some(3.into())));
    world.advance(MINUTE);
    assert!(!world.serve(Some(&old), |_| {}).is_live(), "the grace is over");
}

#[test]
fn n5_at_most_four_renewals_are_followed() {
    let mut world = World::new(Config::default());
    let mut cookies = vec![new_session(&mut world)];
    for _ in 0..6 {
        let newest = cookies.last().unwrap().clone();
        cookies.push(world.serve(Some(&newest), |request| request.log.push(Op::RenewId)).cookie().unwrap());
    }
    let live: Vec<bool> = cookies.iter().map(|cookie| world.serve(Some(cookie), |_| {}).is_live()).collect();
    assert_eq!(live, [false, false, true, true, true, true, true]);
}

#[test]
fn n5_the_marker_of_a_renewed_id_never_opens_a_session_after_a_login() {
    let mut world = World::new(Config::default());
    let first = new_session(&mut world);
    let second = world.serve(Some(&first), |request| request.log.push(Op::RenewId)).cookie().unwrap();
    let third = world.serve(Some(&second), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    assert!(!world.serve(Some(&first), |_| {}).is_live());
    assert!(!world.serve(Some(&second), |_| {}).is_live());
    assert!(world.serve(Some(&third), |_| {}).is_live());
}

#[test]
fn n5_a_parallel_change_never_makes_a_login_lose() {
    for rival in [Op::Set("b".into(), json(2)), Op::RenewId] {
        let mut world = World::new(Config::default());
        let old = new_session(&mut world);
        let mut login = world.request(Some(&old));
        login.load(&mut world);
        login.set("user", "ember");
        login.log.push(Op::Rotate);
        login.start_commit(&mut world, false);
        // Between the two steps of the login, and again.
        for _ in 0..3 {
            login.take_step(&mut world, Fate::Fine);
            if login.outcome.is_none() {
                world.serve(Some(&old), |request| request.log.push(rival.clone()));
            }
        }
        while login.outcome.is_none() {
            login.take_step(&mut world, Fate::Fine);
        }
        assert_eq!(login.outcome, Some(Ok(())));
        let cookie = login.cookie().unwrap();
        let after = world.serve(Some(&cookie), |_| {});
        assert_eq!(after.get("user"), Some("ember".into()));
        if rival != Op::RenewId {
            assert_eq!(after.get("b"), Some(2.into()), "and the change is in it");
        }
        assert_eq!(world.records().len(), 1, "no orphan");
        assert!(!world.serve(Some(&old), |_| {}).is_live());
    }
}

#[test]
fn s18_of_a_hundred_parallel_rotations_one_wins_and_leaves_no_orphan() {
    for op in [Op::Rotate, Op::RenewId] {
        let mut world = World::new(Config::default());
        let old = new_session(&mut world);
        let mut racers: Vec<_> = (0..100)
            .map(|_| {
                let mut request = world.request(Some(&old));
                request.load(&mut world);
                request.log.push(op.clone());
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
        let mut cookies: Vec<String> = racers.iter().filter_map(support::Request::cookie).collect();
        cookies.dedup();
        assert_eq!(cookies.len(), 1, "one new id, however often it is sent");
        assert_eq!(world.records().len(), 1, "no orphan");
    }
}

#[test]
fn s18_a_change_of_owner_rotates_by_itself() {
    let mut world = World::new(Config::default());
    let old = new_session(&mut world);
    let owner = || Op::SetOwner(Some(Owner::new("ember")));
    let new = world.serve(Some(&old), |request| request.log.push(owner())).cookie().unwrap();
    assert_ne!(old, new);
    assert!(!world.serve(Some(&old), |_| {}).is_live());
    // Setting the same owner again is no change.
    assert!(world.serve(Some(&new), |request| request.log.push(owner())).cookies().is_empty());
    assert!(world.serve(Some(&new), |request| request.log.push(Op::SetOwner(None))).cookie().is_some());
}

#[test]
fn n8_logout_deletes_by_the_cookies_id_even_if_nothing_was_loaded() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    let mut request = world.request(Some(&cookie));
    request.log.push(Op::Destroy);
    request.commit(&mut world).unwrap();
    assert_eq!(world.records(), []);
    assert_eq!(request.cookies(), ["__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"]);
    // A cookie that opens nothing is removed too. Without a cookie there is no removal.
    let mut request = world.request(Some("garbage"));
    request.log.push(Op::Destroy);
    request.commit(&mut world).unwrap();
    assert_eq!(request.cookies().len(), 1);
}

#[test]
fn n8_destroy_also_destroys_the_successor_of_a_session_that_moved_meanwhile() {
    for moves in [vec![Op::RenewId], vec![Op::Rotate], vec![Op::RenewId, Op::Rotate, Op::RenewId]] {
        let mut world = World::new(Config::default());
        let old = new_session(&mut world);
        let mut logout = world.request(Some(&old));
        logout.load(&mut world);
        logout.log.push(Op::Destroy);
        let mut newest = old.clone();
        for op in &moves {
            newest = world.serve(Some(&newest), |request| request.log.push(op.clone())).cookie().unwrap();
        }
        logout.commit(&mut world).unwrap();
        assert!(world.records().is_empty(), "{moves:?}");
        assert!(!world.serve(Some(&newest), |_| {}).is_live(), "{moves:?}");
    }
}

#[test]
fn n14_idle_slides_and_absolute_does_not_move() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    let mut alive = 0;
    for _ in 0..40 {
        world.advance(50 * MINUTE);
        if !world.serve(Some(&cookie), |_| {}).is_live() {
            break;
        }
        alive += 1;
    }
    assert_eq!(alive, 28, "24 hours are 28.8 times 50 minutes");
    let cookie = new_session(&mut world);
    world.advance(HOUR);
    let idle = world.serve(Some(&cookie), |_| {});
    assert!(!idle.is_live(), "idle for an hour, though the store still has it");
    assert_eq!(idle.events, [Event::Expired]);
}

#[test]
fn s16_expiry_is_read_from_the_record_and_not_from_the_store() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    let far = okibi_core::Timestamp::MAX;
    for (_, expires) in world.store.values_mut() {
        *expires = far;
    }
    world.advance(HOUR);
    let request = world.serve(Some(&cookie), |_| {});
    assert!(!request.is_live());
    assert_eq!(request.events, [Event::Expired]);
}

#[test]
fn s17_a_clock_that_jumps_back_never_extends_past_absolute() {
    let mut world = World::new(Config::default());
    let start = world.now;
    let cookie = new_session(&mut world);
    let deadline = world.records()[0].deadline.unwrap();
    world.now = okibi_core::Timestamp::from_millis(start.as_millis() - 300 * 24 * HOUR);
    let request = world.serve(Some(&cookie), |_| {});
    assert_eq!(request.flow.calls().swaps, 1, "a last-active time in the future counts as due");
    let record = &world.records()[0];
    assert_eq!((record.deadline, record.last_active), (Some(deadline), world.now));
    // A clock skew of one minute causes no write.
    world.now = okibi_core::Timestamp::from_millis(world.now.as_millis() - MINUTE);
    assert_eq!(world.serve(Some(&cookie), |_| {}).flow.calls().swaps, 0);
}

#[test]
fn n40_a_session_that_writes_every_minute_stays_alive_and_so_does_its_cookie() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    let mut sent = 0;
    for minute in 0..180 {
        world.advance(MINUTE);
        let request = world.serve(Some(&cookie), |request| request.set("minute", minute));
        assert!(request.is_live(), "minute {minute}");
        sent += request.cookies().len();
    }
    assert_eq!(sent, 25, "every seventh minute is the first after a tenth of the hour");
}

#[test]
fn n31_a_session_can_have_its_own_idle_timeout() {
    let mut world = World::new(Native {
        lifetime: Lifetime { idle: Duration::from_mins(15), absolute: None },
        ..Native::default()
    });
    let cookie = new_session(&mut world);
    let remembered =
        world.serve(Some(&cookie), |request| request.log.push(Op::set_idle(Duration::from_hours(24 * 30))));
    assert!(remembered.cookies()[0].contains("Max-Age=34560000"), "its lifetime moved, so the cookie is sent again");
    world.advance(29 * 24 * HOUR);
    assert!(world.serve(Some(&cookie), |_| {}).is_live());
    for millis in [0, 999, 400 * 24 * HOUR + 1] {
        let mut request = world.request(Some(&cookie));
        request.log.push(Op::SetIdle(millis));
        assert_eq!(request.commit(&mut world), Err(Refusal::InvalidTimeout));
    }
}

#[test]
fn n32_any_order_in_one_request_gives_the_expected_result() {
    let set = |name: &str| Op::Set(name.into(), json(1));
    let flash = || Op::Flash("f".into(), json("x"));
    for (log, expected, moved) in [
        (vec![Op::Rotate, set("b"), flash()], "a b f", true),
        (vec![set("b"), flash(), Op::Rotate], "a b f", true),
        (vec![flash(), Op::Rotate, set("b")], "a f b", true),
        (vec![Op::Destroy, set("b")], "b", true),
        (vec![set("b"), Op::Destroy], "", true),
        (vec![Op::Rotate, Op::Destroy, set("b"), flash()], "b f", true),
        (vec![Op::Destroy, Op::Rotate, set("b")], "b", true),
        (vec![Op::Clear, set("b")], "b", false),
        (vec![Op::RenewId, Op::Rotate, Op::Clear], "", true),
    ] {
        let mut world = World::new(Config::default());
        let old = new_session(&mut world);
        let request = world.serve(Some(&old), |request| request.log.clone_from(&log));
        assert!(request.cookies().len() <= 1);
        let names = |entries: &[okibi_core::Entry]| {
            entries.iter().map(|entry| entry.name.as_str().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(request.flow.entries()), expected, "{log:?}");
        let cookie = request.cookie();
        assert_eq!(cookie.is_some(), moved, "{log:?}");
        assert!(!moved || !world.serve(Some(&old), |_| {}).is_live(), "{log:?}");
        if let Some(cookie) = cookie.filter(|cookie| !cookie.is_empty()) {
            assert_eq!(names(world.serve(Some(&cookie), |_| {}).flow.entries()), expected, "{log:?}");
        }
        assert!(world.records().len() <= 1, "{log:?}");
    }
}

#[test]
fn n30_n33_every_kind_of_change_is_written() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    for log in [
        vec![Op::Set("b".into(), json(1))],
        vec![Op::Remove("b".into())],
        vec![Op::Clear],
        vec![Op::Set("a".into(), json(1))],
        vec![Op::Flash("f".into(), json(1))],
        vec![Op::ReadFlash("f".into(), json(1))],
        vec![Op::Clear, Op::Set("a".into(), json(1))],
        vec![Op::SetLabel(Some("phone".into()))],
    ] {
        let request = world.serve(Some(&cookie), |request| request.log.clone_from(&log));
        assert_eq!(request.flow.calls().swaps, 1, "{log:?}");
        let again = world.serve(Some(&cookie), |_| {});
        assert_eq!(again.flow.entries(), request.flow.entries(), "{log:?}");
    }
    assert_eq!(world.serve(Some(&cookie), |_| {}).get("f"), None);
}

#[test]
fn n34_an_id_that_a_client_invents_is_never_adopted() {
    let mut world = World::new(Config::default());
    let invented = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let request = world.serve(Some(invented), |request| request.set("a", 1));
    assert_ne!(request.cookie().as_deref(), Some(invented));
    assert!(!world.serve(Some(invented), |_| {}).is_live());
}

#[test]
fn s3_an_invented_signed_id_causes_no_store_call() {
    let mut world = World::new(signed(&[A]));
    let cookie = new_session(&mut world);
    world.calls = 0;
    let forged = format!("{}{}", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", &cookie[43..]);
    for value in [forged.as_str(), &cookie[..43], "x", ""] {
        let request = world.serve(Some(value), |_| {});
        assert!(!request.is_live());
    }
    assert_eq!(world.calls, 0);
    assert!(world.serve(Some(&cookie), |_| {}).is_live());
}

#[test]
fn s4_an_id_that_is_taken_is_never_overwritten() {
    let mut world = World::new(Config::default());
    let first = new_session(&mut world);
    let mut request = world.request(None);
    request.set("b", 2);
    request.start_commit(&mut world, false);
    let Step::Swap { key, expected: None, .. } = &request.step else { panic!() };
    // The new id happens to be the id of a stored record.
    let there = world.store.values().next().unwrap().clone();
    world.store.insert(key.clone(), there.clone());
    let taken = key.clone();
    while request.outcome.is_none() {
        request.take_step(&mut world, Fate::Fine);
    }
    assert_eq!(world.store[&taken], there);
    assert!(request.cookie().is_some_and(|cookie| cookie != first));
}

#[test]
fn s2_the_store_holds_no_usable_id() {
    let mut world = World::new(Config::default());
    let first = new_session(&mut world);
    let second = world.serve(Some(&first), |request| request.log.push(Op::RenewId)).cookie().unwrap();
    for (key, (bytes, _)) in &world.store {
        let dump = format!("{} {}", key.as_str(), str::from_utf8(bytes).unwrap());
        assert!(!dump.contains(&first) && !dump.contains(&second));
    }
    // A store key opens nothing.
    let keys: Vec<String> = world.store.keys().map(|key| key.as_str().split_once(':').unwrap().1.to_owned()).collect();
    for key in keys {
        assert!(!world.serve(Some(&key), |_| {}).is_live());
    }
}

#[test]
fn s24_no_flipped_bit_and_no_truncation_causes_a_panic_or_a_partial_record() {
    let mut world = World::new(Config::default());
    world.serve(None, |request| {
        request.set("user", "ember");
        request.log.push(Op::Flash("f".into(), json("x")));
        request.log.push(Op::SetOwner(Some(Owner::new("o"))));
    });
    let (bytes, _) = world.store.values().next().unwrap().clone();
    let limits = Config::default().limits;
    for index in 0..bytes.len() {
        assert!(decode(&bytes.slice(..index), &limits).is_err(), "cut at {index}");
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[index] ^= 1 << bit;
            // The result may still be a record with another value. It must not be a partial record.
            let _ = decode(&Bytes::from(flipped), &limits);
        }
    }
}

#[test]
fn s25_limits_hold_when_read_and_when_written() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let mut world = World::new(Config::default());
    let try_set = |world: &mut World, name: &str, value: String| {
        let mut request = world.request(None);
        request.log.push(Op::Set(name.into(), okibi_core::Json(Text::from(value))));
        request.commit(world)
    };
    assert_eq!(try_set(&mut world, "a", deep(32)), Ok(()));
    assert_eq!(try_set(&mut world, "a", deep(33)), Err(Refusal::InvalidValue));
    assert_eq!(try_set(&mut world, "a", "nonsense".into()), Err(Refusal::InvalidValue));
    assert_eq!(try_set(&mut world, "a", "1 2".into()), Err(Refusal::InvalidValue));
    assert_eq!(try_set(&mut world, &"x".repeat(256), "1".into()), Ok(()));
    assert_eq!(try_set(&mut world, &"x".repeat(257), "1".into()), Err(Refusal::InvalidName));
    assert_eq!(try_set(&mut world, "a", format!("\"{}\"", "x".repeat(64 * 1024))), Err(Refusal::RecordTooLarge));
    let mut many = world.request(None);
    for number in 0..1025 {
        many.set(&number.to_string(), 1);
    }
    assert_eq!(many.commit(&mut world), Err(Refusal::TooManyNames));
    many.log.pop();
    assert_eq!(many.commit(&mut world), Ok(()));
    let limits = Config::default().limits;
    let record = |data: &str| {
        Bytes::from(format!(
            r#"{{"v":1,"w":"AAECAwQFBgc","h":"AAECAwQFBgcICQoLDA0ODw","c":0,"a":0,"i":1000,"d":{{{data}}}}}"#
        ))
    };
    assert!(decode(&record(&format!("\"a\":{}", deep(32))), &limits).is_ok());
    assert!(decode(&record(&format!("\"a\":{}", deep(33))), &limits).is_err());
    assert!(decode(&record(&format!("\"a\":{}", deep(10_000))), &limits).is_err());
    let names: Vec<String> = (0..1025).map(|number| format!("\"{number}\":1")).collect();
    assert!(decode(&record(&names[..1024].join(",")), &limits).is_ok());
    assert!(decode(&record(&names.join(",")), &limits).is_err());
}

#[test]
fn n16_a_sealed_session_opens_only_with_all_chunks_and_unused_chunks_are_removed() {
    let mut world = World::new(sealed(&[A], 5));
    let big = |size: usize| serde_json::Value::from("x".repeat(size));
    let request = world.serve(None, |request| request.set("a", big(9000)));
    let cookies = request.cookies().to_vec();
    assert_eq!(cookies.len(), 4);
    let pair = |header: &String| header.split(';').next().unwrap().to_owned();
    for (header, name) in
        cookies.iter().zip(["__Host-session=4.", "__Host-session.1=", "__Host-session.2=", "__Host-session.3="])
    {
        assert!(header.starts_with(name), "{header}");
        assert!(pair(header).len() - 1 <= 4096, "name and value");
    }
    let pairs: Vec<String> = cookies.iter().map(pair).collect();
    let live = |header: &str| world.engine.open([header.as_bytes()], world.now).record().is_some();
    assert!(live(&pairs.join("; ")));
    let mut backwards = pairs.clone();
    backwards.reverse();
    assert!(live(&backwards.join("; ")), "in any order");
    for missing in 0..4 {
        let mut torn = pairs.clone();
        torn.remove(missing);
        assert!(!live(&torn.join("; ")), "without chunk {missing}");
    }
    let swapped =
        format!("{}; {}; {}; {}", pairs[0], pairs[1], pairs[3].replace(".3=", ".2="), pairs[2].replace(".2=", ".3="));
    assert!(!live(&swapped), "chunks in each other's place");
    assert!(live(&format!("{}; __Host-session.4=stale", pairs.join("; "))), "an extra chunk is ignored");
    // A smaller session removes the unused chunks, and a logout removes all chunks.
    let shrink = |op: Op| {
        let mut flow = world.engine.open([pairs.join("; ").as_bytes()], world.now);
        world.engine.commit(&mut flow, vec![op], false, world.now, &mut RandomBytes(&[3; RANDOM_BYTES])).unwrap();
        flow.set_cookies().to_vec()
    };
    let small = shrink(Op::Clear);
    assert_eq!(small.len(), 4);
    assert!(small[1..].iter().all(|header| header.contains("=; Max-Age=0")));
    let gone = shrink(Op::Destroy);
    assert!(gone.len() == 4 && gone.iter().all(|header| header.contains("=; Max-Age=0")));
    // A session that does not fit is refused before anything is sent.
    let mut request = world.request(None);
    request.set("a", big(16_000));
    assert_eq!(request.commit(&mut world), Err(Refusal::CookieTooLarge));
    assert!(request.cookies().is_empty());
    let mut world = World::new(sealed(&[A], 1));
    let mut request = world.request(None);
    request.set("a", big(4000));
    assert_eq!(request.commit(&mut world), Err(Refusal::CookieTooLarge), "one cookie unless chunks are configured");
}

#[test]
fn n16_mixed_chunks_of_two_writes_do_not_open() {
    let mut world = World::new(sealed(&[A], 5));
    let write = |world: &mut World, letter: &str| {
        let value = serde_json::Value::from(letter.repeat(6000));
        let request = world.serve(None, |request| request.set("a", value));
        request.cookies().iter().map(|header| header.split(';').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (one, two) = (write(&mut world, "x"), write(&mut world, "y"));
    assert_eq!(one.len(), two.len());
    for cut in 1..one.len() {
        let torn = [&one[..cut], &two[cut..]].concat().join("; ");
        let mut flow = world.engine.open([torn.as_bytes()], world.now);
        assert!(flow.record().is_none());
        assert_eq!(flow.take_events(), [Event::ForgedCookie]);
    }
}

#[test]
fn a_sealed_session_needs_no_store_and_renews() {
    let mut world = World::new(sealed(&[A], 1));
    let cookie = new_session(&mut world);
    let reader = world.serve(Some(&cookie), |_| {});
    assert!(reader.is_live() && reader.cookies().is_empty());
    world.advance(7 * MINUTE);
    let renewed = world.serve(Some(&cookie), |_| {}).cookie().unwrap();
    assert_ne!(renewed, cookie);
    world.advance(55 * MINUTE);
    assert!(!world.serve(Some(&cookie), |_| {}).is_live());
    assert!(world.serve(Some(&renewed), |_| {}).is_live());
    assert_eq!(world.calls, 0);
    let mut request = world.request(Some(&renewed));
    let step = world.engine.take(&mut request.flow, "a".into(), world.now, &mut RandomBytes(&[1; RANDOM_BYTES]));
    assert_eq!(step, Err(Refusal::UnsupportedByStore));
}

#[test]
fn n22_secrets_rotate() {
    let mut old = World::new(sealed(&[A], 1));
    let cookie = new_session(&mut old);
    let mut both = World::new(sealed(&[B, A], 1));
    assert!(both.serve(Some(&cookie), |_| {}).cookies().is_empty(), "opened, and re-sealed only when due");
    both.advance(7 * MINUTE);
    let resealed = both.serve(Some(&cookie), |_| {}).cookie().unwrap();
    let mut new = World::new(sealed(&[B], 1));
    assert!(new.serve(Some(&resealed), |_| {}).is_live());
    assert!(!new.serve(Some(&cookie), |_| {}).is_live());
    // The same for signed ids.
    let mut old = World::new(signed(&[A]));
    let cookie = new_session(&mut old);
    let mut both = World { store: old.store.clone(), ..World::new(signed(&[B, A])) };
    both.advance(7 * MINUTE);
    let resigned = both.serve(Some(&cookie), |_| {}).cookie().unwrap();
    assert_eq!(cookie[..43], resigned[..43]);
    let mut new = World { store: both.store.clone(), now: both.now, ..World::new(signed(&[B])) };
    assert!(new.serve(Some(&resigned), |_| {}).is_live());
    assert!(!new.serve(Some(&cookie), |_| {}).is_live());
}

#[test]
fn n23_s28_nothing_opens_under_another_name_secret_or_purpose() {
    let names = ["a", "b", "__Host-a"];
    let rings = [secrets(&[A]), secrets(&[B])];
    let id = okibi_core::Id::from_bytes([5; 32]);
    for (made, made_ring) in rings.iter().enumerate() {
        for made_name in names {
            let value = seal(made_ring, made_name, b"{}", [1; 24]).unwrap();
            let signature = sign(made_ring, made_name, &id).unwrap();
            for (opened, opened_ring) in rings.iter().enumerate() {
                for opened_name in names {
                    let same = made == opened && made_name == opened_name;
                    assert_eq!(open(opened_ring, opened_name, value.as_bytes()).is_some(), same);
                    assert_eq!(verify(opened_ring, opened_name, signature.as_bytes()).is_some(), same);
                    assert!(open(opened_ring, opened_name, signature.as_bytes()).is_none());
                    assert!(verify(opened_ring, opened_name, value.as_bytes()).is_none());
                }
            }
        }
    }
}

#[test]
fn s29_the_secret_id_in_a_seal_selects_exactly_one_secret() {
    // The header names one secret, and the other secret encrypts. An engine that tried every secret
    // would open it.
    let made_with = |secret: &str, id_of: &str| {
        let expand = |secret: &str, info: &[u8], key: &mut [u8]| {
            assert!(okibi_crypto::expand(secret.as_bytes(), info, key));
        };
        let mut message = vec![1; 1 + 4 + 24];
        expand(id_of, b"okibi kid v1", &mut message[1..5]);
        let mut bound_to = message.clone();
        for part in ["record", "a"] {
            bound_to.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
            bound_to.extend(part.as_bytes());
        }
        let mut key = [0; 32];
        expand(secret, b"okibi seal v1|record", &mut key);
        let mut text = [b' '; 32];
        let tag = okibi_crypto::XChaCha20Poly1305::new(&key).encrypt(&[1; 24], &bound_to, &mut text).unwrap();
        message.extend(text.into_iter().chain(tag));
        okibi_crypto::base64::url(&message)
    };
    let both = secrets(&[A, B]);
    let opens = |secret, id_of| open(&both, "a", made_with(secret, id_of).as_bytes()).is_some();
    assert!(opens(A, A) && opens(B, B));
    assert!(!opens(A, B) && !opens(B, A));
}

#[test]
fn n29_an_id_of_one_session_opens_nothing_as_another() {
    let named = |name: &str| Native {
        cookie: CookieConfig { name: name.into(), ..CookieConfig::default() },
        ..Native::default()
    };
    let mut cart = World::new(named("__Host-cart"));
    let cookie = new_session(&mut cart);
    let mut admin = World { store: cart.store.clone(), ..World::new(named("__Host-admin")) };
    assert!(cart.serve(Some(&cookie), |_| {}).is_live());
    assert!(!admin.serve(Some(&cookie), |_| {}).is_live(), "the namespace is the cookie's name");
}

#[test]
fn a_failed_request_only_destroys() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    world.advance(7 * MINUTE);
    let before = world.store.clone();
    let mut failed = world.request(Some(&cookie));
    failed.load(&mut world);
    failed.set("b", 2);
    failed.log.push(Op::Rotate);
    failed.start_commit(&mut world, true);
    assert_eq!((failed.outcome, failed.cookies().len()), (Some(Ok(())), 0));
    assert!(world.store == before, "not even the due renewal");
    failed.log.push(Op::Destroy);
    failed.set("c", 3);
    failed.start_commit(&mut world, true);
    while failed.outcome.is_none() {
        failed.take_step(&mut world, Fate::Fine);
    }
    assert_eq!(world.records(), []);
    assert!(failed.cookies()[0].contains("=; Max-Age=0"));
}

#[test]
fn take_returns_a_value_to_exactly_one_request() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    let mut requests: Vec<_> = (0..20)
        .map(|_| {
            let mut request = world.request(Some(&cookie));
            request.load(&mut world);
            request
        })
        .collect();
    let taken: Vec<_> = requests.iter_mut().filter_map(|request| request.take_value(&mut world, "a")).collect();
    assert_eq!(taken, ["1"]);
    for consistency in [Consistency::NoSwap, Consistency::Eventual] {
        let world = World::new(Config { consistency, ..Config::default() });
        let mut request = world.request(Some(&cookie));
        let step = world.engine.take(&mut request.flow, "a".into(), world.now, &mut RandomBytes(&[1; RANDOM_BYTES]));
        assert_eq!(step, Err(Refusal::UnsupportedByStore));
    }
}

#[test]
fn take_keeps_changes_that_are_not_committed_yet() {
    let mut world = World::new(Config::default());
    let cookie = world
        .serve(None, |request| {
            request.set("n", 1);
            request.set("token", "once");
        })
        .cookie()
        .unwrap();
    let mut request = world.request(Some(&cookie));
    request.load(&mut world);
    request.add("n", 1);
    world.serve(Some(&cookie), |request| request.add("n", 10));
    assert_eq!(request.take_value(&mut world, "token").as_deref(), Some("\"once\""));
    request.commit(&mut world).unwrap();
    let after = world.serve(Some(&cookie), |_| {});
    assert_eq!((after.get("n"), after.get("token")), (Some(12.into()), None));
}

#[test]
fn n2_of_two_updates_of_one_name_both_run_again() {
    let mut world = World::new(Config::default());
    let cookie = world
        .serve(None, |request| {
            request.set("n", 1);
            request.set("token", "once");
        })
        .cookie()
        .unwrap();
    for takes in [false, true] {
        let before = world.serve(Some(&cookie), |_| {}).get("n").unwrap().as_i64().unwrap();
        let mut request = world.request(Some(&cookie));
        request.load(&mut world);
        request.add("n", 1);
        request.add("n", 10);
        world.serve(Some(&cookie), |request| request.add("n", 100));
        if takes {
            assert!(request.take_value(&mut world, "token").is_some());
        }
        request.commit(&mut world).unwrap();
        assert_eq!(world.serve(Some(&cookie), |_| {}).get("n"), Some((before + 111).into()));
    }
}

#[test]
fn a_request_can_commit_early_and_change_more() {
    let mut world = World::new(Config::default());
    let mut request = world.request(None);
    request.set("a", 1);
    request.commit(&mut world).unwrap();
    let first = request.cookie().unwrap();
    request.log.clear();
    request.set("b", 2);
    request.log.push(Op::Rotate);
    request.commit(&mut world).unwrap();
    let second = request.cookie().unwrap();
    assert_ne!(first, second);
    assert_eq!(world.serve(Some(&second), |_| {}).get("b"), Some(2.into()));
    assert!(!world.serve(Some(&first), |_| {}).is_live());
}

#[test]
fn a_session_can_be_revoked_by_its_key_and_listed_by_its_owner() {
    let mut world = World::new(Config::default());
    let owner = Owner::new("ember");
    for label in ["phone", "laptop"] {
        world.serve(None, |request| {
            request.set("a", 1);
            request.log.push(Op::SetOwner(Some(Owner::new("ember"))));
            request.log.push(Op::SetLabel(Some(label.into())));
        });
    }
    new_session(&mut world);
    let mine: Vec<_> = world
        .store
        .iter()
        .filter_map(|(key, (bytes, _))| Some((key.clone(), world.engine.summary(key, bytes, &owner, world.now)?)))
        .collect();
    assert_eq!(mine.len(), 2);
    let (key, _) = mine.iter().find(|(_, summary)| summary.label.as_deref() == Some("phone")).unwrap();
    world.revoke(key.clone()).unwrap();
    assert_eq!(world.records().len(), 2);
    let ended = &world.store[key].0;
    assert!(matches!(decode(ended, &Config::default().limits), Ok(Stored::Marker(_))), "nothing takes its place");
}

#[test]
fn a_failed_load_is_an_error_and_no_anonymous_session_n6() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    for fate in [Fate::RequestLost, Fate::Refused] {
        let mut request = world.request(Some(&cookie));
        request.start_load(&mut world);
        request.take_step(&mut world, fate);
        assert_eq!(request.outcome, Some(Err(Refusal::StoreUnavailable)));
        assert!(request.cookies().is_empty());
    }
}

#[test]
fn answers_that_do_not_fit_are_refused_without_a_panic() {
    let mut world = World::new(Config::default());
    let cookie = new_session(&mut world);
    for answer in [Answer::Deleted, Answer::Swapped(Swap::Done), Answer::Recomputed(Vec::new())] {
        let mut request = world.request(Some(&cookie));
        request.start_load(&mut world);
        let mut random = world.random();
        let step = world.engine.answer(&mut request.flow, answer, world.now, &mut random);
        assert_eq!(step, Err(Refusal::OutOfOrder));
    }
    let mut idle = world.request(None);
    let mut random = world.random();
    let step = world.engine.answer(&mut idle.flow, Answer::Deleted, world.now, &mut random);
    assert_eq!(step, Err(Refusal::OutOfOrder));
}

#[test]
fn n28_a_number_that_rust_wrote_survives() {
    let mut world = World::new(Config::default());
    let exact = okibi_core::Json(Text::from("12345678901234567890.10"));
    let cookie = world.serve(None, |request| request.log.push(Op::Set("n".into(), exact.clone()))).cookie().unwrap();
    world.serve(Some(&cookie), |request| request.set("other", 1));
    let request = world.serve(Some(&cookie), |_| {});
    assert_eq!(request.flow.record().unwrap().get("n").unwrap().value, exact.0);
}

#[test]
fn s13_parsing_is_linear_and_s3_a_malformed_cookie_causes_no_store_call() {
    let mut world = World::new(Config::default());
    let piece = "__Host-session=garbage; ";
    let header = piece.repeat(64 * 1024 / piece.len());
    let request = world.request(Some(&header));
    assert!(!request.flow.is_unread());
    let colliding: String = (0..100_000).map(|_| "__Host-session=x;").collect();
    let mut flow = world.engine.open([colliding.as_bytes()], world.now);
    assert_eq!(world.engine.load(&mut flow), Step::Done);
    world.advance(1);
    assert_eq!(world.calls, 0);
}

#[test]
fn s8_invalid_cookies_are_refused_when_configured() {
    let with = |change: fn(&mut CookieConfig)| {
        let mut config = Native::default();
        change(&mut config.cookie);
        Engine::new(config.into()).err()
    };
    assert!(matches!(
        with(|cookie| cookie.domain = Some("example.org".into())),
        Some(ConfigError::CookiePrefix { .. })
    ));
    assert_eq!(with(|cookie| cookie.insecure_for_development = true), None);
}

#[test]
fn s7_debug_shows_no_id_secret_or_value() {
    let mut world = World::new(sealed(&["canary-secret-canary-secret-canary!"], 1));
    let request = world.serve(None, |request| request.set("name", "canary-value"));
    let mut store = World::new(Config::default());
    let held = store.serve(None, |request| {
        request.set("name", "canary-value");
        request.log.push(Op::SetOwner(Some(Owner::new("canary-owner"))));
    });
    let mut pending = store.request(held.cookie().as_deref());
    pending.load(&mut store);
    pending.set("name", "canary-value");
    pending.start_commit(&mut store, false);
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        world.engine,
        request.flow,
        pending.flow,
        pending.step,
        pending.log,
        store.records(),
        store.random()
    );
    for secret in ["canary", held.cookie().unwrap().as_str(), request.cookie().unwrap().as_str()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn s15_the_presets_are_those_of_nist() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/lifetimes.json");
    let presets: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for (name, lifetime) in [("AAL1", Lifetime::AAL1), ("AAL2", Lifetime::AAL2), ("AAL3", Lifetime::AAL3)] {
        assert_eq!(presets[name]["idle"], lifetime.idle.as_secs(), "{name}");
        assert_eq!(presets[name]["absolute"], lifetime.absolute.unwrap().as_secs(), "{name}");
    }
    assert_eq!(Native::default().lifetime, Lifetime::AAL2);
}

/// Such a store takes one write per key and second. So the marker of a destroyed session is the
/// last write, and stays until it expires. A logout still follows it to the successor of a parallel
/// rotation.
#[test]
fn n1_n10_on_an_eventual_store_a_logout_writes_once_and_still_destroys_the_successor() {
    let config = || Config { consistency: Consistency::Eventual, ..Config::default() };
    let mut world = World::new(config());
    let cookie = new_session(&mut world);
    let before = world.steps.len();
    world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    let written = world.steps[before..].iter().filter(|step| !matches!(step, Step::Load(_))).count();
    assert_eq!((written, world.records().len()), (1, 0));
    assert!(!world.serve(Some(&cookie), |_| {}).is_live());

    let cookie = new_session(&mut world);
    let mut logout = world.request(Some(&cookie));
    logout.load(&mut world);
    logout.log.push(Op::Destroy);
    let rotated = world.serve(Some(&cookie), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    logout.commit(&mut world).unwrap();
    assert!(!world.serve(Some(&rotated), |_| {}).is_live());
    assert!(world.records().is_empty());
}

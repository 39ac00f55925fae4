//! Boundaries of rules: values at a limit, what is shown of a session, and what is refused before a
//! commit. Each test covers a mutation of the engine that no other test found.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use okibi_core::{
    Accept, Answer, Config, Consistency, Dialect, Engine, Event, Lifetime, Loaded, Native, Op, Owner, Protection,
    RandomBytes, Refusal, Secrets, Step, StoreKey, Swap, Timestamp,
    compat::{HonoKv, HonoSessions},
};
use support::{Fate, Request, World, json};

const MINUTE: u64 = 60 * 1000;
const ID: &str = "3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b";
const RECORD: &str = r#"{"_data":{"n":{"value":1,"flash":false}},"_expire":"2023-11-15T22:13:20.000Z","_delete":false,"_accessed":"2023-11-14T22:13:20.000Z"}"#;

fn older() -> Config {
    Config { dialect: HonoSessions::default().into(), ..Config::default() }
}

fn sealed(max_cookie_bytes: usize) -> Native {
    let secrets = Secrets::new(["a secret of these tests, long enough"]).unwrap();
    Native { protection: Protection::Sealed { secrets, chunks: 1 }, max_cookie_bytes, ..Native::default() }
}

#[test]
fn an_older_dialect_shows_its_id_and_okibis_own_shows_none() {
    let mut world = World::new(older());
    world.store.insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
    let there = world.serve(Some(ID), |_| {});
    assert_eq!(world.engine.visible_id(&there.flow).as_deref(), Some(ID));
    let nobody = world.serve(None, |_| {});
    assert_eq!(world.engine.visible_id(&nobody.flow), None);
    let mut world = World::new(Config::default());
    let own = world.serve(None, |request| request.set("a", 1));
    assert!(own.is_live());
    assert_eq!(world.engine.visible_id(&own.flow), None);
}

#[test]
fn a_list_shows_a_live_session_of_this_owner_in_this_namespace_and_nothing_else() {
    let mut world = World::new(Config::default());
    let ann = Owner::new("ann");
    world.serve(None, |request| request.log.push(Op::SetOwner(Some(Owner::new("ann")))));
    let record = world.records().remove(0);
    let (key, (bytes, _)) = world.store.iter().next().map(|(key, held)| (key.clone(), held.clone())).unwrap();
    let just_before = Timestamp::from_millis(record.expires_at().as_millis() - 1);
    let shown = |key: &StoreKey, owner: &Owner, now| world.engine.summary(key, &bytes, owner, now);
    let summary = shown(&key, &ann, just_before).unwrap();
    assert_eq!((Some(summary.handle), summary.created), (record.handle, world.now));
    assert!(shown(&key, &ann, record.expires_at()).is_none(), "it ends then");
    assert!(shown(&key, &Owner::new("bob"), world.now).is_none());
    let (namespace, rest) = key.as_str().split_once(':').unwrap();
    for other in [format!("other:{rest}"), format!("{namespace}2:{rest}"), format!("{namespace}{rest}")] {
        assert!(shown(&StoreKey::new(&other), &ann, world.now).is_none(), "{other}");
    }
}

#[test]
fn the_next_touch_is_due_after_a_tenth_of_the_idle_timeout() {
    let mut world = World::new(Config::default());
    let request = world.serve(None, |request| request.set("a", 1));
    let due = Timestamp::from_millis(world.now.as_millis() + 6 * MINUTE);
    assert_eq!(world.engine.touch_due_at(&request.flow), Some(due));
    assert_eq!(world.engine.touch_due_at(&world.request(None).flow), None);
}

#[test]
fn a_record_may_be_as_large_as_its_limit_and_no_larger() {
    let size = |world: &World| world.store.values().next().unwrap().0.len();
    let text = "x".repeat(2000);
    let mut world = World::new(Config::default());
    world.serve(None, |request| request.set("text", text.as_str()));
    let exactly = size(&world);
    for (bytes, outcome) in [
        (exactly, Ok(())),
        (exactly - 1, Err(Refusal::RecordTooLarge)),
        (exactly / 2 + 1000, Err(Refusal::RecordTooLarge)),
    ] {
        let mut config = Config::default();
        config.limits.bytes = bytes;
        let mut world = World::new(config);
        let mut request = world.request(None);
        request.set("text", text.as_str());
        assert_eq!(request.commit(&mut world), outcome, "{bytes} of {exactly}");
    }
}

#[test]
fn a_sealed_cookie_may_be_as_long_as_the_limit_and_one_above_a_lowered_limit_can_be_read() {
    let text = "x".repeat(1000);
    let mut world = World::new(sealed(8192));
    let first = world.serve(None, |request| request.set("text", text.as_str()));
    let (exactly, cookie) = (first.cookies()[0].len(), first.cookie().unwrap());
    let mut world = World::new(sealed(exactly));
    assert_eq!(world.serve(None, |request| request.set("text", text.as_str())).cookies().len(), 1);

    let mut world = World::new(sealed(exactly - 1));
    let mut refused = world.request(None);
    refused.set("text", text.as_str());
    assert_eq!(refused.commit(&mut world), Err(Refusal::CookieTooLarge));
    // The touch is due, but the sealed session does not fit either.
    world.advance(30 * MINUTE);
    let read = world.serve(Some(&cookie), |_| {});
    assert_eq!((read.get("text"), read.cookies().len()), (Some(text.into()), 0));
    let mut changed = world.request(Some(&cookie));
    changed.set("n", 1);
    assert_eq!(changed.commit(&mut world), Err(Refusal::CookieTooLarge));
}

#[test]
fn only_the_cookies_of_accepted_dialects_are_removed() {
    let until = Timestamp::from_millis(1_800_000_000_000);
    let accept = |dialect: Dialect| Accept { dialect, until, consistency: Some(Consistency::Strong) };
    let accepted = vec![accept(HonoSessions::default().into()), accept(Dialect::HonoKv(HonoKv::default()))];
    let mut world = World::new(Native { accept: accepted, ..Native::default() });
    world.host = Some("www.example.com");
    world.accepted_stores[0].insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
    let removed = |cookies: &[String]| -> Vec<String> {
        let removed = cookies.iter().filter(|cookie| cookie.contains("Max-Age=0"));
        removed.map(|cookie| cookie.split('=').next().unwrap().to_owned()).collect()
    };
    let both = world.serve_header(&format!("session={ID}; id={ID}"), |_| {});
    assert_eq!((both.get("n"), removed(both.cookies())), (Some(1.into()), vec!["session".into(), "id".into()]));
    let second = world.serve_header(&format!("id={ID}"), |request| request.set("a", 1));
    assert_eq!(removed(second.cookies()), ["id"]);
    let first = world.serve_header(&format!("session={ID}"), |request| request.log.push(Op::Destroy));
    assert_eq!(removed(first.cookies()), ["session"]);
}

#[test]
fn a_change_that_can_never_be_written_is_refused_immediately() {
    let refuses = |engine: &Engine, op: Op| engine.check(&[op]).is_err();
    let update = |name: Option<&str>, key: &str| Op::Update {
        token: 0,
        name: name.map(Into::into),
        patch: vec![(key.into(), Some(json(1)))],
        basis: 0,
    };
    let own = Engine::new(Config::default()).unwrap();
    let long = "n".repeat(5000);
    assert!(!refuses(&own, update(Some("n"), "n")));
    assert!(refuses(&own, update(Some(&long), "n")) && refuses(&own, update(None, &long)));
    assert!(refuses(&own, Op::SetAbsolute(Some(999))) && !refuses(&own, Op::SetAbsolute(Some(1000))));
    let older = Engine::new(older()).unwrap();
    assert!(refuses(&older, Op::UseId("a;b".into())) && !refuses(&older, Op::UseId(ID.into())));
}

#[test]
fn an_invalid_host_name_counts_as_no_host() {
    let mut world = World::new(Config { dialect: Dialect::HonoKv(HonoKv::default()), ..Config::default() });
    let mut asked = |host: Option<&'static str>| {
        world.host = host;
        let mut request = world.request(Some(ID));
        world.engine.load(&mut request.flow)
    };
    let long: &'static str = "a.".repeat(127).leak();
    for host in ["www.example.com", "a_b", "[::1]", "[::ffff:127.0.0.1]", &long[..253]] {
        assert_eq!(asked(Some(host)), Step::Load(StoreKey::new(format!("session:{host}:{ID}"))), "{host}");
    }
    let none = asked(None);
    let long_address: &'static str = format!("[{}]", "0".repeat(46)).leak();
    for host in ["", "a b", "a:b", "a/b", "[zz]", "[::1", "::1]", long, long_address] {
        assert_eq!(asked(Some(host)), none, "{host}");
    }
}

#[test]
fn a_rotation_succeeds_even_if_the_old_record_cannot_be_deleted() {
    for fate in [Fate::Refused, Fate::RequestLost] {
        let mut world = World::new(older());
        world.store.insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
        let mut request = world.request(Some(ID));
        request.load(&mut world);
        request.log.push(Op::Rotate);
        request.start_commit(&mut world, false);
        while request.outcome.is_none() {
            let fate = if matches!(request.step, Step::Delete(_)) { fate } else { Fate::Fine };
            request.take_step(&mut world, fate);
        }
        assert_eq!(request.outcome, Some(Ok(())));
        assert!(request.events.contains(&Event::CleanupFailed));
        assert!(request.cookie().is_some_and(|new| new != ID));
        assert!(!world.serve(Some(ID), |_| {}).is_live(), "the old record is no session");
    }
}

/// The debug output of requests and answers shows nothing of the store or the cookie.
#[test]
fn s7_debug_output_shows_sizes_and_no_contents() {
    let bytes = Bytes::from_static(b"a secret");
    let loaded = Answer::Loaded(Some(Loaded { bytes, expires_at: None }));
    assert_eq!(format!("{loaded:?}"), "Loaded(Some(8) bytes)");
    let mut world = World::new(Config::default());
    let request = world.serve(None, |request| request.set("a", "a secret"));
    let printed = format!("{:?}", request.flow);
    assert!(printed.starts_with("Flow { session: \"live\", calls: ") && !printed.contains("secret"), "{printed}");
}

#[test]
fn a_rotation_keeps_the_deadline_only_if_the_app_requests_it() {
    for (op, keeps) in [(Op::RotateKeepingDeadline, true), (Op::Rotate, false)] {
        let mut world = World::new(Config::default());
        let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
        let deadline = world.records()[0].deadline;
        world.advance(MINUTE);
        let rotated = world.serve(Some(&cookie), |request| request.log.push(op));
        assert!(rotated.cookie().is_some_and(|new| new != cookie));
        assert_eq!((world.records().len(), world.records()[0].deadline == deadline), (1, keeps));
    }
}

#[test]
fn a_session_that_is_not_persistent_has_a_cookie_without_max_age() {
    let mut world = World::new(Config::default());
    let lasting = world.serve(None, |request| request.set("a", 1));
    assert!(lasting.cookies()[0].contains("Max-Age="));
    let cookie = lasting.cookie().unwrap();
    let short = world.serve(Some(&cookie), |request| request.log.extend([Op::SetPersistent(false), Op::RenewId]));
    assert!(!short.cookies()[0].contains("Max-Age="), "{:?}", short.cookies());
}

#[test]
fn an_owner_has_256_bytes_at_most_and_a_commit_1024_updates() {
    let engine = Engine::new(Config::default()).unwrap();
    let owner = |length: usize| engine.check(&[Op::SetOwner(Some(Owner::new("x".repeat(length))))]);
    assert!(owner(256).is_ok() && owner(257).is_err() && owner(1000).is_err());
    let updates = |count: u32| {
        let update = |token| Op::Update { token, name: None, patch: Vec::new(), basis: 0 };
        engine.check(&(0..count).map(update).collect::<Vec<_>>())
    };
    assert_eq!(updates(1024), Ok(()));
    assert_eq!([updates(1025), updates(2000)], [Err(Refusal::TooManyUpdates), Err(Refusal::TooManyUpdates)]);
}

#[test]
fn a_touch_is_due_after_its_time_and_not_before() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let mut is_due = |millis| {
        world.advance(millis);
        let mut request = world.request(Some(&cookie));
        request.load(&mut world);
        world.engine.is_touch_due(&request.flow, world.now)
    };
    assert_eq!([is_due(0), is_due(6 * MINUTE - 1), is_due(MINUTE)], [false, false, true]);
}

#[test]
fn a_request_that_is_no_activity_writes_no_touch() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    world.advance(30 * MINUTE);
    let calls = world.calls;
    let quiet = world.serve(Some(&cookie), |request| request.log.push(Op::NoActivity));
    assert_eq!((world.calls - calls, quiet.cookies().len()), (1, 0), "one load, and nothing else");
}

#[test]
fn a_take_loads_the_session_by_itself() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let mut request = world.request(Some(&cookie));
    assert_eq!(request.take_value(&mut world, "a").as_deref(), Some("1"));
    assert_eq!(world.serve(Some(&cookie), |_| {}).get("a"), None);
}

#[test]
fn deletions_are_counted() {
    let mut world = World::new(older());
    world.store.insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
    let ended = world.serve(Some(ID), |request| request.log.push(Op::Destroy));
    assert_eq!(ended.flow.calls().deletes, 1);
}

#[test]
fn a_session_may_have_as_many_names_as_the_limit_and_no_more() {
    let mut config = Config::default();
    config.limits.names = 3;
    let mut world = World::new(config);
    let mut commit = |names: &[&str], patch: &[&str]| {
        let mut request = world.request(None);
        for name in names {
            request.set(name, 1);
        }
        let patch = patch.iter().map(|name| ((*name).into(), Some(json(1)))).collect();
        request.log.push(Op::Update { token: 0, name: None, patch, basis: request.flow.basis() });
        request.commit(&mut world)
    };
    assert_eq!(commit(&["a", "b", "c"], &[]), Ok(()));
    assert_eq!(commit(&["a"], &["b", "c"]), Ok(()));
    assert_eq!(commit(&["a", "b", "c", "d"], &[]), Err(Refusal::TooManyNames));
    assert_eq!(commit(&["a"], &["b", "c", "d", "e"]), Err(Refusal::TooManyNames), "several names too many");
}

fn revoking() -> Native {
    Native { revocations: true, ..sealed(8192) }
}

/// The revocation of a successor is kept until no copy of the successor's cookie opens. The request
/// that destroyed it does not know its deadline.
#[test]
fn a_revocation_is_kept_until_the_deadline_of_its_own_session() {
    let mut world = World::new(revoking());
    let span = Duration::from_hours(2);
    let new = world.serve(None, |request| {
        request.set("a", 1);
        request.log.extend([Op::set_idle(span), Op::set_absolute(Some(span))]);
    });
    let (cookie, begun) = (new.cookie().unwrap(), world.now.as_millis());
    let ends = |world: &World| {
        let mut ends: Vec<u64> = world.store.values().map(|(_, end)| (end.as_millis() - begun) / MINUTE).collect();
        ends.sort_unstable();
        ends
    };
    world.advance(50 * MINUTE);
    let mut logout = world.request(Some(&cookie));
    logout.load(&mut world);
    let rotated = world.serve(Some(&cookie), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    assert_eq!(ends(&world), [2 * 60 + 1], "a minute more than its own span, not the configured one");
    logout.log.push(Op::Destroy);
    logout.commit(&mut world).unwrap();
    assert_eq!(ends(&world), [2 * 60 + 1, 50 + 24 * 60 + 1]);
    world.advance(100 * MINUTE);
    assert!(!world.serve(Some(&rotated), |_| {}).is_live(), "its copy would open until 2 hours and 50 minutes");
}

#[test]
fn a_request_that_only_writes_checks_both_of_two_cookies() {
    for (config, ended) in
        [(Native::default(), true), (Native::default(), false), (revoking(), true), (revoking(), false)]
    {
        let mut world = World::new(config);
        let mut log_in = |user: &str| world.serve(None, |request| request.set("user", user)).cookie().unwrap();
        let (ada, ben) = (log_in("ada"), log_in("ben"));
        if ended {
            world.serve(Some(&ada), |request| request.log.push(Op::Destroy));
        }
        let mut request = world.open(Some(&format!("__Host-session={ada}; __Host-session={ben}")));
        request.set("n", 1);
        request.commit(&mut world).unwrap();
        let user = ended.then(|| serde_json::Value::from("ben"));
        assert_eq!((request.get("user"), request.get("n")), (user, Some(1.into())), "ended: {ended}");
        assert_eq!(request.events.contains(&Event::DuplicateCookie), !ended);
    }
}

#[test]
fn a_repeated_cookie_value_counts_once() {
    let mut world = World::new(sealed(8192));
    let ours = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let secrets = Secrets::new(["the secret of another service, as long as ours"]).unwrap();
    let mut other = World::new(Protection::Sealed { secrets, chunks: 1 });
    let theirs = other.serve(None, |request| request.set("a", 2)).cookie().unwrap();
    for values in [[&ours, &ours, &theirs], [&ours, &theirs, &ours], [&theirs, &theirs, &ours]] {
        let header = values.map(|value| format!("__Host-session={value}")).join("; ");
        let request = world.serve_header(&header, |_| {});
        assert_eq!((request.get("a"), &request.events[..]), (Some(1.into()), &[Event::ForgedCookie][..]));
    }
}

#[test]
fn with_revocations_a_session_may_not_outlive_its_revocation() {
    let day = Duration::from_hours(24);
    let commit = |config: Native, absolute: Option<Duration>| {
        let mut world = World::new(config);
        let mut request = world.request(None);
        request.set("a", 1);
        request.log.push(Op::set_absolute(absolute));
        request.commit(&mut world)
    };
    for absolute in [Some(day / 2), Some(day)] {
        assert_eq!(commit(revoking(), absolute), Ok(()), "{absolute:?}");
    }
    for absolute in [Some(day + Duration::from_millis(1)), Some(day * 2), None] {
        assert_eq!(commit(revoking(), absolute), Err(Refusal::AbsoluteBeyondNotes), "{absolute:?}");
        assert_eq!(commit(sealed(8192), absolute), Ok(()), "{absolute:?}");
    }
}

/// A deploy may make a stored timeout too long. Requests that only write values still succeed.
#[test]
fn timeouts_are_checked_only_if_a_request_sets_one() {
    let mut world = World::new(revoking());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let lifetime = Lifetime { absolute: Some(Duration::from_hours(12)), ..Lifetime::AAL2 };
    world.engine = Engine::new(Native { lifetime, ..revoking() }.into()).unwrap();
    let changed = world.serve(Some(&cookie), |request| request.set("a", 2)).cookie().unwrap();
    let mut request = world.request(Some(&changed));
    request.load(&mut world);
    request.log.push(Op::set_idle(Duration::from_mins(5)));
    assert_eq!(request.commit(&mut world), Err(Refusal::AbsoluteBeyondNotes));
}

#[test]
fn in_an_older_dialect_a_logout_deletes_the_record_that_this_very_request_wrote() {
    for cookie in [None, Some(ID)] {
        let mut world = World::new(older());
        world.store.insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
        let mut request = world.request(cookie);
        request.load(&mut world);
        request.set("n", 2);
        request.log.push(Op::Rotate);
        request.commit(&mut world).unwrap();
        assert!(request.is_live());
        request.log = vec![Op::Destroy];
        request.commit(&mut world).unwrap();
        let others = world.store.keys().map(StoreKey::as_str).collect::<Vec<_>>();
        assert_eq!(others, if cookie.is_none() { vec![ID] } else { vec![] });
    }
}

#[test]
fn a_commit_follows_four_renewals_and_no_more() {
    for renewals in [4, 5] {
        let mut world = World::new(Config::default());
        let mut newest = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
        let mut request = world.request(Some(&newest));
        request.load(&mut world);
        request.set("a", 2);
        request.start_commit(&mut world, false);
        let mut swaps = 0;
        while request.outcome.is_none() {
            if matches!(request.step, Step::Swap { .. }) {
                if swaps < renewals {
                    newest = world.serve(Some(&newest), |rival| rival.log.push(Op::RenewId)).cookie().unwrap();
                }
                swaps += 1;
            }
            request.take_step(&mut world, Fate::Fine);
        }
        let is_written = renewals == 4;
        assert_eq!((request.outcome, swaps, request.flow.calls().loads), (Some(Ok(())), 5, 5));
        assert_eq!(request.events.contains(&Event::ChangesDropped), !is_written);
        let found = world.serve(Some(&newest), |_| {});
        assert_eq!(found.get("a"), Some(if is_written { 2 } else { 1 }.into()));
    }
}

#[test]
fn a_rotation_changes_the_handle_a_renewal_keeps_it_and_an_older_dialect_derives_it_from_the_id() {
    let handle = |request: &Request| request.flow.record().unwrap().handle.unwrap();
    let mut world = World::new(Config::default());
    let new = world.serve(None, |request| request.set("a", 1));
    let renewed = world.serve(new.cookie().as_deref(), |request| request.log.push(Op::RenewId));
    assert_eq!(handle(&renewed), handle(&new));
    let rotated = world.serve(renewed.cookie().as_deref(), |request| request.log.push(Op::Rotate));
    assert_ne!(handle(&rotated), handle(&new));
    let mut world = World::new(older());
    world.store.insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
    let rotated = world.serve(Some(ID), |request| request.log.push(Op::Rotate));
    let found = world.serve(rotated.cookie().as_deref(), |_| {});
    assert_eq!(handle(&rotated), handle(&found));
}

/// The cookie of an early commit is checked again. Its id was renewed meanwhile, so another request
/// has that cookie, and a login may have it too.
#[test]
fn a_cookie_with_an_id_that_was_renewed_is_not_sent_if_the_reload_fails() {
    let mut world = World::new(Config::default());
    let old = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let mut slow = world.request(Some(&old));
    slow.load(&mut world);
    slow.log.push(Op::RenewId);
    slow.commit(&mut world).unwrap();
    let decided = slow.cookie().unwrap();
    world.serve(Some(&decided), |request| request.log.push(Op::RenewId));
    slow.log.clear();
    slow.start_commit(&mut world, false);
    slow.take_step(&mut world, Fate::Fine);
    assert!(matches!(slow.step, Step::Load(_)) && slow.outcome.is_none(), "its marker is followed");
    slow.take_step(&mut world, Fate::Refused);
    assert_eq!((slow.outcome, slow.cookies().len()), (Some(Ok(())), 0));
}

/// The rotation lost to a logout or to a renewal. Its own new record cannot be turned into a
/// marker.
#[test]
fn a_rotation_that_lost_succeeds_even_if_its_new_record_cannot_be_replaced() {
    for rival in [Op::Destroy, Op::RenewId] {
        for fate in [Fate::Refused, Fate::RequestLost] {
            let mut world = World::new(Config::default());
            let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
            let mut request = world.request(Some(&cookie));
            request.load(&mut world);
            request.log.push(Op::RenewId);
            request.start_commit(&mut world, false);
            request.take_step(&mut world, Fate::Fine);
            world.serve(Some(&cookie), |other| other.log.push(rival.clone()));
            request.take_step(&mut world, Fate::Fine);
            while !matches!(request.step, Step::Swap { .. }) {
                request.take_step(&mut world, Fate::Fine);
            }
            request.take_step(&mut world, fate);
            while request.outcome.is_none() {
                request.take_step(&mut world, Fate::Fine);
            }
            assert_eq!(request.outcome, Some(Ok(())), "{rival:?} {fate:?}");
            assert!(request.events.contains(&Event::CleanupFailed));
            assert_eq!(world.serve(Some(&cookie), |_| {}).is_live(), rival == Op::RenewId);
        }
    }
}

/// "Log out everywhere" finds the new record of an unfinished rotation, and a conflict makes the
/// rotation write the record again.
#[test]
fn a_rotation_stops_if_its_new_record_was_revoked() {
    for (rotation, begins_anew) in [(Op::Rotate, true), (Op::RenewId, false)] {
        let mut world = World::new(Config::default());
        let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
        let before: Vec<StoreKey> = world.store.keys().cloned().collect();
        let mut request = world.request(Some(&cookie));
        request.load(&mut world);
        request.log.push(rotation);
        request.set("user", "ada");
        request.start_commit(&mut world, false);
        request.take_step(&mut world, Fate::Fine);
        let own = world.store.keys().find(|key| !before.contains(key)).cloned().unwrap();
        world.serve(Some(&cookie), |rival| rival.set("b", 1));
        world.revoke(own.clone()).unwrap();
        let ended = world.peek(&own);
        while request.outcome.is_none() {
            request.take_step(&mut world, Fate::Fine);
        }
        assert_eq!((request.outcome, world.peek(&own)), (Some(Ok(())), ended), "it stays ended");
        assert_eq!(request.events.contains(&Event::ChangesDropped), !begins_anew);
        let found = world.serve(request.cookie().as_deref(), |_| {});
        assert_eq!((found.get("user"), found.get("a")), (begins_anew.then(|| "ada".into()), None));
    }
}

#[test]
fn a_failed_request_writes_no_touch_and_still_sends_the_cookie_of_an_early_commit() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let mut request = world.request(Some(&cookie));
    request.load(&mut world);
    request.log.push(Op::Rotate);
    request.commit(&mut world).unwrap();
    let (decided, active) = (request.cookie(), world.records()[0].last_active);
    world.advance(30 * MINUTE);
    request.log.clear();
    request.start_commit(&mut world, true);
    while request.outcome.is_none() {
        request.take_step(&mut world, Fate::Fine);
    }
    assert_eq!((request.outcome, request.cookie()), (Some(Ok(())), decided));
    assert_eq!(world.records()[0].last_active, active);
}

#[test]
fn a_lost_swap_is_repeated_once_and_then_its_outcome_is_unknown() {
    use Fate::{Fine, Refused, ReplyLost, RequestLost};
    let cases: [(&[Fate], Result<(), Refusal>, u32); 6] = [
        (&[Refused], Err(Refusal::StoreUnavailable), 1),
        (&[RequestLost, Refused], Err(Refusal::StoreUnknown), 2),
        (&[RequestLost, RequestLost], Err(Refusal::StoreUnknown), 2),
        (&[ReplyLost, RequestLost], Err(Refusal::StoreUnknown), 2),
        (&[RequestLost, Fine], Ok(()), 2),
        (&[ReplyLost, Fine], Ok(()), 2),
    ];
    for (fates, outcome, swaps) in cases {
        let mut world = World::new(Config::default());
        let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
        let mut request = world.request(Some(&cookie));
        request.load(&mut world);
        request.set("a", 2);
        request.start_commit(&mut world, false);
        for fate in fates {
            request.take_step(&mut world, *fate);
        }
        assert_eq!((request.outcome, request.flow.calls().swaps), (Some(outcome), swaps), "{fates:?}");
        assert_eq!(request.flow.is_in_doubt(), outcome == Err(Refusal::StoreUnknown), "{fates:?}");
        assert_eq!(request.events.contains(&Event::LostReplyResolved), fates == [ReplyLost, Fine]);
    }
}

#[test]
fn a_session_that_was_found_through_a_marker_is_not_renewed_again_by_the_same_request() {
    let mut world = World::new(Config::default());
    let old = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let new = world.serve(Some(&old), |request| request.log.push(Op::RenewId)).cookie();
    let mut late = world.request(Some(&old));
    late.load(&mut world);
    late.set("a", 2);
    late.commit(&mut world).unwrap();
    late.log = vec![Op::RenewId];
    late.commit(&mut world).unwrap();
    assert_eq!(late.cookie(), new);
}

#[test]
fn a_logout_follows_sixteen_rotations_and_no_more() {
    for rotations in [16, 17] {
        let mut world = World::new(Config::default());
        let first = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
        let mut newest = first.clone();
        for _ in 0..rotations {
            newest = world.serve(Some(&newest), |request| request.log.push(Op::Rotate)).cookie().unwrap();
        }
        let mut logout = world.request(Some(&first));
        logout.log.push(Op::Destroy);
        logout.commit(&mut world).unwrap();
        assert_eq!(world.serve(Some(&newest), |_| {}).is_live(), rotations == 17);
    }
}

#[test]
fn a_logout_of_a_session_that_was_never_stored_writes_nothing() {
    let mut world = World::new(Config::default());
    let mut logout = world.request(Some(&"A".repeat(43)));
    logout.log.push(Op::Destroy);
    logout.commit(&mut world).unwrap();
    let calls = logout.flow.calls();
    assert_eq!((calls.loads, calls.swaps, world.store.len(), logout.cookies().len()), (1, 0, 0, 1));
}

#[test]
fn any_stored_value_under_a_revocation_key_is_a_revocation() {
    let mut world = World::new(revoking());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    let damaged = Bytes::from_static(b"no marker");
    world.store.values_mut().for_each(|(bytes, _)| *bytes = damaged.clone());
    assert!(!world.serve(Some(&cookie), |_| {}).is_live());
    let mut logout = world.request(Some(&cookie));
    logout.log.push(Op::Destroy);
    logout.commit(&mut world).unwrap();
    assert!(world.store.values().all(|(bytes, _)| *bytes == damaged));
}

#[test]
fn a_late_response_sends_an_id_that_is_new_to_the_browser() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let mut slow = world.request(Some(&cookie));
    slow.load(&mut world);
    slow.log.push(Op::Rotate);
    slow.commit(&mut world).unwrap();
    let decided = slow.cookie();
    slow.log.clear();
    world.advance(90 * MINUTE);
    slow.commit(&mut world).unwrap();
    assert_eq!(slow.cookie(), decided);
    assert!(decided.is_some_and(|id| id != cookie && world.serve(Some(&id), |_| {}).is_live()));
}

#[test]
fn random_bytes_that_fail_after_a_write_leave_the_session_in_doubt() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie();
    let mut request = world.request(cookie.as_deref());
    request.load(&mut world);
    let random = &mut world.random();
    let step = world.engine.commit(&mut request.flow, vec![Op::Rotate], false, world.now, random).unwrap();
    assert!(matches!(step, Step::Swap { expected: None, .. }), "{step:?}");
    let failed = world.engine.answer(&mut request.flow, Answer::Swapped(Swap::Done), world.now, &mut RandomBytes(&[]));
    assert_eq!(failed, Err(Refusal::RandomFailed));
    assert!(request.flow.is_in_doubt());
    let mut fresh = world.request(None);
    fresh.set("a", 1);
    let failed = world.engine.commit(&mut fresh.flow, fresh.log, false, world.now, &mut RandomBytes(&[]));
    assert_eq!((failed, fresh.flow.is_in_doubt()), (Err(Refusal::RandomFailed), false));
}

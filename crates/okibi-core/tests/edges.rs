//! Where a rule ends: limits that are hit exactly, what is shown of a session, and what is refused before a commit. What a
//! mutation of the engine survived before.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use bytes::Bytes;
use okibi_core::{
    Accept, Answer, Config, Consistency, Dialect, Engine, Event, HonoKv, HonoSessions, Loaded, Native, Op, Owner,
    Protection, Refusal, Ring, Step, StoreKey, Timestamp,
};
use support::{Luck, World, json};

const MINUTE: u64 = 60 * 1000;
const ID: &str = "3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b";
const RECORD: &str = r#"{"_data":{"n":{"value":1,"flash":false}},"_expire":"2023-11-15T22:13:20.000Z","_delete":false,"_accessed":"2023-11-14T22:13:20.000Z"}"#;

fn older() -> Config {
    Config { dialect: HonoSessions::default().into(), ..Config::default() }
}

fn sealed(max_cookie_bytes: usize) -> Native {
    let ring = Ring::new(["a secret of these tests, long enough"]).unwrap();
    Native { protection: Protection::Sealed { ring, chunks: 1 }, max_cookie_bytes, ..Native::default() }
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
fn the_next_renewal_is_a_tenth_of_the_idle_span_away() {
    let mut world = World::new(Config::default());
    let request = world.serve(None, |request| request.set("a", 1));
    let due = Timestamp::from_millis(world.now.as_millis() + 6 * MINUTE);
    assert_eq!(world.engine.renewal_due_at(&request.flow), Some(due));
    assert_eq!(world.engine.renewal_due_at(&world.request(None).flow), None);
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
fn a_sealed_cookie_may_be_as_long_as_it_is_allowed_and_one_that_no_longer_fits_can_be_read() {
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
    // Its renewal is due, but does not fit either.
    world.advance(30 * MINUTE);
    let read = world.serve(Some(&cookie), |_| {});
    assert_eq!((read.get("text"), read.cookies().len()), (Some(text.into()), 0));
    let mut changed = world.request(Some(&cookie));
    changed.set("n", 1);
    assert_eq!(changed.commit(&mut world), Err(Refusal::CookieTooLarge));
}

#[test]
fn the_cookies_of_every_accepted_dialect_are_removed_and_of_no_other() {
    let until = Timestamp::from_millis(1_800_000_000_000);
    let accept = |dialect: Dialect| Accept { dialect, until, consistency: Some(Consistency::Strong) };
    let accepted = vec![accept(HonoSessions::default().into()), accept(Dialect::HonoKv(HonoKv::default()))];
    let mut world = World::new(Native { accept: accepted, ..Native::default() });
    world.host = Some("www.example.com");
    world.elsewhere[0].insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
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
fn a_change_that_could_never_be_written_is_refused_where_it_is_made() {
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
fn a_host_that_can_stand_in_no_key_counts_as_none() {
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
fn a_rotation_is_made_although_what_was_there_before_cannot_be_cleared_up() {
    for luck in [Luck::Refused, Luck::RequestLost] {
        let mut world = World::new(older());
        world.store.insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
        let mut request = world.request(Some(ID));
        request.load(&mut world);
        request.log.push(Op::Rotate);
        request.start_commit(&mut world, false);
        while request.outcome.is_none() {
            let luck = if matches!(request.step, Step::Delete(_)) { luck } else { Luck::Fine };
            request.go(&mut world, luck);
        }
        assert_eq!(request.outcome, Some(Ok(())));
        assert!(request.events.contains(&Event::CleanupFailed));
        assert!(request.cookie().is_some_and(|new| new != ID));
        assert!(!world.serve(Some(ID), |_| {}).is_live(), "what is left there is dead");
    }
}

/// What is printed of a request and of an answer says nothing that the store or the cookie holds.
#[test]
fn s7_what_is_printed_for_debugging_tells_sizes_and_no_contents() {
    let bytes = Bytes::from_static(b"a secret");
    let loaded = Answer::Loaded(Some(Loaded { bytes, expires_at: None }));
    assert_eq!(format!("{loaded:?}"), "Loaded(Some(8) bytes)");
    let mut world = World::new(Config::default());
    let request = world.serve(None, |request| request.set("a", "a secret"));
    let printed = format!("{:?}", request.flow);
    assert!(printed.starts_with("Flow { session: \"live\", activity: ") && !printed.contains("secret"), "{printed}");
}

#[test]
fn a_rotation_keeps_the_deadline_only_if_it_is_asked_to() {
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
fn a_session_that_does_not_outlive_the_browser_has_a_cookie_without_an_end() {
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
fn a_renewal_is_due_when_its_time_has_come_and_not_before() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let mut is_due = |millis| {
        world.advance(millis);
        let mut request = world.request(Some(&cookie));
        request.load(&mut world);
        world.engine.is_renewal_due(&request.flow, world.now)
    };
    assert_eq!([is_due(0), is_due(6 * MINUTE - 1), is_due(MINUTE)], [false, false, true]);
}

#[test]
fn a_request_that_is_no_activity_writes_no_renewal() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    world.advance(30 * MINUTE);
    let calls = world.calls;
    let quiet = world.serve(Some(&cookie), |request| request.log.push(Op::NoActivity));
    assert_eq!((world.calls - calls, quiet.cookies().len()), (1, 0), "it is looked up, and nothing else");
}

#[test]
fn a_take_looks_the_session_up_by_itself() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let mut request = world.request(Some(&cookie));
    assert_eq!(request.take_out(&mut world, "a").as_deref(), Some("1"));
    assert_eq!(world.serve(Some(&cookie), |_| {}).get("a"), None);
}

#[test]
fn deletions_are_counted() {
    let mut world = World::new(older());
    world.store.insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
    let ended = world.serve(Some(ID), |request| request.log.push(Op::Destroy));
    assert_eq!(ended.flow.activity().deletes, 1);
}

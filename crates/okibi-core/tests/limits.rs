//! What the engine refuses, cuts or keeps of the changes of a request.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use okibi_core::{Config, Lifetime, Native, Op, Outcome, Owner, Refusal};
use support::World;

#[test]
fn n47_a_label_is_cut_at_a_character_and_an_empty_one_counts_as_absent() {
    let mut world = World::new(Config::default());
    for (given, kept) in [
        ("phone".to_owned(), Some("phone".to_owned())),
        ("x".repeat(256), Some("x".repeat(256))),
        ("x".repeat(10_000), Some("x".repeat(256))),
        ("é".repeat(200), Some("é".repeat(128))),
        (format!("{}🔥", "x".repeat(253)), Some("x".repeat(253))),
        (String::new(), None),
    ] {
        world.store.clear();
        world.serve(None, |request| {
            request.log.push(Op::SetOwner(Some(Owner::new("ember"))));
            request.log.push(Op::SetLabel(Some(given.as_str().into())));
        });
        let records = world.records();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].label.as_ref().map(|label| label.as_str().to_owned()), kept, "{given}");
    }
}

/// The refusal of a commit of this log.
fn refuse(world: &mut World, cookie: &str, log: Vec<Op>) -> Refusal {
    let mut request = world.request(Some(cookie));
    request.load(world);
    request.log = log;
    request.commit(world).unwrap_err()
}

const DAY: Duration = Duration::from_hours(24);

#[test]
fn n56_a_contradicting_timeout_is_refused_and_a_rotation_keeps_the_sessions_own_timeout() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let spans = |world: &World| {
        let record = &world.records()[0];
        (record.idle, record.deadline.map(|deadline| deadline.since(record.created)))
    };
    let refused = refuse(&mut world, &cookie, vec![Op::set_idle(DAY * 30)]);
    assert_eq!(refused, Refusal::IdleBeyondAbsolute { idle: DAY * 30, absolute: DAY });
    assert_eq!(
        refused.to_string(),
        "session idle timeout of 2592000s: longer than its absolute timeout of 86400s; set both (`set_absolute`), or a \
         shorter one"
    );
    assert_eq!(refuse(&mut world, &cookie, vec![Op::SetAbsolute(Some(999))]), Refusal::InvalidAbsolute);
    // The order makes no difference.
    for log in [
        vec![Op::set_idle(DAY * 30), Op::set_absolute(Some(DAY * 30))],
        vec![Op::set_absolute(Some(DAY * 31)), Op::set_idle(DAY * 31)],
    ] {
        world.serve(Some(&cookie), |request| request.log.extend(log));
    }
    assert_eq!(spans(&world), (DAY * 31, Some(DAY * 31)));
    world.advance(u64::try_from(DAY.as_millis()).unwrap() * 3);
    assert_eq!(
        refuse(&mut world, &cookie, vec![Op::set_idle(DAY), Op::set_absolute(Some(DAY * 3))]),
        Refusal::InvalidAbsolute,
        "it would be over now"
    );
    let cookie = world.serve(Some(&cookie), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    assert_eq!(spans(&world), (DAY * 31, Some(DAY * 31)));
    assert_eq!(world.records()[0].created, world.now);
    let cookie =
        world.serve(Some(&cookie), |request| request.log.extend([Op::Rotate, Op::SetAbsolute(None)])).cookie().unwrap();
    assert_eq!(spans(&world), (DAY * 31, None));
    world.serve(Some(&cookie), |request| request.log.push(Op::Rotate));
    assert_eq!(spans(&world), (DAY * 31, None));
}

#[test]
fn n56_a_timeout_of_the_sessions_own_is_stored() {
    let mut world = World::new(Native { lifetime: Lifetime::AAL3, ..Native::default() });
    let cookie = world
        .serve(None, |request| {
            request.set("a", 1);
            request.log.push(Op::set_absolute(Some(DAY * 2)));
        })
        .cookie()
        .unwrap();
    let text = String::from_utf8(world.store.values().next().unwrap().0.to_vec()).unwrap();
    assert!(text.contains(r#""o":172800000"#), "{text}");
    world.serve(Some(&cookie), |request| request.set("a", 2));
    assert_eq!(world.records()[0].absolute, Some(DAY * 2));
}

#[test]
fn n54_the_core_decides_which_requests_have_failed() {
    let of = |status: u16| Outcome::of(Some(status), false, None);
    let failed: Vec<u16> = (100..520).filter(|status| of(*status).failed).collect();
    assert_eq!(failed, [408, 499].into_iter().chain(500..520).collect::<Vec<u16>>());
    assert!(of(999).failed);
    assert!((0..1000).all(|status| of(status).upgrades == (status < 200)));
    assert!((0..1000).all(|status| of(status).interim == (status < 200 && status != 101)));
    for status in [200, 404, 500] {
        assert!(!Outcome::of(Some(status), true, None).failed, "every answer is committed");
        assert!(!Outcome::of(Some(status), false, Some(false)).failed, "the app says so");
        assert!(Outcome::of(Some(status), false, Some(true)).failed, "the app says so");
    }
    for (commits_failed, said) in [(false, None), (true, None), (false, Some(false))] {
        assert_eq!(Outcome::of(None, commits_failed, said), Outcome { failed: true, upgrades: false, interim: false });
    }
}

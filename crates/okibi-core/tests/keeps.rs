//! Which writes say that they keep owner and expiry, so that a store may write the bytes alone. The
//! small world checks of each such write, in every test, that it does.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use okibi_core::{Config, Dialect, Op, Owner, Step, compat::HonoSessions};
use support::{Fate, Request, World};

/// What each swap since the last call said.
fn kept(world: &mut World) -> Vec<bool> {
    let swap = |step| if let Step::Swap { write, .. } = step { Some(write.keeps) } else { None };
    std::mem::take(&mut world.steps).into_iter().filter_map(swap).collect()
}

#[test]
fn only_a_write_that_leaves_owner_and_expiry_says_that_it_keeps_them() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    assert_eq!(kept(&mut world), [false], "a new session");
    world.serve(Some(&cookie), |request| request.set("a", 2));
    assert_eq!(kept(&mut world), [true], "a value");
    assert_eq!(world.request(Some(&cookie)).take_value(&mut world, "a").as_deref(), Some("2"));
    assert_eq!(kept(&mut world), [true], "a take");

    world.advance(1_000_000);
    world.serve(Some(&cookie), |request| request.set("a", 3));
    assert_eq!(kept(&mut world), [false], "a renewal");
    let set_owner = |name: &str| Op::SetOwner(Some(Owner::new(name)));
    let cookie = world.serve(Some(&cookie), |request| request.log.push(set_owner("ann"))).cookie().unwrap();
    assert_eq!(kept(&mut world), [false, false], "a login: the new record, and the marker");
    world.serve(Some(&cookie), |request| request.set("a", 4));
    assert_eq!(kept(&mut world), [true], "a value of a session with an owner");
    world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    assert_eq!(kept(&mut world), [false], "a logout");
}

#[test]
fn a_write_after_a_conflict_says_it_of_the_record_that_is_there_now() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    let open = |world: &mut World| -> Request {
        let mut request = world.request(Some(&cookie));
        request.load(world);
        request
    };
    let mut slow = open(&mut world);
    slow.set("b", 1);
    world.advance(1_000_000);
    world.serve(Some(&cookie), |request| request.set("c", 1));
    kept(&mut world);
    slow.commit(&mut world).unwrap();
    // The first says it of what it had loaded, and was refused.
    assert_eq!(kept(&mut world), [false, true]);

    // An answer that is lost is asked for with the same words.
    let mut unlucky = open(&mut world);
    unlucky.set("b", 2);
    kept(&mut world);
    unlucky.start_commit(&mut world, false);
    unlucky.take_step(&mut world, Fate::ReplyLost);
    while unlucky.outcome.is_none() {
        unlucky.take_step(&mut world, Fate::Fine);
    }
    assert_eq!(kept(&mut world), [true, true]);
}

/// Their records do not say what the store was told with them.
#[test]
fn no_write_of_an_older_dialect_says_it() {
    let mut world = World::new(Config { dialect: Dialect::HonoSessions(HonoSessions::default()), ..Config::default() });
    let cookie = world.serve(None, |request| request.set("a", 1)).cookie().unwrap();
    for value in 2..5 {
        world.serve(Some(&cookie), |request| request.set("a", value));
    }
    assert!(!kept(&mut world).contains(&true));
}

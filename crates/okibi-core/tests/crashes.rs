//! Every crash point and every fate of every store call. The final state is always one of the
//! states that the design allows.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use okibi_core::{Config, Event, Op, Refusal};
use support::{Fate, Request, World};

const FATES: [Fate; 4] = [Fate::Fine, Fate::ReplyLost, Fate::RequestLost, Fate::Refused];

/// A session with `n = 10`, and its cookie.
fn world() -> (World, String) {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("n", 10)).cookie().unwrap();
    (world, cookie)
}

/// The change that a request makes besides adding 1.
type Change = fn(&mut Request);

fn nothing(_: &mut Request) {}
fn rotate(request: &mut Request) {
    request.log.push(Op::Rotate);
}
fn renew(request: &mut Request) {
    request.log.push(Op::RenewId);
}
fn destroy(request: &mut Request) {
    request.log.push(Op::Destroy);
}

/// Another request that changes the session during this request.
type OtherRequest = fn(&mut World, &str);

fn no_request(_: &mut World, _: &str) {}
fn adds(world: &mut World, cookie: &str) {
    world.serve(Some(cookie), |request| request.add("n", 100));
}
fn rotates(world: &mut World, cookie: &str) {
    world.serve(Some(cookie), rotate);
}
fn renews(world: &mut World, cookie: &str) {
    world.serve(Some(cookie), renew);
}
fn destroys(world: &mut World, cookie: &str) {
    world.serve(Some(cookie), destroy);
}

const CHANGES: [(&str, Change); 4] = [("plain", nothing), ("rotate", rotate), ("renew", renew), ("destroy", destroy)];
const OTHERS: [(&str, OtherRequest); 5] =
    [("none", no_request), ("adds", adds), ("rotates", rotates), ("renews", renews), ("destroys", destroys)];

/// Every sequence of `length` fates.
fn fates(length: u32) -> impl Iterator<Item = Vec<Fate>> {
    (0..4_usize.pow(length)).map(move |code| (0..length).map(|digit| FATES[code >> (2 * digit) & 3]).collect())
}

/// Runs one request. Its store calls have these fates, and it stops after `calls` of them. The
/// other request runs before call number `other_at`. Returns the request.
fn play(
    world: &mut World,
    cookie: &str,
    change: Change,
    (other, other_at): (OtherRequest, usize),
    fates: &[Fate],
    calls: usize,
) -> Request {
    let mut request = world.request(Some(cookie));
    request.load(world);
    request.add("n", 1);
    change(&mut request);
    request.start_commit(world, false);
    for call in 0..calls {
        if request.outcome.is_some() {
            break;
        }
        if call == other_at {
            other(world, cookie);
        }
        request.take_step(world, fates.get(call).copied().unwrap_or(Fate::Fine));
    }
    request
}

fn value(world: &mut World, cookie: &str) -> Option<i64> {
    let mut request = world.request(Some(cookie));
    request.load(world);
    request.get("n").map(|value| value.as_i64().unwrap())
}

#[test]
fn n39_with_every_fate_of_a_call_a_change_counts_once_or_fails() {
    let mut played = 0;
    for (change_name, change) in CHANGES {
        for (rival_name, other) in OTHERS {
            for other_at in 0..4 {
                for fates in fates(4) {
                    let (mut world, cookie) = world();
                    let request = play(&mut world, &cookie, change, (other, other_at), &fates, 40);
                    let what = format!("{change_name} while a other {rival_name} at {other_at}: {fates:?}");
                    let outcome = request.outcome.unwrap_or_else(|| panic!("{what}: never ends"));
                    check_outcome(&world, &request, outcome, &what);
                    played += 1;
                }
            }
        }
    }
    println!(
        "{played} cases: every fate of four calls of the store, of each change, beside each other at each of four moments"
    );
    assert!(played >= 20_480, "{played} cases: a change, a other, a moment or a fate is played no more");
}

/// The values of all live records, including those with an unknown id.
fn live_values(world: &World) -> Vec<i64> {
    world
        .records()
        .iter()
        .filter_map(|record| record.get("n").map(|entry| entry.value.as_str().parse().unwrap()))
        .collect()
}

/// The value begins at 10. The request adds 1 at most once, and the other request adds 100 at most
/// once. A rotation that lost begins a session with its own 1.
fn is_possible(value: i64, what: &str) -> bool {
    [10, 11, 110, 111].contains(&value) || (value == 1 && loses(what))
}

/// Whether a rotation or logout of the other request can win.
fn loses(what: &str) -> bool {
    what.starts_with("rotate") && (what.contains("rotates") || what.contains("destroys"))
}

fn check_outcome(world: &World, request: &Request, outcome: Result<(), Refusal>, what: &str) {
    assert!(request.cookies().len() <= 1, "{what}: one Set-Cookie at most");
    for value in live_values(world) {
        assert!(is_possible(value, what), "{what}: {value}");
    }
    if outcome.is_err() {
        assert!(request.cookies().is_empty(), "{what}: a failed commit sends no cookie");
    }
    let destroying = request.log.contains(&Op::Destroy);
    let dropped = request.events.contains(&Event::ChangesDropped);
    if outcome.is_ok() && destroying {
        assert!(live_values(world).is_empty(), "{what}: ended, and whatever it became");
    }
    if outcome.is_ok() && !dropped && !destroying {
        let ones = live_values(world).iter().filter(|value| **value % 10 == 1).count();
        // A record that could not be deleted is an orphan: no browser has its id. An event reports
        // it.
        let orphans = usize::from(request.events.contains(&Event::CleanupFailed));
        assert!(ones <= 1 + orphans, "{what}: acknowledged once");
        if live_values(world).is_empty() {
            assert!(
                what.contains("destroys"),
                "{what}: acknowledged, so it is stored unless the session was destroyed"
            );
        }
    }
    if outcome == Err(Refusal::StoreUnavailable) {
        let written = live_values(world).iter().filter(|value| **value % 10 == 1).count();
        let orphans = usize::from(request.events.contains(&Event::CleanupFailed));
        assert!(written <= orphans, "{what}: nothing was written");
    }
}

#[test]
fn a_crash_at_any_call_leaves_the_old_session_or_the_new_one() {
    let mut played = 0;
    for (change_name, change) in CHANGES {
        for (rival_name, other) in OTHERS {
            for other_at in 0..4 {
                for calls in 0..12_usize {
                    for lost in [Fate::Fine, Fate::ReplyLost] {
                        let (mut world, cookie) = world();
                        // The process ends after the call, so the answer is lost.
                        let fates =
                            vec![Fate::Fine; calls.saturating_sub(1)].into_iter().chain([lost]).collect::<Vec<_>>();
                        let request = play(&mut world, &cookie, change, (other, other_at), &fates, calls);
                        let what = format!("{change_name} cut off after {calls}, other {rival_name} at {other_at}");
                        check_cut(&mut world, &request, &cookie, &what);
                        played += 1;
                    }
                }
            }
        }
    }
    println!(
        "{played} cases: each change cut off after each of twelve calls, beside each other at each of four moments"
    );
    assert!(played >= 1_920, "{played} cases: a change, a other, a moment or a cut is played no more");
}

fn check_cut(world: &mut World, request: &Request, cookie: &str, what: &str) {
    let live = live_values(world);
    assert!(live.iter().all(|value| is_possible(*value, what)), "{what}: {live:?}");
    // At most the session itself, and one orphan.
    assert!(live.len() <= 2, "{what}: {live:?}");
    let done = request.outcome == Some(Ok(()));
    if done {
        let own = live.iter().filter(|value| **value == 1).count();
        assert!(live.len() <= 1 + own, "{what}: a rotation that ends leaves no orphan: {live:?}");
    }
    // The old cookie opens a complete session or none.
    let by_old = value(world, cookie);
    if let Some(value) = by_old {
        assert!([10, 11, 110, 111].contains(&value), "{what}: {value}");
    }
    if done && what.starts_with("rotate") {
        assert_eq!(by_old, None, "{what}: the old id opens nothing");
    }
    if let (Some(cookie), true) = (request.cookie(), done)
        && !cookie.is_empty()
        && !what.starts_with("destroy")
        && (!what.contains("destroys") || loses(what))
    {
        assert!(value(world, &cookie).is_some(), "{what}: the cookie that is sent opens the session");
    }
    // Orphans and markers expire.
    world.advance(25 * 60 * 60 * 1000);
    assert_eq!(world.entries(), 0, "{what}: everything written carries an expiry");
}

#[test]
fn a_destroyed_session_stays_destroyed_at_every_crash_of_a_parallel_rotation_n1_s19() {
    for (name, change) in [("rotate", rotate as Change), ("renew", renew)] {
        for destroyed_at in 0..6 {
            for calls in 0..8 {
                let (mut world, cookie) = world();
                play(&mut world, &cookie, change, (destroys, destroyed_at), &[], calls);
                // The logout happens at the end of the request at the latest.
                destroys(&mut world, &cookie);
                assert_eq!(value(&mut world, &cookie), None, "{name}, destroyed at {destroyed_at}, cut at {calls}");
            }
            let (mut world, cookie) = world();
            let request = play(&mut world, &cookie, change, (destroys, destroyed_at), &[], 40);
            destroys(&mut world, &cookie);
            // A rotation that lost has a session of its own, without values of the old one.
            let own = request.cookie().is_some_and(|cookie| value(&mut world, &cookie) == Some(1));
            assert_eq!(live_values(&world), vec![1; usize::from(own)], "{name}, destroyed at {destroyed_at}");
        }
    }
}

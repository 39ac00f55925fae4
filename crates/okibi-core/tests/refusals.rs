//! Why a cookie opens no session: one event reports each reason, for each form of a cookie.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use okibi_core::{Event, Native, Op, Protection, Secrets};
use support::World;

const OURS: &str = "a secret of more than thirty-two bytes";
const OTHERS: &str = "the secret of another service, as long as ours";

fn sealed(secret: &str, chunks: usize) -> Native {
    let protection = Protection::Sealed { secrets: Secrets::new([secret]).unwrap(), chunks };
    Native { protection, ..Native::default() }
}

fn signed(secret: &str) -> Native {
    let protection = Protection::SignedId(Secrets::new([secret]).unwrap());
    Native { protection, ..Native::default() }
}

/// A world, and the cookie of a session in it.
fn logged_in(config: Native) -> (World, String) {
    let mut world = World::new(config);
    let cookie = world.serve(None, |request| request.set("user", "ada")).cookie().unwrap();
    (world, cookie)
}

/// The events of a request with this cookie, which opens nothing.
fn told(world: &mut World, cookie: &str) -> Vec<Event> {
    let request = world.serve(Some(cookie), |_| {});
    assert!(!request.is_live());
    request.events
}

/// The cookie with another character at this position.
fn changed(cookie: &str, at: usize) -> String {
    let other = if &cookie[at..=at] == "A" { "B" } else { "A" };
    [&cookie[..at], other, &cookie[at + 1..]].concat()
}

#[test]
fn a_value_of_another_form_is_malformed() {
    for config in [Native::default(), signed(OURS), sealed(OURS, 1)] {
        let (mut world, cookie) = logged_in(config);
        assert_eq!(told(&mut world, "abc"), [Event::MalformedCookie]);
        assert_eq!(told(&mut world, &changed(&cookie, 3).replace(&cookie[4..6], "é")), [Event::MalformedCookie]);
    }
}

#[test]
fn a_signature_of_another_secret_is_forged() {
    let (mut world, cookie) = logged_in(signed(OURS));
    assert_eq!(told(&mut world, &changed(&cookie, 3)), [Event::ForgedCookie]);
    let (_, foreign) = logged_in(signed(OTHERS));
    assert_eq!(told(&mut world, &foreign), [Event::ForgedCookie]);
}

#[test]
fn a_seal_of_an_unknown_secret_and_one_that_was_changed_are_forged() {
    let (mut world, cookie) = logged_in(sealed(OURS, 1));
    let (_, foreign) = logged_in(sealed(OTHERS, 1));
    assert_eq!(told(&mut world, &foreign), [Event::ForgedCookie]);
    for at in [2, 8, 50, cookie.len() - 2] {
        assert_eq!(told(&mut world, &changed(&cookie, at)), [Event::ForgedCookie], "{at}");
    }
}

#[test]
fn a_chunk_without_the_others_is_incomplete() {
    let (mut world, cookie) = logged_in(sealed(OURS, 3));
    assert_eq!(told(&mut world, &["2.", &cookie].concat()), [Event::IncompleteChunks]);
}

#[test]
fn two_that_open_are_duplicates() {
    for config in [signed(OURS), sealed(OURS, 1)] {
        let (mut world, ada) = logged_in(config);
        let ben = world.serve(None, |request| request.set("user", "ben")).cookie().unwrap();
        let header = ["__Host-session=", &ada, "; __Host-session=", &ben].concat();
        let request = world.serve_header(&header, |_| {});
        assert_eq!((request.is_live(), request.events), (false, vec![Event::DuplicateCookie]));
    }
}

#[test]
fn an_id_under_which_nothing_is_stored_is_unknown() {
    let (mut world, cookie) = logged_in(signed(OURS));
    world.store.clear();
    assert_eq!(told(&mut world, &cookie), [Event::UnknownId]);
}

#[test]
fn a_session_after_its_timeout_has_expired() {
    for config in [Native::default(), sealed(OURS, 1)] {
        let idle = config.lifetime.idle;
        let (mut world, cookie) = logged_in(config);
        world.now = world.now.plus(idle + Duration::from_secs(1));
        assert_eq!(told(&mut world, &cookie), [Event::Expired]);
    }
}

#[test]
fn stored_bytes_that_are_not_a_record_are_undecodable() {
    let (mut world, cookie) = logged_in(Native::default());
    for (bytes, _) in world.store.values_mut() {
        *bytes = Bytes::from_static(b"{\"v\":2}");
    }
    assert_eq!(told(&mut world, &cookie), [Event::UndecodableRecord]);
}

#[test]
fn a_cookie_from_before_a_rotation_is_rotated_away() {
    let (mut world, cookie) = logged_in(Native::default());
    world.serve(Some(&cookie), |request| request.log.push(Op::Rotate));
    assert_eq!(told(&mut world, &cookie), [Event::RotatedAway]);
}

#[test]
fn a_copy_of_a_sealed_cookie_after_the_logout_is_revoked() {
    let (mut world, cookie) = logged_in(Native { revocations: true, ..sealed(OURS, 1) });
    world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    assert_eq!(told(&mut world, &cookie), [Event::Revoked]);
}

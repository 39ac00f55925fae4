//! Planted violations of what is promised about the life of sessions.

use super::story::{Story, Told, own, renew, revoke, rotate, set};
use crate::history::{Act, Outcome, Part};

pub(super) const PLANTED: &[&str] = &["revived", "lost-session", "two-winners"];

/// A session with `v1` under `a` in cookie 1.
fn begun() -> Story {
    let mut story = Story::new();
    story.session(0..1, 1, "a", "v1");
    story
}

#[test]
fn n1_a_session_that_was_ended_is_not_there_any_more() {
    let mut story = begun();
    story.add(2..4, Some(1), Act::Destroy).sees(&[("a", "v1")]).removes();
    story.add(3..6, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.add(5..6, Some(1), Act::Read).dead();
    story.breaks(&[]);
    story.add(7..8, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&["revived"]);
}

#[test]
fn h3_a_session_that_comes_back_long_after_its_end_is_found() {
    // It was gone for a while, and then a late write arrived: somebody who kept the cookie shows it, at the very end.
    let mut story = begun();
    story.add(2..3, Some(1), rotate("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(4..5, Some(2), Act::Destroy).sees(&[("a", "v1"), ("b", "v2")]).removes();
    for cookie in [1, 2] {
        let late = story.add(6..7, Some(cookie), Act::Read).dead();
        late.stray = true;
    }
    story.breaks(&[]);
    let late = story.add(9000..9001, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    (late.stray, late.part) = (true, Part::Calm);
    story.breaks(&["revived"]);
    // So it is with the id from before the login.
    let late = story.0.requests.last_mut().unwrap();
    late.sent = Some(1);
    late.sees(&[("a", "v1")]);
    assert!(story.broken().contains(&"revived"));
}

#[test]
fn what_may_not_have_ended_may_be_there_and_may_be_gone() {
    let mut story = begun();
    story.add(2..4, Some(1), Act::Destroy).ends(Outcome::Unknown);
    story.add(5..6, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.add(7..8, Some(1), Act::Read).dead();
    story.breaks(&[]);
    let mut story = begun();
    story.add(2..4, Some(1), Act::Destroy).ends(Outcome::Failed);
    story.add(5..6, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&[]);
    story.add(7..8, Some(1), Act::Read).dead();
    story.breaks(&["lost-session"]);
}

#[test]
fn a_logout_that_removed_the_cookie_is_one_even_if_the_answer_is_a_failure() {
    let mut story = begun();
    let logout = story.add(2..4, Some(1), Act::Destroy).ends(Outcome::Unknown).removes();
    logout.wish.early = true;
    story.add(5..6, Some(1), Act::Read).dead();
    story.breaks(&[]);
    story.add(7..8, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&["revived"]);
}

#[test]
fn a_session_goes_on_until_something_ends_it() {
    let mut story = begun();
    story.add(2..3, Some(1), Act::Read).dead();
    story.breaks(&["lost-session"]);
    // It vanished while a request was under way.
    let mut story = begun();
    story.add(2..3, Some(1), set("b", "v2")).sees(&[("a", "v1")]).then(false, None);
    story.breaks(&["lost-session"]);
}

#[test]
fn an_ended_session_takes_its_ids_from_before_and_after_a_rotation_along() {
    let mut story = begun();
    story.add(2..3, Some(1), rotate("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(4..5, Some(2), Act::Destroy).sees(&[("a", "v1"), ("b", "v2")]).removes();
    story.add(6..7, Some(2), Act::Read).dead();
    story.breaks(&[]);
    story.add(8..9, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    story.breaks(&["revived"]);
    // A logout with the id from before the rotation may still reach the session, or not.
    for live in [true, false] {
        let mut story = begun();
        story.add(2..3, Some(1), rotate("v2")).sees(&[("a", "v1")]).issues(2);
        story.add(4..5, Some(1), Act::Destroy).dead().removes();
        let read = story.add(6..7, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
        if !live {
            read.dead();
        }
        story.breaks(&[]);
    }
}

#[test]
fn n5_an_id_that_was_rotated_away_opens_nothing() {
    let mut story = begun();
    story.add(2..4, Some(1), rotate("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(3..5, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.add(5..6, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    story.add(7..8, Some(1), Act::Read).dead();
    story.breaks(&[]);
    story.add(9..10, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    story.breaks(&["revived"]);
}

#[test]
fn n5_an_id_that_was_renewed_leads_to_the_session() {
    let mut story = begun();
    story.add(2..4, Some(1), renew("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(5..6, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v2")]).issues(2);
    story.add(7..8, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    story.breaks(&[]);
    story.add(9..10, Some(1), Act::Read).dead();
    story.breaks(&["lost-session"]);
    // When its grace is over it may be forgotten.
    let mut story = begun();
    story.add(2..4, Some(1), renew("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(60_003..60_004, Some(1), Act::Read).dead();
    story.breaks(&[]);
    // After a rotation the renewed ids from before it open nothing either.
    let mut story = begun();
    story.add(2..3, Some(1), renew("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(4..5, Some(2), rotate("v3")).sees(&[("a", "v1"), ("b", "v2")]).issues(3);
    story.add(6..7, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v3")]).issues(3);
    assert!(story.broken().contains(&"revived"));
}

#[test]
fn s18_of_two_rotations_one_wins() {
    let mut story = begun();
    story.add(2..5, Some(1), rotate("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(3..6, Some(1), rotate("v3")).sees(&[("a", "v1")]);
    story.add(3..7, Some(1), rotate("v4")).ends(Outcome::Unknown);
    // Who comes too late begins a session of their own.
    story.add(8..9, Some(1), rotate("v5")).dead().issues(4);
    story.breaks(&[]);
    story.add(4..8, Some(1), rotate("v6")).sees(&[("a", "v1")]).issues(3);
    story.breaks(&["two-winners"]);
    // A new owner is a rotation as well.
    let mut story = begun();
    story.add(2..5, Some(1), rotate("v2")).sees(&[("a", "v1")]).handle("h1").issues(2);
    story.add(3..6, Some(1), own("ada", "v3")).sees(&[("a", "v1")]).handle("h1").then(true, Some("h3")).issues(3);
    let after = story.0.requests[2].answer.as_mut().unwrap().after.as_mut().unwrap();
    after.owner = Some("ada".to_owned());
    after.values.extend([("a".to_owned(), "v1".to_owned()), ("b".to_owned(), "v3".to_owned())]);
    assert!(story.broken().contains(&"two-winners"));
}

/// A session in cookie 2 that is ada's for certain since 3 ms.
fn adas() -> Story {
    let mut story = begun();
    story.add(2..3, Some(1), own("ada", "v2")).sees(&[("a", "v1")]).handle("h1").then(true, Some("h2")).issues(2);
    let after = story.0.requests[1].answer.as_mut().unwrap().after.as_mut().unwrap();
    after.owner = Some("ada".to_owned());
    after.values.extend([("a".to_owned(), "v1".to_owned()), ("b".to_owned(), "v2".to_owned())]);
    story
}

const ADAS: [(&str, &str); 2] = [("a", "v1"), ("b", "v2")];

#[test]
fn n25_a_revocation_ends_all_sessions_of_an_owner() {
    let mut story = adas();
    story.add(4..5, None, revoke("ada")).answer = None;
    story.add(6..7, Some(2), Act::Read).dead();
    story.breaks(&[]);
    story.add(8..9, Some(2), Act::Read).sees(&ADAS).owned("ada");
    story.breaks(&["revived"]);
    // Nobody else's.
    let mut story = adas();
    story.add(4..5, None, revoke("grace")).answer = None;
    story.add(6..7, Some(2), Act::Read).sees(&ADAS).owned("ada");
    story.breaks(&[]);
    story.add(8..9, Some(2), Act::Read).dead();
    story.breaks(&["lost-session"]);
}

#[test]
fn a_revocation_that_failed_or_met_a_change_of_owner_may_have_ended_the_session_or_not() {
    for outcome in [Outcome::Failed, Outcome::Unknown] {
        let mut story = adas();
        story.add(4..5, None, revoke("ada")).ends(outcome);
        story.add(6..7, Some(2), Act::Read).sees(&ADAS).owned("ada");
        story.add(8..9, Some(2), Act::Read).dead();
        story.breaks(&[]);
    }
    let mut story = adas();
    story.add(4..6, None, revoke("ada")).answer = None;
    story.add(3..5, Some(2), own("grace", "v3")).ends(Outcome::Unknown);
    story.add(7..8, Some(2), Act::Read).sees(&ADAS).owned("ada");
    story.add(9..10, Some(2), Act::Read).dead();
    story.breaks(&[]);
}

#[test]
fn what_a_failover_may_bring_back_is_not_held_against_it() {
    let mut story = begun();
    story.add(2..3, Some(1), Act::Destroy).sees(&[("a", "v1")]).removes();
    story.loses(4..5);
    story.add(6..7, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&[]);
    let mut story = begun();
    story.loses(2..3);
    story.add(4..5, Some(1), Act::Read).dead();
    story.breaks(&[]);
    // What ends after it stays ended.
    let mut story = begun();
    story.loses(2..3);
    story.add(4..5, Some(1), Act::Destroy).sees(&[("a", "v1")]).removes();
    story.add(6..7, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&["revived"]);
}

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
    // The session was deleted, and then a late write arrived: the kept cookie shows it at the end
    // of the run.
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
    let born = [("a", "v1")];
    let mut story = begun();
    story.add(2..5, Some(1), rotate("v2")).sees(&born).issues(2);
    story.add(3..7, Some(1), rotate("v4")).ends(Outcome::Unknown);
    // A late request begins a new session.
    story.add(8..9, Some(1), rotate("v5")).dead().issues(4);
    story.add(10..11, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    story.breaks(&[]);
    story.add(4..8, Some(1), rotate("v6")).sees(&born).issues(3);
    story.breaks(&[]);
    story.add(12..13, Some(3), Act::Read).sees(&[("a", "v1"), ("b", "v6")]);
    story.breaks(&["undone", "two-winners"]);
    // A new owner is a rotation as well.
    let mut story = begun();
    story.add(2..5, Some(1), rotate("v2")).sees(&born).handle("h1").issues(2);
    story.add(3..6, Some(1), own("ada", "v3")).sees(&born).handle("h1").then(true, Some("h3")).issues(3);
    let after = story.0.requests[2].answer.as_mut().unwrap().after.as_mut().unwrap();
    after.owner = Some("ada".to_owned());
    after.values.extend([("a".to_owned(), "v1".to_owned()), ("b".to_owned(), "v3".to_owned())]);
    story.add(7..8, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]).handle("h2");
    assert!(story.broken().contains(&"two-winners"));
}

/// A session of birth `r1`. Two concurrent logins want cookies 2 and 3: the first wins.
fn raced() -> Story {
    let mut story = begun();
    story.add(2..5, Some(1), rotate("v2")).sees(&[("a", "v1")]).born("r1").issues(2);
    story.add(3..6, Some(1), rotate("v3")).sees(&[("a", "v1")]).born("r1").issues(3);
    for number in [1, 2] {
        story.0.requests[number].wish.birth = format!("r{}", number + 1);
    }
    story.add(7..8, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]).born("r1");
    story
}

#[test]
fn r2_a_login_that_lost_begins_a_session_of_its_own_with_what_it_set() {
    let mut story = raced();
    story.add(8..9, Some(3), Act::Read).sees(&[("b", "v3")]).born("r3");
    story.breaks(&[]);
    // It is another session: what ends the one ends the other not, and each ends for good.
    story.add(10..11, Some(2), Act::Destroy).sees(&[("a", "v1"), ("b", "v2")]).born("r1").removes();
    story.add(12..13, Some(3), Act::Read).sees(&[("b", "v3")]).born("r3");
    story.breaks(&[]);
    story.add(14..15, Some(3), Act::Destroy).sees(&[("b", "v3")]).born("r3").removes();
    story.add(16..17, Some(3), Act::Read).dead();
    story.breaks(&[]);
    for (cookie, values, birth) in [(2, [("a", "v1"), ("b", "v2")].as_slice(), "r1"), (3, &[("b", "v3")], "r3")] {
        let mut story = Story(story.0.clone());
        story.add(18..19, Some(cookie), Act::Read).sees(values).born(birth);
        story.breaks(&["revived"]);
    }
    // The id that both replaced opens nothing, the session of neither.
    for (values, birth) in [([("a", "v1")], "r1"), ([("b", "v3")], "r3")] {
        let mut story = raced();
        story.add(8..9, Some(3), Act::Read).sees(&[("b", "v3")]).born("r3");
        story.add(9..10, Some(1), Act::Read).sees(&values).born(birth);
        assert!(story.broken().contains(&"revived"));
    }
}

#[test]
fn r2_the_session_of_a_login_that_lost_has_nothing_of_the_one_before() {
    for values in [[("a", "v1"), ("b", "v3")], [("b", "v2"), ("c", "v1")]] {
        let mut story = raced();
        story.add(8..9, Some(3), Act::Read).sees(&values).born("r3");
        story.breaks(&["crossed"]);
    }
    let mut story = raced();
    story.add(8..9, Some(3), Act::Read).sees(&[("b", "v3")]).born("r3").counts(1);
    story.breaks(&["counted-twice"]);
    let mut story = raced();
    story.add(8..9, Some(3), Act::Read).sees(&[("b", "v3")]).born("r3").owned("ada");
    story.breaks(&["wrong-owner"]);
    // What has the birth of the one before is the one before: then two have won.
    let mut story = raced();
    story.add(8..9, Some(3), Act::Read).sees(&[("a", "v1"), ("b", "v3")]).born("r1");
    story.breaks(&["undone", "two-winners"]);
}

#[test]
fn r2_a_login_begins_another_session_only_if_it_lost() {
    let mut story = begun();
    story.add(2..5, Some(1), rotate("v2")).sees(&[("a", "v1")]).born("r1").issues(2);
    story.0.requests[1].wish.birth = "r2".to_owned();
    story.add(7..8, Some(2), Act::Read).sees(&[("b", "v2")]).born("r2");
    story.breaks(&["lost-session"]);
    // A logout at the same time may have been what it lost to.
    story.add(4..6, Some(1), Act::Destroy).sees(&[("a", "v1")]).born("r1").removes();
    story.breaks(&[]);
    // So may the revocation of all sessions of the owner that it was about to get, but of no
    // other's.
    for (owner, broken) in [("ada", &[][..]), ("bob", &["lost-session"])] {
        let mut story = begun();
        story.add(2..5, Some(1), own("ada", "v2")).sees(&[("a", "v1")]).handle("h1").born("r1");
        story.0.requests[1].then(true, Some("h2")).issues(2).wish.birth = "r2".to_owned();
        let view = story.0.requests[1].answer.as_mut().unwrap().after.as_mut().unwrap();
        (view.owner, view.birth) = (Some("ada".to_owned()), Some("r2".to_owned()));
        view.values.insert("b".to_owned(), "v2".to_owned());
        story.add(4..6, None, revoke(owner));
        story.add(7..8, Some(2), Act::Read).sees(&[("b", "v2")]).born("r2").owned("ada");
        story.breaks(broken);
    }
    // So may a login without any other result: no request saw what its cookie opens.
    let mut story = raced();
    story.0.requests.pop();
    story.add(8..9, Some(3), Act::Read).sees(&[("b", "v3")]).born("r3");
    story.breaks(&[]);
    // It was the first to end, so the other began a session of its own, or the session ended by
    // whatever ends it.
    story.add(10..11, Some(2), Act::Read).dead();
    story.breaks(&["lost-session"]);
    story.add(7..9, Some(1), Act::Destroy).dead().removes();
    story.breaks(&[]);
}

#[test]
fn r2_every_login_sets_a_cookie() {
    let mut story = begun();
    story.add(2..5, Some(1), rotate("v2")).sees(&[("a", "v1")]);
    story.breaks(&["wrong-cookie"]);
    story.0.requests[1].issues(2);
    story.breaks(&[]);
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
    // No other session's.
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

#[test]
fn f_a_renewal_whose_marker_may_be_lost_leaves_the_session_there_twice() {
    let story = |is_lost: bool| {
        let mut story = Story::new();
        story.session(0..1, 1, "a", "v1");
        story.add(2..10, Some(1), renew("v2")).sees(&[("a", "v1")]).issues(2);
        if is_lost {
            // The new record had reached the replica, the marker under the old key had not.
            story.loses(4..12);
        }
        story.add(20..21, Some(2), set("a", "v3")).sees(&[("a", "v1"), ("b", "v2")]);
        story.add(22..23, Some(2), rotate("v4")).sees(&[("a", "v3"), ("b", "v2")]).issues(3);
        story.add(30..31, Some(1), Act::Read).sees(&[("a", "v1")]);
        story.add(32..33, Some(1), Act::Destroy).sees(&[("a", "v1")]).removes();
        story.add(40..41, Some(3), Act::Read).sees(&[("a", "v3"), ("b", "v4")]);
        story
    };
    story(true).breaks(&[]);
    assert!(story(false).broken().contains(&"revived"));
    // By the id of after the renewal, all is as promised.
    let mut found = story(true);
    found.add(50..51, Some(2), Act::Read).sees(&[("a", "v3"), ("b", "v2")]);
    assert!(found.broken().contains(&"revived"));
}

//! Planted violations of what is promised about values, counters and owners.

use super::story::{Story, Told, own, remove, renew, rotate, set, take};
use crate::history::{Act, Outcome};

pub(super) const PLANTED: &[&str] = &[
    "lost-write",
    "undone",
    "failed-shows",
    "crossed",
    "from-nowhere",
    "lost-count",
    "counted-twice",
    "count-backwards",
    "wrong-owner",
    "taken-twice",
];

/// A session with `v1` under `a` in cookie 1.
fn begun() -> Story {
    let mut story = Story::new();
    story.session(0..1, 1, "a", "v1");
    story
}

#[test]
fn an_acknowledged_value_that_is_missing_is_lost() {
    let mut story = begun();
    story.add(2..3, Some(1), Act::Read);
    story.breaks(&["lost-write"]);
    // Before it was acknowledged it may be missing.
    let mut story = begun();
    story.add(2..5, Some(1), set("b", "v2")).sees(&[("a", "v1")]);
    story.add(3..4, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&[]);
    story.add(6..7, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&["lost-write"]);
}

#[test]
fn a_value_that_was_missing_between_two_sights_of_it_was_lost() {
    let mut story = begun();
    story.add(2..3, Some(1), set("b", "v2")).sees(&[("a", "v1")]).ends(Outcome::Unknown);
    story.add(4..5, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    story.add(6..7, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.add(8..9, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    story.breaks(&["lost-write"]);
}

#[test]
fn a_value_may_be_missing_once_somebody_may_have_removed_it() {
    for outcome in [Outcome::Ok, Outcome::Unknown, Outcome::Abandoned] {
        let mut story = begun();
        let removal = story.add(2..3, Some(1), remove("a")).sees(&[("a", "v1")]);
        if outcome != Outcome::Ok {
            removal.ends(outcome);
        }
        story.add(4..5, Some(1), Act::Read);
        story.breaks(&[]);
    }
    let mut story = begun();
    story.add(2..3, Some(1), remove("a")).ends(Outcome::Failed);
    story.add(4..5, Some(1), Act::Read);
    story.breaks(&["lost-write"]);
}

#[test]
fn an_old_value_after_a_newer_one_was_acknowledged_is_a_change_undone() {
    let mut story = begun();
    story.add(2..3, Some(1), set("a", "v2")).sees(&[("a", "v1")]);
    story.add(4..5, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&["undone"]);
    // What is unknown may come late, or never.
    let mut story = begun();
    story.add(2..3, Some(1), set("a", "v2")).ends(Outcome::Unknown);
    story.add(4..5, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.add(6..7, Some(1), Act::Read).sees(&[("a", "v2")]);
    story.breaks(&[]);
    // But once it has come it does not go again.
    story.add(8..9, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&["undone"]);
}

#[test]
fn of_two_changes_at_a_time_either_may_be_the_last() {
    for last in ["v2", "v3"] {
        let mut story = begun();
        story.add(2..6, Some(1), set("a", "v2")).sees(&[("a", "v1")]);
        story.add(3..5, Some(1), set("a", "v3")).sees(&[("a", "v1")]);
        story.add(7..8, Some(1), Act::Read).sees(&[("a", last)]);
        story.breaks(&[]);
        let other = if last == "v2" { "v3" } else { "v2" };
        story.add(9..10, Some(1), Act::Read).sees(&[("a", other)]);
        story.breaks(&["undone"]);
    }
}

#[test]
fn what_was_removed_does_not_come_back() {
    let mut story = begun();
    story.add(2..3, Some(1), remove("a")).sees(&[("a", "v1")]);
    story.add(4..5, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&["undone"]);
    // A flash that was read is gone, whoever read it at the same time.
    let mut story = begun();
    story.add(2..3, Some(1), Act::Flash { value: "f1".to_owned() }).sees(&[("a", "v1")]);
    story.add(4..6, Some(1), Act::ReadFlash).sees(&[("a", "v1")]).got("f1");
    story.add(5..7, Some(1), Act::ReadFlash).sees(&[("a", "v1")]).got("f1");
    story.breaks(&[]);
    story.add(8..9, Some(1), Act::ReadFlash).sees(&[("a", "v1")]).got("f1");
    story.breaks(&["undone"]);
}

#[test]
fn a_change_that_was_refused_or_dropped_never_shows() {
    let shown = |outcome: Outcome| {
        let mut story = begun();
        story.add(2..3, Some(1), set("b", "v2")).ends(outcome);
        story.add(4..5, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
        story
    };
    shown(Outcome::Failed).breaks(&["failed-shows"]);
    shown(Outcome::RolledBack).breaks(&["failed-shows"]);
    shown(Outcome::Unknown).breaks(&[]);
    shown(Outcome::Abandoned).breaks(&[]);
    // The handler's own commit said that the session was there no more.
    let mut story = begun();
    story.add(2..6, Some(1), rotate("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(3..5, Some(1), set("c", "v3")).sees(&[("a", "v1")]).then(false, None);
    story.add(7..8, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2"), ("c", "v3")]);
    story.breaks(&["failed-shows"]);
}

#[test]
fn what_was_dropped_because_the_session_ended_may_have_been_made_before() {
    let mut story = begun();
    story.add(2..9, Some(1), set("b", "v2")).sees(&[("a", "v1")]).then(false, None);
    story.add(3..4, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    assert!(story.broken().contains(&"failed-shows"));
    story.add(5..6, Some(1), Act::Destroy).sees(&[("a", "v1"), ("b", "v2")]).removes();
    story.breaks(&[]);
}

#[test]
fn a_value_of_another_session_is_crossed() {
    let mut story = begun();
    story.session(0..1, 2, "a", "other");
    story.add(2..3, Some(1), Act::Read).sees(&[("a", "other")]);
    assert!(story.broken().contains(&"crossed"));
    // No answer set the cookie of this session, so no request can see it.
    let mut story = begun();
    story.add(2..3, None, set("b", "orphan")).ends(Outcome::Unknown);
    story.add(4..5, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "orphan")]);
    story.breaks(&["crossed"]);
}

#[test]
fn a_cookie_or_a_handle_of_another_session_is_crossed() {
    let mut story = begun();
    story.session(2..3, 1, "a", "v2");
    assert!(story.broken().contains(&"crossed"));
    let mut story = begun();
    story.session(0..1, 2, "a", "v2");
    story.add(2..3, Some(1), Act::Read).sees(&[("a", "v1")]).handle("h1");
    story.add(4..5, Some(2), Act::Read).sees(&[("a", "v2")]).handle("h2");
    story.breaks(&[]);
    story.add(6..7, Some(2), Act::Read).sees(&[("a", "v2")]).handle("h1");
    story.breaks(&["crossed"]);
}

#[test]
fn a_birth_is_that_of_one_session() {
    let mut story = Story::new();
    story.session(0..1, 1, "a", "v1");
    story.session(0..1, 2, "a", "v2");
    story.add(2..3, Some(1), Act::Read).sees(&[("a", "v1")]).born("r1");
    story.add(2..3, Some(2), Act::Read).sees(&[("a", "v2")]).born("r2");
    story.add(4..5, Some(1), Act::Read).sees(&[("a", "v1")]).born("r1");
    story.breaks(&[]);
    for birth in ["r2", "r3"] {
        let mut story = Story(story.0.clone());
        story.add(6..7, Some(1), Act::Read).sees(&[("a", "v1")]).born(birth);
        story.breaks(&["crossed"]);
    }
}

#[test]
fn a_handle_changes_with_a_rotation_and_only_then() {
    let mut story = begun();
    story.add(2..3, Some(1), renew("v2")).sees(&[("a", "v1")]).handle("h1").issues(2);
    story.add(4..5, Some(2), rotate("v3")).sees(&[("a", "v1"), ("b", "v2")]).handle("h1").issues(3);
    story.add(6..7, Some(3), Act::Read).sees(&[("a", "v1"), ("b", "v3")]).handle("h2");
    story.breaks(&[]);
    story.add(8..9, Some(3), Act::Read).sees(&[("a", "v1"), ("b", "v3")]).handle("h3");
    story.breaks(&["crossed"]);
}

#[test]
fn who_has_no_session_sees_nothing() {
    let mut story = begun();
    story.add(2..3, Some(1), Act::Destroy).sees(&[("a", "v1")]).removes();
    story.add(4..5, Some(1), Act::Read).dead().counts(3);
    story.breaks(&["crossed"]);
}

#[test]
fn a_value_that_nobody_wrote_is_from_nowhere() {
    let mut story = begun();
    story.add(2..3, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "ghost")]);
    story.breaks(&["from-nowhere"]);
    // It was seen before it was written.
    let mut story = begun();
    story.add(2..3, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    story.add(4..5, Some(1), set("b", "v2")).sees(&[("a", "v1")]);
    assert!(story.broken().contains(&"from-nowhere"));
}

/// A session with a counter that was incremented with these outcomes, one after another.
fn counted(outcomes: &[Outcome]) -> Story {
    let mut story = begun();
    for (place, outcome) in (0..).zip(outcomes) {
        let bump = story.add(10 + place * 10..11 + place * 10, Some(1), Act::Bump).sees(&[("a", "v1")]);
        bump.ends(outcome.clone());
        if *outcome == Outcome::Ok {
            bump.answer = Some(crate::history::Answer::default());
        }
    }
    story
}

#[test]
fn n39_a_counter_lies_between_what_was_acknowledged_and_what_may_have_been() {
    let outcomes = [Outcome::Ok, Outcome::Unknown, Outcome::Failed, Outcome::Ok, Outcome::Abandoned];
    for (count, broken) in [(1, Some("lost-count")), (2, None), (3, None), (4, None), (5, Some("counted-twice"))] {
        let mut story = counted(&outcomes);
        story.add(90..91, Some(1), Act::Read).sees(&[("a", "v1")]).counts(count);
        story.breaks(broken.as_slice());
    }
}

#[test]
fn two_increments_that_make_the_same_count_have_lost_one() {
    let mut story = begun();
    story.add(2..6, Some(1), Act::Bump).sees(&[("a", "v1")]).then_counts(1);
    story.0.requests[1].answer.as_mut().unwrap().after.as_mut().unwrap().values.insert("a".into(), "v1".into());
    story.add(3..5, Some(1), Act::Bump).sees(&[("a", "v1")]).then_counts(1);
    story.0.requests[2].answer.as_mut().unwrap().after.as_mut().unwrap().values.insert("a".into(), "v1".into());
    story.breaks(&["lost-count"]);
}

#[test]
fn a_counter_never_goes_back() {
    let mut story = counted(&[Outcome::Unknown, Outcome::Unknown]);
    story.add(50..51, Some(1), Act::Read).sees(&[("a", "v1")]).counts(1);
    story.add(52..53, Some(1), Act::Read).sees(&[("a", "v1")]).counts(2);
    story.breaks(&[]);
    story.add(54..55, Some(1), Act::Read).sees(&[("a", "v1")]).counts(1);
    story.breaks(&["count-backwards"]);
}

#[test]
fn the_owner_is_the_last_that_was_acknowledged() {
    let own_by = |story: &mut Story, time: std::ops::Range<u64>, sent: u32, to: &str, value: &str, cookie: u32| {
        let request = story.add(time, Some(sent), own(to, value)).handle(&format!("h{sent}"));
        request.then(true, Some(&format!("h{cookie}"))).issues(cookie);
    };
    let base = || {
        let mut story = Story::new();
        story.add(0..1, None, Act::Bump).then_counts(1).issues(1);
        own_by(&mut story, 2..3, 1, "ada", "v1", 2);
        story.0.requests[1].answer.as_mut().unwrap().before.as_mut().unwrap().count = Some(1);
        let after = story.0.requests[1].answer.as_mut().unwrap().after.as_mut().unwrap();
        after.count = Some(1);
        after.owner = Some("ada".to_owned());
        after.values.insert("b".into(), "v1".into());
        story
    };
    let mut story = base();
    story.add(4..5, Some(2), Act::Read).sees(&[("b", "v1")]).counts(1).owned("ada");
    story.breaks(&[]);
    let mut story = base();
    story.add(4..5, Some(2), Act::Read).sees(&[("b", "v1")]).counts(1);
    story.breaks(&["wrong-owner"]);
    let mut story = base();
    story.add(4..5, Some(2), Act::Read).sees(&[("b", "v1")]).counts(1).owned("grace");
    story.breaks(&["wrong-owner"]);
}

#[test]
fn n1_a_value_is_taken_once() {
    let mut story = begun();
    story.add(2..5, Some(1), take("a")).sees(&[("a", "v1")]).got("v1");
    story.add(3..6, Some(1), take("a")).sees(&[("a", "v1")]);
    story.breaks(&[]);
    story.add(3..7, Some(1), take("a")).sees(&[("a", "v1")]).got("v1");
    story.breaks(&["taken-twice"]);
}

#[test]
fn what_a_failover_may_have_lost_is_not_asked_for_and_what_came_after_it_is() {
    let mut story = begun();
    story.loses(2..3);
    story.add(4..5, Some(1), Act::Read);
    story.breaks(&[]);
    story.add(6..7, Some(1), set("a", "v2"));
    story.add(8..9, Some(1), Act::Read);
    story.breaks(&["lost-write"]);
    // It brings no other session's values, and nothing that was refused.
    let mut story = begun();
    story.session(0..1, 2, "a", "other");
    story.add(1..2, Some(1), set("b", "v2")).ends(Outcome::Failed);
    story.loses(2..3);
    story.add(4..5, Some(1), Act::Read).sees(&[("a", "other"), ("b", "v2")]);
    story.breaks(&["failed-shows", "crossed"]);
}

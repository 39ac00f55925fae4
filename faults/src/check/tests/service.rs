//! Planted violations of what is promised about cookies, answers and times; and runs in which too
//! little happened.

use super::story::{Story, Told, own, renew, rotate, set};
use crate::{
    check::Counts,
    history::{Act, Answer, History, Injection, Outcome, Part},
};

pub(super) const PLANTED: &[&str] =
    &["cookie-on-failure", "wrong-cookie", "anonymous", "broken", "late", "no-recovery"];

/// A session with `v1` under `a` in cookie 1.
fn begun() -> Story {
    let mut story = Story::new();
    story.session(0..1, 1, "a", "v1");
    story
}

#[test]
fn n6_a_failure_leaves_the_cookie() {
    for outcome in [Outcome::Failed, Outcome::Unknown] {
        let mut story = begun();
        story.add(2..3, Some(1), set("b", "v2")).ends(outcome.clone());
        story.breaks(&[]);
        story.add(4..5, Some(1), set("b", "v3")).ends(outcome.clone()).issues(2);
        story.breaks(&["cookie-on-failure"]);
        let mut story = begun();
        story.add(4..5, Some(1), set("b", "v3")).ends(outcome).removes();
        story.breaks(&["cookie-on-failure"]);
    }
}

#[test]
fn a_failure_may_tell_of_a_renewal_that_was_missed() {
    let mut story = begun();
    story.add(2..3, Some(1), renew("v2")).sees(&[("a", "v1")]).issues(2);
    story.add(4..5, Some(1), set("b", "v3")).ends(Outcome::Failed).issues(2);
    story.breaks(&[]);
    story.add(6..7, Some(2), set("b", "v3")).ends(Outcome::Failed).issues(2);
    story.breaks(&["cookie-on-failure"]);
}

#[test]
fn f_an_early_commit_that_was_carried_out_is_no_failure() {
    // Its cookie comes with success.
    let mut story = begun();
    story.add(2..3, Some(1), renew("v2")).sees(&[("a", "v1")]).issues(2).wish.early = true;
    story.breaks(&[]);
    for outcome in [Outcome::Failed, Outcome::Unknown] {
        for act in [renew("v2"), rotate("v2"), own("ann", "v2")] {
            let mut story = begun();
            story.add(2..3, Some(1), act).ends(outcome.clone()).issues(2).wish.early = true;
            story.breaks(&["cookie-on-failure"]);
        }
        let mut story = Story::new();
        story.add(0..1, None, set("a", "v1")).ends(outcome).issues(1).wish.early = true;
        story.breaks(&["cookie-on-failure"]);
    }
    // What it changed shows nowhere.
    let mut story = begun();
    story.add(2..3, Some(1), renew("v2")).ends(Outcome::Failed).issues(2).wish.early = true;
    story.add(4..5, Some(2), Act::Read).sees(&[("a", "v1"), ("b", "v2")]);
    assert!(story.broken().contains(&"failed-shows"), "{:?}", story.broken());
}

#[test]
fn n3_a_cookie_is_set_only_where_the_session_moves() {
    let mut story = begun();
    story.add(2..3, Some(1), Act::Read).sees(&[("a", "v1")]).issues(2);
    story.breaks(&["wrong-cookie"]);
    let mut story = begun();
    story.add(2..3, Some(1), Act::Read).sees(&[("a", "v1")]).issues(1);
    story.breaks(&["wrong-cookie"]);
    let mut story = begun();
    story.add(2..3, Some(1), Act::Read).sees(&[("a", "v1")]).removes();
    story.breaks(&["wrong-cookie"]);
    // Twice in one answer.
    let mut story = begun();
    story.add(2..3, Some(1), renew("v2")).sees(&[("a", "v1")]).issues(2).issues(2);
    story.breaks(&["wrong-cookie"]);
}

#[test]
fn n8_a_logout_removes_the_cookie() {
    let mut story = begun();
    story.add(2..3, Some(1), Act::Destroy).sees(&[("a", "v1")]);
    story.breaks(&["wrong-cookie"]);
    let mut story = begun();
    story.add(2..3, Some(1), Act::Destroy).sees(&[("a", "v1")]).removes();
    story.add(4..5, None, Act::Destroy);
    story.breaks(&[]);
}

#[test]
fn s22_who_has_no_cookie_is_served() {
    let mut story = Story::new();
    story.add(0..1, None, Act::Read);
    story.breaks(&[]);
    story.add(2..3, None, Act::Read).ends(Outcome::Failed);
    story.breaks(&["anonymous"]);
    let mut story = Story::new();
    story.add(0..1, None, Act::Read).issues(1);
    story.breaks(&["wrong-cookie", "anonymous"]);
}

#[test]
fn every_request_is_answered_in_time() {
    let mut story = begun();
    story.add(2..3, Some(1), Act::Read).ends(Outcome::Broken("500".to_owned()));
    story.breaks(&["broken"]);
    let mut story = begun();
    story.add(2..20_002, Some(1), Act::Read).ends(Outcome::Hung);
    story.breaks(&["late"]);
    let mut story = begun();
    story.add(2..5002, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&[]);
    story.add(2..5003, Some(1), Act::Read).sees(&[("a", "v1")]);
    story.breaks(&["late"]);
    // A handler that pauses takes that much longer.
    story.0.requests.last_mut().unwrap().wish.pause = 1;
    story.breaks(&[]);
}

#[test]
fn everything_works_again_after_the_faults() {
    let mut story = begun();
    story.add(2..3, Some(1), set("b", "v2")).ends(Outcome::Failed).part = Part::Probe;
    story.breaks(&["no-recovery"]);
    story.add(4..5, Some(1), set("b", "v3")).sees(&[("a", "v1")]).part = Part::Probe;
    story.breaks(&[]);
    story.add(6..7, Some(1), Act::Read).ends(Outcome::Unknown).part = Part::Calm;
    story.breaks(&["no-recovery"]);
}

#[test]
fn who_was_too_slow_after_the_faults_may_be_asked_again() {
    let slow = |story: &mut Story, why: &str, time| {
        let request = story.add(time, Some(1), Act::Read).ends(Outcome::Failed);
        request.part = Part::Calm;
        request.answer = Some(Answer { why: Some(why.to_owned()), ..Answer::default() });
    };
    for (why, excused) in [("no answer within 500ms", true), ("connection refused", false)] {
        let mut story = begun();
        slow(&mut story, why, 6..7);
        story.breaks(&["no-recovery"]);
        story.add(8..9, Some(1), Act::Read).sees(&[("a", "v1")]).part = Part::Storm;
        story.breaks(&["no-recovery"]);
        story.add(8..9, Some(1), set("b", "v2")).sees(&[("a", "v1")]).part = Part::Calm;
        story.breaks(&["no-recovery"]);
        story.add(10..11, Some(1), Act::Read).sees(&[("a", "v1"), ("b", "v2")]).part = Part::Calm;
        story.breaks(if excused { &[] } else { &["no-recovery"] });
        // Each must have worked in the end.
        slow(&mut story, why, 12..13);
        story.breaks(&["no-recovery"]);
    }
}

/// What a run lacks in which these outcomes came up so often, with one fault that injected so
/// often.
fn shortfalls(outcomes: &[(Outcome, usize)], injections: usize) -> Vec<String> {
    let mut story = Story::new();
    story.0.run.faults = vec!["kill".to_owned()];
    for (outcome, count) in outcomes {
        for _ in 0..*count {
            story.add(0..1, None, Act::Read).ends(outcome.clone());
        }
    }
    let injection = Injection { fault: "kill".to_owned(), start: 0, end: 1, loses_writes: false };
    let history = History { injections: vec![injection; injections], ..story.0 };
    Counts::of(&history).shortfalls()
}

#[test]
fn a_run_that_could_show_nothing_is_a_failure() {
    assert_eq!(shortfalls(&[(Outcome::Ok, 5), (Outcome::Unknown, 1)], 1), [] as [&str; 0]);
    let short = |outcomes: &[(Outcome, usize)], injections, says: &str| {
        let found = shortfalls(outcomes, injections);
        assert!(matches!(&found[..], [only] if only.contains(says)), "{found:?}");
    };
    short(&[(Outcome::Ok, 4), (Outcome::Failed, 1)], 1, "too little happened");
    short(&[(Outcome::Ok, 5)], 1, "the faults did nothing");
    short(&[(Outcome::Ok, 5), (Outcome::Failed, 1)], 0, "never injected");
    let found = shortfalls(&[(Outcome::Ok, 601), (Outcome::Failed, 1)], 1);
    assert!(found.contains(&"no rotate was ever acknowledged".to_owned()), "{found:?}");
}

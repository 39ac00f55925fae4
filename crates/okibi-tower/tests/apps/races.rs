//! Concurrent requests of one visitor: properties that hold in every order.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::{
    oracle::Session,
    plan::{Kind, NAMES, Script, Step, Target},
    visitor::{COOKIES, Done, Visitor},
};

/// The committed changes of the racing requests to one of the two sessions.
#[derive(Default)]
struct Written {
    /// The strings that were set under each name.
    sets: BTreeMap<&'static str, BTreeSet<String>>,
    /// How often each name was appended to, at least.
    appends: BTreeMap<&'static str, usize>,
    bumps: u64,
}

impl Visitor {
    /// Sends several requests concurrently with the same cookies, and checks properties that hold
    /// in every order.
    pub(crate) async fn races(&mut self, kind: Kind) {
        let count = 2 + self.plan.random.below(3);
        let mut scripts: Vec<Script> = (0..count).map(|_| self.plan.script(kind)).collect();
        for script in &mut scripts {
            // A request without a response may have got to any point.
            while script.end.is_lost() {
                script.end = self.plan.script(kind).end;
            }
        }
        let had: Vec<bool> = COOKIES.iter().map(|cookie| self.browser.jar().contains_key(*cookie)).collect();
        let (before, earlier) = (self.sessions.clone(), self.browser.copy());
        let done = join_all(scripts.into_iter().map(|script| self.sends(&self.browser, script))).await;
        let context: Vec<String> = done
            .iter()
            .map(|done| {
                format!("\n  {:?} got {:?} {:?}", done.script, done.seen, done.answer.as_ref().map(|a| a.status))
            })
            .collect();
        let context = format!("{}: raced by {before:?}:{}", self.whence, context.concat());
        taken_once(&done, &context);
        let after = self.finds(&self.browser).await;
        for (place, target) in [Target::User, Target::Admin].into_iter().enumerate() {
            // Without a session, several sessions begin, and the browser keeps one.
            if kind == Kind::Racing && had[place] {
                self.adds_up(&done, target, &before[place], &after[place], &context);
            }
            if done.iter().any(|done| has_ended(done, target)) && had[place] {
                let old = self.finds(&earlier).await;
                assert_eq!(old[place], Session::default(), "the old {} still opens. {context}", COOKIES[place]);
            }
        }
        for (place, cookie) in COOKIES.into_iter().enumerate() {
            if after[place] == Session::default() {
                // The session may have ended. For a grace period its id begins no new session.
                self.browser.drop_cookie(cookie);
            }
        }
        self.sessions = after;
    }

    fn adds_up(&self, done: &[Done], target: Target, before: &Session, after: &Session, context: &str) {
        let written = self.written(done, target);
        let count = before.count.unwrap_or(0) + written.bumps;
        assert_eq!(after.count.unwrap_or(0), count, "an update was lost or applied twice ({target:?}). {context}");
        for name in NAMES {
            let strings = written.sets.get(name);
            let is_taken =
                done.iter().flat_map(|done| &done.script.steps).any(|step| *step == (target, Step::Take(name)));
            if is_taken {
                continue;
            }
            let there = after.strings.get(name).cloned().unwrap_or_default();
            let (text, pluses) = there.split_at(there.find('+').unwrap_or(there.len()));
            let was = before.strings.get(name).cloned().unwrap_or_default();
            match strings {
                None => {
                    let plus = "+".repeat(written.appends.get(name).copied().unwrap_or(0));
                    assert_eq!(
                        there,
                        was + &plus,
                        "an update of {name} was lost or applied twice ({target:?}). {context}"
                    );
                }
                Some(strings) => {
                    assert!(
                        strings.contains(text),
                        "{there} under {name} was set by no successful request ({target:?}). {context}"
                    );
                    let most = written.appends.get(name).copied().unwrap_or(0);
                    assert!(pluses.len() <= most, "an update of {name} was applied twice ({target:?}). {context}");
                }
            }
        }
    }

    /// The changes that were committed for certain: all changes of a success, and the changes
    /// before the last commit of a failure.
    fn written(&self, done: &[Done], target: Target) -> Written {
        let mut written = Written::default();
        for done in done {
            let place = &self.app.paths[done.script.path];
            let is_success = !done.script.end.is_failure()
                && done.answer.as_ref().is_some_and(|answer| answer.status.as_u16() < 500);
            let mine: Vec<&Step> =
                done.script.steps.iter().filter(|(other, _)| *other == target).map(|(_, step)| step).collect();
            let is_commit = |step: &&Step| matches!(step, Step::Commit | Step::CommitBeside(_));
            let last = mine.iter().rposition(is_commit);
            let counted = if is_success { mine.len() } else { last.map_or(0, |last| last + 1) };
            for (at, step) in mine.iter().take(counted).enumerate() {
                written.note(step);
                if let Step::CommitBeside(others) = step
                    && (is_success || Some(at) < last)
                {
                    for step in others {
                        written.note(step);
                    }
                }
            }
            if target == Target::User {
                let is_in = is_success || last.is_some();
                written.bumps += if is_in { place.before } else { 0 };
                written.bumps += if is_success { place.after } else { 0 };
            }
        }
        written
    }
}

impl Written {
    fn note(&mut self, step: &Step) {
        match step {
            Step::Set(name, text) => drop(self.sets.entry(name).or_default().insert(text.clone())),
            Step::Append(name) => *self.appends.entry(name).or_default() += 1,
            Step::Bump => self.bumps += 1,
            _ => {}
        }
    }
}

/// A string is taken by at most one request.
fn taken_once(done: &[Done], context: &str) {
    let mut taken = BTreeSet::new();
    for done in done {
        for ((target, step), saw) in done.script.steps.iter().zip(&done.seen) {
            let Step::Take(_) = step else { continue };
            let Some(text) = saw.strip_prefix("Some(\"").map(|text| text.trim_end_matches(['+', '"', ')'])) else {
                continue;
            };
            assert!(text.is_empty() || taken.insert((*target, text)), "{text} was taken twice. {context}");
        }
    }
}

/// Whether a request has certainly destroyed or rotated the session of its cookie: its response
/// says so.
fn has_ended(done: &Done, target: Target) -> bool {
    let is_logout = done.script.steps.contains(&(target, Step::Destroy));
    let cookie = COOKIES[usize::from(target == Target::Admin)];
    let removes = |header: &String| header.starts_with(cookie) && header.contains("Max-Age=0;");
    is_logout && done.answer.iter().flat_map(crate::support::Answer::cookies).any(|header| removes(&header))
}

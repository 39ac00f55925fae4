//! Requests of one visitor that race: what must hold whoever comes first.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::{
    oracle::Session,
    plan::{Deed, Kind, NAMES, Step, Whose},
    visitor::{COOKIES, Done, Visitor},
};

/// What racing requests did to one of the two sessions, as far as it was committed.
#[derive(Default)]
struct Written {
    /// What was put under each name.
    sets: BTreeMap<&'static str, BTreeSet<String>>,
    /// How often each name was appended to, for certain.
    appends: BTreeMap<&'static str, usize>,
    bumps: u64,
}

impl Visitor {
    /// Sends several requests at once with the same cookies, and checks what must hold in whatever order they came.
    pub(crate) async fn races(&mut self, kind: Kind) {
        let count = 2 + self.plan.random.below(3);
        let mut deeds: Vec<Deed> = (0..count).map(|_| self.plan.deed(kind)).collect();
        for deed in &mut deeds {
            // Of what nobody answered it is unknown how far it came.
            while deed.end.is_lost() {
                deed.end = self.plan.deed(kind).end;
            }
        }
        let had: Vec<bool> = COOKIES.iter().map(|cookie| self.browser.jar().contains_key(*cookie)).collect();
        let (before, earlier) = (self.sessions.clone(), self.browser.copy());
        let done = join_all(deeds.into_iter().map(|deed| self.sends(&self.browser, deed))).await;
        let told: Vec<String> = done
            .iter()
            .map(|done| format!("\n  {:?} saw {:?} {:?}", done.deed, done.seen, done.answer.as_ref().map(|a| a.status)))
            .collect();
        let told = format!("{}: raced by {before:?}:{}", self.whence, told.concat());
        taken_once(&done, &told);
        let after = self.finds(&self.browser).await;
        for (place, whose) in [Whose::User, Whose::Admin].into_iter().enumerate() {
            // Who has no session yet begins several, and the browser keeps one.
            if kind == Kind::Racing && had[place] {
                self.adds_up(&done, whose, &before[place], &after[place], &told);
            }
            if done.iter().any(|done| has_ended(done, whose)) && had[place] {
                let old = self.finds(&earlier).await;
                assert_eq!(old[place], Session::default(), "the old {} opens something. {told}", COOKIES[place]);
            }
        }
        for (place, cookie) in COOKIES.into_iter().enumerate() {
            if after[place] == Session::default() {
                // It may have ended, and then for a while its id begins nothing new.
                self.browser.drop_cookie(cookie);
            }
        }
        self.sessions = after;
    }

    fn adds_up(&self, done: &[Done], whose: Whose, before: &Session, after: &Session, told: &str) {
        let written = self.written(done, whose);
        let count = before.count.unwrap_or(0) + written.bumps;
        assert_eq!(after.count.unwrap_or(0), count, "an update was lost or made twice ({whose:?}). {told}");
        for name in NAMES {
            let texts = written.sets.get(name);
            let is_taken = done.iter().flat_map(|done| &done.deed.steps).any(|step| *step == (whose, Step::Take(name)));
            if is_taken {
                continue;
            }
            let there = after.texts.get(name).cloned().unwrap_or_default();
            let (text, pluses) = there.split_at(there.find('+').unwrap_or(there.len()));
            let was = before.texts.get(name).cloned().unwrap_or_default();
            match texts {
                None => {
                    let plus = "+".repeat(written.appends.get(name).copied().unwrap_or(0));
                    assert_eq!(there, was + &plus, "an update of {name} was lost or made twice ({whose:?}). {told}");
                }
                Some(texts) => {
                    assert!(
                        texts.contains(text),
                        "{there} under {name} is of nobody who succeeded ({whose:?}). {told}"
                    );
                    let most = written.appends.get(name).copied().unwrap_or(0);
                    assert!(pluses.len() <= most, "an update of {name} was made twice ({whose:?}). {told}");
                }
            }
        }
    }

    /// What was committed for certain: all of a success, and of a failure what came before its last commit.
    fn written(&self, done: &[Done], whose: Whose) -> Written {
        let mut written = Written::default();
        for done in done {
            let place = &self.app.paths[done.deed.path];
            let is_success =
                !done.deed.end.is_failure() && done.answer.as_ref().is_some_and(|answer| answer.status.as_u16() < 500);
            let mine: Vec<&Step> =
                done.deed.steps.iter().filter(|(other, _)| *other == whose).map(|(_, step)| step).collect();
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
            if whose == Whose::User {
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

/// Of all that take a text one gets it.
fn taken_once(done: &[Done], told: &str) {
    let mut taken = BTreeSet::new();
    for done in done {
        for ((whose, step), saw) in done.deed.steps.iter().zip(&done.seen) {
            let Step::Take(_) = step else { continue };
            let Some(text) = saw.strip_prefix("Some(\"").map(|text| text.trim_end_matches(['+', '"', ')'])) else {
                continue;
            };
            assert!(text.is_empty() || taken.insert((*whose, text)), "{text} was taken twice. {told}");
        }
    }
}

/// Whether a request has certainly ended the session whose cookie it came with, or rotated it: its answer says so.
fn has_ended(done: &Done, whose: Whose) -> bool {
    let is_logout = done.deed.steps.contains(&(whose, Step::Destroy));
    let cookie = COOKIES[usize::from(whose == Whose::Admin)];
    let removes = |header: &String| header.starts_with(cookie) && header.contains("Max-Age=0;");
    is_logout && done.answer.iter().flat_map(crate::support::Answer::cookies).any(|header| removes(&header))
}

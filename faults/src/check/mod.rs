//! The checker: a pure function from a recorded history to its violations.

mod cookies;
mod counters;
mod enough;
mod fates;
mod life;
mod model;
mod origins;
mod registers;
mod service;
#[cfg(test)]
mod tests;

use std::{collections::HashSet, fmt};

use self::model::Model;
use crate::history::History;

pub use self::enough::Counts;

/// A violation, and the few requests that prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule that is broken: one of [`RULES`].
    pub rule: &'static str,
    /// A description.
    pub what: String,
    /// The numbers of the requests that prove it.
    pub proof: Vec<u32>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// All rules: name and description.
pub const RULES: [(&str, &str); 19] = [
    ("revived", "a session that was ended, or an id that was rotated away, opens nothing any more"),
    ("lost-write", "an acknowledged change is seen by every later reader until another change takes its place"),
    ("undone", "what was overwritten, removed or taken by an acknowledged change is not seen again"),
    ("failed-shows", "a change that was reported as not written, or dropped, is never seen"),
    ("crossed", "no request sees a value, a handle or a cookie of another session"),
    ("from-nowhere", "no request sees a value before it was written"),
    ("lost-count", "a counter is at least what was acknowledged before it was read"),
    ("counted-twice", "a counter is at most what was acknowledged or left unknown"),
    ("count-backwards", "a counter never goes back"),
    ("wrong-owner", "a session's owner is the one that was acknowledged last"),
    ("lost-session", "a session continues until something ends it"),
    ("two-winners", "of several rotations of one id at most one wins"),
    ("taken-twice", "a value is taken at most once"),
    ("cookie-on-failure", "an answer that reports a failure leaves the cookie, or tells of a renewal that was missed"),
    ("wrong-cookie", "an answer sets the session's cookie once at most, and only where the session moves"),
    ("anonymous", "a visitor without session data is served whatever happens to the store"),
    ("broken", "every request has an answer that the app meant"),
    ("late", "every request ends within its deadline"),
    ("no-recovery", "when the faults have ended everything works again without a restart"),
];

/// The violations in the history, in the order of the rules. Violations that follow from the same
/// request are reported once.
pub fn check(history: &History) -> Vec<Violation> {
    let model = Model::of(history);
    let mut found = model.crossed.clone();
    found.extend(origins::check(&model));
    found.extend(registers::check(&model));
    found.extend(counters::check(&model));
    found.extend(life::check(&model));
    found.extend(cookies::check(&model));
    found.extend(service::check(&model));
    found.sort_by_key(|violation| RULES.iter().position(|(rule, _)| *rule == violation.rule));
    let mut said = HashSet::new();
    found.retain(|violation| said.insert((violation.rule, violation.proof.first().copied())));
    found
}

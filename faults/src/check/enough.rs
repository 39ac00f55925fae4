//! Checks that enough happened in a run: a run without faults or requests proves nothing.

use std::{collections::BTreeMap, fmt};

use crate::history::{History, Outcome, Part};

/// Faults that visitors need not notice: the app asks again and gets an answer.
const QUIET: [&str; 1] = ["late"];
/// Required acknowledged requests per second of injections.
const LEAST_A_SECOND: usize = 5;
/// Acts that must be acknowledged at least once in a run that is long enough.
const MUST_HAPPEN: [&str; 8] = ["read", "set", "bump", "take", "rotate", "renew", "own", "destroy"];
/// Number of acknowledged requests by which every act must have occurred.
const TIME_FOR_ALL: usize = 600;

/// The counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of each outcome, by name.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// The number of acknowledgements of each act.
    pub acts: BTreeMap<&'static str, usize>,
    /// The number of injections of each fault.
    pub injections: BTreeMap<String, usize>,
    /// The time of the injections in seconds.
    pub seconds: u64,
    faults: Vec<String>,
}

impl Counts {
    /// Counts the requests during the injections.
    pub fn of(history: &History) -> Self {
        let mut counts = Self { seconds: history.run.seconds, faults: history.run.faults.clone(), ..Self::default() };
        for request in history.requests.iter().filter(|request| request.part == Part::Storm) {
            let outcome = match request.outcome {
                Outcome::Ok => "ok",
                Outcome::Failed => "failed",
                Outcome::Unknown => "unknown",
                Outcome::RolledBack => "rolled back",
                Outcome::Abandoned => "abandoned",
                Outcome::Hung => "hung",
                Outcome::Broken(_) => "broken",
            };
            *counts.outcomes.entry(outcome).or_default() += 1;
            if request.outcome == Outcome::Ok {
                *counts.acts.entry(request.wish.act.name()).or_default() += 1;
            }
        }
        for injection in &history.injections {
            *counts.injections.entry(injection.fault.clone()).or_default() += 1;
        }
        counts
    }

    fn outcome(&self, name: &str) -> usize {
        self.outcomes.get(name).copied().unwrap_or(0)
    }

    /// The reason why the run proves nothing, if there is one.
    pub fn shortfalls(&self) -> Vec<String> {
        let mut found = Vec::new();
        let acknowledged = self.outcome("ok");
        let least = LEAST_A_SECOND.saturating_mul(usize::try_from(self.seconds).unwrap_or(usize::MAX));
        if acknowledged < least {
            found.push(format!(
                "too little happened: {acknowledged} acknowledged requests, at least {least} are needed"
            ));
        }
        if acknowledged > TIME_FOR_ALL {
            let missing = MUST_HAPPEN.iter().filter(|act| !self.acts.contains_key(*act));
            found.extend(missing.map(|act| format!("no {act} was ever acknowledged")));
        }
        if self.faults.is_empty() {
            return found;
        }
        for fault in self.faults.iter().filter(|fault| !self.injections.contains_key(*fault)) {
            found.push(format!("the fault {fault} never injected: give the run more seconds"));
        }
        let is_heard = self.faults.iter().any(|fault| !QUIET.contains(&fault.as_str()));
        if is_heard && self.outcome("failed") + self.outcome("unknown") == 0 {
            found.push("no request failed and none was unknown, so the faults did nothing".to_owned());
        }
        found
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: Vec<(&str, usize)>| {
            let parts: Vec<String> = counts.into_iter().map(|(name, count)| format!("{count} {name}")).collect();
            if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
        };
        writeln!(f, "requests: {}", list(self.outcomes.iter().map(|(name, count)| (*name, *count)).collect()))?;
        writeln!(f, "acknowledged: {}", list(self.acts.iter().map(|(name, count)| (*name, *count)).collect()))?;
        write!(f, "faults: {}", list(self.injections.iter().map(|(name, count)| (name.as_str(), *count)).collect()))
    }
}

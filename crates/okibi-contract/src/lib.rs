//! The contract suite that every okibi store must pass.
//!
//! A store is three `async fn`s and two short answers (see [`Store`]); `docs/your-own-store.md` in
//! the repository shows a complete one. This suite tests what each of them must do. Run it against
//! the real backend:
//!
//! ```
//! use okibi_contract::Contract;
//! use okibi_store::MemoryStore;
//!
//! #[tokio::test(flavor = "multi_thread")]
//! # async fn shown() {}
//! # #[tokio::main(flavor = "multi_thread")]
//! async fn my_store_keeps_the_contract() {
//!     let store = MemoryStore::new();                       // yours
//!     let contract = Contract::new(store)
//!         .spawn(|task| { tokio::spawn(task); });           // on all threads of the runtime: races are real
//!     contract.run().await.assert_kept();
//! }
//! # my_store_keeps_the_contract();
//! ```
//!
//! It works with any async runtime. Without [`Contract::spawn`] it runs as one task, and its
//! requests take turns. That finds races between the steps of an asynchronous store, but not races
//! between threads.
//!
//! If other processes share the store's backend, give the suite a second instance with its own
//! connections ([`Contract::another`]). Only the second instance shows that a store locks within
//! one process only.
//!
//! Each call has a time limit ([`Contract::limit`]), so a store that never answers is a finding and
//! not a hang. A run on a local server takes 2 to 3 seconds, in which sessions expire in real time.
//! A store that takes a clock can share it with the suite instead:
//!
//! ```
//! # use okibi_contract::{Contract, VirtualClock};
//! # use okibi_store::MemoryStore;
//! # #[tokio::main]
//! # async fn main() {
//! let clock = VirtualClock::new();
//! let store = MemoryStore::new().clock(clock.reader());
//! Contract::new(store).clock(&clock).run().await.assert_kept();
//! # }
//! ```
//!
//! Keys and owners are new in every run and begin with `contract:` and `owner-`. So the backend
//! need not be empty, and several runs may share it. The sessions of a run expire in ten minutes,
//! or in years where a rule needs that; use a database for tests.
//!
//! Rules that the store does not promise are skipped. If [`Store::consistency`] is
//! [`NoSwap`](okibi_store::Consistency), the rules about concurrent swaps are skipped. If it is
//! `Eventual`, they are skipped too, and every write has up to 20 seconds to become visible (half a
//! second for sessions that are to expire). Without a list of owners or a purge, the rules about
//! them are skipped. The [`Report`] says what was skipped and why.
#![forbid(unsafe_code)]

mod alarm;
mod bench;
mod checks;
mod report;
mod time;
mod timed;

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::join_all;
use okibi_store::{BoxFuture, Consistency, Store};

use crate::{
    alarm::Alarm,
    bench::Bench,
    checks::{Check, Needs},
    time::Time,
};
pub use crate::{
    report::{Finding, Report, Verdict},
    time::VirtualClock,
};

/// Starts a task on a runtime.
type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// Default time limit of one call.
const CALL_LIMIT: Duration = Duration::from_secs(4);
/// Time limit of a rule, in time limits of a call.
const CALLS_PER_RULE: u32 = 15;
/// The same for an eventually consistent store.
const CALLS_PER_EVENTUAL_RULE: u32 = 150;
/// After this many rules with unanswered calls, the other rules are not tried.
const ENOUGH_SILENCE: usize = 3;

/// The contract suite for one store.
pub struct Contract<S> {
    store: Arc<S>,
    another: Option<Arc<S>>,
    time: Time,
    spawn: Option<Spawn>,
    limit: Duration,
}

impl<S: Store> Contract<S> {
    /// The suite for this store. To keep a handle on the store, pass an [`Arc`] of it.
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store), another: None, time: Time::System, spawn: None, limit: CALL_LIMIT }
    }

    /// Another instance of the store on the same backend, with its own connections, as a second
    /// process of an app has it. Racing calls then alternate between the two. That shows a lock
    /// that works in one process only. Without a second instance, the report has no finding about
    /// it.
    #[must_use]
    pub fn another(mut self, store: S) -> Self {
        self.another = Some(Arc::new(store));
        self
    }

    /// Advances this clock instead of waiting for sessions to expire. The store must read it.
    #[must_use]
    pub fn clock(mut self, clock: &VirtualClock) -> Self {
        self.time = Time::Virtual(clock.clone());
        self
    }

    /// Starts racing tasks with this function, so that they run on several threads.
    ///
    /// For tokio: `|task| { tokio::spawn(task); }` in a runtime with more than one thread.
    #[must_use]
    pub fn spawn(mut self, spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        self.spawn = Some(Arc::new(spawn));
        self
    }

    /// Time limit of one call of the store, in real time; 4 seconds by default. The limit of a rule
    /// is 15 times as long, or 150 times if the store is eventually consistent.
    ///
    /// A call that takes longer breaks the rule. A store that blocks the thread inside a call can't
    /// be stopped that way.
    #[must_use]
    pub fn limit(mut self, call: Duration) -> Self {
        self.limit = call;
        self
    }

    /// Checks every rule, also after one was broken.
    ///
    /// Rules that wait for sessions to expire wait at the same time, unless there is a
    /// [clock](Self::clock) to advance. If calls of several rules get no answer, the other rules
    /// are not tried and count as broken.
    pub async fn run(&self) -> Report {
        let alarm = Alarm::default();
        let bench = Bench::new(self, alarm.clone());
        let mut checks = checks::all(&bench);
        checks.retain(|check| check.needs != Needs::Another || self.another.is_some());
        let rules: Vec<_> = checks.iter().map(|check| check.rule).collect();
        let runs_concurrently = matches!(self.time, Time::System);
        let (waiting, others): (Vec<_>, Vec<_>) =
            checks.into_iter().enumerate().partition(|(_, check)| check.waits && runs_concurrently);
        let mut verdicts = Vec::with_capacity(rules.len());
        let mut silent_rules = 0;
        for (at, check) in others {
            let before = bench.silences();
            let verdict = if silent_rules < ENOUGH_SILENCE {
                self.judge(check, &alarm).await
            } else {
                Verdict::Broken("not tried, as the store had stopped answering".to_owned())
            };
            silent_rules += usize::from(bench.silences() > before);
            verdicts.push((at, verdict));
        }
        if runs_concurrently && silent_rules < ENOUGH_SILENCE {
            bench.take_its_time().await;
        }
        let judged = waiting.into_iter().map(async |(at, check)| (at, self.judge(check, &alarm).await));
        verdicts.extend(join_all(judged).await);
        verdicts.sort_by_key(|(at, _)| *at);
        let mut report = Report::new();
        for (rule, (_, verdict)) in rules.into_iter().zip(verdicts) {
            report.add(rule, verdict);
        }
        report
    }

    async fn judge(&self, check: Check<'_>, alarm: &Alarm) -> Verdict {
        if let Some(excuse) = self.excuse(check.needs) {
            return Verdict::Skipped(excuse);
        }
        let calls = match self.store.consistency() {
            Consistency::Eventual => CALLS_PER_EVENTUAL_RULE,
            _ => CALLS_PER_RULE,
        };
        let limit = self.limit * calls;
        match alarm.within(limit, check.outcome).await {
            Some(outcome) => outcome.map_or_else(Verdict::Broken, |()| Verdict::Kept),
            None => Verdict::Broken(format!("not done within {limit:?}, which is the suite's limit for a rule")),
        }
    }

    /// Why a rule with these needs is skipped.
    fn excuse(&self, needs: Needs) -> Option<&'static str> {
        let is_eventual = self.store.consistency() == Consistency::Eventual;
        match needs {
            Needs::Atomic if self.store.consistency() == Consistency::NoSwap => {
                Some("the store has no compare-and-swap")
            }
            Needs::Owners | Needs::OwnersNow if self.store.owners().is_none() => Some("the store can't list by owner"),
            Needs::Purge | Needs::PurgeNow if self.store.purger().is_none() => Some("the store has nothing to purge"),
            Needs::Atomic | Needs::OwnersNow | Needs::PurgeNow | Needs::Another if is_eventual => {
                Some("the store is eventually consistent")
            }
            _ => None,
        }
    }
}

impl<S> fmt::Debug for Contract<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract").field("time", &self.time).finish_non_exhaustive()
    }
}

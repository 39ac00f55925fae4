//! The contract suite that every okibi store must pass.
//!
//! A store of your own is three `async fn`s and two short answers (see [`Store`]); `docs/your-own-store.md` in the repository
//! shows a complete one. This suite says in tests what each of
//! them must do. Point it at the real backend:
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
//! It works with any async runtime. Without [`Contract::spawn`] it runs as one task, whose requests take turns; that
//! finds races between the steps of an asynchronous store, but not those between threads.
//!
//! A store whose backend is shared with other processes should bring a second instance with connections of its own
//! ([`Contract::another`]): a store that only locks within its process keeps every rule but those.
//!
//! Each call has a time limit ([`Contract::limit`]), so that a store that never answers is a finding and not a hang. A
//! run on a local server takes 2 to 3 seconds, in which sessions expire in real time, unless the store takes a clock and shares it with the suite:
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
//! Keys and owners are new in every run and begin with `contract:` and `owner-`, so the backend need not be empty, and
//! several runs may share it. The sessions that a run leaves behind expire in ten minutes, or in years where that is
//! what was tested; use a database for tests.
//!
//! What a store can't promise isn't asked of it: where [`Store::consistency`] is [`NoSwap`](okibi_store::Consistency),
//! the rules about swaps at once are skipped; where it is `Eventual`, they are skipped too, and every write gets up to
//! 20 seconds to be seen (those of sessions that are to expire, half a second); a store without a list of owners or a purge
//! need not keep the rules about them. The [`Report`] says what was skipped
//! and why.
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

/// How long one call of the store may take, if nothing else is said.
const CALL_LIMIT: Duration = Duration::from_secs(4);
/// How many times as long a rule may take.
const CALLS_PER_RULE: u32 = 15;
/// The same for an eventually consistent store, which gets time to show each write.
const CALLS_PER_EVENTUAL_RULE: u32 = 150;
/// After so many rules with calls that got no answer, the rest is not tried any more.
const ENOUGH_SILENCE: usize = 3;

/// The contract, about to be checked against one store.
pub struct Contract<S> {
    store: Arc<S>,
    another: Option<Arc<S>>,
    time: Time,
    spawn: Option<Spawn>,
    limit: Duration,
}

impl<S: Store> Contract<S> {
    /// The contract for this store. To keep a handle on the store, give an [`Arc`] of it.
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store), another: None, time: Time::System, spawn: None, limit: CALL_LIMIT }
    }

    /// Another instance of the store on the same backend, with connections of its own, as a second process of an app
    /// has it. Calls that race each other are then shared among the two: what only one process's lock keeps apart shows.
    /// Without it, the report has no finding about it.
    #[must_use]
    pub fn another(mut self, store: S) -> Self {
        self.another = Some(Arc::new(store));
        self
    }

    /// Moves this clock, which the store must read, instead of waiting for sessions to expire.
    #[must_use]
    pub fn clock(mut self, clock: &VirtualClock) -> Self {
        self.time = Time::Virtual(clock.clone());
        self
    }

    /// Starts the tasks that race each other with this function, so that they run on several threads.
    ///
    /// For tokio that is `|task| { tokio::spawn(task); }` in a runtime with more than one thread.
    #[must_use]
    pub fn spawn(mut self, spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        self.spawn = Some(Arc::new(spawn));
        self
    }

    /// How long one call of the store may take, in real time; 4 seconds by default. A rule may take 15 times as long, or
    /// 150 times if the store is eventually consistent.
    ///
    /// A call that takes longer breaks the rule. A store that keeps the thread inside a call, instead of waiting, can't be
    /// stopped that way.
    #[must_use]
    pub fn limit(mut self, call: Duration) -> Self {
        self.limit = call;
        self
    }

    /// Checks every rule, also after one was found to be broken.
    ///
    /// Rules that wait for sessions to expire wait at the same time, unless there is a [clock](Self::clock) to move. If
    /// the store leaves calls of several rules without an answer, the rest is not tried any more, and counts as broken.
    pub async fn run(&self) -> Report {
        let alarm = Alarm::default();
        let bench = Bench::new(self, alarm.clone());
        let mut checks = checks::all(&bench);
        checks.retain(|check| check.needs != Needs::Another || self.another.is_some());
        let rules: Vec<_> = checks.iter().map(|check| check.rule).collect();
        let at_once = matches!(self.time, Time::System);
        let (waiting, others): (Vec<_>, Vec<_>) =
            checks.into_iter().enumerate().partition(|(_, check)| check.waits && at_once);
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
        if at_once && silent_rules < ENOUGH_SILENCE {
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

    /// Why the store need not keep a rule with these needs.
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

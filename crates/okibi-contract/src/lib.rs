//! The contract suite that every okibi store must pass.
//!
//! A store of your own is three `async fn`s and two short answers (see [`Store`]). This suite says in tests what each of
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
//! Sessions that expire take a few seconds of real time, unless the store takes a clock and shares it with the suite:
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
//! 20 seconds to be seen (those of sessions that are to expire, half a second). The [`Report`] says what was skipped
//! and why.
#![forbid(unsafe_code)]

mod bench;
mod checks;
mod report;
mod time;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use okibi_store::{BoxFuture, Consistency, Store};

use crate::{
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

/// The contract, about to be checked against one store.
pub struct Contract<S> {
    store: Arc<S>,
    time: Time,
    spawn: Option<Spawn>,
}

impl<S: Store> Contract<S> {
    /// The contract for this store. To keep a handle on the store, give an [`Arc`] of it.
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store), time: Time::System, spawn: None }
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

    /// Checks every rule, also after one was found to be broken.
    ///
    /// A store that never answers makes this wait for ever: give the test a time limit of its own.
    pub async fn run(&self) -> Report {
        let run = RandomState::new().hash_one("run");
        let bench = Bench::new(self.store.clone(), self.time.clone(), self.spawn.clone(), run);
        let mut report = Report::new();
        for Check { rule, needs, outcome } in checks::all(&bench) {
            let verdict = match self.excuse(needs) {
                Some(excuse) => Verdict::Skipped(excuse),
                None => outcome.await.map_or_else(Verdict::Broken, |()| Verdict::Kept),
            };
            report.add(rule, verdict);
        }
        report
    }

    /// Why the store need not keep a rule with these needs.
    fn excuse(&self, needs: Needs) -> Option<&'static str> {
        match (needs, self.store.consistency()) {
            (Needs::Atomic, Consistency::NoSwap) => Some("the store has no compare-and-swap"),
            (Needs::Atomic, Consistency::Eventual) => Some("the store is eventually consistent"),
            (Needs::Owners, _) if self.store.owners().is_none() => Some("the store can't list by owner"),
            _ => None,
        }
    }
}

impl<S> fmt::Debug for Contract<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract").field("time", &self.time).finish_non_exhaustive()
    }
}

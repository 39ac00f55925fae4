//! The suite finds what is wrong: every defect that is planted in an honest store, under the name
//! of the broken rule.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faulty;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use faulty::{Defect, Faulty};
use okibi_contract::{Contract, Report, Verdict, VirtualClock};
use okibi_store::{Consistency, Loaded, MemoryStore, Store, StoreError, StoreKey, Swap, Write};

async fn run(defect: impl Into<Option<Defect>>, consistency: Consistency) -> Report {
    let clock = VirtualClock::new();
    let store = Faulty::new(defect, consistency, &clock);
    let another = store.twin();
    // A call waits for nothing here, so what takes long never ends.
    Contract::new(store).another(another).clock(&clock).limit(Duration::from_millis(250)).run().await
}

/// Each defect and a rule that must be found broken because of it.
const PLANTED: &[(Defect, &str)] = &[
    (Defect::NoCompare, "a swap that expects something else is refused"),
    (Defect::CreateOverwrites, "a swap that expects nothing is refused where something lies"),
    (Defect::CreateOverwrites, "a creation that arrives late is refused by what lies there since"),
    (Defect::ConflictWithoutBytes, "a swap that expects something else is refused"),
    (Defect::ConflictWithWritten, "a swap that expects something else is refused"),
    (Defect::ConflictIsWritten, "a swap that expects something else is refused"),
    (Defect::ConflictRenewsExpiry, "a refused swap changes neither bytes nor expiry"),
    (Defect::ExpectedOnAbsentCreates, "a swap that expects something where nothing lies is refused"),
    (Defect::RefusesSameBytes, "a swap may write the very bytes that lie there"),
    (Defect::DeleteDoesNothing, "a delete removes whatever the key holds"),
    (Defect::DeleteOfAbsentFails, "a delete of an absent key is no error"),
    (Defect::DeleteByPrefix, "every character of a key counts"),
    (Defect::LoadFails, "an absent key loads as nothing"),
    (Defect::TextOnly, "bytes come back as they were written"),
    (Defect::TrimsValues, "bytes come back as they were written"),
    (Defect::CutsAtNul, "bytes come back as they were written"),
    (Defect::CutsLongValues, "a value of 64 KiB comes back whole"),
    (Defect::EmptyIsAbsent, "a value of no bytes is not an absent value"),
    (Defect::ComparesLengths, "every byte of the expected value counts"),
    (Defect::ComparesStarts, "every byte of the expected value counts"),
    (Defect::ComparesWithoutCase, "every byte of the expected value counts"),
    (Defect::KeysWithoutCase, "every character of a key counts"),
    (Defect::KeysCutShort, "every character of a key counts"),
    (Defect::KeysAsPatterns, "every character of a key counts"),
    (Defect::ForgetsExpiryOnLoad, "an expired session loads as nothing"),
    (Defect::ExpiredBlocksCreation, "an expired session counts as absent for a swap"),
    (Defect::ExpiredCanBeSwapped, "an expired session counts as absent for a swap"),
    (Defect::ExpiredInConflict, "an expired session counts as absent for a swap"),
    (Defect::FirstExpiryStays, "a later expiry replaces an earlier one"),
    (Defect::ExpiryOnlyGrows, "an earlier expiry replaces a later one"),
    (Defect::ExpiryIn32Bits, "an expiry beyond the year 2038 is kept"),
    (Defect::ReportsOtherExpiry, "an expiry that the store reports is the one that was written"),
    (Defect::RefusesPastExpiry, "a session written already expired is never seen"),
    (Defect::SwapInTwoSteps, "a hundred increments at once make a hundred"),
    (Defect::SwapInTwoSteps, "of a hundred swaps at once, one wins"),
    (Defect::SwapInTwoSteps, "a swap never brings back what a delete removed"),
    (Defect::CreateInTwoSteps, "of a hundred creations at once, one wins"),
    (Defect::ExpiredCreateInTwoSteps, "one of many takes the place of an expired session"),
    (Defect::WritesInTwoHalves, ABANDONED_SWAP),
    (Defect::LosesNeighbours, "different keys don't disturb each other"),
    (Defect::DeleteTakesNeighbour, "a delete leaves other keys alone"),
    (Defect::StaleReads, "a swap that expects nothing creates"),
    (Defect::UnknownOwnerFails, "an owner without sessions has an empty list"),
    (Defect::OwnersNotListed, "a session is listed under its owner"),
    (Defect::OwnersOnlyOnCreation, "a session that gains an owner is listed"),
    (Defect::FormerOwnerStays, "a change of owner moves the session to the other list"),
    (Defect::FormerOwnerStays, "a key that expired is listed under its new owner only"),
    (Defect::MarkerKeepsOwner, "a write without an owner takes the session off the list"),
    (Defect::DeletedStaysListed, "a delete takes the session off the list"),
    (Defect::RefusedChangesOwner, "a refused swap changes no owner"),
    (Defect::OwnersWithoutCase, "the name of an owner is taken literally"),
    (Defect::OwnersByPrefix, "the name of an owner is taken literally"),
    (Defect::OwnersTrimmed, "the name of an owner is taken literally"),
    (Defect::OwnersListedTwice, "all sessions of an owner are listed, once each"),
    (Defect::OwnersListCut, "all sessions of an owner are listed, once each"),
    (Defect::CutsHugeValues, HUGE),
    (Defect::LocksOneInstance, "a hundred increments at once make a hundred"),
    (Defect::LocksOneInstance, "of a hundred creations at once, one wins"),
    (Defect::InstancesApart, INSTANCES),
    (Defect::PurgeTakesLiving, PURGE),
];

const HUGE: &str = "a value of 1 MiB comes back whole or is refused as a whole";
const LITERAL_KEY: &str = "a key with spaces, quotes or accents is taken literally";
const LITERAL_OWNER: &str = "the name of an owner is taken literally";
const INSTANCES: &str = "what one instance of the store writes, another sees at once";
const ABANDONED_SWAP: &str = "a swap that nobody waits for is done or not, never half";
const ABANDONED: &str = "a load or delete that nobody waits for leaves the store usable";
const LISTED: &str = "a live session is on its owner's list while it is written";
const PURGE: &str = "a purge drops what has expired, leaves what lives, and says how many";
const PURGE_MARKERS: &str = "a purge keeps what a session that ended left until that expires";
const PURGE_BESIDE: &str = "a purge takes nothing that is written meanwhile";

/// Each defect and the one rule that finds it: no other does.
const FOUND_BY_ONE: &[(Defect, &str)] = &[
    (Defect::CutsHugeValues, HUGE),
    (Defect::RefusesHugeAfterWriting, HUGE),
    (Defect::RefusesHugeAsUnknown, HUGE),
    (Defect::KeysTrimmed, LITERAL_KEY),
    (Defect::KeysWithoutAccents, LITERAL_KEY),
    (Defect::OwnersWithoutAccents, LITERAL_OWNER),
    (Defect::DroppedLoadKeepsLock, ABANDONED),
    (Defect::DroppedDeleteIsHalf, ABANDONED),
    (Defect::OwnersGapOnWrite, LISTED),
    (Defect::RefusesNever, "a session that never expires is kept"),
    (Defect::PurgeDoesNothing, PURGE),
    (Defect::PurgeLeavesOwned, PURGE),
    (Defect::PurgeCountsOne, PURGE),
    (Defect::PurgeInTwoSteps, PURGE_BESIDE),
    (Defect::PurgeByFirstExpiry, PURGE_MARKERS),
    (Defect::PurgeTakesOldMarkers, PURGE_MARKERS),
];

fn verdict<'a>(report: &'a Report, rule: &str) -> &'a Verdict {
    &report.findings().iter().find(|finding| finding.rule == rule).unwrap().verdict
}

#[tokio::test]
async fn every_planted_defect_is_found_under_its_rule_and_every_rule_finds_one() {
    let mut unproven: BTreeSet<_> =
        run(None, Consistency::Strong).await.findings().iter().map(|finding| finding.rule).collect();
    for (defect, rule) in PLANTED.iter().chain(FOUND_BY_ONE) {
        let report = run(*defect, Consistency::Strong).await;
        let found = verdict(&report, rule);
        assert!(matches!(found, Verdict::Broken(_)), "{defect:?} went unnoticed by the rule \"{rule}\":\n{report}");
        for finding in report.broken() {
            unproven.remove(finding.rule);
        }
    }
    assert!(unproven.is_empty(), "no planted defect breaks these rules: {unproven:#?}");
}

#[tokio::test]
async fn some_defects_are_found_by_one_rule_alone() {
    for (defect, rule) in FOUND_BY_ONE {
        let report = run(*defect, Consistency::Strong).await;
        let broken: Vec<_> = report.broken().map(|finding| finding.rule).collect();
        assert_eq!(broken, [*rule], "{defect:?}:\n{report}");
    }
}

#[tokio::test]
async fn the_rules_have_the_names_that_typescript_gives_them() {
    let names: Vec<String> = serde_json::from_str(include_str!("../../../vectors/contract.json")).unwrap();
    let report = run(None, Consistency::Strong).await;
    assert_eq!(report.findings().iter().map(|finding| finding.rule).collect::<Vec<_>>(), names);
}

#[tokio::test]
async fn s23_a_store_that_never_answers_is_a_finding_and_not_a_hang() {
    const LIMIT: Duration = Duration::from_millis(30);
    let started = Instant::now();
    for (defect, rule, call) in [
        (Defect::LoadNeverAnswers, "an absent key loads as nothing", "a key that was never written: load"),
        (Defect::SwapNeverAnswers, "a swap that expects nothing creates", "the first write: swap"),
    ] {
        let clock = VirtualClock::new();
        let store = Faulty::new(defect, Consistency::Strong, &clock);
        let report = Contract::new(store).clock(&clock).limit(LIMIT).run().await;
        let expected = format!(
            "{call} failed: session store did not answer: the outcome is unknown (no answer within 30ms, which is the \
             suite's limit for a call)"
        );
        assert_eq!(*verdict(&report, rule), Verdict::Broken(expected));
        let last = verdict(&report, PURGE_BESIDE);
        assert_eq!(*last, Verdict::Broken("not tried, as the store had stopped answering".into()));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// A store that answers each call in time, but only just.
struct Slow(Faulty);

impl Store for Slow {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.0.load(key).await
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        self.0.swap(key, expected, write).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    fn consistency(&self) -> Consistency {
        self.0.consistency()
    }
}

#[tokio::test]
async fn s23_a_rule_has_a_time_limit_as_well() {
    let clock = VirtualClock::new();
    let store = Slow(Faulty::new(None, Consistency::Strong, &clock));
    let report = Contract::new(store).clock(&clock).limit(Duration::from_millis(40)).run().await;
    assert_eq!(*verdict(&report, "an absent key loads as nothing"), Verdict::Kept);
    let found = verdict(&report, "every character of a key counts");
    assert_eq!(*found, Verdict::Broken("not done within 600ms, which is the suite's limit for a rule".into()));
}

#[tokio::test]
async fn rules_that_wait_for_real_time_wait_at_the_same_time() {
    let started = Instant::now();
    let report = Contract::new(MemoryStore::new()).run().await;
    report.assert_kept();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_a_store_does_not_have_is_not_asked_of_it() {
    let report = Contract::new(MemoryStore::new()).run().await;
    assert_eq!(*verdict(&report, PURGE), Verdict::Skipped("the store has nothing to purge"));
    assert!(report.findings().iter().all(|finding| finding.rule != INSTANCES), "there is no other instance");
}

#[tokio::test]
async fn an_honest_store_keeps_every_rule() {
    let report = run(None, Consistency::Strong).await;
    assert!(report.findings().iter().all(|finding| finding.verdict == Verdict::Kept), "{report}");
    assert_eq!(report.broken().count(), 0);
    report.assert_kept();
}

#[tokio::test]
async fn a_store_without_compare_and_swap_is_spared_what_it_can_not_promise_and_nothing_else() {
    let report = run(Defect::SwapInTwoSteps, Consistency::NoSwap).await;
    report.assert_kept();
    let skipped: Vec<_> =
        report.findings().iter().filter(|finding| matches!(finding.verdict, Verdict::Skipped(_))).collect();
    assert_eq!(skipped.len(), 5, "{report}");
    assert!(skipped.iter().all(|finding| finding.verdict == Verdict::Skipped("the store has no compare-and-swap")));

    for (defect, rule) in PLANTED.iter().filter(|(defect, _)| *defect != Defect::SwapInTwoSteps) {
        let report = run(*defect, Consistency::NoSwap).await;
        match verdict(&report, rule) {
            Verdict::Skipped(_) | Verdict::Broken(_) => {}
            verdict => panic!("{defect:?} went unnoticed by the rule \"{rule}\", which is {verdict:?}"),
        }
    }
}

/// Defects that show only where reads see the last write.
const UNSEEN_BEHIND_A_LAG: [Defect; 2] = [Defect::StaleReads, Defect::WritesInTwoHalves];

#[tokio::test]
async fn an_eventually_consistent_store_gets_time_to_show_a_write_but_no_other_indulgence() {
    let report = run(None, Consistency::Eventual).await;
    report.assert_kept();
    let skipped = report.findings().iter().filter(|finding| matches!(finding.verdict, Verdict::Skipped(_)));
    assert_eq!(skipped.count(), 8, "{report}");
    for (defect, rule) in PLANTED.iter().filter(|(defect, _)| !UNSEEN_BEHIND_A_LAG.contains(defect)) {
        let report = run(*defect, Consistency::Eventual).await;
        match verdict(&report, rule) {
            Verdict::Skipped(_) | Verdict::Broken(_) => {}
            verdict => panic!("{defect:?} went unnoticed by the rule \"{rule}\", which is {verdict:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_between_threads_is_found_if_the_suite_may_spawn() {
    let mut rules = vec![
        "a hundred increments at once make a hundred",
        "of a hundred creations at once, one wins",
        "a swap never brings back what a delete removed",
    ];
    // Whether two threads meet is the machine's doing: a busy one may let them pass each other in a
    // run.
    for _ in 0..20 {
        let clock = VirtualClock::new();
        let store = Faulty::new(Defect::RacesBetweenThreads, Consistency::Strong, &clock);
        let report = Contract::new(store).clock(&clock).spawn(|task| drop(tokio::spawn(task))).run().await;
        rules.retain(|rule| !matches!(verdict(&report, rule), Verdict::Broken(_)));
        if rules.is_empty() {
            break;
        }
    }
    assert!(rules.is_empty(), "never found: {rules:?}");
}

#[tokio::test]
async fn tasks_that_never_run_are_a_finding_and_not_a_hang() {
    let clock = VirtualClock::new();
    let store = Faulty::new(None, Consistency::Strong, &clock);
    let report = Contract::new(store).clock(&clock).spawn(drop).run().await;
    let found = verdict(&report, "a hundred increments at once make a hundred");
    assert_eq!(*found, Verdict::Broken("a spawned task panicked or was never run".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_honest_store_keeps_every_rule_on_many_threads() {
    let clock = VirtualClock::new();
    let store = Faulty::new(None, Consistency::Strong, &clock);
    Contract::new(store).clock(&clock).spawn(|task| drop(tokio::spawn(task))).run().await.assert_kept();
}

#[tokio::test]
#[should_panic(expected = "BROKEN   a swap that expects something else is refused")]
async fn a_broken_rule_is_named_in_the_panic() {
    run(Defect::NoCompare, Consistency::Strong).await.assert_kept();
}

#[tokio::test]
async fn a_finding_says_what_happened() {
    let report = run(Defect::ConflictWithoutBytes, Consistency::Strong).await;
    let found = verdict(&report, "a swap that expects nothing is refused where something lies");
    let expected = "the second creation: the conflict must carry \"first\" and carries nothing";
    assert_eq!(*found, Verdict::Broken(expected.into()));
    let report = run(Defect::LoadFails, Consistency::Strong).await;
    let found = verdict(&report, "an absent key loads as nothing");
    let expected =
        "a key that was never written: load failed: session store unavailable: nothing was written (planted)";
    assert_eq!(*found, Verdict::Broken(expected.into()));
}

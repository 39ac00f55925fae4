//! Two processes, each with a cache of its own in front of one store: what one of them may still
//! read, and which changes they cannot make.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use okibi_store::{Cached, MemoryStore};
use okibi_tower::{Session, Sessions};
use tokio::sync::Barrier;

use crate::support::{Browser, COUNT, Clock, Faulty, NOTE, USER, browser::app, name, scenarios};

const SPAN: Duration = Duration::from_secs(5);
/// The longest age of a fresh record.
const ALMOST: Duration = Duration::from_millis(4999);

/// One store, its clock, and the apps of two processes.
struct Two {
    clock: Clock,
    memory: Arc<MemoryStore>,
    store: Arc<Faulty<Arc<MemoryStore>>>,
}

impl Two {
    fn new() -> Self {
        let clock = Clock::new();
        let now = clock.clone();
        let memory = Arc::new(MemoryStore::new().clock(move || now.now()));
        Self { clock, store: Arc::new(Faulty::new(Arc::clone(&memory))), memory }
    }

    /// The layer of another process.
    fn process(&self) -> Sessions {
        let (now, also) = (self.clock.clone(), self.clock.clone());
        let layer = Cached::new(Arc::clone(&self.store), SPAN).unwrap().clock(move || now.now());
        Sessions::new(layer).clock(move || also.now().into())
    }

    /// One visitor, with requests to both processes.
    fn visitor(&self) -> [Browser; 2] {
        let here = Browser::new(app(self.process()));
        let elsewhere = here.visiting(app(self.process()));
        [here, elsewhere]
    }
}

async fn user(browser: &Browser) -> String {
    browser.act(|session| async move { Ok(session.get(USER)?.unwrap_or_default()) }).await.ok().body
}

async fn count(browser: &Browser) -> String {
    browser.act(|session| async move { Ok(session.get(COUNT)?.unwrap_or_default().to_string()) }).await.ok().body
}

async fn log_in(browser: &Browser) {
    let request = browser.act(|session: Session| async move {
        session.rotate()?;
        session.set_owner("ada")?;
        session.set(USER, &"ada".to_owned())
    });
    request.await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_n2_n5_the_promises_of_a_store_hold_behind_a_cache() {
    let sessions = || Sessions::new(Cached::new(MemoryStore::new(), SPAN).unwrap());
    scenarios::hundred_parallel_updates_make_a_hundred(sessions()).await;
    scenarios::fifty_parallel_sets_all_survive(sessions()).await;
    scenarios::a_hundred_racing_logins_have_one_winner(sessions()).await;
    scenarios::parallel_changes_never_make_a_login_lose(sessions()).await;
    scenarios::a_value_is_taken_once(sessions()).await;
    scenarios::two_visitors_never_see_each_other(sessions(), 2000).await;
    let (clock, store) = scenarios::store_on_a_clock();
    let layer = Cached::new(Arc::clone(&store), SPAN).unwrap();
    scenarios::logout_during_slow_requests_revives_nothing(scenarios::on_clock(Sessions::new(layer), &clock), 1000)
        .await;
    scenarios::assert_only_markers(&clock, &store);
}

#[tokio::test]
async fn n3_a_thousand_reads_within_the_span_are_one_load() {
    let two = Two::new();
    let [here, elsewhere] = two.visitor();
    here.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    two.store.reset();
    scenarios::a_thousand_reads_send_no_cookie(&elsewhere).await;
    assert_eq!(two.store.counts(), (1, 0, 0));
    two.clock.advance(SPAN);
    assert_eq!(count(&elsewhere).await, "1");
    assert_eq!(two.store.counts(), (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_a_hundred_updates_through_two_processes_make_a_hundred() {
    let two = Two::new();
    let processes = two.visitor();
    processes[0].act(|session| async move { session.set(COUNT, &0) }).await.ok();
    // After a change by the other process, the cached record is stale.
    for round in 0..2 {
        let start = Arc::new(Barrier::new(100));
        let adding = (0..100).map(|at| {
            let (start, browser) = (Arc::clone(&start), processes[at % 2].clone());
            tokio::spawn(async move {
                let request = browser.act(|session| async move {
                    start.wait().await;
                    session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop)
                });
                request.await.ok();
            })
        });
        join_all(adding).await.into_iter().for_each(|added| added.unwrap());
        two.clock.advance(SPAN);
        for browser in &processes {
            assert_eq!(count(browser).await, (100 * (round + 1)).to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_fifty_sets_of_distinct_names_through_two_processes_all_survive() {
    let two = Two::new();
    let processes = two.visitor();
    processes[0].act(|session| async move { session.set(COUNT, &0) }).await.ok();
    let setting = (0..50_usize).map(|at| {
        let browser = processes[at % 2].clone();
        tokio::spawn(async move {
            let request =
                browser.act(move |session| async move { session.set(name::<usize>(&format!("name {at}")), &at) });
            request.await.ok();
        })
    });
    join_all(setting).await.into_iter().for_each(|set| set.unwrap());
    two.clock.advance(SPAN);
    let found = processes[1].act(|session| async move {
        let found = (0..50_usize).filter(|at| session.has(name::<usize>(&format!("name {at}"))));
        Ok(found.count().to_string())
    });
    assert_eq!(found.await.ok().body, "50");
}

#[tokio::test]
async fn n1_a_logout_in_another_process_is_seen_after_the_span_at_the_latest_and_never_undone() {
    let two = Two::new();
    let [here, elsewhere] = two.visitor();
    for (ends, late_change) in [(1, false), (2, true)] {
        log_in(&here).await;
        let stolen = here.copy();
        assert_eq!(user(&stolen).await, "ada");
        elsewhere.act(|session| async move { session.destroy() }).await.ok();
        two.clock.advance(ALMOST);
        assert_eq!(user(&stolen).await, "ada", "the span allows the old value");
        if late_change {
            // A change is a conflict and is dropped, and no cookie is sent.
            let answer = stolen.act(|session| async move { session.set(NOTE, &"revived".to_owned()) }).await.ok();
            assert_eq!(answer.cookies(), [""; 0]);
        } else {
            two.clock.advance(Duration::from_millis(1));
        }
        assert_eq!(user(&stolen).await, "");
        two.memory.purge();
        assert_eq!(two.memory.len(), ends, "only the markers of ended sessions");
    }
}

#[tokio::test]
async fn s18_a_login_in_another_process_wins_and_the_old_id_changes_nothing() {
    let two = Two::new();
    let [here, elsewhere] = two.visitor();
    here.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    let before = here.copy();
    assert_eq!(count(&before).await, "1");
    log_in(&elsewhere).await;
    // The new id is known in both processes immediately.
    assert_eq!(user(&here).await, "ada");
    // The old id shows the old session, and no more.
    assert_eq!((count(&before).await.as_str(), user(&before).await.as_str()), ("1", ""));
    let late = before.act(|session| async move { session.set(USER, &"eve".to_owned()) }).await.ok();
    assert_eq!(late.cookies(), [""; 0]);
    assert_eq!(count(&before).await, "0");
    assert_eq!(user(&here).await, "ada");
    // A login with the old id, based on the old values, makes another session or none.
    let again = before.copy();
    log_in(&again).await;
    assert_eq!(user(&elsewhere).await, "ada");
}

#[tokio::test]
async fn s18_of_two_logins_in_two_processes_one_wins() {
    let two = Two::new();
    for _ in 0..50 {
        let processes = two.visitor();
        processes[0].act(|session| async move { session.set(COUNT, &1) }).await.ok();
        assert_eq!(count(&processes[1]).await, "1");
        let racers = processes.each_ref().map(Browser::copy);
        for racer in &racers {
            log_in(racer).await;
        }
        let with_count = join_all(racers.iter().map(count)).await;
        assert_eq!(with_count.iter().filter(|count| *count == "1").count(), 1, "{with_count:?}");
    }
}

#[tokio::test]
async fn a_value_is_taken_once_by_two_processes() {
    let two = Two::new();
    let processes = two.visitor();
    for _ in 0..50 {
        processes[0].act(|session| async move { session.set(NOTE, &"the one".to_owned()) }).await.ok();
        two.clock.advance(SPAN);
        for browser in &processes {
            browser.act(|session| async move { Ok(session.has(NOTE).to_string()) }).await.ok();
        }
        // The second process still has the value in its cache, and does not get it.
        let mut taken = Vec::new();
        for browser in &processes {
            let request =
                browser.act(|session: Session| async move { Ok(session.take(NOTE).await?.unwrap_or_default()) });
            taken.push(request.await.ok().body);
        }
        assert_eq!(taken, ["the one", ""]);
    }
}

#[tokio::test]
async fn n25_a_process_with_stale_records_logs_an_owner_out_everywhere() {
    let two = Two::new();
    let [here, elsewhere] = two.visitor();
    let layer = two.process().layer().unwrap();
    let directory = layer.directory();
    log_in(&here).await;
    let phone = here.another();
    log_in(&phone).await;
    assert_eq!(directory.list("ada").await.unwrap().len(), 2);
    // The records in the directory's cache are stale now.
    for browser in [&elsewhere, &phone] {
        browser.act(|session| async move { session.set(COUNT, &2) }).await.ok();
    }
    phone.act(|session| async move { session.renew_id() }).await.ok();
    assert_eq!(directory.revoke_all("ada").await.unwrap(), 2);
    assert_eq!(directory.list("ada").await.unwrap(), []);
    two.clock.advance(SPAN);
    for browser in [&here, &elsewhere, &phone] {
        assert_eq!(user(browser).await, "");
    }
    two.clock.advance(Duration::from_mins(61));
    two.memory.purge();
    assert_eq!(two.memory.len(), 0, "no record is left, and no marker");
}

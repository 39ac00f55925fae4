//! Concurrent requests of one session, on real threads with the memory store.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use okibi_store::MemoryStore;
use okibi_tower::{Error, Session, SessionOf, Sessions};
use serde::{Deserialize, Serialize};

use crate::support::{
    COUNT, Fault, NOTE, World,
    browser::{self, Browser},
    scenarios,
};

fn sessions() -> Sessions {
    Sessions::new(MemoryStore::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_a_hundred_concurrent_updates_all_count() {
    scenarios::hundred_parallel_updates_make_a_hundred(sessions()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n2_fifty_concurrent_sets_all_survive() {
    scenarios::fifty_parallel_sets_all_survive(sessions()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_s19_a_session_that_ends_during_a_thousand_slow_requests_stays_ended() {
    let (clock, store) = scenarios::store_on_a_clock();
    scenarios::logout_during_slow_requests_revives_nothing(
        scenarios::on_clock(Sessions::new(Arc::clone(&store)), &clock),
        1000,
    )
    .await;
    scenarios::assert_only_markers(&clock, &store);
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_a_hundred_racing_logins_have_one_winner() {
    scenarios::a_hundred_racing_logins_have_one_winner(sessions()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n5_a_login_wins_against_concurrent_changes() {
    for _ in 0..20 {
        scenarios::parallel_changes_never_make_a_login_lose(sessions()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_taken_once() {
    scenarios::a_value_is_taken_once(sessions()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s20_two_visitors_never_see_each_other() {
    // 10^5 requests in all.
    scenarios::two_visitors_never_see_each_other(sessions(), 50_000).await;
}

#[tokio::test]
async fn n39_an_update_with_a_lost_reply_counts_once() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &0) }).await.ok();
    for (round, fault) in [Fault::LostReply, Fault::SentTwice].into_iter().cycle().take(10).enumerate() {
        world.store.fails(fault);
        let counted =
            browser.act(|session| async move { session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop) });
        counted.await.ok();
        let count = browser.act(|session| async move { Ok(session.get(COUNT)?.unwrap().to_string()) }).await.ok();
        assert_eq!(count.body, (round + 1).to_string(), "{fault:?}");
    }
}

/// Two concurrent requests. Each runs `first`, then both take the count. Returns their results,
/// sorted.
async fn race_for_the_count(browser: &Browser, first: fn(&Session) -> Result<(), Error>) -> [String; 2] {
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let racing = [browser.copy(), browser.copy()].map(|racer| {
        let both = Arc::clone(&both);
        async move {
            let taken = racer.act(move |session| async move {
                first(&session)?;
                both.wait().await;
                Ok(format!("{:?}", session.take(COUNT).await?))
            });
            taken.await.ok().body
        }
    });
    let [one, other] = racing;
    let (one, other) = tokio::join!(one, other);
    if one < other { [one, other] } else { [other, one] }
}

#[tokio::test]
async fn m2_a_value_that_each_request_updated_first_is_taken_once_and_stays_taken() {
    let browser = Browser::new(browser::app(sessions()));
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    let add = |session: &Session| session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop);
    assert_eq!(race_for_the_count(&browser, add).await, ["None", "Some(2)"]);
    let left = browser.act(|session| async move { Ok(format!("{:?}", session.get(COUNT)?)) }).await.ok();
    assert_eq!(left.body, "None");
}

#[tokio::test]
async fn n2_an_update_during_a_commit_of_the_same_request_is_kept_also_after_a_conflict() {
    for round in 0..16 {
        let wait = round % 8;
        let browser = Browser::new(browser::app(sessions()));
        let started = browser.act(|session| async move {
            session.set(NOTE, "the one")?;
            session.set(COUNT, &0)
        });
        started.await.ok();
        let other = browser.copy();
        let counted = browser.act(move |session| async move {
            session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
            // So the take or the commit is a conflict.
            other
                .act(|session| async move { session.update(COUNT, |count| count.unwrap_or(0) + 10).map(drop) })
                .await
                .ok();
            if round < 8 {
                assert_eq!(session.take(NOTE).await?.as_deref(), Some("the one"));
            }
            let beside = async {
                for _ in 0..wait {
                    tokio::task::yield_now().await;
                }
                session.update(COUNT, |count| count.unwrap_or(0) + 100)
            };
            let (committed, updated) = tokio::join!(biased; session.commit(), beside);
            committed.and(updated).map(drop)
        });
        counted.await.ok();
        let count = browser.act(|session| async move { Ok(format!("{:?}", session.get(COUNT)?)) }).await.ok();
        assert_eq!(count.body, "Some(111)", "round {round}");
    }
}

#[tokio::test]
async fn m2_a_field_that_each_request_updated_first_is_taken_once_and_stays_taken() {
    #[derive(Default, Serialize, Deserialize)]
    struct Order {
        count: u32,
        seen: u32,
    }
    let browser = Browser::new(browser::app(sessions()));
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    let taken = race_for_the_count(&browser, |session| {
        let order = SessionOf::<Order>::from(session.clone());
        let updated = order.update(|order| {
            order.count += 1;
            order.seen += 1;
        });
        updated.map(drop)
    });
    assert_eq!(taken.await, ["None", "Some(1)"]);
    let left = browser
        .act(|session| async move {
            let seen = SessionOf::<Order>::from(session.clone()).get()?.seen;
            Ok(format!("{:?}, {seen}", session.get(COUNT)?))
        })
        .await
        .ok();
    assert_eq!(left.body, "None, 2");
}

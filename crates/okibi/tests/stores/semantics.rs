//! Promises for concurrent requests of one session, at two processes with one store.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;
use okibi::{Error, Session};
use tokio::sync::Barrier;

use crate::{
    backend::{Backend, Site},
    support::{
        Answer, Browser, COUNT, NOTE, USER, name,
        scenarios::{Pause, spawn},
    },
};

/// The number of concurrent requests.
const MANY: usize = 100;
/// How often a visitor logs out during a slow request, and the number of concurrent visitors.
const LOGOUTS: usize = 1000;
const LANES: usize = 10;
/// The number of requests of each of two users.
const REQUESTS: usize = 400;

/// A hundred requests load the same session, then each increments the count.
pub(crate) async fn hundred_updates_make_a_hundred<B: Backend>(site: &Site<B>) {
    let browser = begun(site).await;
    let changes =
        concurrently(site, &browser, |_, session| session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop));
    for answer in changes.await {
        answer.ok();
    }
    for at in 0..2 {
        let browser = site.at(at, &browser);
        let count = browser.act(|session| async move { Ok(session.get(COUNT)?.unwrap().to_string()) });
        assert_eq!(count.await.ok().body, MANY.to_string());
    }
}

/// A hundred requests load the same session, then each sets a name of its own.
pub(crate) async fn hundred_distinct_names_survive<B: Backend>(site: &Site<B>) {
    let browser = begun(site).await;
    let changes =
        concurrently(site, &browser, |number, session| session.set(name::<usize>(&format!("name {number}")), &number));
    for answer in changes.await {
        answer.ok();
    }
    let found = browser.act(|session| async move {
        let numbers = (0..MANY).map(|number| session.get(name::<usize>(&format!("name {number}"))));
        let numbers = numbers.collect::<Result<Vec<_>, Error>>()?;
        Ok(numbers.into_iter().enumerate().filter(|(number, held)| *held == Some(*number)).count().to_string())
    });
    assert_eq!(found.await.ok().body, MANY.to_string());
}

/// While a request is pending at one process, the visitor logs out at the other. Then the request
/// changes the session. Of a thousand times, the session always stays ended, and no record is left.
pub(crate) async fn a_logout_during_a_slow_request_is_final<B: Backend>(site: &Arc<Site<B>>) {
    let before = site.backend.records().await;
    let lanes = (0..LANES).map(|lane| {
        let site = Arc::clone(site);
        tokio::spawn(async move {
            for round in (lane..LOGOUTS).step_by(LANES) {
                log_out_during_a_slow_request(&site, round).await;
            }
        })
    });
    for lane in join_all(lanes).await {
        lane.unwrap();
    }
    // A marker for each session that ended, and for each record that a renewal of the id created
    // and undid.
    assert_eq!(site.backend.records().await, before + LOGOUTS + LOGOUTS / 3, "no record is left");
}

async fn log_out_during_a_slow_request<B: Backend>(site: &Site<B>, round: usize) {
    let browser = site.browser(round);
    browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
    let slow = Pause::new();
    let under_way = spawn(site.at(round + 1, &browser), {
        let slow = slow.clone();
        move |session: Session| async move {
            slow.wait().await;
            match round % 3 {
                0 => session.set(NOTE, &"revived".to_owned()),
                1 => session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop),
                _ => session.renew_id(),
            }
        }
    });
    slow.reached().await;
    let stolen = browser.copy();
    browser.act(|session| async move { session.destroy() }).await.ok();
    assert!(browser.jar().is_empty());
    slow.go();
    let answer = under_way.await.unwrap().ok();
    assert!(answer.cookies().is_empty(), "round {round}: {answer:?}");
    for at in 0..2 {
        assert!(!is_live(&site.at(at, &stolen)).await, "round {round}");
    }
}

/// A hundred requests of one session log in concurrently. One gets the session, each of the others
/// begins a new one. Besides these there are only markers.
pub(crate) async fn of_a_hundred_rotations_one_wins<B: Backend>(site: &Site<B>) {
    let before = site.backend.records().await;
    let browser = begun(site).await;
    let racers: Vec<Browser> = (0..MANY).map(|at| site.at(at, &browser)).collect();
    let start = Arc::new(Barrier::new(racers.len()));
    let racing = racers.iter().map(|racer| {
        let start = Arc::clone(&start);
        spawn(racer.clone(), move |session: Session| async move {
            start.wait().await;
            session.rotate()?;
            session.set(USER, &"ada".to_owned())
        })
    });
    let mut handles = BTreeSet::new();
    for (racer, answer) in racers.iter().zip(join_all(racing).await) {
        assert_eq!(answer.unwrap().ok().cookies().len(), 1);
        let found = racer.act(|session| async move {
            assert_eq!(session.get(USER)?.as_deref(), Some("ada"), "the visitor is signed in with every response");
            Ok(session.handle().map(|handle| handle.to_string()).unwrap_or_default())
        });
        handles.insert(found.await.ok().body);
    }
    assert_eq!(handles.len(), MANY, "each of the other requests has a new session");
    assert_eq!(
        site.backend.records().await,
        before + 2 * MANY,
        "a record each, the marker of the old session, and those of the records that the other rotations created first"
    );
}

/// Two users with many interleaved requests at two processes. Neither sees a value of the other.
pub(crate) async fn nothing_crosses_between_two_users<B: Backend>(site: &Arc<Site<B>>) {
    let visiting = ["canary-of-ada", "canary-of-eve"].map(|canary| {
        let site = Arc::clone(site);
        tokio::spawn(async move {
            let mut browser = site.browser(0);
            for number in 0..REQUESTS {
                browser = site.at(number, &browser);
                let answer = browser.act(move |session| async move {
                    let seen = session.get(USER)?;
                    assert!(seen.is_none_or(|seen| seen == canary), "request {number} of {canary}");
                    tokio::task::yield_now().await;
                    session.set(USER, &canary.to_owned())?;
                    match number % 50 {
                        10 => session.rotate()?,
                        30 => session.renew_id()?,
                        49 => session.destroy()?,
                        _ => {}
                    }
                    Ok(canary)
                });
                assert_eq!(answer.await.ok().body, canary);
            }
        })
    });
    for visit in visiting {
        visit.await.unwrap();
    }
}

/// A session with a count of 0.
async fn begun<B: Backend>(site: &Site<B>) -> Browser {
    let browser = site.browser(0);
    browser.act(|session| async move { session.set(COUNT, &0) }).await.ok();
    browser
}

pub(crate) async fn is_live(browser: &Browser) -> bool {
    browser.act(|session| async move { Ok(session.is_live().to_string()) }).await.ok().body == "true"
}

/// Sends a hundred requests of one visitor to both processes. All of them load before any of them
/// commits.
async fn concurrently<B, F>(site: &Site<B>, browser: &Browser, change: F) -> Vec<Answer>
where
    B: Backend,
    F: Fn(usize, &Session) -> Result<(), Error> + Copy + Send + 'static,
{
    let start = Arc::new(Barrier::new(MANY));
    let requests = (0..MANY).map(|number| {
        let start = Arc::clone(&start);
        spawn(site.at(number, browser), move |session: Session| async move {
            start.wait().await;
            change(number, &session)
        })
    });
    join_all(requests).await.into_iter().map(|answer| answer.unwrap()).collect()
}

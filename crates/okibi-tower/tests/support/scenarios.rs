//! Promises that hold on every store. Each scenario takes a configuration with a store.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::future::join_all;
use okibi_store::MemoryStore;
use okibi_tower::{Error, Session, Sessions};
use tokio::{
    sync::{Barrier, Notify},
    task::JoinHandle,
};

use super::{
    COUNT, Clock, NOTE, USER,
    browser::{Answer, Browser, app},
    name,
};

/// A memory store with a clock of its own.
pub fn store_on_a_clock() -> (Clock, Arc<MemoryStore>) {
    let clock = Clock::new();
    let now = clock.clone();
    (clock, Arc::new(MemoryStore::new().clock(move || now.now())))
}

/// These sessions with this clock. They live longer than the markers of others.
pub fn on_clock(sessions: Sessions, clock: &Clock) -> Sessions {
    let now = clock.clone();
    sessions.clock(move || now.now().into()).idle(Duration::from_hours(2))
}

/// After the hour of the markers, the store is empty: no session is left.
pub fn assert_only_markers(clock: &Clock, store: &MemoryStore) {
    clock.advance(Duration::from_mins(61));
    store.purge();
    assert_eq!(store.len(), 0, "no record is left");
}

/// A hundred requests load the same session, then all of them increment the count. None is lost.
pub async fn hundred_parallel_updates_make_a_hundred(sessions: Sessions) {
    let browser = Browser::new(app(sessions));
    browser.act(|session| async move { session.set(COUNT, &0) }).await.ok();
    let answers =
        concurrently(&browser, 100, |_, session| session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop));
    for answer in answers.await {
        answer.ok();
    }
    let count = browser.act(|session| async move { Ok(session.get(COUNT)?.unwrap().to_string()) }).await.ok();
    assert_eq!(count.body, "100");
}

/// Fifty requests load the same session, then each sets a name of its own. All survive.
pub async fn fifty_parallel_sets_all_survive(sessions: Sessions) {
    let browser = Browser::new(app(sessions));
    browser.act(|session| async move { session.set(COUNT, &0) }).await.ok();
    let answers =
        concurrently(&browser, 50, |number, session| session.set(name::<usize>(&format!("name {number}")), &number));
    for answer in answers.await {
        answer.ok();
    }
    let found = browser.act(|session| async move {
        let numbers = (0..50_usize).map(|number| session.get(name::<usize>(&format!("name {number}"))));
        Ok(numbers.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().count().to_string())
    });
    assert_eq!(found.await.ok().body, "50");
}

/// While a request is pending, the visitor logs out. Then the request changes the session. The
/// session stays ended.
pub async fn logout_during_slow_requests_revives_nothing(sessions: Sessions, rounds: usize) {
    let browser = Browser::new(app(sessions));
    for round in 0..rounds {
        browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
        let slow = Pause::new();
        let under_way = spawn(browser.copy(), {
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
        let live = stolen.act(|session| async move { Ok(session.is_live().to_string()) }).await.ok();
        assert_eq!(live.body, "false", "round {round}");
    }
}

/// A hundred requests of one session log in concurrently. One of them gets the session, and each of
/// the others gets a new one. So the visitor is signed in with every response. The old id opens
/// nothing.
pub async fn a_hundred_racing_logins_have_one_winner(sessions: Sessions) {
    let browser = Browser::new(app(sessions));
    browser.act(|session| async move { session.set(COUNT, &7) }).await.ok();
    let before = browser.copy();
    let racers: Vec<Browser> = (0..100).map(|_| browser.copy()).collect();
    let start = Arc::new(Barrier::new(racers.len()));
    let racing = racers.iter().map(|racer| {
        let start = Arc::clone(&start);
        racer.act(move |session| async move {
            start.wait().await;
            session.rotate()?;
            session.set(USER, &"ada".to_owned())
        })
    });
    let mut winners = 0;
    for (racer, answer) in racers.iter().zip(join_all(racing).await) {
        assert_eq!(answer.ok().cookies().len(), 1);
        assert_ne!(before.cookie(), racer.cookie());
        let found =
            racer.act(|session| async move { Ok(format!("{:?} {:?}", session.get(USER)?, session.get(COUNT)?)) });
        let found = found.await.ok().body;
        assert!(found.starts_with("Some(\"ada\")"), "{found}");
        winners += usize::from(found.ends_with("Some(7)"));
    }
    assert_eq!(winners, 1, "one session has the old values");
    let live = before.act(|session| async move { Ok(session.is_live().to_string()) }).await.ok();
    assert_eq!(live.body, "false");
}

/// While a hundred other requests change the session, a login wins, and keeps their earlier
/// changes.
pub async fn parallel_changes_never_make_a_login_lose(sessions: Sessions) {
    let browser = Browser::new(app(sessions));
    browser.act(|session| async move { session.set(COUNT, &0) }).await.ok();
    let start = Arc::new(Barrier::new(101));
    let changing: Vec<_> = (0..100)
        .map(|_| {
            let start = Arc::clone(&start);
            spawn(browser.copy(), move |session: Session| async move {
                start.wait().await;
                tokio::task::yield_now().await;
                session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop)
            })
        })
        .collect();
    let login = browser.act(move |session| async move {
        start.wait().await;
        session.rotate()?;
        session.set(USER, &"ada".to_owned())
    });
    assert_eq!(login.await.ok().cookies().len(), 1);
    for change in changing {
        assert!(change.await.unwrap().ok().cookies().is_empty());
    }
    let user = browser.act(|session| async move { Ok(session.get(USER)?.unwrap_or_default()) }).await.ok();
    assert_eq!(user.body, "ada");
}

/// Of a hundred requests that take a value, exactly one gets it.
pub async fn a_value_is_taken_once(sessions: Sessions) {
    let browser = Browser::new(app(sessions));
    browser.act(|session| async move { session.set(NOTE, &"the one".to_owned()) }).await.ok();
    let start = Arc::new(Barrier::new(100));
    let taking = (0..100).map(|_| {
        let start = Arc::clone(&start);
        spawn(browser.copy(), move |session: Session| async move {
            start.wait().await;
            Ok(session.take(NOTE).await?.unwrap_or_default())
        })
    });
    let taken = join_all(taking).await.into_iter().map(|answer| answer.unwrap().ok().body);
    assert_eq!(taken.filter(|body| body == "the one").count(), 1);
}

/// Two visitors with many interleaved requests. Neither ever sees a value of the other.
pub async fn two_visitors_never_see_each_other(sessions: Sessions, requests: usize) {
    let app = app(sessions);
    let visiting = ["canary-of-ada", "canary-of-eve"].map(|canary| {
        let browser = Browser::new(app.clone());
        tokio::spawn(async move {
            for number in 0..requests {
                let answer = browser.act(move |session| async move {
                    let seen = session.get(USER)?;
                    assert!(seen.is_none_or(|seen| seen == canary), "request {number} of {canary}");
                    tokio::task::yield_now().await;
                    session.set(USER, &canary.to_owned())?;
                    if number % 17 == 0 {
                        session.rotate()?;
                    }
                    if number % 101 == 100 {
                        session.destroy()?;
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

/// A thousand reads of an unchanged session set no cookie. The caller counts the store calls.
pub async fn a_thousand_reads_send_no_cookie(browser: &Browser) {
    for _ in 0..1000 {
        let answer = browser.act(|session| async move { Ok(session.get(COUNT)?.unwrap().to_string()) }).await.ok();
        assert!(answer.cookies().is_empty());
    }
}

/// A thousand visitors without a cookie read their session and store nothing. They get no cookie.
/// The caller counts the store calls.
pub async fn a_thousand_anonymous_requests_get_no_cookie(browser: &Browser) {
    for _ in 0..1000 {
        let answer = browser.act(|session| async move { Ok(session.has(USER).to_string()) }).await.ok();
        assert_eq!((answer.body.as_str(), answer.cookies().len()), ("false", 0));
    }
}

/// Sends `count` requests of one browser. All of them load before any of them commits.
async fn concurrently<F>(browser: &Browser, count: usize, change: F) -> Vec<Answer>
where
    F: Fn(usize, &Session) -> Result<(), Error> + Copy + Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let requests = (0..count).map(|number| {
        let start = Arc::clone(&start);
        spawn(browser.copy(), move |session: Session| async move {
            start.wait().await;
            change(number, &session)
        })
    });
    join_all(requests).await.into_iter().map(|answer| answer.unwrap()).collect()
}

/// Sends a request in a task of its own.
pub fn spawn<F, Done>(browser: Browser, handler: F) -> JoinHandle<Answer>
where
    F: FnOnce(Session) -> Done + Send + 'static,
    Done: Future<Output: IntoOk> + Send + 'static,
{
    tokio::spawn(async move { browser.act(|session| async move { handler(session).await.into_text() }).await })
}

/// The result of a handler.
pub trait IntoOk: Send {
    fn into_text(self) -> Result<String, Error>;
}

impl IntoOk for Result<(), Error> {
    fn into_text(self) -> Result<String, Error> {
        self.map(|()| String::new())
    }
}

impl IntoOk for Result<String, Error> {
    fn into_text(self) -> Result<String, Error> {
        self
    }
}

/// Stops a request in the middle until the test continues it.
#[derive(Clone, Default)]
pub struct Pause {
    reached: Arc<Notify>,
    go: Arc<Notify>,
}

impl Pause {
    pub fn new() -> Self {
        Self::default()
    }

    pub async fn wait(&self) {
        self.reached.notify_one();
        self.go.notified().await;
    }

    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    pub fn go(&self) {
        self.go.notify_one();
    }
}

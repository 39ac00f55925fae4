//! An app whose store lies behind proxies, and those who visit it.

#![allow(dead_code, reason = "each of the two tests uses a part of it")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::{StatusCode, header};
use okibi::{Sessions, store::Store};
use okibi_servers::{Cut, Mode, Proxy, Traffic};
use tokio::time::sleep;

use crate::support::{Answer, Browser, COUNT, Faulty, browser::app};

/// How long one call of the store may take: the default.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a commit may take: the default.
pub const COMMIT_DEADLINE: Duration = Duration::from_secs(10);
/// What a machine that is busy with other tests may add.
pub const SLACK: Duration = Duration::from_secs(20);
/// How soon the app must serve again once the store does.
const RECOVERY: Duration = Duration::from_mins(2);

/// How many visitors come at once while nothing works, and when it works again.
pub const CROWD: usize = 8;

/// An app, its store, and what disturbs it.
pub struct World {
    /// What a failure is said to be of.
    pub name: String,
    visitor: Browser,
    proxies: Vec<Proxy>,
    calls: Box<dyn Fn() -> (u32, u32, u32) + Send + Sync>,
    /// What numbers of visitors begin with: each has numbers that nobody else has.
    thousands: AtomicU32,
}

impl World {
    /// An app over `store`, which finds its servers behind `proxies`.
    pub fn new(name: impl Into<String>, store: impl Store, proxies: Vec<Proxy>) -> Self {
        let store = Arc::new(Faulty::new(store));
        let visitor = Browser::new(app(Sessions::new(Arc::clone(&store))));
        let calls = Box::new(move || store.counts());
        Self { name: name.into(), visitor, proxies, calls, thousands: AtomicU32::new(0) }
    }

    /// A visitor without cookies.
    pub fn stranger(&self) -> Browser {
        self.visitor.another()
    }

    /// A visitor whose session counts, and the number that it has reached. Nobody else comes near it.
    pub async fn visitor(&self) -> (Browser, u32) {
        let start = 1000 * (1 + self.thousands.fetch_add(1, Ordering::Relaxed));
        let begun = Instant::now();
        loop {
            // Clients connect at first use, and many do so at the same time.
            let browser = self.stranger();
            let answer = browser.act(move |session| async move { session.set(COUNT, &start) }).await;
            if answer.status == StatusCode::OK {
                return (browser, start);
            }
            assert!(begun.elapsed() < RECOVERY, "{}: {answer:?}", self.name);
        }
    }

    /// Has every proxy do this from now on.
    pub fn set(&self, mode: Mode) {
        for proxy in &self.proxies {
            proxy.set(mode);
        }
    }

    /// Cuts the reply to the request that writes this number, wherever it passes.
    pub fn cut_reply_to_write_of(&self, number: u32, cut: Cut) {
        // They share it.
        if let Some(proxy) = self.proxies.first() {
            proxy.cut_reply_to(format!("\"count\":{number}}}"), cut);
        }
    }

    /// All that went through the proxies.
    pub fn traffic(&self) -> Traffic {
        self.proxies.iter().map(Proxy::traffic).fold(Traffic::default(), |one, other| Traffic {
            open: one.open + other.open,
            total: one.total + other.total,
            asked: one.asked + other.asked,
            answered: one.answered + other.answered,
            cuts: one.cuts + other.cuts,
        })
    }

    /// Loads, swaps and deletes that the store was asked for.
    pub fn calls(&self) -> (u32, u32, u32) {
        (self.calls)()
    }

    /// Ends the fault, and waits until the app serves a crowd that has this visitor's cookie; what it counts for them.
    pub async fn recovers(&self, visitor: &Browser) -> u32 {
        self.set(Mode::Open);
        let healed = Instant::now();
        loop {
            let answers = join_all((0..CROWD).map(|_| look(visitor))).await;
            for answer in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
                is_an_outage(answer);
                assert!(healed.elapsed() < RECOVERY, "it does not recover: {answer:?}");
            }
            let mut counts: Vec<&str> = answers.iter().map(|answer| answer.body.as_str()).collect();
            counts.dedup();
            // Something from during the outage may still be carried out.
            if let [count] = counts[..]
                && answers.iter().all(|answer| answer.status == StatusCode::OK)
            {
                println!("{}: it serves again after {:?}", self.name, healed.elapsed());
                return count.parse().unwrap();
            }
            assert!(healed.elapsed() < RECOVERY, "it does not come to rest: {counts:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Looks at the number and changes nothing.
pub async fn look(visitor: &Browser) -> Answer {
    visitor
        .act(|session| async move { Ok(session.get(COUNT)?.map_or("none".to_owned(), |count| count.to_string())) })
        .await
}

/// What an app answers when all went well, of which a failed commit must let nothing out.
pub type Success = (StatusCode, [(header::HeaderName, &'static str); 3], String);

/// Adds one, and answers with a head that says so.
pub async fn add(visitor: &Browser) -> Answer {
    add_after(visitor, || ()).await
}

/// The same, and something happens after the session was loaded and before it is committed.
pub async fn add_after(visitor: &Browser, meanwhile: impl FnOnce() + Send + 'static) -> Answer {
    let deed = |session: okibi::Session| async move {
        let count = session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
        meanwhile();
        let head = [
            (header::LOCATION, "/there"),
            (header::SET_COOKIE, "flavour=oat"),
            (header::CACHE_CONTROL, "public, max-age=60"),
        ];
        let success: Success = (StatusCode::CREATED, head, count.to_string());
        Ok(success)
    };
    visitor.act(deed).await
}

/// 503, the cookie as it was, and nothing of what the app had answered.
#[track_caller]
pub fn is_an_outage(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.cookies(), [] as [&str; 0]);
    assert_eq!(answer.all(&header::LOCATION), [] as [&str; 0]);
    assert_eq!(answer.all(&header::CACHE_CONTROL), ["no-store"]);
}

/// The session's cookie that a visitor has.
pub fn cookie(visitor: &Browser) -> Option<String> {
    visitor.jar().remove("__Host-session")
}

/// What happened, and how long it took.
pub async fn timed<T>(happening: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    (happening.await, begun.elapsed())
}

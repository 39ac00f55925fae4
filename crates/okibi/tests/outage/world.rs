//! An app with its store behind proxies, and its visitors.

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

/// The timeout of one store call: the default.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(2);
/// The deadline of a commit: the default.
pub const COMMIT_DEADLINE: Duration = Duration::from_secs(10);
/// The additional time that a busy machine may take.
pub const SLACK: Duration = Duration::from_secs(20);
/// The most time until the app serves again, after the store does.
const RECOVERY: Duration = Duration::from_mins(2);

/// The number of concurrent visitors during an outage, and at the recovery.
pub const CROWD: usize = 8;

/// An app, its store, and the proxies that disturb it.
pub struct World {
    /// The name of the store in failures.
    pub name: String,
    visitor: Browser,
    proxies: Vec<Proxy>,
    calls: Box<dyn Fn() -> (u32, u32, u32) + Send + Sync>,
    /// The start of the visitors' numbers. Each visitor has numbers of its own.
    thousands: AtomicU32,
}

impl World {
    /// An app over `store`. Its servers are behind `proxies`.
    pub fn new(name: impl Into<String>, store: impl Store, proxies: Vec<Proxy>) -> Self {
        let store = Arc::new(Faulty::new(store));
        let visitor = Browser::new(app(Sessions::new(Arc::clone(&store))));
        let calls = Box::new(move || store.counts());
        Self { name: name.into(), visitor, proxies, calls, thousands: AtomicU32::new(0) }
    }

    /// A visitor without cookies.
    pub fn new_visitor(&self) -> Browser {
        self.visitor.another()
    }

    /// A visitor with a count in the session, and its number. Only this visitor has numbers near
    /// it.
    pub async fn visitor(&self) -> (Browser, u32) {
        let start = 1000 * (1 + self.thousands.fetch_add(1, Ordering::Relaxed));
        let begun = Instant::now();
        loop {
            // Clients connect at first use, and many connect concurrently.
            let browser = self.new_visitor();
            let answer = browser.act(move |session| async move { session.set(COUNT, &start) }).await;
            if answer.status == StatusCode::OK {
                return (browser, start);
            }
            assert!(begun.elapsed() < RECOVERY, "{}: {answer:?}", self.name);
        }
    }

    /// Sets the mode of every proxy.
    pub fn set(&self, mode: Mode) {
        for proxy in &self.proxies {
            proxy.set(mode);
        }
    }

    /// Cuts the reply to the request that writes this number, on any proxy.
    pub fn cut_reply_to_write_of(&self, number: u32, cut: Cut) {
        // The proxies share the cut.
        if let Some(proxy) = self.proxies.first() {
            proxy.cut_reply_to(format!("\"count\":{number}}}"), cut);
        }
    }

    /// The traffic of all proxies.
    pub fn traffic(&self) -> Traffic {
        self.proxies.iter().map(Proxy::traffic).fold(Traffic::default(), |one, other| Traffic {
            open: one.open + other.open,
            total: one.total + other.total,
            asked: one.asked + other.asked,
            answered: one.answered + other.answered,
            cuts: one.cuts + other.cuts,
        })
    }

    /// The loads, swaps and deletes of the store.
    pub fn calls(&self) -> (u32, u32, u32) {
        (self.calls)()
    }

    /// Ends the fault, and waits until the app serves many requests with this visitor's cookie.
    /// Returns the visitor's count.
    pub async fn recovers(&self, visitor: &Browser) -> u32 {
        self.set(Mode::Open);
        let healed = Instant::now();
        loop {
            let answers = join_all((0..CROWD).map(|_| look(visitor))).await;
            for answer in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
                is_an_outage(answer);
                assert!(healed.elapsed() < RECOVERY, "the app does not recover: {answer:?}");
            }
            let mut counts: Vec<&str> = answers.iter().map(|answer| answer.body.as_str()).collect();
            counts.dedup();
            // A call from the outage may still be carried out.
            if let [count] = counts[..]
                && answers.iter().all(|answer| answer.status == StatusCode::OK)
            {
                println!("{}: it serves again after {:?}", self.name, healed.elapsed());
                return count.parse().unwrap();
            }
            assert!(healed.elapsed() < RECOVERY, "the counts keep changing: {counts:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Reads the number and changes nothing.
pub async fn look(visitor: &Browser) -> Answer {
    visitor
        .act(|session| async move { Ok(session.get(COUNT)?.map_or("none".to_owned(), |count| count.to_string())) })
        .await
}

/// The parts of a successful response. A failed commit must send none of them.
pub type Success = (StatusCode, [(header::HeaderName, &'static str); 3], String);

/// Adds one, and responds with these headers.
pub async fn add(visitor: &Browser) -> Answer {
    add_after(visitor, || ()).await
}

/// The same, with `meanwhile` between the load and the commit.
pub async fn add_after(visitor: &Browser, meanwhile: impl FnOnce() + Send + 'static) -> Answer {
    let handler = |session: okibi::Session| async move {
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
    visitor.act(handler).await
}

/// 503, no cookie, and no part of the app's response.
#[track_caller]
pub fn is_an_outage(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.cookies(), [] as [&str; 0]);
    assert_eq!(answer.all(&header::LOCATION), [] as [&str; 0]);
    assert_eq!(answer.all(&header::CACHE_CONTROL), ["no-store"]);
}

/// The visitor's session cookie.
pub fn cookie(visitor: &Browser) -> Option<String> {
    visitor.jar().remove("__Host-session")
}

/// The result, and how long it took.
pub async fn timed<T>(happening: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    (happening.await, begun.elapsed())
}

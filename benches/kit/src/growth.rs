//! How a request's time depends on the number of sessions in the store, and on their size.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use axum::Router;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use okibi::{
    Sessions,
    store::{Loaded, Store, StoreKey, Timestamp, system_time},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    app::{app, app_with_data},
    page::Page,
    rounds,
    site::{ask, cookie_of},
};

/// The measured pages.
const PAGES: [Page; 2] = [Page::Read, Page::Write];
/// Measurements of each page and size.
const ROUNDS: usize = 15;
/// The length of a measurement.
const ROUND: Duration = Duration::from_millis(60);
/// Sizes of session data, in bytes. A session holds up to 64 KB by default.
pub const DATA: [usize; 6] = [10, 100, 1000, 4000, 16_000, 60_000];

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A thousand and a million sessions.
    Ends,
    /// All powers of ten between them, sizes of data, crowds and purges.
    All,
}

impl Extent {
    /// Reads the extent as it is written on a command line.
    ///
    /// # Errors
    /// It is neither `ends` nor `all`.
    pub fn parse(word: Option<&str>) -> Result<Self> {
        match word {
            Some("ends") => Ok(Self::Ends),
            Some("all") => Ok(Self::All),
            other => bail!("{}: not an extent, use ends or all", other.unwrap_or("nothing")),
        }
    }

    /// The numbers of sessions.
    pub const fn sessions(self) -> &'static [usize] {
        match self {
            Self::Ends => &[1000, 1_000_000],
            Self::All => &[1000, 10_000, 100_000, 1_000_000],
        }
    }
}

/// What every session of a filled store holds, as a store has it.
///
/// # Errors
/// The login fails, or the store does not have its session.
pub async fn record(app: &Router, store: &impl Store) -> Result<Loaded> {
    let cookie = cookie_of(&ask(app, Page::Login, None).await?)?;
    let id = cookie.strip_prefix(COOKIE).and_then(|rest| rest.strip_prefix('=')).context("okibi's cookie")?;
    let key = key_of(&URL_SAFE_NO_PAD.decode(id)?);
    let mut loaded = store.load(&StoreKey::new(key)).await?.context("the session of a login")?;
    // Not every store says when a session ends.
    loaded.expires_at.get_or_insert(system_time().plus(Duration::from_secs(24 * 3600)));
    Ok(loaded)
}

/// The id of a session, by its number.
fn id(number: usize) -> [u8; 32] {
    Sha256::digest(number.to_le_bytes()).into()
}

/// The key under which the session of this number is stored.
pub fn key(number: usize) -> String {
    key_of(&id(number))
}

/// okibi's key of an id.
fn key_of(id: &[u8]) -> String {
    format!("{NAMESPACE}:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(id)))
}

/// The cookie that opens the session of this number.
fn cookie(number: usize) -> String {
    format!("{COOKIE}={}", URL_SAFE_NO_PAD.encode(id(number)))
}

const COOKIE: &str = "__Host-session";
/// By default the cookie's name without its prefix.
const NAMESPACE: &str = "session";

/// The app of a store.
///
/// # Errors
/// The options of the layer are refused.
pub fn app_on(store: impl Store) -> Result<Router> {
    Ok(app(Sessions::new(store).layer()?).with_state(()))
}

/// The apps of one store for all sizes of data.
///
/// # Errors
/// The options of the layer are refused.
pub fn apps_by_size<S: Store>(store: &Arc<S>) -> Result<Vec<(usize, Router)>> {
    let layer = || Sessions::new(Arc::clone(store)).layer();
    DATA.into_iter().map(|bytes| Ok((bytes, app_with_data(layer()?, bytes).with_state(())))).collect()
}

/// Milliseconds that a purge of all sessions takes. The store must take them for expired.
///
/// # Errors
/// The store has nothing to purge, or fails.
pub async fn purge(store: &impl Store, sessions: usize) -> Result<Value> {
    let purger = store.purger().context("a store with a purge")?;
    let start = Instant::now();
    let purged = purger.purge().await?;
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    ensure!(purged >= sessions, "purged {purged} of {sessions} sessions");
    Ok(json!({ "sessions": sessions, "milliseconds": milliseconds }))
}

/// A time at which every session has expired.
pub fn much_later() -> Timestamp {
    system_time().plus(Duration::from_secs(400 * 24 * 3600))
}

/// An app and the number of sessions in its store.
#[derive(Debug)]
pub struct Filled {
    /// The app.
    pub app: Router,
    /// The number of sessions.
    pub sessions: usize,
}

/// For each app and page: microseconds for a request in each round, and the 99th percentile of all.
/// The apps take turns.
///
/// # Errors
/// A request fails, or a session is not there.
pub async fn times(apps: &[Filled]) -> Result<Vec<Value>> {
    let mut numbers = Numbers(7);
    for filled in apps {
        let visits = ask(&filled.app, Page::Visits, Some(&cookie(filled.sessions - 1))).await?;
        let body = axum::body::to_bytes(visits.into_body(), 100).await?;
        ensure!(body.as_ref() == b"1", "{} sessions: the last one is not there", filled.sessions);
    }
    let mut report: Vec<Value> = apps.iter().map(|filled| json!({ "sessions": filled.sessions })).collect();
    for page in PAGES {
        let mut seen = vec![Seen::default(); apps.len()];
        for round in 0..=rounds(ROUNDS) {
            for (filled, seen) in apps.iter().zip(&mut seen) {
                let times = round_of(filled, page, &mut numbers).await?;
                // The first round is a warm-up.
                if round > 0 {
                    seen.add(times);
                }
            }
        }
        for (row, seen) in report.iter_mut().zip(seen) {
            row[page.name()] = seen.report();
        }
    }
    Ok(report)
}

/// Microseconds of requests that follow each other, each of another session.
async fn round_of(filled: &Filled, page: Page, numbers: &mut Numbers) -> Result<Vec<f64>> {
    let (mut times, start) = (Vec::new(), Instant::now());
    while start.elapsed() < ROUND {
        let cookie = cookie(numbers.below(filled.sessions));
        let before = Instant::now();
        ask(&filled.app, page, Some(&cookie)).await?;
        times.push(before.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// The same times for one session of each size, by an app of its own each.
///
/// # Errors
/// A request fails.
pub async fn times_by_size(apps: &[(usize, Router)]) -> Result<Vec<Value>> {
    let mut report = Vec::new();
    for (bytes, app) in apps {
        let cookie = cookie_of(&ask(app, Page::Login, None).await?)?;
        let mut row = json!({ "bytes": bytes });
        for page in PAGES {
            let mut seen = Seen::default();
            for _ in 0..rounds(ROUNDS) {
                let (mut times, start) = (Vec::new(), Instant::now());
                while start.elapsed() < ROUND / 4 {
                    let before = Instant::now();
                    ask(app, page, Some(&cookie)).await?;
                    times.push(before.elapsed().as_secs_f64() * 1e6);
                }
                seen.add(times);
            }
            row[page.name()] = seen.report();
        }
        report.push(row);
    }
    Ok(report)
}

/// The times of one app and page.
#[derive(Debug, Clone, Default)]
struct Seen {
    medians: Vec<f64>,
    all: Vec<f64>,
}

impl Seen {
    fn add(&mut self, mut times: Vec<f64>) {
        self.medians.push(quantile(&mut times, 1, 2));
        self.all.append(&mut times);
    }

    fn report(mut self) -> Value {
        json!({ "microseconds": self.medians, "p99": quantile(&mut self.all, 99, 100) })
    }
}

/// The value below which this share of all values is.
fn quantile(values: &mut [f64], part: usize, of: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * part / of).or(values.last()).copied().unwrap_or(f64::NAN)
}

/// Numbers in no order (xorshift).
#[derive(Debug)]
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::{Numbers, key, quantile};

    #[test]
    fn the_quantile_is_of_sorted_values() {
        let mut values: Vec<f64> = (0..100).rev().map(f64::from).collect();
        assert!((quantile(&mut values, 1, 2) - 50.0).abs() < f64::EPSILON);
        assert!((quantile(&mut values, 99, 100) - 99.0).abs() < f64::EPSILON);
    }

    #[test]
    fn numbers_are_below_their_limit_and_reach_all() {
        let mut numbers = Numbers(7);
        let mut seen = [false; 10];
        (0..1000).for_each(|_| seen[numbers.below(10)] = true);
        assert_eq!(seen, [true; 10]);
    }

    #[test]
    fn every_session_has_a_key_of_its_own() {
        assert_ne!(key(1), key(2));
        assert_eq!(key(1).len(), "session:".len() + 43);
    }
}

//! Runs two apps in turns: in short rounds under load, and one request at a time.

use std::time::Duration;

use anyhow::Result;
use okibi_bench_kit::site::Site;
use serde_json::{Map, Value, json};

use crate::page::Page;

/// The pages that use the server.
pub const PAGES: [Page; 2] = [Page::Read, Page::Write];

/// Duration of a round of one app.
const ROUND: Duration = Duration::from_millis(300);
/// Sequential requests of one app before the other app's turn.
const TURN: usize = 25;

/// For each page and app, the microseconds of this many sequential requests.
pub async fn rates(sites: &[Site; 2], rounds: usize) -> Result<Value> {
    let mut report = Map::new();
    for page in PAGES {
        let mut seen = [Vec::new(), Vec::new()];
        // The first round is a warm-up.
        for turn in 0..=rounds {
            for place in order(turn) {
                if let (Some(site), Some(seen)) = (sites.get(place), seen.get_mut(place)) {
                    let rate = site.rate(page, ROUND).await?.round();
                    if turn > 0 {
                        seen.push(rate);
                    }
                }
            }
        }
        report.insert(page.name().to_owned(), rows(sites, "rates", &seen));
    }
    Ok(Value::Object(report))
}

/// For each page and app, the microseconds of this many sequential requests.
pub async fn times(sites: &[Site; 2], requests: usize) -> Result<Value> {
    let mut report = Map::new();
    for page in PAGES {
        let mut seen = [Vec::new(), Vec::new()];
        for turn in 0..=requests / TURN {
            for place in order(turn) {
                if let (Some(site), Some(seen)) = (sites.get(place), seen.get_mut(place)) {
                    let times = site.times(page, TURN).await?;
                    if turn > 0 {
                        seen.extend(times);
                    }
                }
            }
        }
        report.insert(page.name().to_owned(), rows(sites, "microseconds", &seen));
    }
    Ok(Value::Object(report))
}

/// The order of the apps changes from round to round.
const fn order(turn: usize) -> [usize; 2] {
    if turn.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

fn rows(sites: &[Site; 2], what: &str, seen: &[Vec<f64>; 2]) -> Value {
    sites.iter().zip(seen).map(|(site, seen)| json!({ "name": site.name, what: seen })).collect()
}

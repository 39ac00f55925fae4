//! Times apps in many interleaved rounds, so that a disturbance affects all of them.

use std::time::Instant;

use okibi_bench_kit::rounds;

use crate::{apps::Entrant, page::Page};

/// Samples of each app for each page.
const ROUNDS: usize = 31;
/// Batches per round. The median counts.
const BATCHES: usize = 9;
/// Requests per batch: about half a millisecond.
const REQUESTS: usize = 150;
/// Batches of each app before the first round.
const WARM_UP: usize = 30;

/// For each app the nanoseconds per request in each round: the total for an app without sessions,
/// else the difference to that app in the same round.
pub fn times(entrants: &[Entrant], page: Page) -> Vec<Vec<f64>> {
    for _ in 0..WARM_UP {
        turn(entrants, page, 0);
    }
    let mut measured = vec![Vec::with_capacity(ROUNDS); entrants.len()];
    for _ in 0..rounds(ROUNDS) {
        let turns: Vec<Vec<f64>> = (0..BATCHES).map(|first| turn(entrants, page, first)).collect();
        for (place, round) in measured.iter_mut().enumerate() {
            round.push(median(turns.iter().filter_map(|turn| turn.get(place).copied()).collect()));
        }
    }
    measured
}

/// One batch of each app. The first app changes each time.
fn turn(entrants: &[Entrant], page: Page, first: usize) -> Vec<f64> {
    let mut times = vec![0.0; entrants.len()];
    let places = (0..entrants.len()).cycle().skip(first % entrants.len()).take(entrants.len());
    for place in places {
        if let (Some(entrant), Some(time)) = (entrants.get(place), times.get_mut(place)) {
            *time = batch(entrant, page);
        }
    }
    let without = |entrant: &Entrant| entrant.bare.and_then(|bare| times.get(bare)).copied().unwrap_or(0.0);
    entrants.iter().zip(&times).map(|(entrant, time)| time - without(entrant)).collect()
}

/// Nanoseconds for one request, over a batch.
fn batch(entrant: &Entrant, page: Page) -> f64 {
    let answer_all = entrant.contestant.prepare(page, REQUESTS);
    let start = Instant::now();
    answer_all();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let requests = REQUESTS as f64;
    start.elapsed().as_secs_f64() * 1e9 / requests
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

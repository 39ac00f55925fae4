//! Requests one page of one app many times, for a profiler such as callgrind.
//!
//! `one <app> <page> <requests>`, by the names that the report uses.

use std::{env, io};

use okibi_benches::{apps::entrants, contest::Machine, page::Page};

/// Requests that are prepared at a time.
const BATCH: usize = 100;

fn main() -> io::Result<()> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
    let [app, page, requests] = env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|given: Vec<_>| {
        wrong(format!("{} arguments: give an app, a page and a number of requests", given.len()))
    })?;
    let mut left: usize = requests.parse().map_err(|_| wrong(format!("{requests}: not a number of requests")))?;
    let entrants = entrants(&Machine::new()?);
    let entrant = entrants.iter().find(|entrant| entrant.contestant.name() == app);
    let page = Page::MEASURED.into_iter().find(|known| known.name() == page);
    let (Some(entrant), Some(page)) = (entrant, page) else {
        return Err(wrong(format!("{app}: no such app, or no such page")));
    };
    while left > 0 {
        let batch = left.min(BATCH);
        entrant.contestant.prepare(page, batch)();
        left -= batch;
    }
    Ok(())
}

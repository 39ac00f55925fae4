//! Prints counts as JSON: allocations per request, store calls and cookies of a thousand requests.
//!
//! It is a separate program because counting allocations takes time and would slow the apps that
//! make many.

use allocation_counter::measure;
use okibi_benches::{
    apps::{Entrant, counted, entrants},
    contest::{Contestant, Machine},
    counting::Calls,
    page::Page,
};
use serde_json::{Map, Value, json};

/// Warm-up requests: tables have grown, buffers exist.
const WARM_UP: usize = 100;
/// Counted requests. The median is reported.
const MEASURED: usize = 101;
/// Requests with counted store calls and cookies.
const REQUESTS: usize = 1000;

fn main() -> std::io::Result<()> {
    let machine = Machine::new()?;
    let entrants = entrants(&machine);
    let mut allocated = Map::new();
    for page in Page::MEASURED {
        let totals: Vec<u64> = entrants.iter().map(|entrant| allocations(entrant, page)).collect();
        let rows = entrants.iter().zip(&totals).map(|(entrant, total)| {
            let bare = entrant.bare.and_then(|bare| totals.get(bare)).copied().unwrap_or(0);
            let (name, is_bare) = (entrant.contestant.name(), entrant.bare.is_none());
            json!({ "name": name, "isBare": is_bare, "allocations": total.saturating_sub(bare) })
        });
        allocated.insert(page.name().to_owned(), rows.collect());
    }
    let calls: Vec<Value> = counted(&machine).iter().map(|(app, calls)| calls_of(app.as_ref(), calls)).collect();
    println!("{}", json!({ "allocations": allocated, "perThousand": calls }));
    Ok(())
}

/// The allocations of one request.
fn allocations(entrant: &Entrant, page: Page) -> u64 {
    let count = || {
        let answer = entrant.contestant.prepare(page, 1);
        measure(answer).count_total
    };
    (0..WARM_UP).for_each(|_| _ = count());
    let mut counts: Vec<u64> = (0..MEASURED).map(|_| count()).collect();
    counts.sort_unstable();
    counts.get(MEASURED / 2).copied().unwrap_or_default()
}

/// Store calls and cookies of a thousand requests: without a session, with a session that is read,
/// and with one that is written.
fn calls_of(app: &dyn Contestant, calls: &Calls) -> Value {
    let thousand = |page: Page, begin: &str, stays: bool| {
        calls.take();
        let mut cookies = begin.to_owned();
        let mut total = 0;
        for _ in 0..REQUESTS {
            let (sent, after) = app.visit(page, &cookies);
            total += sent;
            if stays {
                cookies = after;
            }
        }
        let (loads, writes) = calls.take();
        json!({ "loads": loads, "writes": writes, "cookies": total })
    };
    let (_, visitor) = app.visit(Page::Login, "");
    json!({
        "name": app.name(),
        "anonymous": thousand(Page::Read, "", false),
        "reading": thousand(Page::Read, &visitor, true),
        "changing": thousand(Page::Write, &visitor, true),
    })
}

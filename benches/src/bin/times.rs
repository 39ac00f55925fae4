//! Prints as JSON the time of a request of each app: the total without sessions, else what the
//! session adds.

use okibi_benches::{apps::entrants, contest::Machine, page::Page, rounds::times};
use serde_json::{Map, Value, json};

fn main() -> std::io::Result<()> {
    let entrants = entrants(&Machine::new()?);
    let mut report = Map::new();
    for page in Page::MEASURED {
        let rows = entrants.iter().zip(times(&entrants, page)).map(|(entrant, rounds)| {
            let rounds: Vec<f64> = rounds.into_iter().map(f64::round).collect();
            json!({ "name": entrant.contestant.name(), "isBare": entrant.bare.is_none(), "nanoseconds": rounds })
        });
        report.insert(page.name().to_owned(), rows.collect());
    }
    println!("{}", Value::Object(report));
    Ok(())
}

//! Prints as JSON the measurements of okibi and tower-sessions on a real Redis and a real Postgres.
//!
//! `servers [rounds]`: fewer rounds than usual, for a quick look.

use std::env;

use anyhow::{Context as _, Result};
use okibi_benches::servers::{
    counts::counts,
    race::{rates, times},
    rig::{Backend, Rig, SETUPS, Setup},
};
use serde_json::{Value, json};

/// Samples of each app for each page.
const ROUNDS: usize = 11;
/// Requests that are timed one by one.
const REQUESTS: usize = 1000;

fn main() -> Result<()> {
    let rounds = env::args().nth(1);
    let rounds = rounds.map(|given| given.parse().with_context(|| format!("{given}: not a number of rounds")));
    let rounds = rounds.transpose()?.unwrap_or(ROUNDS);
    let rig = Rig::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(report(&rig, rounds))?;
    println!("{report}");
    Ok(())
}

async fn report(rig: &Rig, rounds: usize) -> Result<Value> {
    let counts = counts(rig).await?;
    let (mut all_rates, mut all_times) = (Vec::new(), Vec::new());
    for setup in SETUPS {
        let Setup { name, visitors, .. } = setup;
        let sites = rig.apps(setup).await?;
        let pages = rates(&sites, rounds).await?;
        all_rates.push(json!({ "name": name, "visitors": visitors, "pages": pages }));
        if visitors == 8 {
            let name = if matches!(setup.backend, Backend::Redis(_)) { "Redis" } else { "Postgres" };
            let pages = times(&sites, REQUESTS * rounds / ROUNDS).await?;
            all_times.push(json!({ "name": name, "pages": pages }));
        }
    }
    Ok(json!({ "servers": rig.described(), "rates": all_rates, "times": all_times, "counts": counts }))
}

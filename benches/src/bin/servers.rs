//! Prints as JSON the measurements of okibi and tower-sessions on a real Redis, Valkey and Postgres.

use anyhow::Result;
use okibi_bench_kit::rounds;
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
    let rig = Rig::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(report(&rig, rounds(ROUNDS)))?;
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
            let name = match setup.backend {
                Backend::Redis(_) => "Redis",
                Backend::Valkey => "Valkey",
                Backend::Postgres(_) => "Postgres",
            };
            let pages = times(&sites, REQUESTS * rounds / ROUNDS).await?;
            all_times.push(json!({ "name": name, "pages": pages }));
        }
    }
    Ok(json!({ "servers": rig.described(), "rates": all_rates, "times": all_times, "counts": counts }))
}

//! okibi's SQLite store for the benches: over HTTP, in turns with a peer, and as it grows.
//!
//! `okibi-bench-sqlite http <file>`, `race <file> <visitors>`, `growth <ends or all>`.

mod growth;

use std::env;

use anyhow::{Context as _, Result, bail};
use okibi::SqliteStore;
use okibi_bench_kit::{
    growth::{Extent, app_on},
    http::serve,
    race::take_turns,
    site::Site,
};
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let given: Vec<String> = env::args().skip(1).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    match *given.as_slice() {
        ["http", file] => {
            let app = app_on(SqliteStore::open(file)?)?;
            Builder::new_current_thread().enable_all().build()?.block_on(serve(app))?;
        }
        ["race", file, visitors] => two_threads()?.block_on(async {
            let site = Site::new("okibi", app_on(SqliteStore::open(file)?)?, visitors.parse()?).await?;
            take_turns(&site).await
        })?,
        ["growth", extent] => {
            let report = two_threads()?.block_on(growth::report(Extent::parse(Some(extent))?))?;
            println!("{report}");
        }
        _ => bail!("{}: not http, race or growth", given.join(" ")),
    }
    Ok(())
}

fn two_threads() -> Result<tokio::runtime::Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().context("a runtime")
}

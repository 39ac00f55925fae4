//! Lets another program decide when this one's app is measured, so that apps of two programs take turns.

use std::{
    io::{self, BufRead as _, Write as _},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{page::Page, site::Site};

/// Reads lines of a page and a number of milliseconds. Prints for each how many answers per second
/// the visitors got in that time.
///
/// # Errors
/// A line is malformed, or a request fails.
pub async fn take_turns(site: &Site) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let (page, time) = parse(&line?)?;
        writeln!(out, "{:.0}", site.rate(page, time).await?)?;
        out.flush()?;
    }
    Ok(())
}

fn parse(line: &str) -> Result<(Page, Duration)> {
    let (name, milliseconds) = line.split_once(' ').with_context(|| format!("{line}: not a page and a time"))?;
    let page = Page::ALL.into_iter().find(|page| page.name() == name).with_context(|| format!("{name}: no page"))?;
    Ok((page, Duration::from_millis(milliseconds.parse()?)))
}

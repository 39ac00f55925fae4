//! Many requests of one session at the same time.

use std::{str::FromStr as _, time::Instant};

use anyhow::{Context as _, Result, ensure};
use axum::{Router, body::to_bytes};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    page::Page,
    site::{ask, cookie_of, try_ask},
};

/// The numbers of requests that are sent at the same time.
pub const CROWDS: [usize; 4] = [1, 10, 100, 1000];
/// Requests of each crowd in all.
const REQUESTS: usize = 2000;

/// For each crowd: microseconds for each change, and the share of requests that were refused.
///
/// Each request counts one visit. Afterwards the session must have counted every request that was
/// answered with success.
///
/// # Errors
/// A visit was lost.
pub async fn crowds(app: &Router) -> Result<Value> {
    let mut report = Vec::new();
    for size in CROWDS {
        let cookie = cookie_of(&ask(app, Page::Login, None).await?)?;
        let (mut answered, mut refused) = (0_u32, 0_u32);
        let start = Instant::now();
        for _ in 0..REQUESTS / size {
            let mut tasks = JoinSet::new();
            for _ in 0..size {
                let (app, cookie) = (app.clone(), cookie.clone());
                tasks.spawn(async move { try_ask(&app, Page::Write, Some(&cookie)).await });
            }
            while let Some(answer) = tasks.join_next().await {
                if answer??.status().is_success() { answered += 1 } else { refused += 1 }
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let counted = visits(app, &cookie).await?;
        // A request that was refused may have been counted: its answer says that the outcome is unknown.
        let is_right = (answered..=answered + refused).contains(&counted.saturating_sub(1));
        ensure!(is_right, "{size} at a time: {answered} changes answered, {refused} refused, {counted} visits");
        let microseconds = seconds * 1e6 / f64::from(answered.max(1));
        let refused = f64::from(refused) / f64::from(answered + refused);
        report.push(json!({ "concurrent": size, "microseconds": microseconds, "refused": refused }));
    }
    Ok(Value::Array(report))
}

async fn visits(app: &Router, cookie: &str) -> Result<u32> {
    let body = ask(app, Page::Visits, Some(cookie)).await?.into_body();
    let text = String::from_utf8(to_bytes(body, 100).await?.into())?;
    u32::from_str(&text).with_context(|| format!("{text}: not a number of visits"))
}

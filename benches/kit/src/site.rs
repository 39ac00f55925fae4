//! An app with some visitors. Each has a session.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Router,
    body::{Body, Bytes},
    http::{
        HeaderValue, Request, Response, Uri,
        header::{COOKIE, SET_COOKIE},
    },
};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::page::Page;

/// An app with its sessions on a server.
pub struct Site {
    /// Its name in the report.
    pub name: &'static str,
    app: Router,
    /// The cookie of each visitor.
    visitors: Arc<[String]>,
}

impl Site {
    /// The app after this many visitors have logged in.
    pub async fn new(name: &'static str, app: Router, visitors: usize) -> Result<Self> {
        // As `axum::serve` does: else axum makes its routes anew for each request.
        let app = app.with_state(());
        let mut cookies = Vec::with_capacity(visitors);
        for _ in 0..visitors {
            cookies.push(cookie_of(&ask(&app, Page::Login, None).await?)?);
        }
        Ok(Self { name, app, visitors: cookies.into() })
    }

    /// Lets all visitors request the page, each again after its answer. Returns the total answers
    /// per second.
    pub async fn rate(&self, page: Page, time: Duration) -> Result<f64> {
        let mut tasks = JoinSet::new();
        let start = Instant::now();
        for place in 0..self.visitors.len() {
            let (app, visitors) = (self.app.clone(), Arc::clone(&self.visitors));
            tasks.spawn(async move {
                let cookie = visitors.get(place).map(String::as_str);
                let mut answers = 0_u32;
                while start.elapsed() < time {
                    ask(&app, page, cookie).await?;
                    answers += 1;
                }
                anyhow::Ok(answers)
            });
        }
        let mut total = 0.0;
        while let Some(answers) = tasks.join_next().await {
            total += f64::from(answers??);
        }
        Ok(total / start.elapsed().as_secs_f64())
    }

    /// Microseconds of each of this many sequential requests of the first visitor.
    pub async fn times(&self, page: Page, requests: usize) -> Result<Vec<f64>> {
        let (app, visitors) = (self.app.clone(), Arc::clone(&self.visitors));
        // On a worker of the runtime, as in a server.
        tokio::spawn(async move {
            let cookie = visitors.first().map(String::as_str);
            let mut times = Vec::with_capacity(requests);
            for _ in 0..requests {
                let start = Instant::now();
                ask(&app, page, cookie).await?;
                times.push((start.elapsed().as_secs_f64() * 1e6).round());
            }
            Ok(times)
        })
        .await?
    }
}

/// A header value as hyper makes it: a part of the connection's buffer.
///
/// # Panics
/// The text is not a cookie.
pub fn shared_bytes(text: &str) -> HeaderValue {
    let buffer = Bytes::from(format!("cookie: {text}\r\n"));
    HeaderValue::from_maybe_shared(buffer.slice(8..8 + text.len())).expect("a cookie is a header value")
}

/// The cookie that an answer sets.
pub(crate) fn cookie_of(response: &Response<Body>) -> Result<String> {
    let cookie = response.headers().get(SET_COOKIE).context("a login sets a cookie")?.to_str()?;
    Ok(cookie.split(';').next().unwrap_or(cookie).to_owned())
}

/// The answer to one request, which must succeed.
pub(crate) async fn ask(app: &Router, page: Page, cookie: Option<&str>) -> Result<Response<Body>> {
    let response = try_ask(app, page, cookie).await?;
    ensure!(response.status().is_success(), "{}: {}", page.name(), response.status());
    Ok(response)
}

/// The answer to one request, whatever its status.
pub(crate) async fn try_ask(app: &Router, page: Page, cookie: Option<&str>) -> Result<Response<Body>> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static(page.path());
    if let Some(cookie) = cookie {
        request.headers_mut().insert(COOKIE, shared_bytes(cookie));
    }
    Ok(app.clone().oneshot(request).await?)
}

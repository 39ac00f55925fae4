//! Sealed sessions behind a real nginx, with its default buffers and with those of
//! `docs/behind-proxies.md`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use okibi::{Error, Name, Secrets, Session, Sessions, store::Timestamp};
use okibi_servers::Nginx;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const FILLER: Name<String> = Name::new("filler");
const IDLE: Duration = Duration::from_hours(1);
/// The most bytes of one response's Set-Cookie headers for nginx's default buffers, with room for
/// the app's own headers.
const BY_DEFAULT: usize = 3500;
/// The most bytes for which the Cookie header of the next request passes.
const MOST: usize = 8192;
const START: u64 = 1_800_000_000_000;

/// An app with sessions of the size that a visitor requests. The test sets its clock.
struct App {
    port: u16,
    clock: Arc<AtomicU64>,
}

impl App {
    async fn start(chunks: Option<usize>) -> Self {
        let clock = Arc::new(AtomicU64::new(START));
        let now = Arc::clone(&clock);
        let mut sessions = Sessions::sealed(Secrets::new(["a secret of at least thirty-two bytes"]).unwrap())
            .idle(IDLE)
            .clock(move || Timestamp::from_millis(now.load(Ordering::Relaxed)).into());
        if let Some(chunks) = chunks {
            sessions = sessions.chunks(chunks);
        }
        let app = Router::new()
            .route("/login/{size}", post(log_in))
            .route("/size", get(size))
            .route("/fail", post(fail))
            .route("/logout", post(log_out))
            .layer(sessions.layer().unwrap());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async { axum::serve(listener, app).await });
        Self { port, clock }
    }

    /// The largest filler that okibi accepts with cookies of at most `most` bytes. Found by
    /// requests to the app.
    async fn largest(&self, most: usize) -> usize {
        let (mut fits, mut fails) = (1, 40_000);
        while fails - fits > 1 {
            let size = usize::midpoint(fits, fails);
            let mut visitor = Visitor::new(self.port);
            match visitor.post(&format!("/login/{size}")).await.0 {
                200 if visitor.set_cookie_bytes <= most => fits = size,
                200 | 500 => fails = size,
                status => panic!("{size}: answered with {status}"),
            }
        }
        fits
    }
}

async fn log_in(Path(size): Path<usize>, session: Session) -> Result<(), Error> {
    session.rotate()?;
    session.set_owner("ann")?;
    session.set(FILLER, &"x".repeat(size))
}

async fn size(session: Session) -> Result<String, Error> {
    Ok(session.get(FILLER)?.map_or_else(|| "none".to_owned(), |filler| filler.len().to_string()))
}

async fn fail(session: Session) -> Result<StatusCode, Error> {
    session.set(FILLER, "failed")?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn log_out(session: Session) -> Result<(), Error> {
    session.destroy()
}

/// A browser that keeps cookies and counts their bytes.
struct Visitor {
    port: u16,
    cookies: BTreeMap<String, String>,
    set_cookie_bytes: usize,
}

impl Visitor {
    fn new(port: u16) -> Self {
        Self { port, cookies: BTreeMap::new(), set_cookie_bytes: 0 }
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        self.ask("GET", path).await
    }

    async fn post(&mut self, path: &str) -> (u16, String) {
        self.ask("POST", path).await
    }

    async fn ask(&mut self, method: &str, path: &str) -> (u16, String) {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie = if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n{cookie}\r\n"
        );
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        self.set_cookie_bytes = 0;
        for line in head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie: ")) {
            self.set_cookie_bytes += line.len() - "set-cookie: ".len();
            let (name, value) = line["set-cookie: ".len()..].split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.split(';').next().unwrap().to_owned());
            }
        }
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Checks all promises of a session, with a session of this size.
    async fn lives(&mut self, app: &App, size: usize) {
        assert_eq!(self.post(&format!("/login/{size}")).await.0, 200, "login");
        assert_eq!(self.get("/size").await, (200, size.to_string()), "read");
        app.clock.fetch_add(600_000, Ordering::Relaxed);
        assert_eq!(self.get("/size").await, (200, size.to_string()), "renewal");
        assert!(self.set_cookie_bytes > size, "the cookie is sent again");
        assert_eq!(self.post("/fail").await.0, 500, "an error of the app");
        // Larger than any cookie. okibi refuses it.
        assert_eq!(self.post("/login/50000").await.0, 500, "an error of okibi");
        assert_eq!(self.get("/size").await, (200, size.to_string()), "a failed request changes nothing");
        self.logs_out().await;
    }

    async fn logs_out(&mut self) {
        assert_eq!(self.post("/logout").await.0, 200, "logout");
        assert!(self.cookies.is_empty(), "the cookies are removed");
        assert_eq!(self.get("/size").await, (200, "none".to_owned()), "after the logout");
    }
}

/// The directives that the page shows.
fn documented() -> &'static str {
    let page = include_str!("../../../docs/behind-proxies.md");
    page.split_once("```nginx\n").unwrap().1.split_once("```").unwrap().0
}

#[tokio::test]
async fn r30_a_session_within_the_documented_bytes_passes_nginx_with_its_default_buffers() {
    let app = App::start(None).await;
    let nginx = Nginx::start(app.port, "").unwrap();
    let size = app.largest(BY_DEFAULT).await;
    assert!(size > 2000, "{size}: a session of some size");
    Visitor::new(nginx.port()).lives(&app, size).await;
}

#[tokio::test]
async fn r30_the_largest_session_passes_nginx_with_the_documented_buffers() {
    for chunks in 1..=5 {
        let app = App::start(Some(chunks)).await;
        let nginx = Nginx::start(app.port, documented()).unwrap();
        let size = app.largest(MOST).await;
        Visitor::new(nginx.port()).lives(&app, size).await;
    }
}

#[tokio::test]
async fn r30_the_largest_session_can_be_read_and_ended_behind_default_buffers() {
    let app = App::start(Some(5)).await;
    let nginx = Nginx::start(app.port, "").unwrap();
    let size = app.largest(MOST).await;
    let mut visitor = Visitor::new(app.port);
    assert_eq!(visitor.post(&format!("/login/{size}")).await.0, 200);
    visitor.port = nginx.port();
    assert_eq!(visitor.get("/size").await, (200, size.to_string()));
    visitor.logs_out().await;
}

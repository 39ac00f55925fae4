//! Layers of tower-http around the session layer in each order, and a form that another site posts.
//! The examples of `docs/behind-proxies.md` do what the page says, and the page prints the compiled
//! files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "proxies_page/order.rs"]
mod order;
#[path = "proxies_page/payment.rs"]
mod payment;

use std::{convert::Infallible, future::pending, panic::AssertUnwindSafe, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
    routing::get,
};
use futures_util::FutureExt as _;
use okibi::{Error, MemoryStore, Name, Session, SessionLayer, Sessions};
use tower::{Layer, Service, ServiceExt as _};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
};

const VISITS: Name<u32> = Name::new("visits");

async fn read(session: Session) -> Result<String, Error> {
    Ok(format!("visits: {}", session.get(VISITS)?.unwrap_or(0)))
}

async fn add(session: Session) -> Result<String, Error> {
    Ok(session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?.to_string())
}

async fn slow(session: Session) -> Result<String, Error> {
    session.set(VISITS, &100)?;
    pending().await
}

async fn breaks(session: Session) -> Result<String, Error> {
    session.set(VISITS, &100)?;
    panic!("the handler panics, for this test");
}

fn routes() -> Router {
    Router::new()
        .route("/add", get(add))
        .route("/read", get(read))
        .route("/slow", get(slow))
        .route("/breaks", get(breaks))
}

fn layer() -> SessionLayer {
    Sessions::new(MemoryStore::new()).layer().unwrap()
}

/// A visitor that keeps one cookie.
struct Visitor {
    app: Router,
    cookie: String,
}

impl Visitor {
    fn new(app: &Router) -> Self {
        Self { app: app.clone(), cookie: String::new() }
    }

    async fn ask(&mut self, method: Method, path: &str, body: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder().method(method).uri(path).header("cookie", &self.cookie);
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").header("accept-encoding", "gzip");
        let response = self.app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(cookie) = parts.headers.get("set-cookie") {
            cookie.to_str().unwrap().split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn get(&mut self, path: &str) -> (StatusCode, String) {
        let (status, _, text) = self.ask(Method::GET, path, "").await;
        (status, text)
    }
}

/// A request with a timeout or a panic changes nothing, and the session stays.
async fn changes_nothing(app: Router, path: &str, expected: Option<StatusCode>) {
    let mut ann = Visitor::new(&app);
    assert_eq!(ann.get("/add").await, (StatusCode::OK, "1".to_owned()));
    let before = ann.cookie.clone();
    // Without a layer that catches it, the panic ends the connection's task.
    let answer = AssertUnwindSafe(ann.get(path)).catch_unwind().await;
    assert_eq!(answer.ok().map(|(status, _)| status), expected);
    assert_eq!(ann.cookie, before);
    assert_eq!(ann.get("/read").await, (StatusCode::OK, "visits: 1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_changes_nothing_in_either_order() {
    for status in [StatusCode::GATEWAY_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_TIMEOUT] {
        let timeout = TimeoutLayer::with_status_code(status, Duration::from_secs(1));
        changes_nothing(routes().layer(timeout).layer(layer()), "/slow", Some(status)).await;
        changes_nothing(routes().layer(layer()).layer(timeout), "/slow", Some(status)).await;
    }
}

#[tokio::test]
async fn a_panic_changes_nothing_in_either_order() {
    let caught = Some(StatusCode::INTERNAL_SERVER_ERROR);
    changes_nothing(routes().layer(CatchPanicLayer::new()).layer(layer()), "/breaks", caught).await;
    changes_nothing(routes().layer(layer()).layer(CatchPanicLayer::new()), "/breaks", caught).await;
    changes_nothing(routes().layer(layer()), "/breaks", None).await;
}

/// The session layer and another layer in both orders.
fn both_orders<L, S>(other: L) -> [Router; 2]
where
    L: Layer<axum::routing::Route, Service = S> + Clone + Send + Sync + 'static,
    S: Service<Request<Body>, Response: axum::response::IntoResponse, Error: Into<Infallible>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    [routes().layer(other.clone()).layer(layer()), routes().layer(layer()).layer(other)]
}

#[tokio::test]
async fn compression_changes_nothing_of_the_session_in_either_order() {
    let compression = CompressionLayer::new().compress_when(|_: StatusCode, _, _: &_, _: &_| true);
    for app in both_orders(compression) {
        let mut ann = Visitor::new(&app);
        ann.get("/add").await;
        let (_, headers, _) = ann.ask(Method::GET, "/add", "").await;
        assert_eq!(headers["content-encoding"], "gzip");
        let vary: Vec<_> = headers.get_all("vary").iter().map(|value| value.to_str().unwrap().to_lowercase()).collect();
        let mut vary: Vec<_> = vary.iter().flat_map(|value| value.split(", ")).collect();
        vary.sort_unstable();
        assert_eq!(vary, ["accept-encoding", "cookie"]);
    }
}

#[tokio::test]
async fn a_layer_outside_that_overrides_cache_control_has_the_last_word() {
    let public = || {
        SetResponseHeaderLayer::overriding(
            axum::http::header::CACHE_CONTROL,
            axum::http::HeaderValue::from_static("public, max-age=300"),
        )
    };
    let [inside, outside] = both_orders(public());
    let (_, headers, _) = Visitor::new(&inside).ask(Method::GET, "/add", "").await;
    assert!(!headers["cache-control"].to_str().unwrap().contains("public"));
    let (_, headers, _) = Visitor::new(&outside).ask(Method::GET, "/add", "").await;
    assert_eq!(headers["cache-control"], "public, max-age=300");
}

#[tokio::test]
async fn the_app_with_the_right_order_answers() {
    let mut ann = Visitor::new(&order::app().unwrap());
    assert_eq!(ann.get("/").await, (StatusCode::OK, "1".to_owned()));
    assert_eq!(ann.get("/").await, (StatusCode::OK, "2".to_owned()));
}

#[tokio::test]
async fn r32_a_form_that_another_site_posts_replaces_no_session() {
    let app = payment::app().unwrap();
    let (mut ann, mut without_cookie) = (Visitor::new(&app), Visitor::new(&app));
    assert_eq!(ann.ask(Method::POST, "/pay", "").await.0, StatusCode::SEE_OTHER);
    let before = ann.cookie.clone();
    // A browser sends no cookie with SameSite=Lax with a form that another site posts.
    let (status, headers, _) = without_cookie.ask(Method::POST, "/paid", "payment=7").await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/receipt?payment=7"));
    assert_eq!((headers.get("set-cookie"), headers.get("vary")), (None, None));
    assert_eq!(ann.get("/receipt?payment=7").await, (StatusCode::OK, "order 1, payment 7".to_owned()));
    assert_eq!(ann.cookie, before);
    assert_eq!(without_cookie.get("/receipt?payment=7").await.0, StatusCode::UNAUTHORIZED);
}

#[test]
fn the_page_shows_the_examples_as_they_are() {
    let page = include_str!("../../../docs/behind-proxies.md");
    let examples = [include_str!("proxies_page/order.rs"), include_str!("proxies_page/payment.rs")];
    for example in examples {
        let (_, code) = example.split_once("\n\n").unwrap();
        assert!(page.contains(&format!("```rust\n{code}```\n")));
    }
    assert_eq!(page.matches("```rust\n").count(), examples.len());
}

//! An app with its layers in the right order.

use std::time::Duration;

use axum::{Router, http::StatusCode, routing::get};
use okibi::{Error, MemoryStore, Name, Session, Sessions};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer};

const VISITS: Name<u32> = Name::new("visits");

pub(crate) fn app() -> Result<Router, okibi::ConfigError> {
    Ok(Router::new()
        .route("/", get(visit))
        // Inside the session layer: layers that replace the app's response.
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(10)))
        .layer(Sessions::new(MemoryStore::new()).layer()?)
        // Outside: layers that only change bytes. The layer that is added last is the outermost.
        .layer(CompressionLayer::new()))
}

async fn visit(session: Session) -> Result<String, Error> {
    Ok(session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?.to_string())
}

//! The app with okibi, whatever stores its sessions.

use axum::{Router, routing::get};
use okibi::{Error, Name, Session, SessionLayer};

use crate::page::{Page, TEXT, USER};

const VISITS: Name<u32> = Name::new("visits");
const EMAIL: Name<String> = Name::new("user");

/// The pages of the bench.
pub fn app(layer: SessionLayer) -> Router {
    Router::new()
        .route(Page::Login.path(), get(login))
        .route(Page::Untouched.path(), get(|| async { TEXT }))
        .route(Page::Read.path(), get(read))
        .route(Page::Write.path(), get(write))
        .route(Page::Visits.path(), get(visits))
        .layer(layer)
}

async fn login(session: Session) -> Result<&'static str, Error> {
    session.set(EMAIL, &USER.to_owned())?;
    session.set(VISITS, &1)?;
    Ok(TEXT)
}

async fn read(session: Session) -> Result<&'static str, Error> {
    std::hint::black_box(session.get(VISITS)?);
    Ok(TEXT)
}

async fn write(session: Session) -> Result<&'static str, Error> {
    session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
    Ok(TEXT)
}

async fn visits(session: Session) -> Result<String, Error> {
    Ok(session.get(VISITS)?.unwrap_or(0).to_string())
}

/// The same pages for sessions that also hold a string of this many bytes. The page that writes
/// replaces it by another one of the same size.
pub fn app_with_data(layer: SessionLayer, bytes: usize) -> Router {
    const DATA: Name<String> = Name::new("data");
    let fill = move |session: Session, letter: &'static str| async move {
        session.set(DATA, &letter.repeat(bytes))?;
        Ok::<_, Error>(TEXT)
    };
    let read = |session: Session| async move {
        std::hint::black_box(session.get(DATA)?);
        Ok::<_, Error>(TEXT)
    };
    let write = move |session: Session| async move {
        let is_a = session.get(DATA)?.is_some_and(|data| data.starts_with('a'));
        fill(session, if is_a { "b" } else { "a" }).await
    };
    Router::new()
        .route(Page::Login.path(), get(move |session| fill(session, "a")))
        .route(Page::Read.path(), get(read))
        .route(Page::Write.path(), get(write))
        .layer(layer)
}

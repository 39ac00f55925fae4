//! The pages. Each handler collects the data of its page.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use okibi::{Error, Session};

use crate::{
    engine::Engine,
    session::{ERROR, FAILED_LOGINS, MESSAGE, USER, VISITS},
    site::{Listed, Page, Site},
};

/// Counts the visit and shows the session. It commits first, so that the page can show the result.
pub(crate) async fn home(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    session: Session,
) -> Result<Response, Error> {
    let loaded = session.is_live();
    session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
    let message = session.get(MESSAGE)?;
    let error = session.get(ERROR)?;
    session.commit().await?;

    let user = session.get(USER)?;
    let sessions = match user {
        Some(_) if site.lists_sessions() => Some(Listed::from(session.list().await?)),
        _ => None,
    };
    let page = Page {
        visits: session.get(VISITS)?,
        failed_login_attempts: session.get(FAILED_LOGINS)?.unwrap_or(0),
        engine: Some(Engine::of(&session, &headers, loaded)),
        user,
        message,
        error,
        sessions,
        ..site.page("/", &headers)
    };
    Ok(site.render("home.html", &page))
}

/// The page behind the guard. It only reads, so its commit writes nothing unless a touch is due.
pub(crate) async fn members(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    session: Session,
) -> Result<Response, Error> {
    let loaded = session.is_live();
    session.commit().await?;
    let page = Page {
        user: session.get(USER)?,
        engine: Some(Engine::of(&session, &headers, loaded)),
        ..site.page("/members", &headers)
    };
    Ok(site.render("members.html", &page))
}

/// A page without a session.
pub(crate) async fn about(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    site.render("about.html", &site.page("/about", &headers))
}

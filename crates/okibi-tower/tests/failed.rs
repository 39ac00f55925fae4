//! Which requests have failed, and which of their changes are kept: only a destroy.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{panic::AssertUnwindSafe, time::Duration};

use crate::support::{Browser, COUNT, NOTE, World, secrets};
use axum::{Router, body::Body, extract::Request, routing::get};
use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use okibi_tower::{Error, Session, Sessions};
use tower_http::timeout::TimeoutLayer;

async fn count(browser: &Browser) -> u32 {
    browser
        .act(|session| async move { Ok(session.get(COUNT)?.unwrap_or(0).to_string()) })
        .await
        .ok()
        .body
        .parse()
        .unwrap()
}

async fn answers(browser: &Browser, status: StatusCode) {
    let request = browser.act(move |session| async move {
        session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
        Ok(status)
    });
    assert_eq!(request.await.status, status);
}

#[tokio::test]
async fn n54_5xx_408_and_499_have_failed_and_nothing_else() {
    let world = World::new();
    let browser = world.browser();
    let mut expected = 0;
    for code in [200, 201, 303, 400, 404, 407, 408, 409, 429, 498, 499, 500, 503, 504, 599] {
        expected += u32::from(![408, 499].contains(&code) && code < 500);
        answers(&browser, StatusCode::from_u16(code).unwrap()).await;
        assert_eq!(count(&browser).await, expected, "{code}");
    }
}

#[tokio::test]
async fn n54_the_app_decides_which_requests_have_failed() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.failed_when(|status| status.is_client_error()));
    answers(&browser, StatusCode::NOT_FOUND).await;
    assert_eq!(count(&browser).await, 0);
    answers(&browser, StatusCode::INTERNAL_SERVER_ERROR).await;
    assert_eq!(count(&browser).await, 1);
}

/// Changes the session, and never responds in time.
async fn slow(session: Session) -> Result<(), Error> {
    session.set(NOTE, "half")?;
    session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn n54_the_changes_of_a_handler_that_a_timeout_cancelled_are_dropped() {
    for status in [StatusCode::REQUEST_TIMEOUT, StatusCode::GATEWAY_TIMEOUT] {
        for is_inside in [true, false] {
            let world = World::new();
            let timeout = TimeoutLayer::with_status_code(status, Duration::from_secs(1));
            let sessions = world.sessions().layer().unwrap();
            let routes: Router = crate::support::browser::routes().route("/slow", get(slow));
            let app =
                if is_inside { routes.layer(timeout).layer(sessions) } else { routes.layer(sessions).layer(timeout) };
            let browser = Browser::new(app);
            answers(&browser, StatusCode::OK).await;
            let answer = browser.get("/slow").await;
            assert_eq!((answer.status, answer.cookies().len()), (status, 0));
            let request = browser.act(|session| async move {
                assert_eq!((session.get(COUNT)?, session.get(NOTE)?), (Some(1), None));
                Ok(())
            });
            request.await.ok();
        }
    }
}

#[tokio::test]
async fn n58_head_consumes_nothing() {
    let world = World::new();
    for sessions in [world.sessions(), Sessions::sealed(secrets("a"))] {
        let show = async |session: Session| session.get(NOTE).map(Option::unwrap_or_default);
        let app = crate::support::browser::routes().route("/show", get(show)).layer(sessions.layer().unwrap());
        let browser = Browser::new(app);
        browser.act(|session| async move { session.flash(NOTE, "hello") }).await.ok();
        for _ in 0..2 {
            let head = Request::builder().method(Method::HEAD).uri("/show").body(Body::empty()).unwrap();
            let answer = browser.send(head).await.ok();
            assert_eq!((answer.headers["content-length"].to_str().unwrap(), answer.cookies().len()), ("5", 0));
        }
        assert_eq!(
            (browser.get("/show").await.ok().body.as_str(), browser.get("/show").await.ok().body.as_str()),
            ("hello", "")
        );
    }
}

#[test]
fn n54_two_options_that_define_failed_requests_are_refused() {
    let sessions = World::new().sessions().failed_when(|status| status.is_client_error()).commit_failed_requests(true);
    let error = sessions.layer().unwrap_err().to_string();
    assert!(error.contains("failed_when: with `commit_failed_requests`"), "{error}");
}

/// Nothing is written, whatever the handler did before, and the next request works.
#[tokio::test]
async fn n54_a_failed_when_that_panics_is_a_handler_that_panics() {
    let actions = ["update", "rotate", "destroy", "commit and update"];
    for action in actions {
        let mut both = Vec::new();
        for is_handlers in [true, false] {
            let world = World::new();
            let browser = world.browser_with(|sessions| {
                sessions.failed_when(|status| {
                    assert!(status != StatusCode::IM_A_TEAPOT, "no tea");
                    status.is_server_error()
                })
            });
            answers(&browser, StatusCode::OK).await;
            world.store.reset();
            let act = browser.act(move |session| async move {
                session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
                match action {
                    "rotate" => session.rotate()?,
                    "destroy" => session.destroy()?,
                    "commit and update" => {
                        session.commit().await?;
                        session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
                    }
                    _ => {}
                }
                assert!(!is_handlers, "the handler");
                Ok(StatusCode::IM_A_TEAPOT)
            });
            AssertUnwindSafe(act).catch_unwind().await.unwrap_err();
            let writes = world.store.counts();
            let left = count(&browser).await;
            answers(&browser, StatusCode::OK).await;
            both.push((writes, left, count(&browser).await));
        }
        let expected = if action == "commit and update" { ((1, 1, 0), 2, 3) } else { ((1, 0, 0), 1, 2) };
        assert_eq!(both, [expected; 2], "{action}");
    }
}

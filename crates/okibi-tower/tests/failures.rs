//! Failures of the store, the commit, the request, and the source of random bytes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    convert::Infallible,
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use crate::support::{Answer, Browser, COUNT, Fault, NOTE, USER, World, scenarios::Pause, secrets};
use axum::{body::Body, response::IntoResponse};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use okibi_tower::{Error, ErrorKind, Session, Sessions};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

/// Signed in as ada, with a count of 1.
async fn visitor(world: &World) -> Browser {
    let browser = world.browser();
    let login = browser.act(|session| async move {
        session.set(USER, &"ada".to_owned())?;
        session.set(COUNT, &1)
    });
    login.await.ok();
    browser
}

async fn count(browser: &Browser) -> String {
    let count = browser.act(|session| async move { Ok(format!("{:?}", session.get(COUNT)?)) });
    count.await.ok().body
}

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body, "session store unavailable, please try again");
    assert!(answer.cookies().is_empty());
    assert_eq!(answer.all(&header::CACHE_CONTROL), ["no-store"]);
}

#[tokio::test]
async fn n6_a_store_that_is_down_logs_no_visitor_out() {
    let world = World::new();
    let browser = visitor(&world).await;
    let before = browser.jar();
    world.store.fails(Fault::Down);
    assert_unavailable(&browser.act(|session| async move { session.get(USER).map(drop) }).await);
    assert_eq!(browser.get("/bare").await.ok().body, "bare");
    world.store.fails(None);
    assert_eq!(browser.jar(), before);
    assert_eq!(count(&browser).await, "Some(1)");
}

#[tokio::test]
async fn n7_n42_a_failed_commit_sends_nothing_of_the_apps_response() {
    let world = World::new();
    let browser = visitor(&world).await;
    let before = browser.jar();
    world.store.fails(Fault::ReadOnly);
    let answer = browser.act(|session| async move {
        session.rotate()?;
        session.set(NOTE, &"saved".to_owned())?;
        let headers = [
            (header::LOCATION, "/welcome"),
            (header::SET_COOKIE, "theme=dark"),
            (header::CACHE_CONTROL, "public, max-age=600"),
            (header::ETAG, "\"secret\""),
        ];
        Ok((StatusCode::SEE_OTHER, headers, "the success page"))
    });
    let answer = answer.await;
    assert_unavailable(&answer);
    let mut names: Vec<_> = answer.headers.keys().map(header::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["cache-control", "content-length", "content-type", "vary"]);
    world.store.fails(None);
    assert_eq!(browser.jar(), before);
    assert_eq!(count(&browser).await, "Some(1)");
}

#[tokio::test]
async fn s21_a_first_visit_gets_no_cookie_from_a_commit_that_failed() {
    let world = World::new();
    world.store.fails(Fault::ReadOnly);
    let browser = world.browser();
    assert_unavailable(&browser.act(|session| async move { session.set(COUNT, &1) }).await);
    assert!(browser.jar().is_empty());
    assert_eq!(world.memory.len(), 0);
}

#[tokio::test]
async fn a_failed_request_rolls_back() {
    let world = World::new();
    let browser = visitor(&world).await;
    world.store.reset();
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE] {
        let answer = browser.act(move |session| async move {
            session.set(COUNT, &2)?;
            session.rotate()?;
            Ok(status)
        });
        assert!(answer.await.cookies().is_empty());
    }
    assert_eq!(world.store.counts(), (2, 0, 0));
    assert_eq!(count(&browser).await, "Some(1)");
    for status in [StatusCode::NOT_FOUND, StatusCode::SEE_OTHER, StatusCode::IM_A_TEAPOT] {
        let answer = browser.act(move |session| async move {
            session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
            Ok(status)
        });
        assert_eq!(answer.await.status, status);
    }
    assert_eq!(count(&browser).await, "Some(4)");
}

#[tokio::test]
async fn an_app_can_commit_failed_requests() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.commit_failed_requests(true));
    let answer = browser.act(|session| async move {
        session.set(COUNT, &2)?;
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    });
    assert_eq!(answer.await.cookies().len(), 1);
    assert_eq!(count(&browser).await, "Some(2)");
}

#[tokio::test]
async fn a_failed_request_still_destroys() {
    let world = World::new();
    let browser = visitor(&world).await;
    let stolen = browser.copy();
    let answer = browser.act(|session| async move {
        session.destroy()?;
        session.set(COUNT, &9)?;
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    });
    let answer = answer.await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.cookies().len(), 1);
    assert!(browser.jar().is_empty());
    assert_eq!(count(&stolen).await, "None");
    assert_eq!(world.memory.len(), 1, "only the marker of the ended session");
}

#[tokio::test]
async fn an_early_commit_stays_and_its_cookie_is_sent_with_the_failure() {
    let world = World::new();
    let browser = world.browser();
    let answer = browser.act(|session| async move {
        session.set(COUNT, &5)?;
        session.commit().await?;
        session.set(COUNT, &6)?;
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    });
    assert_eq!(answer.await.cookies().len(), 1);
    assert_eq!(count(&browser).await, "Some(5)");
}

/// An inner service that returns an error, and its changes of the session.
async fn erring(
    world: &World,
    browser: &Browser,
    handler: fn(&Session) -> Result<(), Error>,
) -> Result<Response<Bytes>, String> {
    let inner = service_fn(move |request: Request<Body>| async move {
        let session: Session = Session::of(request.extensions()).await.map_err(|error| error.to_string())?;
        handler(&session).map_err(|error| error.to_string())?;
        Err("the app's own error".to_owned())
    });
    let cookie = format!("__Host-session={}", browser.cookie());
    let request = Request::get("/").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    world.sessions().layer().unwrap().layer(inner).oneshot(request).await
}

#[tokio::test]
async fn a_service_error_is_returned_unchanged_and_rolls_back_all_but_a_destroy() {
    let world = World::new();
    let browser = visitor(&world).await;
    let error = erring(&world, &browser, |session| session.set(COUNT, &2)).await.unwrap_err();
    assert_eq!(error, "the app's own error");
    assert_eq!(count(&browser).await, "Some(1)");
    let error = erring(&world, &browser, Session::destroy).await.unwrap_err();
    assert_eq!(error, "the app's own error");
    assert_eq!(count(&browser).await, "None");
    assert_eq!(world.memory.len(), 1, "only the marker of the ended session");
}

#[tokio::test]
async fn a_dropped_request_changes_nothing() {
    let world = World::new();
    let browser = visitor(&world).await;
    world.store.reset();
    let pause = Pause::new();
    let dropped = tokio::spawn({
        let (browser, pause) = (browser.clone(), pause.clone());
        async move {
            let request = browser.act(|session| async move {
                session.set(COUNT, &2)?;
                session.destroy()?;
                pause.wait().await;
                Ok(())
            });
            request.await
        }
    });
    pause.reached().await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    assert_eq!(world.store.counts(), (1, 0, 0));
    assert_eq!(count(&browser).await, "Some(1)");
}

#[tokio::test]
async fn a_dropped_commit_leaves_the_old_or_the_new_state_and_no_cookie() {
    let world = World::new();
    let browser = visitor(&world).await;
    let layer = world.sessions().layer().unwrap();
    let inner = service_fn(|request: Request<Body>| async move {
        let session: Session = Session::of(request.extensions()).await.unwrap();
        session.update(COUNT, |count| count.unwrap_or(0) + 1).unwrap();
        Ok::<_, Infallible>(Response::new(Bytes::new()))
    });
    world.store.fails(Fault::Stalled);
    let cookie = format!("__Host-session={}", browser.cookie());
    let request = Request::get("/").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    {
        let mut service = layer.layer(inner);
        let mut answer = pin!(service.ready().await.unwrap().call(request));
        let polled = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_pending())).await;
        assert!(polled, "the store never answers");
    }
    world.store.fails(None);
    assert_eq!(count(&browser).await, "Some(1)");
}

#[tokio::test(start_paused = true)]
async fn s23_a_stalled_store_is_503_within_the_deadline() {
    let world = World::new();
    let browser = visitor(&world).await;
    world.store.fails(Fault::Stalled);
    let start = tokio::time::Instant::now();
    assert_unavailable(&browser.act(|session| async move { session.get(COUNT).map(drop) }).await);
    assert_eq!(start.elapsed().as_secs(), 2, "one load of 2 s");

    let stalling = browser.clone();
    let pause = Pause::new();
    world.store.fails(None);
    let under_way = tokio::spawn({
        let pause = pause.clone();
        async move {
            let request = stalling.act(|session| async move {
                session.set(COUNT, &2)?;
                pause.wait().await;
                Ok(())
            });
            request.await
        }
    });
    pause.reached().await;
    world.store.fails(Fault::Stalled);
    let start = tokio::time::Instant::now();
    pause.go();
    assert_unavailable(&under_way.await.unwrap());
    assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());
    world.store.fails(None);
    assert_eq!(count(&browser).await, "Some(1)");
}

#[tokio::test(start_paused = true)]
async fn s23_a_load_that_takes_thirty_seconds_fails_at_the_store_timeout() {
    let world = World::new();
    let browser = visitor(&world).await;
    let mended = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        world.store.fails(None);
    };
    world.store.fails(Fault::Stalled);
    let start = tokio::time::Instant::now();
    let asking = browser.act(|session| async move { session.get(COUNT).map(drop) });
    tokio::select! {
        answer = asking => assert_unavailable(&answer),
        () = mended => panic!("it waited for 30 seconds"),
    }
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test]
async fn s23_endless_conflicts_stop_at_the_commit_deadline() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.commit_deadline(Duration::from_millis(300)));
    browser.act(|session| async move { session.set(COUNT, &0) }).await.ok();
    let rival = browser.copy();
    let start = std::time::Instant::now();
    let answer = browser.act(move |session| async move {
        session.update(COUNT, move |count| {
            // Each run, another request changes the session first.
            let rival = rival.clone();
            let overtake = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                let handler =
                    |session: Session| async move { session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop) };
                runtime.block_on(rival.act(handler)).ok();
            };
            std::thread::spawn(overtake).join().unwrap();
            count.unwrap_or(0) + 1
        })?;
        Ok(())
    });
    assert_unavailable(&answer.await);
    assert!((Duration::from_millis(300)..Duration::from_mins(1)).contains(&start.elapsed()));
}

#[tokio::test]
async fn n39_a_write_with_an_unknown_outcome_is_never_repeated() {
    let world = World::new();
    let browser = visitor(&world).await;
    let store = std::sync::Arc::clone(&world.store);
    let answer = browser.act(move |session| async move {
        session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
        store.fails(Fault::RepliesLost);
        let error = session.commit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnknown);
        // The store works again and the handler ignores the error, but the visitor gets the error.
        store.fails(None);
        Ok("saved")
    });
    assert_unavailable(&answer.await);
    let count = count(&browser).await;
    assert!(count == "Some(1)" || count == "Some(2)", "{count}");
}

#[tokio::test]
async fn n39_a_cancelled_commit_is_never_repeated() {
    let world = World::new();
    let browser = visitor(&world).await;
    let store = std::sync::Arc::clone(&world.store);
    let answer = browser.act(move |session| async move {
        session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
        store.fails(Fault::Stalled);
        {
            let mut commit = pin!(session.commit());
            let pending = poll_fn(|context| Poll::Ready(commit.as_mut().poll(context).is_pending())).await;
            assert!(pending);
        }
        store.fails(None);
        Ok("saved")
    });
    assert_unavailable(&answer.await);
}

#[tokio::test]
async fn a_commit_that_could_not_reach_the_store_can_be_repeated() {
    let world = World::new();
    let browser = visitor(&world).await;
    let store = std::sync::Arc::clone(&world.store);
    let answer = browser.act(move |session| async move {
        session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
        store.fails(Fault::ReadOnly);
        assert_eq!(session.commit().await.unwrap_err().kind(), ErrorKind::StoreUnavailable);
        store.fails(None);
        Ok(())
    });
    answer.await.ok();
    assert_eq!(count(&browser).await, "Some(2)");
}

#[tokio::test]
async fn s1_without_entropy_there_is_an_error_and_no_weak_id() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.random(|_| Err("no entropy".into())));
    let answer = browser.act(|session| async move { session.set(COUNT, &1) }).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.body, "session error");
    assert!(answer.cookies().is_empty());
    assert_eq!(world.memory.len(), 0);
}

#[tokio::test]
async fn on_error_makes_every_error_response() {
    let world = World::new();
    let configure = |sessions: Sessions| {
        sessions.on_error(|error| {
            let mut response = Response::new(Bytes::from(format!("sorry: {}", error.kind().code())));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        })
    };
    let browser = world.browser_with(configure);
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    world.store.fails(Fault::ReadOnly);
    let at_commit = browser.act(|session| async move { session.set(COUNT, &2) }).await;
    world.store.fails(Fault::Down);
    let at_load = browser.act(|session| async move { session.set(COUNT, &2) }).await;
    for answer in [at_commit, at_load] {
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::IM_A_TEAPOT, "sorry: store_unavailable"));
    }
    world.store.fails(None);
    let mismatch =
        browser.act(|session| async move { session.get(okibi_tower::Name::<String>::new("count")).map(drop) });
    assert_eq!(mismatch.await.body, "sorry: mismatch");
}

#[tokio::test]
async fn an_error_is_a_response_by_itself() {
    let error = Session::<()>::of(&http::Extensions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMiddleware);
    assert_eq!(error.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn s9_n16_a_sealed_session_that_is_too_large_is_an_error_before_anything_is_sent() {
    let world = World::new();
    let now = world.clock.clone();
    let sessions = Sessions::sealed(secrets("a")).clock(move || now.now().into());
    let browser = Browser::new(crate::support::browser::app(sessions));
    let answer = browser.act(|session| async move { session.set(NOTE, &"x".repeat(4096)) }).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.cookies().is_empty());
    let kind = browser.act(|session| async move {
        session.set(NOTE, &"x".repeat(4096))?;
        let error = session.commit().await.unwrap_err();
        session.clear()?;
        Ok(error.kind().code())
    });
    assert_eq!(kind.await.ok().body, "too_large");
}

#[tokio::test]
async fn a_panic_when_an_update_runs_again_is_a_failed_commit() {
    let world = World::new();
    let browser = visitor(&world).await;
    let rival = browser.copy();
    let answer = browser.act(move |session| async move {
        session.update(COUNT, |count| {
            assert_eq!(count, Some(1), "the canary of a panic");
            2
        })?;
        rival.act(|session| async move { session.set(COUNT, &7) }).await.ok();
        Ok(())
    });
    let answer = answer.await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "session error"));
    assert_eq!(count(&browser).await, "Some(7)");
}

#[tokio::test]
async fn n39_an_outcome_that_was_unknown_is_never_reported_as_not_written() {
    let world = World::new();
    let ada = visitor(&world).await;
    let kind = |error: &Error| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Response::builder().status(status).body(error.kind().code().into()).unwrap()
    };
    let ada = ada.visiting(crate::support::browser::app(world.sessions().on_error(kind)));
    let store = std::sync::Arc::clone(&world.store);
    let logout = ada.act(move |session| async move {
        session.destroy()?;
        store.fails(Fault::RepliesLost);
        let lost = session.commit().await.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::StoreUnknown);
        // The logout is tried again at the end, and that fails before anything is sent.
        store.fails(Fault::Down);
        Err::<(), _>(lost)
    });
    let logout = logout.await;
    assert_eq!(logout.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(logout.body, "store_unknown");
}

//! Without axum: any tower service, any body that can be made from bytes, any error.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{fmt, time::Duration};

use crate::support::{COUNT, Fault, USER, World};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use okibi_store::MemoryStore;
use okibi_tower::{Error, Session, Sessions, guard};
use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};

/// An error of the app, which no layer may change.
#[derive(Debug, PartialEq)]
enum AppError {
    Session,
    Other(u32),
}

impl From<Error> for AppError {
    fn from(_: Error) -> Self {
        Self::Session
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

async fn count(request: Request<()>) -> Result<Response<Full<Bytes>>, AppError> {
    let session: Session = Session::of(request.extensions()).await?;
    if request.uri().path() == "/err" {
        session.set(COUNT, &100)?;
        return Err(AppError::Other(7));
    }
    let count = session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
    Ok(Response::new(Full::from(count.to_string())))
}

fn get(path: &str, cookie: Option<&HeaderValue>) -> Request<()> {
    let mut request = Request::get(path).body(()).unwrap();
    request.headers_mut().extend(cookie.map(|cookie| (header::COOKIE, cookie.clone())));
    request
}

async fn text(response: Response<Full<Bytes>>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn cookie(response: &Response<Full<Bytes>>) -> HeaderValue {
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    HeaderValue::from_str(cookie.split(';').next().unwrap()).unwrap()
}

#[tokio::test]
async fn any_service_can_have_a_session_and_keeps_its_own_error() {
    let world = World::new();
    let mut service = ServiceBuilder::new().layer(world.sessions().layer().unwrap()).service(service_fn(count));
    let first = service.ready().await.unwrap().call(get("/", None)).await.unwrap();
    let cookie = cookie(&first);
    assert_eq!(text(first).await, "1");
    let error = service.ready().await.unwrap().call(get("/err", Some(&cookie))).await.unwrap_err();
    assert_eq!(error, AppError::Other(7));
    let second = service.ready().await.unwrap().call(get("/", Some(&cookie))).await.unwrap();
    assert_eq!(text(second).await, "2");
    world.store.fails(Fault::ReadOnly);
    let failed = service.ready().await.unwrap().call(get("/", Some(&cookie))).await.unwrap();
    assert_eq!(failed.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(failed).await, "session store unavailable, please try again");
    world.store.fails(Fault::Down);
    let error = service.ready().await.unwrap().call(get("/", Some(&cookie))).await.unwrap_err();
    assert_eq!(error, AppError::Session);
}

#[tokio::test]
async fn any_service_can_have_a_guard() {
    let world = World::new();
    let page =
        service_fn(|_: Request<()>| async { Ok::<_, AppError>(Response::new(Full::<Bytes>::from("the secret page"))) });
    let service = ServiceBuilder::new()
        .layer(world.sessions().layer().unwrap())
        .layer(guard(USER).redirect("/login"))
        .service(page);
    let answer = service.oneshot(get("/", None)).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/login".parse().unwrap())
    );
}

/// For every kind of response, the cookie is sent once, and the app's own headers stay.
#[tokio::test]
async fn n17_raw_redirect_and_error_responses_keep_all_cookies() {
    for status in [200, 204, 301, 303, 304, 400, 401, 404, 451] {
        let inner = service_fn(move |request: Request<()>| async move {
            let session: Session = Session::of(request.extensions()).await?;
            session.set(COUNT, &1)?;
            let raw = Response::builder().status(status).header("x-app", "kept").header("set-cookie", "theme=dark");
            Ok::<_, AppError>(raw.body(Full::<Bytes>::default()).unwrap())
        });
        let layer = Sessions::new(MemoryStore::new()).layer().unwrap();
        let answer = ServiceBuilder::new().layer(layer).service(inner).oneshot(get("/", None)).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-app"]), (status, &HeaderValue::from_static("kept")));
        let cookies: Vec<_> =
            answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(cookies.len(), 2, "{cookies:?}");
        assert_eq!(cookies[0], "theme=dark");
        assert!(cookies[1].starts_with("__Host-session="));
    }
}

/// The timer is an option: this runs without a runtime.
#[test]
fn s23_the_timer_of_another_runtime_can_be_set() {
    let world = World::new();
    let sessions = world.sessions().store_timeout(Duration::from_millis(20)).timer(|span| {
        let (done, wait) = futures_util::future::abortable(std::future::pending::<()>());
        std::thread::spawn(move || {
            std::thread::sleep(span);
            wait.abort();
        });
        Box::pin(async move {
            let _aborted = done.await;
        })
    });
    let service = ServiceBuilder::new().layer(sessions.layer().unwrap()).service(service_fn(count));
    world.store.fails(Fault::Stalled);
    let cookie = HeaderValue::from_str(&format!("__Host-session={}", "A".repeat(43))).unwrap();
    let answer = futures_executor(service.oneshot(get("/", Some(&cookie))));
    assert_eq!(answer.unwrap_err(), AppError::Session);
}

/// Runs a future on this thread.
fn futures_executor<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(done) => return done,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

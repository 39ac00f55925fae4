//! A browser with cookies, and the app that it visits: one endpoint that runs the test's handler.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, header};
use okibi_tower::{Error, Session, Sessions};
use tower::ServiceExt as _;

type TestHandler = Box<dyn FnOnce(Session) -> BoxFuture<'static, Result<Response, Error>> + Send>;

/// The handler of a request, in its extensions.
#[derive(Clone)]
struct HandlerSlot(Arc<Mutex<Option<TestHandler>>>);

/// `/act` loads the session and runs the handler of the request. `/bare` never loads it.
pub fn app(sessions: Sessions) -> Router {
    routes().layer(sessions.layer().unwrap())
}

pub fn routes() -> Router {
    Router::new().route("/act", any(act)).route("/bare", any(|| async { "bare" }))
}

async fn act(session: Session, request: Request) -> Result<Response, Error> {
    let slot: &HandlerSlot = request.extensions().get().unwrap();
    let handler = slot.0.lock().unwrap().take().unwrap();
    handler(session).await
}

/// A browser with a cookie jar. Clones share the jar.
#[derive(Clone)]
pub struct Browser {
    app: Router,
    jar: Arc<Mutex<BTreeMap<String, String>>>,
}

/// A response with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The Set-Cookie headers.
    pub fn cookies(&self) -> Vec<String> {
        self.all(&header::SET_COOKIE)
    }

    pub fn all(&self, name: &header::HeaderName) -> Vec<String> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// Asserts that the response is a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self
    }
}

impl Browser {
    pub fn new(app: Router) -> Self {
        Self { app, jar: Arc::default() }
    }

    /// Another browser without cookies, for the same app.
    pub fn another(&self) -> Self {
        Self::new(self.app.clone())
    }

    /// Another browser with a copy of the current jar: a device with a stolen cookie, or an earlier
    /// request.
    pub fn copy(&self) -> Self {
        Self { app: self.app.clone(), jar: Arc::new(Mutex::new(self.jar.lock().unwrap().clone())) }
    }

    /// The same cookies, for another app.
    pub fn visiting(&self, app: Router) -> Self {
        Self { app, jar: Arc::clone(&self.jar) }
    }

    pub fn jar(&self) -> BTreeMap<String, String> {
        self.jar.lock().unwrap().clone()
    }

    pub fn put(&self, name: &str, value: &str) {
        self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// Removes a cookie.
    pub fn drop_cookie(&self, name: &str) {
        self.jar.lock().unwrap().remove(name);
    }

    /// The value of the only cookie.
    pub fn cookie(&self) -> String {
        let jar = self.jar();
        assert_eq!(jar.len(), 1, "{jar:?}");
        jar.into_values().next().unwrap()
    }

    /// Sends a request with this function as its handler.
    pub async fn act<F, Done, R>(&self, handler: F) -> Answer
    where
        F: FnOnce(Session) -> Done + Send + 'static,
        Done: Future<Output = Result<R, Error>> + Send + 'static,
        R: IntoResponse,
    {
        let handler: TestHandler =
            Box::new(|session| Box::pin(async move { handler(session).await.map(IntoResponse::into_response) }));
        let mut request = Request::get("/act").body(Body::empty()).unwrap();
        request.extensions_mut().insert(HandlerSlot(Arc::new(Mutex::new(Some(handler)))));
        self.send(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a request with the cookies of the jar, and stores the cookies of the response.
    pub async fn send(&self, mut request: Request) -> Answer {
        let cookies: Vec<String> = self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().append(header::COOKIE, cookies.join("; ").try_into().unwrap());
        }
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let answer =
            Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() };
        self.keep(&answer);
        answer
    }

    fn keep(&self, answer: &Answer) {
        let mut jar = self.jar.lock().unwrap();
        for cookie in answer.cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((&cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0;") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

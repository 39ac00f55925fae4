//! Requests pages of an app, in the same way for every framework.

use std::{future::Future, rc::Rc};

use actix_web::{
    dev::{Service, ServiceResponse},
    http::header::{COOKIE, SET_COOKIE},
    test::TestRequest,
};
use axum::{Router, body::Body, http};
use tower::ServiceExt as _;

use okibi_bench_kit::site::shared_bytes;

use crate::page::Page;

/// The runtime of all apps: one thread.
pub struct Machine {
    runtime: tokio::runtime::Runtime,
}

impl Machine {
    /// A runtime on this thread.
    ///
    /// # Errors
    /// The operating system provides no event queue.
    pub fn new() -> std::io::Result<Rc<Self>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Rc::new(Self { runtime }))
    }

    /// Runs a future to its end.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

/// An app and a visitor with a session in it.
pub trait Contestant {
    /// Its name in the report.
    fn name(&self) -> &'static str;

    /// Prepares this many requests of the visitor. The returned function sends them all.
    fn prepare<'a>(&'a self, page: Page, requests: usize) -> Box<dyn FnOnce() + 'a>;

    /// Sends one request with these cookies. Returns the number of cookies that it sets, and the
    /// visitor's cookies afterwards.
    fn visit(&self, page: Page, cookies: &str) -> (usize, String);
}

/// An app that answers requests.
pub(crate) trait Site {
    type Request;
    type Response;

    fn request(&self, page: Page, cookies: &str) -> Self::Request;
    async fn answer(&self, request: Self::Request) -> Self::Response;
    /// The status and the Set-Cookie headers.
    fn look(&self, response: &Self::Response) -> (u16, Vec<String>);
}

/// An app on axum.
pub(crate) struct AxumSite(Router);

impl AxumSite {
    /// The app with its state, as `axum::serve` makes it: else axum makes its routes anew for each request.
    pub(crate) fn new(app: Router) -> Self {
        Self(app.with_state(()))
    }
}

impl Site for AxumSite {
    type Request = http::Request<Body>;
    type Response = http::Response<Body>;

    fn request(&self, page: Page, cookies: &str) -> Self::Request {
        let mut request = http::Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static(page.path());
        if !cookies.is_empty() {
            request.headers_mut().insert(http::header::COOKIE, shared_bytes(cookies));
        }
        request
    }

    async fn answer(&self, request: Self::Request) -> Self::Response {
        match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    fn look(&self, response: &Self::Response) -> (u16, Vec<String>) {
        let cookies = response.headers().get_all(http::header::SET_COOKIE);
        (response.status().as_u16(), cookies.iter().map(|value| text(value.as_bytes())).collect())
    }
}

/// An app on actix-web.
pub(crate) struct ActixSite<S>(pub(crate) S);

impl<S, B> Site for ActixSite<S>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    type Request = actix_http::Request;
    type Response = ServiceResponse<B>;

    fn request(&self, page: Page, cookies: &str) -> Self::Request {
        let request = TestRequest::get().uri(page.path());
        if cookies.is_empty() { request } else { request.insert_header((COOKIE, cookies)) }.to_request()
    }

    async fn answer(&self, request: Self::Request) -> Self::Response {
        self.0.call(request).await.expect("the app answers")
    }

    fn look(&self, response: &Self::Response) -> (u16, Vec<String>) {
        let cookies = response.headers().get_all(SET_COOKIE);
        (response.status().as_u16(), cookies.map(|value| text(value.as_bytes())).collect())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An app in the contest.
pub(crate) struct Runner<S> {
    name: &'static str,
    machine: Rc<Machine>,
    site: S,
    cookies: String,
}

impl<S: Site + 'static> Runner<S> {
    /// The site, with a logged-in visitor.
    pub(crate) fn boxed(name: &'static str, machine: &Rc<Machine>, site: S) -> Box<dyn Contestant> {
        let mut runner = Self { name, machine: Rc::clone(machine), site, cookies: String::new() };
        (_, runner.cookies) = runner.visit(Page::Login, "");
        if runner.cookies.is_empty() {
            // A site without sessions gets the same requests.
            NO_SESSION.clone_into(&mut runner.cookies);
        }
        Box::new(runner)
    }
}

/// The cookie for the site without sessions: one that okibi sets.
const NO_SESSION: &str = "__Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl<S: Site> Contestant for Runner<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn prepare<'a>(&'a self, page: Page, requests: usize) -> Box<dyn FnOnce() + 'a> {
        let requests: Vec<_> = (0..requests).map(|_| self.site.request(page, &self.cookies)).collect();
        Box::new(move || {
            self.machine.block_on(async {
                for request in requests {
                    std::hint::black_box(self.site.answer(request).await);
                }
            });
        })
    }

    fn visit(&self, page: Page, cookies: &str) -> (usize, String) {
        let response = self.machine.block_on(self.site.answer(self.site.request(page, cookies)));
        let (status, set) = self.site.look(&response);
        assert_eq!(status, 200, "{}: {}", self.name, page.name());
        (set.len(), after(cookies, &set))
    }
}

/// The cookies of a visitor after an answer that sets some.
fn after(before: &str, set: &[String]) -> String {
    let mut cookies: Vec<&str> = before.split("; ").filter(|cookie| !cookie.is_empty()).collect();
    for new in set.iter().filter_map(|header| header.split(';').next()) {
        let name = |cookie: &str| cookie.split('=').next().map(str::to_owned);
        cookies.retain(|old| name(old) != name(new));
        cookies.push(new);
    }
    cookies.join("; ")
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn a_cookie_takes_the_place_of_its_former_self() {
        let set = ["b=3; Path=/; HttpOnly".to_owned(), "c=4".to_owned()];
        assert_eq!(after("a=1; b=2", &set), "a=1; b=3; c=4");
        assert_eq!(after("", &[]), "");
    }
}

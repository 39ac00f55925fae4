//! The site that both servers share: templates and their data, style, icon, headers.

use std::{path::Path, time::SystemTime};

use axum::{
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    response::{Html, IntoResponse, Response},
};
use minijinja::{Environment, UndefinedBehavior, path_loader, value::Serde};
use okibi::SessionInfo;
use serde::Serialize;

use crate::{
    arguments::{Arguments, Store},
    engine::{Engine, seconds},
};

/// For every response. No script runs, nothing is loaded from other sites, and no site can frame
/// this one.
const HEADERS: [(HeaderName, &str); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
];

/// The parts that all requests share.
pub(crate) struct Site {
    templates: Environment<'static>,
    store: &'static str,
    port: u16,
    other_port: Option<u16>,
}

/// The data of a page: the same members from both servers.
#[derive(Default, Serialize)]
pub(crate) struct Page {
    pub(crate) path: &'static str,
    pub(crate) servers: Vec<Server>,
    pub(crate) store: &'static str,
    pub(crate) user: Option<String>,
    pub(crate) visits: Option<u64>,
    pub(crate) message: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) failed_login_attempts: u64,
    pub(crate) sessions: Option<Vec<Listed>>,
    pub(crate) engine: Option<Engine>,
}

/// One of the two servers.
#[derive(Serialize)]
pub(crate) struct Server {
    name: &'static str,
    runtime: &'static str,
    port: Option<u16>,
    /// This page on that server.
    url: Option<String>,
    here: bool,
}

/// A line in the list of sessions. Spans are in seconds.
#[derive(Serialize)]
pub(crate) struct Listed {
    label: String,
    created_ago: u64,
    active_ago: u64,
    this_one: bool,
}

impl Site {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            templates: templates(),
            store: match arguments.store {
                Store::Sqlite(_) => "sqlite",
                Store::Cookie(_) => "cookie",
            },
            port: arguments.listen.port(),
            other_port: arguments.other_port,
        }
    }

    /// Whether a user's sessions can be listed and revoked. Sealed sessions cannot.
    pub(crate) fn lists_sessions(&self) -> bool {
        self.store != "cookie"
    }

    /// The data of a page without session data.
    pub(crate) fn page(&self, path: &'static str, headers: &HeaderMap) -> Page {
        let host = host_name(headers);
        let server = |name, runtime, port: Option<u16>, here| {
            let url = port.map(|port| format!("http://{host}:{port}{path}"));
            Server { name, runtime, port, url, here }
        };
        let servers =
            vec![server("axum", "Rust", Some(self.port), true), server("Hono", "Node", self.other_port, false)];
        Page { path, servers, store: self.store, ..Page::default() }
    }

    pub(crate) fn render(&self, template: &str, page: &Page) -> Response {
        match self.templates.get_template(template).and_then(|template| template.render(Serde(page))) {
            Ok(html) => Html(html).into_response(),
            Err(error) => {
                eprintln!("{template}: {error:#}");
                (StatusCode::INTERNAL_SERVER_ERROR, "this page can't be rendered").into_response()
            }
        }
    }
}

impl Listed {
    pub(crate) fn from(sessions: Vec<SessionInfo>) -> Vec<Self> {
        let ago = |time: SystemTime| seconds(time.elapsed().unwrap_or_default());
        let listed = |session: SessionInfo| Self {
            label: session.label.unwrap_or_default(),
            created_ago: ago(session.created),
            active_ago: ago(session.last_active),
            this_one: session.current,
        };
        sessions.into_iter().map(listed).collect()
    }
}

fn templates() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_loader(path_loader(Path::new(env!("CARGO_MANIFEST_DIR")).join("../site/templates")));
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates
}

/// The host name of the request. A link with another name would open the page without the cookie.
fn host_name(headers: &HeaderMap) -> &'static str {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match host.split_once(':').map_or(host, |(name, _)| name) {
        "127.0.0.1" => "127.0.0.1",
        _ => "localhost",
    }
}

/// Adds the headers of every response.
pub(crate) async fn secure(response: Response) -> Response {
    (HEADERS, response).into_response()
}

pub(crate) async fn style() -> impl IntoResponse {
    file("text/css; charset=utf-8", include_str!("../../site/style.css"))
}

pub(crate) async fn icon() -> impl IntoResponse {
    file("image/svg+xml", include_str!("../../site/ember.svg"))
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use minijinja::{context, value::Serde};
    use serde::Deserialize;
    use serde_json::Value;

    use super::templates;

    /// One page of `examples/site/cases.json`.
    #[derive(Deserialize)]
    struct Case {
        name: String,
        template: String,
        data: Value,
        has: Vec<String>,
        lacks: Vec<String>,
    }

    #[test]
    fn every_page_has_the_required_strings_and_no_forbidden_ones() {
        let cases = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../site/cases.json")).unwrap();
        let cases: Vec<Case> = serde_json::from_str(&cases).unwrap();
        let templates = templates();
        assert!(!cases.is_empty());
        for Case { name, template, data, has, lacks } in &cases {
            let html = templates.get_template(template).unwrap().render(Serde(data)).unwrap();
            for text in has {
                assert!(html.contains(text), "{name}: {text} is missing in:\n{html}");
            }
            for text in lacks {
                assert!(!html.contains(text), "{name}: {text} is in:\n{html}");
            }
        }
    }

    #[test]
    fn a_page_without_its_data_is_an_error() {
        let templates = templates();
        let members = templates.get_template("members.html").unwrap();
        assert!(members.render(context!(path => "/members", servers => [(); 0], store => "sqlite")).is_err());
    }
}

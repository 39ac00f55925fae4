//! A browser's connection to one instance of an app, and the answers on it.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use crate::{
    backend::Failure,
    history::{Answer, Outcome, Wish},
};

/// The default name of the session cookie in both apps.
pub(crate) const COOKIE: &str = "__Host-session";

/// A connection that is kept between requests.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) outcome: Outcome,
    pub(crate) answer: Option<Answer>,
    /// The values of the Set-Cookie headers for the session's cookie; `None`: it is removed.
    pub(crate) cookies: Vec<Option<String>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        // Closes the socket immediately, also during a request.
        self.driver.abort();
    }
}

impl Connection {
    pub(crate) const fn to(address: SocketAddr) -> Self {
        Self { address, open: None }
    }

    /// Sends a request and waits `patience` for its answer. `abandon`: the browser closes the
    /// connection after this time.
    pub(crate) async fn ask(
        &mut self,
        wish: &Wish,
        cookie: Option<&str>,
        patience: Duration,
        abandon: Option<Duration>,
    ) -> Reply {
        let wait = abandon.unwrap_or(patience);
        let outcome = match timeout(wait, self.exchange(wish, cookie)).await {
            Ok(Ok(reply)) => return reply,
            Ok(Err(error)) => Outcome::Broken(error.to_string()),
            Err(_) if abandon.is_some() => Outcome::Abandoned,
            Err(_) => Outcome::Hung,
        };
        self.open = None;
        Reply { outcome, answer: None, cookies: Vec::new() }
    }

    async fn exchange(&mut self, wish: &Wish, cookie: Option<&str>) -> Result<Reply, Failure> {
        let mut request = Request::post("/").header(header::HOST, "127.0.0.1");
        request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, format!("{COOKIE}={cookie}"));
        }
        let request = request.body(Full::new(serde_json::to_vec(wish)?.into()))?;
        let mut response = self.connected().await?.send_request(request).await?;
        let cookies = session_cookies(response.headers())?;
        let body = response.body_mut().collect().await?.to_bytes();
        let answer: Option<Answer> = serde_json::from_slice(&body).ok();
        let code = answer.as_ref().and_then(|answer| answer.code.as_deref());
        let outcome = match (response.status(), code) {
            (StatusCode::OK, None) if answer.is_some() => Outcome::Ok,
            (StatusCode::SERVICE_UNAVAILABLE, Some("store_unavailable")) => Outcome::Failed,
            (StatusCode::SERVICE_UNAVAILABLE, Some("store_unknown" | "conflict")) => Outcome::Unknown,
            (StatusCode::INTERNAL_SERVER_ERROR, Some("on_purpose")) => Outcome::RolledBack,
            (status, _) => Outcome::Broken(format!("{status}: {}", String::from_utf8_lossy(&body))),
        };
        Ok(Reply { outcome, answer, cookies })
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Failure> {
        if self.open.as_ref().is_none_or(|open| open.sender.is_closed()) {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // The pending request reports how the connection ended.
            let driver = tokio::spawn(async move { drop(connection.await) });
            self.open = Some(Open { sender, driver });
        }
        let open = self.open.as_mut().ok_or("no connection")?;
        open.sender.ready().await?;
        Ok(&mut open.sender)
    }
}

/// The values that Set-Cookie headers give the session's cookie; `None` for a header that removes
/// it.
fn session_cookies(headers: &header::HeaderMap) -> Result<Vec<Option<String>>, Failure> {
    let mut cookies = Vec::new();
    for header in headers.get_all(header::SET_COOKIE) {
        let text = header.to_str()?;
        let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
        let Some(value) = pair.strip_prefix(COOKIE).and_then(|rest| rest.strip_prefix('=')) else { continue };
        let removes = attributes.split(';').any(|attribute| attribute.trim() == "Max-Age=0");
        cookies.push((!removes).then(|| value.to_owned()));
    }
    Ok(cookies)
}

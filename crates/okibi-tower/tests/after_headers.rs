//! A session after the response headers are sent: streams, tasks and sockets, over a real
//! connection.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use crate::support::{COUNT, NOTE, World};
use axum::{
    Router,
    body::Body,
    extract::ws::{Message, WebSocketUpgrade},
    response::Response,
    routing::get,
};
use futures_util::stream;
use http::StatusCode;
use okibi_store::MemoryStore;
use okibi_tower::{Error, ErrorKind, Session, Sessions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// Tries every kind of change, then reads.
async fn tries(session: &Session) -> String {
    let errors = [
        session.set(COUNT, &9).unwrap_err(),
        session.update(COUNT, |_| 9).unwrap_err(),
        session.remove(COUNT).unwrap_err(),
        session.rotate().unwrap_err(),
        session.destroy().unwrap_err(),
        session.commit().await.unwrap_err(),
        session.take(COUNT).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::HeadersSent), "{errors:?}");
    format!("count {:?} note {:?}", session.get(COUNT).unwrap(), session.get(NOTE).unwrap())
}

#[tokio::test]
async fn n18_a_stream_can_read_and_its_changes_are_errors() {
    let world = World::new();
    let browser = world.browser();
    let request = browser.act(|session| async move {
        session.set(COUNT, &1)?;
        session.flash(NOTE, &"flash".to_owned())?;
        session.commit().await?;
        let body = Body::from_stream(stream::once(async move { Ok::<_, Error>(tries(&session).await) }));
        Ok(Response::new(body))
    });
    let answer = request.await.ok();
    assert_eq!(answer.body, "count Some(1) note Some(\"flash\")");
    assert_eq!(answer.cookies().len(), 1);
    let kept = browser.act(|session| async move { Ok(format!("{:?} {:?}", session.get(COUNT)?, session.get(NOTE)?)) });
    assert_eq!(kept.await.ok().body, "Some(1) Some(\"flash\")", "a flash that was read too late is still stored");
}

#[tokio::test]
async fn n18_a_change_by_a_task_after_the_response_is_an_error() {
    let world = World::new();
    let (send, receive) = oneshot::channel();
    let (answered, headers_sent) = oneshot::channel::<()>();
    let browser = world.browser();
    let request = browser.act(|session| async move {
        session.set(COUNT, &1)?;
        tokio::spawn(async move {
            headers_sent.await.unwrap();
            send.send(tries(&session).await).unwrap();
        });
        Ok(())
    });
    request.await.ok();
    answered.send(()).unwrap();
    assert_eq!(receive.await.unwrap(), "count Some(1) note None");
}

async fn socket(session: Session, upgrade: WebSocketUpgrade) -> Result<Response, Error> {
    session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
    Ok(upgrade.on_upgrade(|mut socket| async move {
        let text = tries(&session).await;
        socket.send(Message::text(text)).await.unwrap();
    }))
}

async fn bare_socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move { socket.send(Message::text("bare")).await.unwrap() })
}

async fn serve() -> SocketAddr {
    let layer = Sessions::new(MemoryStore::new()).layer().unwrap();
    let app = Router::new().route("/socket", get(socket)).route("/bare", get(bare_socket)).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// The head of the handshake's response, and the first message.
async fn handshake(address: SocketAddr, path: &str, cookie: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: \
         13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{cookie}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    let end = read.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(read[..end].to_vec()).unwrap();
    // A short text frame from a server: 0x81, length, text (RFC 6455 section 5.2).
    assert_eq!(read[end], 0x81);
    let length = usize::from(read[end + 1]);
    (head, String::from_utf8(read[end + 2..end + 2 + length].to_vec()).unwrap())
}

#[tokio::test]
async fn n18_an_upgrade_keeps_the_changes_before_it() {
    let address = serve().await;
    let (head, text) = handshake(address, "/bare", "").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(!head.contains("set-cookie") && !head.contains("vary") && !head.contains("cache-control"), "{head}");
    assert_eq!(text, "bare");
    let (head, text) = handshake(address, "/socket", "").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert_eq!(text, "count Some(1) note None");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = format!("cookie: {}\r\n", cookie.split(';').next().unwrap());
    let (head, text) = handshake(address, "/socket", &cookie).await;
    assert!(!head.contains("set-cookie"), "{head}");
    assert_eq!(text, "count Some(2) note None");
}

/// Browsers and servers may ignore the headers of an interim response. The response to an upgrade
/// is the last one.
#[tokio::test]
async fn n18_only_the_final_response_has_the_cookie() {
    for (code, cookies) in [(100, 0), (101, 1), (102, 0), (103, 0), (199, 0), (200, 1)] {
        let status = StatusCode::from_u16(code).unwrap();
        let handler = async move |session: Session| {
            session.set(COUNT, &1)?;
            session.commit().await?;
            Ok(status)
        };
        let answer = World::new().browser().act(handler).await;
        assert_eq!((answer.status, answer.cookies().len()), (status, cookies));
        let cached = ["vary", "cache-control"].map(|name| answer.headers.contains_key(name));
        assert_eq!(cached, [code == 200; 2], "{code}");
    }
}

//! One instance of the axum app.

use std::{collections::BTreeMap, net::Ipv4Addr, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{Extensions, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use okibi::{Directory, Error, Name, Session, Sessions};
use tokio::{net::TcpListener, sync::oneshot};

use super::{COMMIT_DEADLINE, GRACE, IDLE, STORE_TIMEOUT};
use crate::{
    backend::Failure,
    history::{Act, Answer, View, Wish},
};

const COUNT: Name<u64> = Name::new("count");
const BIRTH: Name<String> = Name::new("birth");
const NOTE: Name<String> = Name::new("note");
/// The names that every view shows, as the axum face needs them.
const VALUES: [Name<String>; 4] = [Name::new("a"), Name::new("b"), Name::new("c"), Name::new("ticket")];

/// Stops the instance when it is dropped.
pub(super) type Stopper = oneshot::Sender<()>;

/// Starts an instance on a free port.
pub(super) async fn start(sessions: Sessions) -> Result<(SocketAddr, Stopper), Failure> {
    let layer = sessions
        .idle(IDLE)
        .absolute(IDLE)
        .grace(GRACE)
        .store_timeout(STORE_TIMEOUT)
        .commit_deadline(COMMIT_DEADLINE)
        .on_error(answer_error)
        .layer()?;
    let directory = layer.directory();
    let app = Router::new().route("/", post(carry_out)).layer(layer).with_state(directory);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (stopper, told_to_stop) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            ended = axum::serve(listener, app) => ended.expect("serving never ends by itself"),
            _ = told_to_stop => {}
        }
    });
    Ok((address, stopper))
}

/// Reports by the error's stable code whether something was written.
fn answer_error(error: &Error) -> axum::http::Response<Bytes> {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let why = causes.last().map(ToString::to_string);
    let answer = Answer { code: Some(error.kind().code().to_owned()), why, ..Answer::default() };
    let status = if error.kind().is_store_fault() { 503 } else { 500 };
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    let mut response = axum::http::Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

async fn carry_out(
    State(directory): State<Directory>,
    extensions: Extensions,
    Json(wish): Json<Wish>,
) -> Result<Response, Error> {
    if let Act::Revoke { owner } = &wish.act {
        directory.revoke_all(owner).await?;
        return Ok(Json(Answer::default()).into_response());
    }
    let session = Session::<()>::of(&extensions).await?;
    let mut answer = Answer { before: Some(view(&session)?), ..Answer::default() };
    tokio::time::sleep(Duration::from_millis(wish.pause)).await;
    if may_begin(&session, &wish.act) {
        // A new value for the session that a lost login begins: it stores nothing under this name.
        let own = wish.birth.clone();
        session.update(BIRTH, move |birth| birth.unwrap_or_else(|| own.clone()))?;
    }
    change(&session, &wish.act, &mut answer).await?;
    if wish.early {
        session.commit().await?;
        answer.after = Some(view(&session)?);
    } else if let Act::Take { .. } = wish.act {
        answer.after = Some(view(&session)?);
    }
    if let Act::Fail { .. } = wish.act {
        answer.code = Some("on_purpose".to_owned());
        return Ok((StatusCode::INTERNAL_SERVER_ERROR, Json(answer)).into_response());
    }
    Ok(Json(answer).into_response())
}

/// Whether this may begin a session: a change without a session, or a login.
fn may_begin(session: &Session, act: &Act) -> bool {
    let is_login = matches!(act, Act::Rotate { .. } | Act::Own { .. });
    is_login || (!session.is_live() && (act.write().is_some() || *act == Act::Bump))
}

async fn change(session: &Session, act: &Act, answer: &mut Answer) -> Result<(), Error> {
    if let Some((name, value)) = act.write().filter(|_| !matches!(act, Act::Flash { .. })) {
        session.set(named(name), value)?;
    }
    match act {
        Act::Read | Act::Set { .. } | Act::Revoke { .. } | Act::Fail { .. } => Ok(()),
        Act::Remove { name } => session.remove(named(name)),
        Act::Bump => session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop),
        Act::Take { name } => {
            answer.got = session.take(named(name)).await?;
            Ok(())
        }
        Act::Flash { value } => session.flash(NOTE, value.as_str()),
        Act::ReadFlash => {
            answer.got = session.get(NOTE)?;
            Ok(())
        }
        Act::Rotate { .. } => session.rotate(),
        Act::Renew { .. } => session.renew_id(),
        Act::Own { owner, .. } => session.set_owner(owner.as_str()),
        Act::Destroy => session.destroy(),
    }
}

/// The name, if it is one that views show. Another name is an error of the sender and shows as a
/// missing value.
fn named(name: &str) -> Name<'static, String> {
    VALUES.into_iter().find(|known| known.as_str() == name).unwrap_or(Name::new("unknown"))
}

fn view(session: &Session) -> Result<View, Error> {
    let mut values = BTreeMap::new();
    for name in VALUES {
        if let Some(value) = session.get(name)? {
            values.insert(name.as_str().to_owned(), value);
        }
    }
    Ok(View {
        live: session.is_live(),
        handle: session.handle().map(|handle| handle.to_string()),
        owner: session.owner(),
        values,
        count: session.get(COUNT)?,
        birth: session.get(BIRTH)?,
    })
}

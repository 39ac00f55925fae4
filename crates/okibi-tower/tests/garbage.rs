//! An invalid record under a session's key is no session and an event, never an error. A write does
//! not change it, except a logout.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use crate::support::{
    Browser, USER,
    around::{Around, Call, Hooks},
    browser::app,
    log::Log,
};
use okibi_store::{Bytes, Store, StoreKey, Swap, Timestamp, Write};
use okibi_tower::{Limits, Session, Sessions};

/// Remembers the first key of a store call.
#[derive(Default)]
struct First(Mutex<Option<StoreKey>>);

impl Hooks for First {
    fn note(&self, call: Call<'_>) {
        if let Call::Load(key) | Call::Swap(key, _) = call {
            self.0.lock().unwrap().get_or_insert_with(|| key.clone());
        }
    }
}

impl Around<First> {
    fn first(&self) -> StoreKey {
        self.hooks.0.lock().unwrap().clone().unwrap()
    }

    async fn held(&self) -> Bytes {
        self.memory.load(&self.first()).await.unwrap().unwrap().bytes
    }

    /// From now on these bytes are stored under the first key.
    async fn spoil(&self, garbage: Bytes) {
        let (key, held) = (self.first(), self.held().await);
        let write = Write { bytes: garbage, expires_at: Timestamp::MAX, owner: None, keeps: false };
        assert_eq!(self.memory.swap(&key, Some(&held), write).await.unwrap(), Swap::Done);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Read,
    Set,
    Rotate,
    Destroy,
    Take,
}

impl Action {
    async fn on(self, session: Session) -> Result<String, okibi_tower::Error> {
        match self {
            Self::Read => return Ok(session.get(USER)?.unwrap_or_else(|| "none".to_owned())),
            Self::Take => return Ok(session.take(USER).await?.unwrap_or_else(|| "none".to_owned())),
            Self::Set => session.set(USER, "bob")?,
            Self::Rotate => {
                session.rotate()?;
                session.set(USER, "bob")?;
            }
            Self::Destroy => session.destroy()?,
        }
        Ok("done".to_owned())
    }
}

/// What the visitor, the events and the store show.
struct Seen {
    text: String,
    events: Vec<&'static str>,
    is_same_cookie: bool,
    cookies: usize,
    left: Bytes,
    user: String,
}

/// A session with a record that becomes invalid, before a request or while its handler runs.
async fn visit(garbage: &Bytes, action: Action, during: bool) -> Seen {
    let store = Arc::new(Around::<First>::default());
    let limits = Limits { bytes: 4096, ..Limits::default() };
    let browser = Browser::new(app(Sessions::new(Arc::clone(&store)).limits(limits)));
    browser.act(|session| async move { session.set(USER, "ann") }).await.ok();
    let before = browser.jar();
    if !during {
        store.spoil(garbage.clone()).await;
    }
    let (log, collecting) = Log::collect();
    let (there, spoiled) = (Arc::clone(&store), garbage.clone());
    let answer = browser.act(move |session| async move {
        if during {
            // The session is loaded first.
            session.get(USER)?;
            there.spoil(spoiled).await;
        }
        action.on(session).await
    });
    let text = answer.await.ok().body;
    drop(collecting);
    let all = log.text();
    let events =
        ["undecodable_record", "changes_dropped", "unknown_id"].into_iter().filter(|event| all.contains(event));
    let (events, left, after) = (events.collect(), store.held().await, browser.jar());
    let user = Action::Read;
    let user = browser.act(move |session| user.on(session)).await.ok().body;
    Seen { text, events, is_same_cookie: after == before, cookies: after.len(), left, user }
}

fn garbage() -> Vec<Bytes> {
    let long = format!(r#"{{"v":1,"d":{{"a":"{}"}}}}"#, "x".repeat(5000));
    vec![
        Bytes::new(),
        Bytes::from_static(&[0, 0xff, 0xc3, 0x28, 0]),
        Bytes::from_static(br#"{"v":1,"w":""#),
        Bytes::from_static(br#"[{"user":"ann"}]"#),
        Bytes::from_static(br#"{"v":2,"d":{}}"#),
        Bytes::from_static(br#"{"v":1,"w":"AAAAAAAAAAA","r":"rotate"}"#),
        Bytes::from_static(br#"{"v":1,"w":"AAAAAAAAAAA","r":"renew","until":9999999999999,"n":"x"}"#),
        Bytes::from(long),
    ]
}

fn is_marker(bytes: &Bytes) -> bool {
    bytes.starts_with(br#"{"v":1,"w":""#) && String::from_utf8_lossy(bytes).contains(r#""r":"rotate","until":"#)
}

#[tokio::test]
async fn n28_an_invalid_record_is_no_session_and_an_event() {
    for garbage in garbage() {
        for action in [Action::Read, Action::Take] {
            let seen = visit(&garbage, action, false).await;
            assert_eq!((&*seen.text, &*seen.events), ("none", &["undecodable_record"][..]), "{action:?} {garbage:?}");
            assert!(seen.is_same_cookie && seen.left == garbage, "{action:?} {garbage:?}");
        }
        for action in [Action::Set, Action::Rotate] {
            let seen = visit(&garbage, action, false).await;
            assert_eq!((&*seen.user, &*seen.events), ("bob", &["undecodable_record"][..]), "{action:?} {garbage:?}");
            // A new session, with an id of the engine's own.
            assert!(!seen.is_same_cookie && seen.left == garbage, "{action:?} {garbage:?}");
        }
        let seen = visit(&garbage, Action::Destroy, false).await;
        assert_eq!((seen.cookies, &*seen.events), (0, &["undecodable_record"][..]), "{garbage:?}");
        assert!(is_marker(&seen.left), "{garbage:?} {:?}", seen.left);
    }
}

#[tokio::test]
async fn n28_a_record_that_becomes_invalid_during_a_request_is_an_ended_session() {
    for garbage in garbage() {
        let seen = visit(&garbage, Action::Set, true).await;
        assert_eq!(
            (&*seen.user, &*seen.events),
            ("none", &["undecodable_record", "changes_dropped"][..]),
            "{garbage:?}"
        );
        assert!(seen.is_same_cookie && seen.left == garbage, "{garbage:?}");
        let seen = visit(&garbage, Action::Take, true).await;
        assert_eq!(
            (&*seen.text, &*seen.events),
            ("none", &["undecodable_record", "changes_dropped"][..]),
            "{garbage:?}"
        );
        let seen = visit(&garbage, Action::Rotate, true).await;
        assert_eq!((&*seen.user, &*seen.events), ("bob", &["undecodable_record"][..]), "{garbage:?}");
        assert_eq!(seen.left, garbage);
        let seen = visit(&garbage, Action::Destroy, true).await;
        assert_eq!((seen.cookies, &*seen.events), (0, &["undecodable_record"][..]), "{garbage:?}");
        assert!(is_marker(&seen.left), "{garbage:?} {:?}", seen.left);
    }
}

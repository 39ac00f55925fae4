//! What lies under a session's key is no record: no session and an event, never an error; a write leaves it alone, but a logout.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use crate::support::{
    Browser, USER,
    around::{Around, Call, Doing},
    browser::app,
    log::Log,
};
use okibi_store::{Bytes, Store, StoreKey, Swap, Timestamp, Write};
use okibi_tower::{Limits, Session, Sessions};

/// The first key that the store was asked for.
#[derive(Default)]
struct First(Mutex<Option<StoreKey>>);

impl Doing for First {
    fn note(&self, call: Call<'_>) {
        if let Call::Load(key) | Call::Swap(key, _) = call {
            self.0.lock().unwrap().get_or_insert_with(|| key.clone());
        }
    }
}

impl Around<First> {
    fn first(&self) -> StoreKey {
        self.doing.0.lock().unwrap().clone().unwrap()
    }

    async fn held(&self) -> Bytes {
        self.memory.load(&self.first()).await.unwrap().unwrap().bytes
    }

    /// From now on this lies under the first key.
    async fn spoil(&self, garbage: Bytes) {
        let (key, held) = (self.first(), self.held().await);
        let write = Write { bytes: garbage, expires_at: Timestamp::MAX, owner: None };
        assert_eq!(self.memory.swap(&key, Some(&held), write).await.unwrap(), Swap::Done);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Read,
    Set,
    Rotate,
    Destroy,
    Take,
}

impl Deed {
    async fn on(self, session: Session) -> Result<String, okibi_tower::Error> {
        match self {
            Self::Read => return Ok(session.get(USER)?.unwrap_or_else(|| "nobody".to_owned())),
            Self::Take => return Ok(session.take(USER).await?.unwrap_or_else(|| "nobody".to_owned())),
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

/// What a visitor, an operator and the store see.
struct Seen {
    text: String,
    told: Vec<&'static str>,
    is_same_cookie: bool,
    cookies: usize,
    left: Bytes,
    who: String,
}

/// A visitor's session under whose key this comes to lie, before a request or while its handler runs.
async fn visit(garbage: &Bytes, deed: Deed, during: bool) -> Seen {
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
            // It is looked up first.
            session.get(USER)?;
            there.spoil(spoiled).await;
        }
        deed.on(session).await
    });
    let text = answer.await.ok().body;
    drop(collecting);
    let all = log.text();
    let told = ["undecodable_record", "changes_dropped", "unknown_id"].into_iter().filter(|event| all.contains(event));
    let (told, left, after) = (told.collect(), store.held().await, browser.jar());
    let who = Deed::Read;
    let who = browser.act(move |session| who.on(session)).await.ok().body;
    Seen { text, told, is_same_cookie: after == before, cookies: after.len(), left, who }
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
async fn n28_what_is_no_record_is_no_session_and_an_event() {
    for garbage in garbage() {
        for deed in [Deed::Read, Deed::Take] {
            let seen = visit(&garbage, deed, false).await;
            assert_eq!((&*seen.text, &*seen.told), ("nobody", &["undecodable_record"][..]), "{deed:?} {garbage:?}");
            assert!(seen.is_same_cookie && seen.left == garbage, "{deed:?} {garbage:?}");
        }
        for deed in [Deed::Set, Deed::Rotate] {
            let seen = visit(&garbage, deed, false).await;
            assert_eq!((&*seen.who, &*seen.told), ("bob", &["undecodable_record"][..]), "{deed:?} {garbage:?}");
            // A new session, and never under an id that somebody has chosen.
            assert!(!seen.is_same_cookie && seen.left == garbage, "{deed:?} {garbage:?}");
        }
        let seen = visit(&garbage, Deed::Destroy, false).await;
        assert_eq!((seen.cookies, &*seen.told), (0, &["undecodable_record"][..]), "{garbage:?}");
        assert!(is_marker(&seen.left), "{garbage:?} {:?}", seen.left);
    }
}

#[tokio::test]
async fn n28_what_becomes_no_record_during_a_request_is_a_session_that_ended() {
    for garbage in garbage() {
        let seen = visit(&garbage, Deed::Set, true).await;
        assert_eq!(
            (&*seen.who, &*seen.told),
            ("nobody", &["undecodable_record", "changes_dropped"][..]),
            "{garbage:?}"
        );
        assert!(seen.is_same_cookie && seen.left == garbage, "{garbage:?}");
        let seen = visit(&garbage, Deed::Take, true).await;
        assert_eq!(
            (&*seen.text, &*seen.told),
            ("nobody", &["undecodable_record", "changes_dropped"][..]),
            "{garbage:?}"
        );
        let seen = visit(&garbage, Deed::Rotate, true).await;
        assert_eq!((&*seen.who, &*seen.told), ("bob", &["undecodable_record"][..]), "{garbage:?}");
        assert_eq!(seen.left, garbage);
        let seen = visit(&garbage, Deed::Destroy, true).await;
        assert_eq!((seen.cookies, &*seen.told), (0, &["undecodable_record"][..]), "{garbage:?}");
        assert!(is_marker(&seen.left), "{garbage:?} {:?}", seen.left);
    }
}

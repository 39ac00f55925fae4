//! A request with any number of session cookies causes few events, and so few checks of signatures
//! and seals.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use crate::support::{Browser, COUNT, browser::routes, log::Log, secrets};
use axum::{body::Body, extract::Request, routing::get};
use http::header;
use okibi_store::MemoryStore;
use okibi_tower::{
    Error, Session, Sessions,
    compat::{HonoProtection, HonoSessions, IronSecrets},
};

/// The most reasons for which the cookies of one request open nothing.
const MOST_EVENTS: usize = 4;
const PAIRS: usize = 2000;

fn kinds() -> Vec<(&'static str, Sessions)> {
    let keys = || IronSecrets::new(["an encryption key of 32 characters, or more"]).unwrap();
    let older = |protection| HonoSessions { protection, ..HonoSessions::default() };
    let notes = MemoryStore::new().refuse_when_full();
    vec![
        ("id", Sessions::new(MemoryStore::new())),
        ("signed id", Sessions::new(MemoryStore::new()).secret(secrets("a"))),
        ("sealed", Sessions::sealed(secrets("a"))),
        ("sealed over several", Sessions::sealed(secrets("a")).chunks(5)),
        ("sealed, with revocations", Sessions::sealed(secrets("a")).revocations(notes)),
        ("hono-sessions", Sessions::hono_sessions(older(HonoProtection::SealedId(keys())), MemoryStore::new())),
        ("hono-sessions, sealed", Sessions::hono_sessions_sealed(older(HonoProtection::Sealed(keys())))),
    ]
}

/// Changes characters near the end of the value, where no format has a marker.
fn forged(value: &str, number: usize) -> String {
    let (start, end) = value.split_at(value.len() - 4);
    let letter = |place: usize| char::from(b'A' + u8::try_from(number >> (4 * place) & 15).unwrap());
    let letters: String = (0..8).map(letter).collect();
    format!("{}{letters}{end}", &start[..start.len() - 8])
}

async fn read(session: Session) -> Result<String, Error> {
    Ok(session.get(COUNT)?.is_some().to_string())
}

#[tokio::test]
async fn s13_any_number_of_cookies_causes_few_events() {
    for (kind, sessions) in kinds() {
        let browser = Browser::new(routes().route("/read", get(read)).layer(sessions.layer().unwrap()));
        browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
        let (name, value) = browser.jar().into_iter().next().unwrap();
        let pairs = (0..PAIRS).flat_map(|number| {
            let (forged, chunk) = (forged(&value, number), 1 + number % 4);
            [
                format!("{name}={forged}"),
                format!("{name}={}.{forged}", chunk + 1),
                format!("{name}.{chunk}={forged}"),
                format!("{name}={number}"),
            ]
        });
        let pairs: Vec<String> = pairs.collect();
        let (log, collecting) = Log::collect();
        let request = Request::get("/read").header(header::COOKIE, pairs.join("; ")).body(Body::empty()).unwrap();
        let answer = browser.another().send(request).await.ok();
        drop(collecting);
        assert_eq!((answer.body.as_str(), answer.cookies().len()), ("false", 0), "{kind}");
        let mut events = BTreeMap::<String, u32>::new();
        for event in log.text().lines().filter_map(|line| Some(line.split_once("session event")?.1.to_owned())) {
            *events.entry(event).or_default() += 1;
        }
        assert!((1..=MOST_EVENTS).contains(&events.len()), "{kind}: {events:?}");
        assert!(events.values().all(|times| *times == 1), "{kind}: {events:?}");
    }
}

//! No id, secret or value appears in the log, in an error or in `Debug` output, down to TRACE.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::support::{COUNT, Fault, NOTE, USER, World, browser::app, log::Log, secrets};
use okibi_tower::{ErrorKind, Name, Session, SessionOf, Sessions};
use serde::{Deserialize, Serialize};

const CANARY: &str = "canary-of-a-value";
const OWNER: &str = "canary-of-an-owner";
const LABEL: &str = "canary-of-a-label";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Strict {
    user: u32,
}

/// Everything that a handler can do, including errors, with all of its `Display` and `Debug`
/// output.
async fn everything(session: Session) -> String {
    let mut said = vec![format!("{session:?} {session:#?}")];
    let mut note = |text: String| said.push(text);
    session.set(USER, &CANARY.to_owned()).unwrap();
    session.flash(NOTE, &CANARY.to_owned()).unwrap();
    session.set_owner(OWNER).unwrap();
    session.set_label(LABEL).unwrap();
    session.update(USER, Option::unwrap_or_default).unwrap();
    note(format!("{session:?} {:?}", session.report()));
    let number = Name::<u32>::new("user");
    // A value that does not fit its field is absent, and the event does not show it.
    note(format!("{:?}", SessionOf::<Strict>::from(session.clone()).get().unwrap()));
    let errors = [
        session.get(number).unwrap_err(),
        session.update(number, |_| 1).unwrap_err(),
        session.set(NOTE, &CANARY.repeat(5000)).and(session.commit().await).unwrap_err(),
    ];
    for error in &errors {
        assert!(matches!(error.kind(), ErrorKind::Mismatch | ErrorKind::TooLarge), "{error:?}");
        let sources = std::iter::successors(std::error::Error::source(error), |error| error.source());
        note(format!("{error} {error:?} {error:#?} {:?}", sources.map(ToString::to_string).collect::<Vec<_>>()));
        note(format!("{:?}", error.to_response()));
    }
    session.remove(NOTE).unwrap();
    session.commit().await.unwrap();
    note(format!("{session:?} {:?}", session.report()));
    session.rotate().unwrap();
    said.join("\n")
}

#[tokio::test]
async fn s7_canaries_are_never_shown() {
    let (log, _guard) = Log::collect();
    let world = World::new();
    let clock = world.clock.clone();
    let secret = "canary-of-a-secret-0123456789012";
    let ring_of_secret = || okibi_tower::Secrets::new([secret]).unwrap();
    let mut configurations: Vec<Sessions> = vec![
        world.sessions(),
        world.sessions().secret(ring_of_secret()),
        Sessions::sealed(ring_of_secret()).clock(move || clock.now().into()),
    ];
    let mut said = vec![format!("{configurations:?} {:?}", secrets("a"))];
    let mut secrets = vec![secret.to_owned(), CANARY.to_owned(), OWNER.to_owned(), LABEL.to_owned()];
    for sessions in configurations.drain(..) {
        let layer = sessions.layer().unwrap();
        said.push(format!("{layer:?} {:?}", layer.directory()));
        let browser = crate::support::Browser::new(crate::support::browser::routes().layer(layer));
        browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
        secrets.push(browser.cookie());
        said.push(browser.act(|session| async move { Ok(everything(session).await) }).await.ok().body);
        secrets.push(browser.cookie());
        let old = browser.copy();
        browser.act(|session| async move { session.renew_id() }).await.ok();
        secrets.push(browser.cookie());
        old.act(|session| async move { session.get(USER).map(drop) }).await.ok();
        for fault in [Fault::Down, Fault::ReadOnly, Fault::RepliesLost] {
            world.store.fails(fault);
            said.push(browser.act(|session| async move { session.set(USER, &CANARY.to_owned()) }).await.body);
        }
        world.store.fails(None);
        let forged = format!("{}x", browser.cookie());
        secrets.push(forged.clone());
        old.put("__Host-session", &forged);
        old.act(|session| async move { session.get(USER).map(drop) }).await.ok();
        browser.act(|session| async move { session.destroy() }).await.ok();
    }
    let log = log.text();
    assert!(log.contains("session committed") && log.contains("store_unavailable") && log.contains("malformed_cookie"));
    for secret in &secrets {
        assert!(secret.len() > 10);
        for part in [secret.as_str(), secret.split('.').next().unwrap()] {
            assert!(!log.contains(part), "a secret in the log");
            assert!(!said.iter().any(|said| said.contains(part)), "a secret in an error or Debug output");
        }
    }
}

#[tokio::test]
async fn the_log_has_failures_and_forged_cookies() {
    let (log, _guard) = Log::collect();
    let world = World::new();
    let browser = crate::support::Browser::new(app(world.sessions().secret(secrets("a"))));
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    let good = browser.cookie();
    let forged = format!("{}{}", &good[..good.len() - 4], if good.ends_with("AAAA") { "AAAE" } else { "AAAA" });
    let other = browser.another();
    other.put("__Host-session", &forged);
    other.act(|session| async move { session.get(COUNT).map(drop) }).await.ok();
    world.store.fails(Fault::Down);
    browser.act(|session| async move { session.get(COUNT).map(drop) }).await;
    let text = log.text();
    assert!(text.contains("WARN okibi: session event cookie=\"__Host-session\" event=\"forged_cookie\""), "{text}");
    let failed = "ERROR okibi: session load failed: session store unavailable: nothing was written: connection refused \
                  cookie=\"__Host-session\" code=\"store_unavailable\"";
    assert!(text.contains(failed), "{text} has no {failed}");
}

//! Values of unexpected types, numbers that cannot be written, updates that change their session,
//! and values that are too large.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use crate::support::{
    Browser, COUNT, NOTE, USER, World,
    browser::{app, routes},
    name, secrets,
};
use axum::routing::get;
use http::StatusCode;
use okibi_store::MemoryStore;
use okibi_tower::{ErrorKind, Limits, Name, Session, SessionOf, Sessions, compat::HonoSessions, guard};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Debug, PartialEq)]
struct Old {
    user: String,
    theme: String,
    count: u32,
}

#[derive(Default, Serialize, Deserialize, Debug, PartialEq)]
struct New {
    user: Option<String>,
    theme: Vec<String>,
    count: u32,
}

async fn old(browser: &Browser) {
    let request = browser.act(|session| async move {
        SessionOf::<Old>::from(session).update(|old| {
            old.user = "ada".into();
            old.theme = "dark".into();
            old.count = 7;
        })?;
        Ok(())
    });
    request.await.ok();
}

#[tokio::test]
async fn n57_a_field_that_does_not_fit_is_absent_and_stays_stored_until_it_is_changed() {
    let world = World::new();
    let browser = world.browser();
    old(&browser).await;
    let request = browser.act(|session| async move {
        let new = SessionOf::<New>::from(session.clone());
        assert_eq!(new.get()?, New { user: Some("ada".into()), theme: Vec::new(), count: 7 });
        new.update(|new| new.count += 1)?;
        assert_eq!(
            session.get(Name::<String>::new("theme"))?.as_deref(),
            Some("dark"),
            "the stored value does not change"
        );
        Ok(())
    });
    request.await.ok();
    let request = browser.act(|session| async move {
        SessionOf::<New>::from(session.clone()).update(|new| new.theme.push("light".into()))?;
        assert_eq!(session.get(Name::<Vec<String>>::new("theme"))?.unwrap(), ["light"]);
        Ok(())
    });
    request.await.ok();
    let log_out = browser.act(|session| async move {
        SessionOf::<Old>::from(session.clone()).get()?;
        session.destroy()
    });
    assert!(log_out.await.ok().cookies()[0].contains("Max-Age=0"), "the visitor can log out");
}

#[tokio::test]
async fn n57_a_name_decides_whether_a_value_that_does_not_fit_is_absent() {
    const STRICT: Name<u32> = Name::new("user");
    const LENIENT: Name<u32> = STRICT.or_absent();
    let world = World::new();
    let browser = world.browser();
    old(&browser).await;
    let request = browser.act(|session| async move {
        assert_eq!(session.get(STRICT).unwrap_err().kind(), ErrorKind::Mismatch);
        assert_eq!(session.update(STRICT, |_| 1).unwrap_err().kind(), ErrorKind::Mismatch);
        assert_eq!(session.take(STRICT).await.unwrap_err().kind(), ErrorKind::Mismatch);
        assert_eq!((session.get(LENIENT)?, session.take(LENIENT).await?), (None, None));
        assert_eq!(session.get(USER)?.as_deref(), Some("ada"), "it stays until another value is written");
        assert_eq!(session.update(LENIENT, |old| old.unwrap_or(40) + 2)?, 42);
        Ok(())
    });
    request.await.ok();
    let request = browser.act(|session| async move { Ok(session.get(STRICT)?.unwrap().to_string()) });
    assert_eq!(request.await.ok().body, "42");
}

#[tokio::test]
async fn n57_the_guard_of_a_typed_name_checks_the_type() {
    const ADMIN: Name<bool> = Name::new("admin");
    let world = World::new();
    let app = routes()
        .route("/guarded", get(|| async { "in" }).route_layer(guard(ADMIN)))
        .layer(world.sessions().layer().unwrap());
    let browser = Browser::new(app);
    assert_eq!(browser.get("/guarded").await.status, StatusCode::UNAUTHORIZED);
    browser.act(|session| async move { session.set(name::<String>("admin"), "no") }).await.ok();
    assert_eq!(browser.get("/guarded").await.status, StatusCode::UNAUTHORIZED);
    browser.act(|session| async move { session.set(ADMIN, &false) }).await.ok();
    assert_eq!(browser.get("/guarded").await.status, StatusCode::OK);
}

#[derive(Serialize, Deserialize, Default, Clone, PartialEq, Debug)]
struct Deep {
    parts: BTreeMap<String, Vec<(Option<f64>, Kind)>>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
enum Kind {
    Single(f32),
    Double { value: f64 },
    Whole(i64),
    None,
}

fn deep(one: Option<f64>, kind: Kind) -> Deep {
    Deep { parts: BTreeMap::from([("a".to_owned(), vec![(one, kind)])]) }
}

#[tokio::test]
async fn n52_a_number_that_json_does_not_have_is_refused_when_it_is_set() {
    const DEEP: Name<Deep> = Name::new("deep");
    const NUMBER: Name<f64> = Name::new("number");
    let session: Session = Session::detached();
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        #[allow(clippy::cast_possible_truncation, reason = "the values fit")]
        let single = number as f32;
        let kinds = [
            session.set(NUMBER, &number).unwrap_err().kind(),
            session.flash(NUMBER, &number).unwrap_err().kind(),
            session.update(NUMBER, move |_| number).unwrap_err().kind(),
            session.set(DEEP, &deep(Some(number), Kind::None)).unwrap_err().kind(),
            session.set(DEEP, &deep(None, Kind::Single(single))).unwrap_err().kind(),
            session.set(DEEP, &deep(None, Kind::Double { value: number })).unwrap_err().kind(),
            SessionOf::<Deep>::from(session.clone())
                .update(move |whole| *whole = deep(Some(number), Kind::None))
                .unwrap_err()
                .kind(),
        ];
        assert_eq!(kinds, [ErrorKind::InvalidValue; 7]);
    }
    assert!(session.names().is_empty());
    let fine = deep(Some(-0.5), Kind::Whole(i64::MAX));
    session.set(DEEP, &fine).unwrap();
    assert_eq!(session.get(DEEP).unwrap(), Some(fine));
}

#[tokio::test]
async fn n52_safe_integers_refuses_integers_that_javascript_cannot_represent() {
    const BIG: Name<i128> = Name::new("big");
    const DEEP: Name<Deep> = Name::new("deep");
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.safe_integers(true));
    let most = (1_i128 << 53) - 1;
    let request = browser.act(move |session| async move {
        for number in [most + 1, -most - 1, i128::MAX] {
            assert_eq!(session.set(BIG, &number).unwrap_err().kind(), ErrorKind::InvalidValue);
        }
        assert_eq!(session.set(DEEP, &deep(None, Kind::Whole(i64::MAX))).unwrap_err().kind(), ErrorKind::InvalidValue);
        assert_eq!(session.update(BIG, move |_| most + 1).unwrap_err().kind(), ErrorKind::InvalidValue);
        session.set(BIG, &most)?;
        session.set(BIG, &-most)
    });
    request.await.ok();
}

#[derive(Default, Serialize, Deserialize, Debug, PartialEq)]
struct Sized {
    size: u64,
    notes: Vec<String>,
    counts: BTreeMap<String, i64>,
}

#[tokio::test]
async fn n52_a_stored_large_integer_does_not_prevent_updates_of_other_fields() {
    let world = World::new();
    let browser = world.browser();
    let request = browser.act(|session| async move { session.set(Name::<u64>::new("size"), &u64::MAX) });
    request.await.ok();
    let browser = browser.visiting(app(world.sessions().safe_integers(true)));
    let request = browser.act(|session| async move {
        let whole = SessionOf::<Sized>::from(session);
        whole.update(|whole| whole.notes.push(r#"in a string, "\", 9007199254740993 is fine"#.into()))?;
        whole.update(|whole| whole.counts = BTreeMap::from([("9007199254740993".into(), (1 << 53) - 1)]))?;
        let large = whole.update(|whole| *whole.counts.entry("n".into()).or_default() = -(1 << 53)).unwrap_err();
        assert_eq!(large.kind(), ErrorKind::InvalidValue);
        assert_eq!(whole.update(|whole| whole.size -= 1).unwrap_err().kind(), ErrorKind::InvalidValue);
        let kept = whole.get()?;
        assert_eq!((kept.size, kept.notes.len(), kept.counts.len()), (u64::MAX, 1, 1));
        Ok(())
    });
    request.await.ok();
}

#[tokio::test]
async fn an_update_whose_function_changes_its_session_is_an_error_and_ends() {
    let session: Session = Session::detached();
    let inner = session.clone();
    let update = session.update(COUNT, move |count| {
        assert_eq!(inner.set(NOTE, "inside").unwrap_err().kind(), ErrorKind::UpdateChanges);
        assert_eq!(inner.update(COUNT, |count| count.unwrap_or(0)).unwrap_err().kind(), ErrorKind::UpdateChanges);
        assert_eq!(inner.get(NOTE).unwrap(), None, "it may read");
        count.unwrap_or(0) + 1
    });
    assert_eq!(update.unwrap(), 1);
    let (inner, whole) = (session.clone(), SessionOf::<Old>::from(session.clone()));
    let update = whole.update(move |old| {
        assert_eq!(inner.destroy().unwrap_err().kind(), ErrorKind::UpdateChanges);
        old.count += 1;
    });
    assert_eq!(update.unwrap().count, 2);
    // Another session may be changed.
    let other: Session = Session::detached();
    let kept = other.clone();
    session.update(COUNT, move |count| other.set(COUNT, &3).map_or(0, |()| count.unwrap_or(0) + 1)).unwrap();
    assert_eq!((session.get(COUNT).unwrap(), kept.get(COUNT).unwrap()), (Some(3), Some(3)));
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_when_it_is_set_as_fast_as_one_that_fits() {
    let limits = Limits { names: 100, bytes: 10_000, ..Limits::default() };
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.limits(limits));
    let request = browser.act(|session| async move {
        let names: Vec<Name<u32>> = (0..200).map(|number| name(&format!("n{number}"))).collect();
        for (number, name) in names.iter().enumerate() {
            let set = session.set(*name, &1).map_err(|error| error.kind());
            assert_eq!(set, if number < 100 { Ok(()) } else { Err(ErrorKind::TooLarge) }, "{number}");
        }
        assert_eq!(session.update(names[150], |_| 1).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(session.flash(names[150], &1).unwrap_err().kind(), ErrorKind::TooLarge);
        session.set(names[50], &2)?;
        session.remove(names[0])?;
        session.set(names[150], &1)?;
        assert_eq!((session.names().len(), session.get(names[50])?, session.get(names[0])?), (100, Some(2), None));
        Ok(())
    });
    request.await.ok();
    let request = browser.act(|session| async move {
        assert_eq!(session.names().len(), 100);
        session.clear()?;
        session.set(NOTE, &"x".repeat(9_000))?;
        assert_eq!(session.set(USER, &"x".repeat(2_000)).unwrap_err().kind(), ErrorKind::TooLarge);
        // The same name several times is one name.
        for _ in 0..100 {
            session.set(NOTE, &"y".repeat(9_000))?;
        }
        session.set(USER, &"x".repeat(500))
    });
    request.await.ok();
    let request = browser.act(|session| async move {
        assert_eq!(session.get(NOTE)?.unwrap().len(), 9_000);
        for number in 0..1_030 {
            let update = session.update(COUNT, |count| count.unwrap_or(0) + 1).map_err(|error| error.kind());
            assert_eq!(update, if number < 1_024 { Ok(number + 1) } else { Err(ErrorKind::TooLarge) });
        }
        session.commit().await?;
        session.update(COUNT, |count| count.unwrap_or(0) + 1).map(|count| count.to_string())
    });
    assert_eq!(request.await.ok().body, "1025");
}

#[test]
fn an_option_without_effect_is_refused_by_name() {
    let takes = Sessions::hono_sessions(HonoSessions::default(), MemoryStore::new());
    let takes = takes.accept(HonoSessions::default(), MemoryStore::new(), SystemTime::now() + Duration::from_hours(1));
    assert!(takes.layer().unwrap_err().to_string().contains("accept: an older dialect"));
    let signed = Sessions::hono_sessions(HonoSessions::default(), MemoryStore::new()).secret(secrets("a"));
    assert!(signed.layer().unwrap_err().to_string().contains("secret: an older dialect"));
}

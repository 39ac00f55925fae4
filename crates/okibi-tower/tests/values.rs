//! Values in handlers: typed names, flashes, updates, take, whole structs, and detached sessions.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use crate::support::{Browser, COUNT, Fault, NOTE, USER, World, browser::app, secrets};
use axum::{Router, response::IntoResponse, routing::get};
use http::StatusCode;
use okibi_tower::{Error, ErrorKind, Name, Session, SessionOf, Sessions};
use serde::{Deserialize, Serialize};

/// These names need escapes in JSON.
type Pairs = std::collections::HashMap<(u32, u32), u32>;

const COUNT_AS_TEXT: Name<String> = Name::new("count");

#[tokio::test]
async fn a_flash_is_read_once() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.flash(NOTE, &"once".to_owned()) }).await.ok();
    let request = browser.act(|session| async move {
        assert!(session.has(NOTE));
        assert_eq!(session.get(NOTE)?.as_deref(), Some("once"));
        assert_eq!(session.get(NOTE)?, None, "not twice in one request either");
        assert!(!session.has(NOTE));
        Ok(())
    });
    request.await.ok();
    let request = browser.act(|session| async move { Ok(session.has(NOTE).to_string()) });
    assert_eq!(request.await.ok().body, "false");
}

#[tokio::test]
async fn a_flash_that_a_failed_request_read_stays() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.flash(NOTE, &"once".to_owned()) }).await.ok();
    let request = browser.act(|session| async move {
        session.get(NOTE)?;
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    });
    request.await;
    assert_eq!(browser.act(|session| async move { Ok(session.get(NOTE)?.unwrap()) }).await.ok().body, "once");
}

#[tokio::test]
async fn n36_a_stored_value_of_another_type_is_an_error_with_its_name() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &7) }).await.ok();
    let request = browser.act(|session| async move {
        let ran = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&ran);
        let update = session.update(COUNT_AS_TEXT, move |text| {
            count.fetch_add(1, Ordering::SeqCst);
            text.unwrap_or_default()
        });
        let errors = [
            session.get(COUNT_AS_TEXT).unwrap_err(),
            update.unwrap_err(),
            session.take(COUNT_AS_TEXT).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Mismatch);
            assert!(error.to_string().contains("\"count\""), "{error}");
            assert!(!format!("{error} {error:?}").contains('7'), "the error shows the value");
        }
        assert_eq!(ran.load(Ordering::SeqCst), 0, "the function of update did not run");
        assert_eq!(session.get(COUNT)?, Some(7));
        session.set(COUNT_AS_TEXT, &"replaced".to_owned())?;
        session.get(COUNT_AS_TEXT).map(drop)
    });
    request.await.ok();
}

#[tokio::test]
async fn an_update_that_runs_again_on_another_type_fails_the_commit() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &7) }).await.ok();
    let rival = browser.copy();
    let request = browser.act(move |session| async move {
        session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
        rival.act(|session| async move { session.set(COUNT_AS_TEXT, &"seven".to_owned()) }).await.ok();
        let error = session.commit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        Err::<(), Error>(error)
    });
    assert_eq!(request.await.status, StatusCode::INTERNAL_SERVER_ERROR);
    let text = browser.act(|session| async move { Ok(session.get(COUNT_AS_TEXT)?.unwrap()) });
    assert_eq!(text.await.ok().body, "seven");
}

#[tokio::test]
async fn an_update_runs_again_after_a_change_by_another_clone() {
    let session = Session::<()>::detached();
    session.set(COUNT, &1).unwrap();
    let (own, runs) = (session.clone(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&runs);
    let count = session.update(COUNT, move |count| {
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            let other = own.clone();
            std::thread::spawn(move || other.set(COUNT, &10)).join().unwrap().unwrap();
        }
        count.unwrap() + 1
    });
    assert_eq!((count.unwrap(), runs.load(Ordering::SeqCst)), (11, 2));
    assert_eq!(session.get(COUNT).unwrap(), Some(11));
}

#[tokio::test]
async fn a_change_that_cannot_be_written_is_refused_immediately() {
    let session = Session::<()>::detached();
    let long: Name<u32> = crate::support::name(&"n".repeat(257));
    let deep = (0..40).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]));
    let kinds = [
        session.set(long, &1).unwrap_err().kind(),
        session.update(long, |_| 1).unwrap_err().kind(),
        session.set(Name::<serde_json::Value>::new("deep"), &deep).unwrap_err().kind(),
        session.set(Name::<Pairs>::new("map"), &Pairs::from([((1, 2), 3)])).unwrap_err().kind(),
        session.set_owner("").unwrap_err().kind(),
        session.set_owner("o".repeat(257).as_str()).unwrap_err().kind(),
        session.set_idle(std::time::Duration::ZERO).unwrap_err().kind(),
    ];
    let codes = kinds.map(ErrorKind::code).join(" ");
    assert_eq!(
        codes,
        "invalid_name invalid_name invalid_value invalid_value invalid_owner invalid_owner invalid_timeout"
    );
    session.commit().await.unwrap();
    assert!(session.names().is_empty());
}

#[tokio::test]
async fn take_returns_the_requests_own_pending_value() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(NOTE, &"stored".to_owned()) }).await.ok();
    world.store.reset();
    let request = browser.act(|session| async move {
        session.set(NOTE, &"pending".to_owned())?;
        assert_eq!(session.take(NOTE).await?.as_deref(), Some("pending"));
        assert_eq!(session.take(NOTE).await?, None);
        session.set(USER, &"ada".to_owned())?;
        assert_eq!(session.take(COUNT).await?, None);
        Ok(())
    });
    request.await.ok();
    assert_eq!(world.store.counts(), (1, 1, 0));
    let names = browser.act(|session| async move { Ok(session.names().join(" ")) });
    assert_eq!(names.await.ok().body, "user");
}

#[tokio::test]
async fn a_taken_value_stays_removed_even_if_the_request_fails() {
    let world = World::new();
    let browser = world.browser();
    let request = browser.act(|session| async move {
        session.set(COUNT, &1)?;
        session.set(NOTE, &"once".to_owned())
    });
    request.await.ok();
    let request = browser.act(|session| async move {
        session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
        assert_eq!(session.take(NOTE).await?.as_deref(), Some("once"));
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    });
    request.await;
    let request =
        browser.act(|session| async move { Ok(format!("{:?} {:?}", session.get(NOTE)?, session.get(COUNT)?)) });
    assert_eq!(request.await.ok().body, "None Some(1)");
}

#[tokio::test]
async fn take_is_refused_on_a_store_that_could_return_a_value_twice() {
    let world = World::new();
    world.store.fails(Fault::NoSwap);
    for sessions in [world.sessions(), Sessions::sealed(secrets("a"))] {
        let handler = |session: Session| async move {
            session.set(NOTE, &"x".to_owned())?;
            assert_eq!(session.take(NOTE).await.unwrap_err().kind(), ErrorKind::UnsupportedByStore);
            Ok(())
        };
        Browser::new(app(sessions)).act(handler).await.ok();
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
    coupon: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gift: Option<String>,
}

#[tokio::test]
async fn a_struct_writes_only_the_fields_that_changed() {
    let world = World::new();
    let browser = world.browser();
    let request = browser.act(|session| async move {
        session.set(USER, &"ada".to_owned())?;
        session.flash(NOTE, &"flash".to_owned())?;
        let cart = SessionOf::<Cart>::from(session.clone());
        assert_eq!(cart.get()?, Cart::default());
        cart.update(|cart| {
            cart.items.push("coal".to_owned());
            cart.gift = Some("ribbon".to_owned());
        })?;
        let mut names = session.names();
        names.sort_unstable();
        assert_eq!(names, ["gift", "items", "note", "user"], "no coupon was set");
        Ok(())
    });
    request.await.ok();
    // Two requests change different fields concurrently. Both survive.
    let rival = browser.copy();
    let request = browser.act(move |session| async move {
        let cart = SessionOf::<Cart>::from(session);
        cart.update(|cart| cart.items.push("wood".to_owned()))?;
        let other = rival.act(|session| async move {
            let cart = SessionOf::<Cart>::from(session);
            cart.update(|cart| {
                cart.coupon = Some("ten".to_owned());
                cart.items.push("ash".to_owned());
                cart.gift = None;
            })?;
            Ok(())
        });
        other.await.ok();
        Ok(())
    });
    request.await.ok();
    let request = browser.act(|session| async move {
        assert_eq!(session.get(USER)?.as_deref(), Some("ada"));
        assert_eq!(session.get(NOTE)?.as_deref(), Some("flash"));
        let cart = SessionOf::<Cart>::from(session).get()?;
        let items = ["coal", "ash", "wood"].map(str::to_owned).to_vec();
        assert_eq!(cart, Cart { items, coupon: Some("ten".to_owned()), gift: None });
        Ok(())
    });
    request.await.ok();
}

#[tokio::test]
async fn a_type_that_is_no_struct_is_an_error_and_a_field_that_does_not_fit_is_absent() {
    let session = Session::<()>::detached();
    session.set(Name::<u32>::new("items"), &5).unwrap();
    let cart = SessionOf::<Cart>::from(session.clone());
    assert_eq!(cart.get().unwrap(), Cart::default());
    assert_eq!(cart.update(|_| {}).unwrap(), Cart::default());
    let number = SessionOf::<u32>::from(session);
    assert_eq!(number.get().unwrap_err().kind(), ErrorKind::InvalidValue);
}

#[test]
fn r10_a_float_reads_back_as_it_was_set() {
    const FLOAT: Name<f64> = Name::new("float");
    let session: Session = Session::detached();
    let mut bits = 0x9E37_79B9_7F4A_7C15_u64;
    let drawn = std::iter::repeat_with(|| {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(bits)
    });
    let floats = drawn.filter(|float| float.is_finite()).take(500);
    for float in floats.chain([923.664_802_685_017_3, -0.0, f64::MIN_POSITIVE / 3.0, f64::MAX]) {
        session.set(FLOAT, &float).unwrap();
        assert_eq!(session.get(FLOAT).unwrap().map(f64::to_bits), Some(float.to_bits()), "{float:e}");
    }
}

#[tokio::test]
async fn an_optional_session_is_none_without_a_session_and_creates_nothing() {
    let world = World::new();
    let maybe = async |session: Option<Session>| match session {
        Some(session) => session.get(USER).map(Option::unwrap_or_default).unwrap_or_default(),
        None => "none".to_owned(),
    };
    let cart = async |cart: SessionOf<Cart>| Ok::<_, Error>(format!("{:?}", cart.get()?.items));
    let routes = crate::support::browser::routes().route("/maybe", get(maybe)).route("/cart", get(cart));
    let browser = Browser::new(routes.layer(world.sessions().layer().unwrap()));
    let answer = browser.get("/maybe").await.ok();
    assert_eq!((answer.body.as_str(), answer.cookies().len()), ("none", 0));
    assert_eq!(answer.all(&http::header::VARY), ["Cookie"]);
    browser.put("__Host-session", &"A".repeat(43));
    assert_eq!(browser.get("/maybe").await.ok().body, "none");
    assert_eq!(world.memory.len(), 0);
    browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
    assert_eq!(browser.get("/maybe").await.ok().body, "ada");
    assert_eq!(browser.get("/cart").await.ok().body, "[]");
    world.store.fails(Fault::Down);
    assert_eq!(browser.get("/maybe").await.status, StatusCode::SERVICE_UNAVAILABLE, "an error, not a missing session");
}

#[tokio::test]
async fn without_a_layer_every_extractor_responds_with_500() {
    let app = Router::new()
        .route("/session", get(|_: Session| async {}))
        .route("/maybe", get(|_: Option<Session>| async {}))
        .route("/cart", get(|_: SessionOf<Cart>| async {}));
    let browser = Browser::new(app);
    for path in ["/session", "/maybe", "/cart"] {
        assert_eq!(browser.get(path).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}

/// The example of the first page, tested without an app.
#[tokio::test]
async fn a_handler_can_be_tested_with_a_detached_session() {
    async fn home(session: Session) -> Result<String, Error> {
        let visits = session.update(COUNT, |visits| visits.unwrap_or(0) + 1)?;
        session.commit().await?;
        Ok(format!("visit {visits}"))
    }
    let session = Session::detached();
    assert_eq!(home(session.clone()).await.unwrap(), "visit 1");
    assert_eq!(home(session.clone()).await.unwrap(), "visit 2");
    session.rotate().unwrap();
    assert!(session.report().has_changes);
    assert_eq!(home(session.clone()).await.unwrap(), "visit 3");
    let report = session.report();
    assert_eq!((report.writes, report.sends_cookie, report.has_changes), (4, true, false));
    session.destroy().unwrap();
    session.commit().await.unwrap();
    assert!(!session.is_live());
    assert_eq!(home(session).await.into_response().status(), StatusCode::OK);
}

//! A session that is not used causes no store call, no cookie and no header.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::support::{
    Browser, COUNT, Fault, USER, World,
    browser::{app, routes},
    scenarios, secrets,
};
use axum::{Router, body::Body, routing::get};
use http::{HeaderValue, Request, header};
use okibi_tower::{Session, Sessions};

#[tokio::test]
async fn n4_a_thousand_anonymous_requests_store_nothing() {
    let world = World::new();
    let browser = world.browser();
    scenarios::a_thousand_anonymous_requests_get_no_cookie(&browser).await;
    assert_eq!(world.store.counts(), (0, 0, 0));
    assert_eq!(world.memory.len(), 0);
}

#[tokio::test]
async fn s22_requests_without_a_cookie_work_while_the_store_is_down() {
    let world = World::new();
    world.store.fails(Fault::Down);
    let browser = world.browser();
    scenarios::a_thousand_anonymous_requests_get_no_cookie(&browser).await;
    assert_eq!(browser.get("/bare").await.ok().body, "bare");
    assert_eq!(world.store.counts(), (0, 0, 0));
}

#[tokio::test]
async fn n3_n15_a_thousand_reads_load_and_write_nothing() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    world.store.reset();
    scenarios::a_thousand_reads_send_no_cookie(&browser).await;
    assert_eq!(world.store.counts(), (1000, 0, 0));
}

#[tokio::test]
async fn n15_a_hundred_requests_within_touch_after_make_one_write() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    world.store.reset();
    world.clock.advance(Duration::from_mins(7));
    let mut cookies = 0;
    for _ in 0..100 {
        let answer = browser.act(|session| async move { session.get(COUNT).map(drop) }).await.ok();
        cookies += answer.cookies().len();
    }
    assert_eq!((world.store.counts(), cookies), ((100, 1, 0), 1));
}

#[tokio::test]
async fn a_request_that_does_not_use_its_session_gets_no_header_and_makes_no_store_call() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    world.store.reset();
    let answer = browser.get("/bare").await.ok();
    assert_eq!(world.store.counts(), (0, 0, 0));
    let names: Vec<_> = answer.headers.keys().map(header::HeaderName::as_str).collect();
    assert_eq!(names, ["content-type", "content-length"]);
}

#[tokio::test]
async fn s14_a_response_that_used_the_session_varies_by_cookie() {
    let world = World::new();
    let browser = world.browser();
    let answer = browser.act(|session| async move { session.get(COUNT).map(drop) }).await.ok();
    assert_eq!(answer.all(&header::VARY), ["Cookie"]);
    assert!(answer.all(&header::CACHE_CONTROL).is_empty());
    let answer = browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    assert_eq!(answer.all(&header::VARY), ["Cookie"]);
    assert_eq!(answer.all(&header::CACHE_CONTROL), ["no-store"]);
    let answer = browser.act(|_session| async move { Ok(()) }).await.ok();
    assert!(answer.all(&header::VARY).is_empty(), "the session was loaded, but not used");
}

#[tokio::test]
async fn r31_a_response_that_used_a_live_session_is_private() {
    let world = World::new();
    let (visitor, browser) = (world.browser(), world.browser());
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    for (said, kept) in [
        ("public, max-age=60", "private, max-age=60"),
        ("max-age=60, s-maxage=600", "private, max-age=60"),
        ("max-age=60", "max-age=60"),
        ("no-cache=\"public\"", "no-cache=\"public\""),
    ] {
        let looks = move |session: okibi_tower::Session| async move {
            session.get(COUNT)?;
            Ok([(header::CACHE_CONTROL, said)])
        };
        assert_eq!(browser.act(looks).await.ok().all(&header::CACHE_CONTROL), [kept]);
        // All visitors without a session get the same response.
        assert_eq!(visitor.act(looks).await.ok().all(&header::CACHE_CONTROL), [said]);
        let unseen = browser.act(move |_session| async move { Ok([(header::CACHE_CONTROL, said)]) });
        assert_eq!(unseen.await.ok().all(&header::CACHE_CONTROL), [said]);
    }
    let quoted = browser.act(|session| async move {
        session.set(COUNT, &2)?;
        session.rotate()?;
        Ok([(header::CACHE_CONTROL, "foo=\"private, no-store\", max-age=60")])
    });
    assert_eq!(quoted.await.ok().all(&header::CACHE_CONTROL), ["no-store"]);
}

#[tokio::test]
async fn s14_only_a_cache_control_that_excludes_shared_caches_is_kept() {
    let world = World::new();
    let browser = world.browser();
    for (said, kept) in [
        ("public, max-age=60", "no-store"),
        ("max-age=60", "no-store"),
        ("private, max-age=60", "private, max-age=60"),
        ("no-store", "no-store"),
        ("no-cache", "no-store"),
        ("private=\"set-cookie\"", "no-store"),
    ] {
        let answer = browser.act(move |session| async move {
            session.rotate()?;
            session.set(COUNT, &1)?;
            Ok([(header::CACHE_CONTROL, said), (header::VARY, "Accept-Encoding")])
        });
        let answer = answer.await.ok();
        assert_eq!(answer.all(&header::CACHE_CONTROL), [kept], "{said}");
        assert_eq!(answer.all(&header::VARY), ["Accept-Encoding, Cookie"]);
    }
    let answer = browser.act(|session| async move {
        session.get(COUNT)?;
        let odd = HeaderValue::from_bytes(b"x-\xff").unwrap();
        Ok(axum::response::AppendHeaders([(header::VARY, odd), (header::VARY, HeaderValue::from_static("Accept"))]))
    });
    assert_eq!(answer.await.ok().headers.get_all(header::VARY).iter().count(), 3, "a value that is not ASCII stays");
    for said in ["cookie", "Accept, Cookie", "*"] {
        let answer = browser.act(move |session| async move {
            session.get(COUNT)?;
            Ok([(header::VARY, said)])
        });
        assert_eq!(answer.await.ok().all(&header::VARY), [said]);
    }
}

#[tokio::test]
async fn n17_the_apps_own_cookies_stay() {
    let world = World::new();
    let browser = world.browser();
    let answer = browser.act(|session| async move {
        session.set(COUNT, &1)?;
        Ok([(header::SET_COOKIE, "theme=dark")])
    });
    let cookies = answer.await.ok().cookies();
    assert_eq!(cookies.len(), 2);
    assert_eq!(cookies[0], "theme=dark");
    assert!(cookies[1].starts_with("__Host-session="), "{cookies:?}");
}

#[tokio::test]
async fn s6_an_id_anywhere_but_in_the_cookie_opens_nothing() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    let id = browser.cookie();
    let pair = format!("__Host-session={id}");
    world.store.reset();
    let request = Request::get(format!("/see?{pair}&session={id}"))
        .header("authorization", format!("Bearer {id}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("set-cookie", &pair)
        .header("__host-session", &id)
        .header("x-session", &id)
        .body(Body::from(format!("{pair}&session={id}")));
    let answer = Browser::new(seeing(world.sessions())).send(request.unwrap()).await.ok();
    assert_eq!((answer.body.as_str(), world.store.counts()), ("false", (0, 0, 0)));
    assert!(answer.cookies().is_empty());
}

/// A malformed, oversized, forged, truncated or doubled cookie: no session, a response of 200, and
/// no store call.
#[tokio::test]
async fn s3_s13_bad_cookies_mean_no_session_and_no_store_call() {
    let world = World::new();
    let good = {
        let browser = world.browser();
        browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
        browser.cookie()
    };
    let other = format!("{}{}", &good[..42], if good.ends_with('A') { 'E' } else { 'A' });
    let huge = "x".repeat(64 * 1024);
    let garbage = (0..10_000).map(|number| format!("k{number}=v")).collect::<Vec<_>>().join("; ");
    let headers: Vec<Vec<u8>> = [
        "__Host-session".to_owned(),
        "__Host-session=".to_owned(),
        "=__Host-session=".to_owned() + &good,
        format!("__Host-session={}", &good[..42]),
        format!("__Host-session={good}A"),
        format!("__Host-session={good}="),
        format!("__Host-session=\"{good}\""),
        format!("__Host-session={}", good.replace(|c: char| c.is_ascii_alphanumeric(), "+")),
        format!("__Host-session={}_", &good[..42]),
        format!("__Host-session={huge}"),
        format!("{huge}={good}"),
        garbage,
        format!("__Host-session={good}; __Host-session={other}; __Host-session={}A", "B".repeat(42)),
        format!("__host-session={good}"),
        format!("session={good}"),
        format!("__Host-session ={good}\u{a0}"),
        ";;;=;=;".to_owned(),
    ]
    .map(String::into_bytes)
    .into_iter()
    .chain([b"__Host-session=\xff\xfe\xfd".to_vec(), b"\xff=\xff; \x80".to_vec()])
    .collect();
    for header in headers {
        world.store.reset();
        let mut request = Request::get("/see").body(Body::empty()).unwrap();
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_bytes(&header).unwrap());
        let answer = Browser::new(seeing(world.sessions())).send(request).await.ok();
        let shown = String::from_utf8_lossy(&header[..header.len().min(80)]).into_owned();
        assert_eq!(answer.body, "false", "{shown}");
        assert_eq!(world.store.counts(), (0, 0, 0), "{shown}");
        assert!(answer.cookies().is_empty(), "{shown}");
    }
}

fn seeing(sessions: Sessions) -> Router {
    let see = async |session: Session| session.is_live().to_string();
    Router::new().route("/see", get(see)).layer(sessions.layer().unwrap())
}

#[tokio::test]
async fn s3_a_forged_signed_id_never_reaches_the_store() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.secret(secrets("a")));
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    let signed = browser.cookie();
    let (id, signature) = signed.split_once('.').unwrap();
    let forged_id = format!("A{}.{signature}", &id[1..]);
    let forged_signature = format!("{id}.A{}", &signature[1..]);
    for value in [id, &forged_id, &forged_signature, &signed[..80], signature] {
        if value == signed {
            continue;
        }
        world.store.reset();
        browser.put("__Host-session", value);
        let answer = browser.act(|session| async move { Ok(session.is_live().to_string()) }).await.ok();
        assert_eq!((answer.body.as_str(), world.store.counts()), ("false", (0, 0, 0)));
    }
}

#[tokio::test]
async fn n34_an_id_from_a_client_is_never_used_for_a_new_session() {
    let world = World::new();
    let browser = world.browser();
    let invented = "A".repeat(43);
    browser.put("__Host-session", &invented);
    let answer = browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    assert_eq!(answer.cookies().len(), 1);
    assert_ne!(browser.cookie(), invented);
    let fixated = browser.another();
    fixated.put("__Host-session", &invented);
    let answer = fixated.act(|session| async move { Ok(session.is_live().to_string()) }).await.ok();
    assert_eq!(answer.body, "false");
}

#[tokio::test]
async fn s12_equal_cookies_count_once_also_over_several_headers() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &5) }).await.ok();
    let mut request = Request::get("/see").body(Body::empty()).unwrap();
    for _ in 0..3 {
        let pair = format!("a=b; __Host-session={}", browser.cookie());
        request.headers_mut().append(header::COOKIE, pair.try_into().unwrap());
    }
    let answer = Browser::new(seeing(world.sessions())).send(request).await.ok();
    assert_eq!(answer.body, "true");
}

#[tokio::test]
async fn an_inner_layer_of_the_same_session_does_nothing() {
    let world = World::new();
    let layer = world.sessions().layer().unwrap();
    let browser = Browser::new(routes().layer(layer.clone()).layer(layer));
    let answer = browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
    assert_eq!(answer.cookies().len(), 1);
    assert_eq!(world.store.counts(), (0, 1, 0));
    let user = browser.act(|session| async move { Ok(session.get(USER)?.unwrap()) }).await.ok();
    assert_eq!(user.body, "ada");
}

#[tokio::test]
async fn n28_every_json_value_reads_back_as_it_was_set() {
    use serde_json::{Value, json};
    let world = World::new();
    let browser = Browser::new(app(world.sessions()));
    let values = [
        json!(null),
        json!(false),
        json!(0),
        json!(-1.5e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}\u{1f}\"\\u{2028}\u{1F525} ; , ="),
        json!([[], {}, [null]]),
        json!({"__proto__": {"constructor": 1}, "": {"a b": []}}),
    ];
    for value in values {
        let put = value.clone();
        let name = okibi_tower::Name::<Value>::new("value");
        browser.act(move |session| async move { session.set(name, &put) }).await.ok();
        let got = browser.act(move |session| async move { Ok(session.get(name)?.unwrap().to_string()) }).await.ok();
        assert_eq!(got.body, value.to_string());
    }
}

//! The cookie: its name, attributes and protection, and which configuration opens which cookie.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::support::{Browser, COUNT, NOTE, USER, World, browser::app, secrets};
use okibi_store::MemoryStore;
use okibi_tower::{ConfigError, FormerCookie, SameSite, Secrets, Session, Sessions};

async fn log_in(browser: &Browser) -> String {
    let answer = browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
    assert_eq!(answer.cookies().len(), 1);
    answer.cookies().remove(0)
}

async fn user(browser: &Browser) -> String {
    browser.act(|session| async move { Ok(session.get(USER)?.unwrap_or_default()) }).await.ok().body
}

fn attributes(cookie: &str) -> Vec<&str> {
    let mut attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
    attributes.sort_unstable();
    attributes
}

#[tokio::test]
async fn n21_s8_the_defaults_are_the_safe_ones() {
    let cookie = log_in(&World::new().browser()).await;
    assert!(cookie.starts_with("__Host-session="));
    assert_eq!(attributes(&cookie), ["HttpOnly", "Max-Age=86400", "Path=/", "SameSite=Lax", "Secure"]);
}

#[tokio::test]
async fn n21_no_request_header_weakens_the_cookie() {
    let world = World::new();
    let browser = world.browser();
    let mut request = http::Request::get("http://localhost:3000/set").body(axum::body::Body::empty()).unwrap();
    for (name, value) in [("host", "localhost:3000"), ("x-forwarded-proto", "http"), ("origin", "http://localhost")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let set = async |session: Session| session.set(COUNT, &1);
    let routes = axum::Router::new().route("/set", axum::routing::get(set)).layer(world.sessions().layer().unwrap());
    let answer = browser.visiting(routes).send(request).await.ok();
    assert!(answer.cookies()[0].contains("; Secure"));
}

#[tokio::test]
async fn n21_the_development_mode_is_explicit_and_logs_a_warning() {
    let (log, _guard) = crate::support::log::Log::collect();
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.insecure_for_development(true));
    let cookie = log_in(&browser).await;
    assert!(cookie.starts_with("session="));
    assert_eq!(attributes(&cookie), ["HttpOnly", "Max-Age=86400", "Path=/", "SameSite=Lax"]);
    assert_eq!(user(&browser).await, "ada");
    assert_eq!(
        log.text().matches("WARN okibi: insecure_for_development: the session cookie is sent unencrypted").count(),
        1,
        "{}",
        log.text()
    );
}

#[tokio::test]
async fn n21_the_development_mode_removes_everything_that_needs_secure() {
    let world = World::new();
    let browser = world.browser_with(|sessions| {
        sessions
            .cookie_name("__Host-Http-shop")
            .same_site(SameSite::None)
            .partitioned(true)
            .insecure_for_development(true)
    });
    let cookie = log_in(&browser).await;
    assert!(cookie.starts_with("shop="));
    assert_eq!(attributes(&cookie), ["HttpOnly", "Max-Age=86400", "Path=/", "SameSite=Lax"]);
}

#[tokio::test]
async fn n35_prefixed_names_and_every_attribute_round_trip() {
    let world = World::new();
    let browser = world.browser_with(|sessions| {
        sessions
            .cookie_name("__Secure-shop")
            .path("/act")
            .domain("example.com")
            .same_site(SameSite::None)
            .partitioned(true)
    });
    let cookie = log_in(&browser).await;
    let expected =
        ["Domain=example.com", "HttpOnly", "Max-Age=86400", "Partitioned", "Path=/act", "SameSite=None", "Secure"];
    assert_eq!(attributes(&cookie), expected);
    assert_eq!(user(&browser).await, "ada");
    assert_eq!(browser.jar().into_keys().next().unwrap(), "__Secure-shop");
}

#[tokio::test]
async fn n8_logout_removes_the_record_and_the_cookie_with_all_its_attributes() {
    let world = World::new();
    let browser = world.browser_with(|sessions| {
        sessions.cookie_name("__Secure-shop").domain("example.com").same_site(SameSite::None).partitioned(true)
    });
    let set = log_in(&browser).await;
    let stolen = browser.copy();
    let answer = browser.act(|session| async move { session.destroy() }).await.ok();
    assert_eq!(answer.cookies().len(), 1);
    let removal = &answer.cookies()[0];
    assert!(removal.starts_with("__Secure-shop=; Max-Age=0; "));
    let without_age = |cookie: &str| -> Vec<String> {
        attributes(cookie).into_iter().filter(|part| !part.starts_with("Max-Age")).map(str::to_owned).collect()
    };
    assert_eq!(without_age(removal), without_age(&set));
    assert_eq!(world.memory.len(), 1, "only the marker of the ended session");
    assert_eq!(user(&stolen).await, "");
}

#[tokio::test]
async fn n8_a_sealed_logout_removes_every_chunk() {
    let browser = Browser::new(app(Sessions::sealed(secrets("a")).chunks(5).max_cookie_bytes(24_576)));
    browser.act(|session| async move { session.set(NOTE, &"x".repeat(9000)) }).await.ok();
    assert_eq!(browser.jar().len(), 4);
    let answer = browser.act(|session| async move { session.destroy() }).await.ok();
    assert_eq!(answer.cookies().len(), 4);
    assert!(browser.jar().is_empty());
}

#[tokio::test]
async fn n16_the_number_of_chunks_follows_the_size() {
    let browser = Browser::new(app(Sessions::sealed(secrets("a")).chunks(5).max_cookie_bytes(24_576)));
    for size in [9000, 4000, 9000, 10] {
        browser.act(move |session| async move { session.set(NOTE, &"x".repeat(size)) }).await.ok();
        let length = browser.act(|session| async move { Ok(session.get(NOTE)?.unwrap().len().to_string()) }).await.ok();
        assert_eq!(length.body, size.to_string());
        for (name, value) in browser.jar() {
            assert!(name.len() + value.len() <= 4096);
        }
    }
    assert_eq!(browser.jar().len(), 1);
    browser.act(|session| async move { session.set(NOTE, &"x".repeat(9000)) }).await.ok();
    let torn = browser.copy();
    torn.put("__Host-session.1", "AAAA");
    let live = torn.act(|session| async move { Ok(session.is_live().to_string()) }).await.ok();
    assert_eq!(live.body, "false", "a session with a missing chunk does not open");
}

#[tokio::test]
async fn n22_secrets_rotate_for_seals_and_signatures() {
    let world = World::new();
    let sealed = |letters: &str| {
        let now = world.clock.clone();
        app(Sessions::sealed(secrets(letters)).clock(move || now.now().into()))
    };
    let signed = |letters: &str| app(world.sessions().secret(secrets(letters)));
    for make in [&sealed as &dyn Fn(&str) -> axum::Router, &signed] {
        let browser = Browser::new(make("a"));
        log_in(&browser).await;
        let browser = browser.visiting(make("ba"));
        assert_eq!(user(&browser).await, "ada", "an old secret still opens");
        world.clock.advance(Duration::from_mins(7));
        assert_eq!(user(&browser).await, "ada", "the next touch writes with the new one");
        assert_eq!(user(&browser.visiting(make("b"))).await, "ada");
        assert_eq!(user(&browser.visiting(make("a"))).await, "");
    }
}

/// Changes the default configuration.
type Make = fn(Sessions) -> Sessions;

/// A cookie of one configuration opens under no other, with the same secret and store.
#[tokio::test]
async fn n23_s28_the_swap_matrix_opens_nothing() {
    let world = World::new();
    let kinds: Vec<(&str, Make)> = vec![
        ("__Host-a", |sessions| sessions.cookie_name("__Host-a")),
        ("__Host-b", |sessions| sessions.cookie_name("__Host-b")),
        ("__Host-c", |sessions| sessions.cookie_name("__Host-c").secret(secrets("a"))),
        ("__Host-d", |sessions| sessions.cookie_name("__Host-d").secret(secrets("a"))),
        ("__Host-e", |_| Sessions::sealed(secrets("a")).cookie_name("__Host-e")),
        ("__Host-f", |_| Sessions::sealed(secrets("a")).cookie_name("__Host-f")),
    ];
    for (from, make) in &kinds {
        let browser = world.browser_with(make);
        log_in(&browser).await;
        let value = browser.cookie();
        for (to, make) in &kinds {
            let other = world.browser_with(make);
            other.put(to, &value);
            assert_eq!(user(&other).await == "ada", from == to, "{from} as {to}");
            // Nor does the id part of a signed value.
            let bare = world.browser_with(make);
            bare.put(to, value.split('.').next().unwrap());
            assert_eq!(user(&bare).await == "ada", from == to && !value.contains('.'), "a part of {from} as {to}");
        }
    }
}

#[test]
fn n21_s8_s10_impossible_configurations_name_the_value_and_the_fix() {
    let sessions = || Sessions::new(MemoryStore::new());
    let span = Duration::from_secs;
    for (sessions, expected) in [
        (sessions().cookie_name("a b"), "cookie name \"a b\": must be"),
        (sessions().cookie_name("a\r\nb"), "cookie name \"a\\u000d\\u000ab\": must be"),
        (sessions().cookie_name(""), "cookie name \"\": must be"),
        (sessions().path("/x"), "cookie name \"__Host-session\": a __Host- cookie has Path=/"),
        (sessions().domain("example.com"), "cookie name \"__Host-session\": a __Host- cookie has no Domain"),
        (sessions().cookie_name("s").path("/;x"), "cookie path \"/;x\": must start with '/'"),
        (sessions().cookie_name("s").domain("a;b"), "cookie domain \"a;b\": must be a host name"),
        (sessions().cookie_name("__HOST-x"), "cookie name \"__HOST-x\": spell the prefix exactly __Host-"),
        (
            sessions().cookie_name("__Host-Http-x").path("/x"),
            "cookie name \"__Host-Http-x\": a __Host-Http- cookie has",
        ),
        (sessions().idle(span(0)), "idle of 0s: must be between"),
        (sessions().absolute(span(1)), "absolute of 1s: must not be shorter than idle"),
        (sessions().touch_after(span(3600)), "touch_after of 3600s: must be shorter than idle"),
        (sessions().grace(span(7200)), "grace of 7200s: must be at most 1 hour"),
        (sessions().namespace("a:b"), "namespace \"a:b\": must be"),
        (sessions().store_timeout(span(0)), "store_timeout of 0s: must be longer than zero"),
        (
            sessions().store_timeout(span(30 * 24 * 3600)),
            "store_timeout of 2592000s: must be longer than zero and at most 2147483 seconds (24 days)",
        ),
        (
            sessions().commit_deadline(span(2_147_484)),
            "commit_deadline of 2147484s: must be longer than zero and at most",
        ),
        (sessions().commit_deadline(span(0)), "commit_deadline of 0s: must be longer than zero"),
        (sessions().max_cookie_bytes(5000), "max_cookie_bytes: only a sealed cookie is bounded; remove it"),
        (Sessions::sealed(secrets("a")).max_cookie_bytes(1), "max_cookie_bytes of 1: must be 512 to 65536"),
        (sessions().former(FormerCookie::default()), "former: these are the cookie's present path"),
        (sessions().chunks(2), "chunks: only a sealed cookie can be split; remove it"),
        (Sessions::sealed(secrets("a")).chunks(6), "chunks of 6: must be 1 to 5"),
        (
            Sessions::sealed(secrets("a")).secret(secrets("a")),
            "secret: a sealed cookie has its secrets already; remove it",
        ),
    ] {
        let error: ConfigError = sessions.layer().unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error} is not {expected}");
    }
    assert!(Secrets::new(["short"]).unwrap_err().to_string().contains("5 bytes; must be at least 32 bytes"));
}

#[tokio::test]
async fn s9_no_cookie_lives_longer_than_four_hundred_days() {
    let world = World::new();
    let days = |count: u64| Duration::from_hours(24 * count);
    let browser = world.browser_with(|sessions| sessions.idle(days(400)).absolute(days(4000)));
    let cookie = log_in(&browser).await;
    assert!(cookie.contains("; Max-Age=34560000;"), "{cookie}");
    assert!(world.sessions().idle(days(401)).absolute(days(4000)).layer().is_err());
}

#[tokio::test]
async fn r3_r4_the_cookie_that_opens_is_used_and_the_former_cookie_is_removed() {
    let world = World::new();
    let before = world.browser_with(|sessions| sessions.partitioned(true));
    log_in(&before).await;
    let former = FormerCookie { partitioned: true, ..FormerCookie::default() };
    let now = world.browser_with(|sessions| sessions.former(former));
    let gone = "__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; Partitioned; SameSite=Lax";
    let login = now.act(|session| async move { session.set(USER, &"ben".to_owned()) }).await.ok();
    assert_eq!(login.cookies()[0], gone);
    let own = login.cookies()[1].split(';').next().unwrap().to_owned();
    let old = format!("__Host-session={}", before.cookie());
    let dead = format!("__Host-session={}", "A".repeat(43));
    let sessions =
        |session: Session| async move { Ok::<_, okibi_tower::Error>(session.get(USER)?.unwrap_or_default()) };
    let former = FormerCookie { partitioned: true, ..FormerCookie::default() };
    let routes = axum::Router::new()
        .route("/", axum::routing::get(sessions))
        .layer(world.sessions().former(former).layer().unwrap());
    let visitor = Browser::new(routes);
    for (header, user, cookies) in [
        (format!("{own}; {dead}"), "ben", 2),
        (format!("{dead}; {own}"), "ben", 2),
        (format!("{own}; {old}"), "", 1),
        (format!("{old}; {own}"), "", 1),
    ] {
        let request = http::Request::get("/").header("cookie", &header).body(axum::body::Body::empty()).unwrap();
        let answer = visitor.another().send(request).await.ok();
        assert_eq!((answer.body.as_str(), answer.cookies().len()), (user, cookies), "{header}");
        assert_eq!(answer.cookies()[0], gone);
    }
}

/// The claim of `docs/cookies.md` for a cookie that the app removes itself: okibi's cookie comes
/// after it.
#[tokio::test]
async fn a_change_of_a_live_sealed_session_is_kept_beside_a_removed_cookie() {
    let browser = Browser::new(app(Sessions::sealed(secrets("a"))));
    log_in(&browser).await;
    let both = browser.act(|session| async move {
        session.set(USER, "bob")?;
        Ok([(http::header::SET_COOKIE, "__Host-session=; Path=/; Secure; Max-Age=0; HttpOnly")])
    });
    assert_eq!(both.await.ok().cookies().len(), 2);
    assert_eq!(user(&browser).await, "bob");
}

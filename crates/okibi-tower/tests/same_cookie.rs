//! Layers with the same cookie name: clones of each other are one session, all others are an
//! error that names the option.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use okibi_store::MemoryStore;
use okibi_tower::compat::HonoSessions;
use okibi_tower::{ErrorKind, Secrets, Session, SessionLayer, Sessions};
use std::sync::Mutex;
use tower::ServiceExt as _;

struct Admin;

/// The status, and the result of the inner layer.
async fn answer(app: Router, seen: &Mutex<Option<(ErrorKind, String)>>) -> (StatusCode, Option<(ErrorKind, String)>) {
    let response = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    (response.status(), seen.lock().unwrap().take())
}

type Seen = Arc<Mutex<Option<(ErrorKind, String)>>>;

fn watched<K>(sessions: Sessions<K>, seen: &Seen) -> SessionLayer<K> {
    let seen = Arc::clone(seen);
    sessions
        .on_error(move |error| {
            *seen.lock().unwrap() = Some((error.kind(), error.to_string()));
            let mut response = http::Response::new("refused".into());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
        .layer()
        .unwrap()
}

fn app() -> Router {
    Router::new().route("/", get(|_: Session| async { "fine" }))
}

#[tokio::test]
async fn m4_clones_of_a_layer_are_one_session() {
    let seen = Seen::default();
    let layer = watched(Sessions::new(MemoryStore::new()), &seen);
    let (status, error) = answer(app().layer(layer.clone()).layer(layer), &seen).await;
    assert_eq!((status, error), (StatusCode::OK, None));
}

#[tokio::test]
async fn m4_two_layers_with_equal_options_on_one_store_are_one_session() {
    let store = Arc::new(MemoryStore::new());
    let secrets = || Secrets::new(["a secret of 32 bytes or more, from a good source"]).unwrap();
    let notes = Arc::new(MemoryStore::new().refuse_when_full());
    let kinds: [&dyn Fn() -> Sessions; 5] = [
        &|| Sessions::new(Arc::clone(&store)),
        &|| Sessions::new(Arc::clone(&store)).secret(secrets()).idle(Duration::from_mins(5)).namespace("shop"),
        &|| Sessions::sealed(secrets()).chunks(2),
        &|| Sessions::sealed(secrets()).revocations(Arc::clone(&notes)),
        &|| Sessions::new(Arc::new(Arc::clone(&store))),
    ];
    for made in kinds {
        let seen = Seen::default();
        let app = app().layer(watched(made(), &seen)).layer(made().layer().unwrap());
        assert_eq!(answer(app, &seen).await, (StatusCode::OK, None));
    }
}

#[tokio::test]
async fn m4_r8_another_layer_with_the_same_cookie_is_an_error_that_names_what_differs() {
    let store = || Sessions::new(MemoryStore::new());
    let secrets = || Secrets::new(["a secret of 32 bytes or more, from a good source"]).unwrap();
    let shared = Arc::new(MemoryStore::new());
    let on_shared = || Sessions::new(Arc::clone(&shared));
    for (option, other) in [
        ("commit_failed_requests", on_shared().commit_failed_requests(true)),
        ("failed_when", on_shared().failed_when(|status| status.is_server_error())),
        ("store_timeout", on_shared().store_timeout(Duration::from_secs(1))),
        ("commit_deadline", on_shared().commit_deadline(Duration::from_secs(1))),
        ("safe_integers", on_shared().safe_integers(true)),
    ] {
        let seen = Seen::default();
        let app = app().layer(watched(other, &seen)).layer(on_shared().layer().unwrap());
        let (_, error) = answer(app, &seen).await;
        assert!(error.unwrap().1.starts_with(&format!("{option}: two session layers have a cookie")), "{option}");
    }
    let others: [(&str, Sessions); 6] = [
        ("store", store()),
        ("idle", store().idle(Duration::from_mins(5))),
        ("namespace", store().namespace("other")),
        ("secret", store().secret(secrets())),
        ("sealed", Sessions::sealed(secrets())),
        ("persistent", store().persistent(false)),
    ];
    for (option, other) in others {
        let seen = Seen::default();
        let app = app().layer(watched(other, &seen)).layer(store().layer().unwrap());
        let (status, error) = answer(app, &seen).await;
        let (kind, text) = error.unwrap();
        assert_eq!((status, kind), (StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Config));
        assert!(text.starts_with(&format!("{option}: two session layers have a cookie __Host-session and")), "{text}");
    }
}

#[tokio::test]
async fn m4_another_kind_never_has_the_cookie_of_the_first() {
    let seen = Seen::default();
    let store = Arc::new(MemoryStore::new());
    let admin = watched(Sessions::new(Arc::clone(&store)).of::<Admin>("__Host-session"), &seen);
    let app = Router::new()
        .route("/", get(|_: Session<Admin>| async { "an administrator" }))
        .layer(admin)
        .layer(Sessions::new(store).layer().unwrap());
    let (status, error) = answer(app, &seen).await;
    assert_eq!((status, error.unwrap().0), (StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Config));
}

#[tokio::test]
async fn n29_layers_with_different_cookies_can_be_nested() {
    let seen = Seen::default();
    let admin = watched(Sessions::new(MemoryStore::new()).of::<Admin>("__Host-admin"), &seen);
    let app = Router::new()
        .route("/", get(|_: Session, _: Session<Admin>| async { "both" }))
        .layer(admin)
        .layer(Sessions::new(MemoryStore::new()).layer().unwrap());
    assert_eq!(answer(app, &seen).await, (StatusCode::OK, None));
}

#[tokio::test]
async fn n51_an_accepted_cookie_must_not_belong_to_another_layer() {
    let until = SystemTime::now() + Duration::from_hours(1);
    let old = || Sessions::hono_sessions(HonoSessions::default(), MemoryStore::new());
    let new = || {
        let admins = Sessions::new(MemoryStore::new()).of::<Admin>("__Host-admin");
        admins.accept(HonoSessions::default(), MemoryStore::new(), until)
    };
    let seen = Seen::default();
    let inside = app().layer(watched(new(), &seen)).layer(old().layer().unwrap());
    let outside = app().layer(watched(old(), &seen)).layer(new().layer().unwrap());
    for app in [inside, outside] {
        let (status, error) = answer(app, &seen).await;
        let (kind, text) = error.unwrap();
        assert_eq!((status, kind), (StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Config));
        assert!(text.starts_with("accept: of two session layers"), "{text}");
    }
}

/// A sealed session uses the cookies `x` to `x.4`, and clears those that it does not need.
#[tokio::test]
async fn n61_a_cookie_with_the_name_of_another_cookies_chunk_is_an_error() {
    let secrets = || Secrets::new(["a secret of 32 bytes or more, from a good source"]).unwrap();
    let whole = || Sessions::sealed(secrets()).cookie_name("x");
    let chunk = || Sessions::new(MemoryStore::new()).of::<Admin>("x.1");
    let seen = Seen::default();
    let inside = app().layer(watched(chunk(), &seen)).layer(whole().layer().unwrap());
    let outside = app().layer(watched(whole(), &seen)).layer(chunk().layer().unwrap());
    for app in [inside, outside] {
        let (status, error) = answer(app, &seen).await;
        let (kind, text) = error.unwrap();
        assert_eq!((status, kind), (StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Config));
        assert!(
            text.starts_with("cookie_name: a session layer has a cookie x.1, which is the name of a chunk"),
            "{text}"
        );
    }
    let beside = app().layer(watched(whole().of::<Admin>("x.5"), &seen)).layer(whole().layer().unwrap());
    assert_eq!(answer(beside, &seen).await, (StatusCode::OK, None));
}

/// A store key has the namespace and the id, and not the name of the cookie.
#[tokio::test]
async fn layers_with_one_store_and_one_namespace_are_an_error_with_different_cookies_too() {
    let seen = Seen::default();
    let store = Arc::new(MemoryStore::new());
    let users = || Sessions::new(Arc::clone(&store));
    let admins = || users().of::<Admin>("__Secure-session");
    let secret = "a secret of 32 bytes or more, from a good source";
    let signed = || admins().secret(Secrets::new([secret]).unwrap());
    let named = || users().of::<Admin>("__Host-admin").namespace("session");
    for (other, cookie) in [(admins(), "__Secure-session"), (signed(), "__Secure-session"), (named(), "__Host-admin")] {
        let inside = app().layer(watched(other, &seen)).layer(users().layer().unwrap());
        let (status, error) = answer(inside, &seen).await;
        let text = format!(
            "namespace: sessions __Host-session and {cookie} in one app have one store and one namespace, so an id of one \
             opens the other; give one of them another namespace"
        );
        assert_eq!((status, error), (StatusCode::INTERNAL_SERVER_ERROR, Some((ErrorKind::Config, text))));
    }
    let outside = app().layer(watched(users(), &seen)).layer(admins().layer().unwrap());
    assert_eq!(answer(outside, &seen).await.1.unwrap().0, ErrorKind::Config);
    // Between the two there may be a layer without a conflict.
    let between = app().layer(watched(admins(), &seen)).layer(users().of::<u8>("__Host-other").layer().unwrap());
    assert_eq!(answer(between.layer(users().layer().unwrap()), &seen).await.1.unwrap().0, ErrorKind::Config);

    let sealed = || Sessions::sealed(Secrets::new([secret]).unwrap()).of::<Admin>("__Secure-session");
    let elsewhere = Sessions::new(Arc::new(MemoryStore::new())).of::<Admin>("__Secure-session");
    let old = Sessions::hono_sessions(HonoSessions::default(), Arc::clone(&store));
    for fine in [watched(admins().namespace("admin"), &seen), watched(sealed(), &seen), watched(elsewhere, &seen)] {
        let app = app().layer(fine).layer(users().layer().unwrap());
        assert_eq!(answer(app, &seen).await, (StatusCode::OK, None));
    }
    // The keys of an older dialect have no namespace.
    let app = app().layer(watched(old, &seen)).layer(users().layer().unwrap());
    assert_eq!(answer(app, &seen).await, (StatusCode::OK, None));
    let notes = Arc::new(MemoryStore::new().refuse_when_full());
    let revocable = || Sessions::sealed(Secrets::new([secret]).unwrap()).revocations(Arc::clone(&notes));
    let admins = watched(revocable().of::<Admin>("__Secure-session"), &seen);
    let app = self::app().layer(admins).layer(revocable().layer().unwrap());
    assert_eq!(answer(app, &seen).await, (StatusCode::OK, None));
}

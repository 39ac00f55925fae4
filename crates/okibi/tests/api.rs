//! The public names of Rust, each used once: the table of both languages' API compiles.

#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, http::Request, routing::get};
use okibi::{
    Cached, ConfigError, Directory, Error, ErrorKind, Event, FormerCookie, Handle, Lifetime, MemoryStore, Name, Report,
    SameSite, Secrets, Session, SessionInfo, SessionLayer, SessionOf, Sessions,
    compat::{HonoProtection, HonoSessions, IronSecrets},
    guard, no_activity, purge_every,
};
use tower::ServiceExt as _;

const USER: Name<String> = Name::new("user");
const VISITS: Name<u32> = Name::new("visits").or_absent();

struct Admin;

fn secrets() -> Secrets {
    Secrets::new(["a secret of at least thirty-two bytes"]).unwrap()
}

#[test]
fn every_option_has_its_name() -> Result<(), ConfigError> {
    let signed: SessionLayer = Sessions::new(MemoryStore::new())
        .secret(secrets())
        .cookie_name("__Secure-session")
        .path("/")
        .domain("example.org")
        .same_site(SameSite::Strict)
        .http_only(true)
        .partitioned(false)
        .former(FormerCookie::default())
        .persistent(false)
        .idle(Duration::from_mins(15))
        .absolute(Duration::from_hours(12))
        .touch_after(Duration::from_mins(1))
        .grace(Duration::from_secs(30))
        .namespace("shop")
        .insecure_for_development(false)
        .safe_integers(true)
        .commit_failed_requests(false)
        .failed_when(|status| status.is_server_error())
        .store_timeout(Duration::from_secs(1))
        .commit_deadline(Duration::from_secs(5))
        .on_error(Error::to_response)
        .on_event(|event: Event| assert!(!event.code().is_empty()))
        .clock(SystemTime::now)
        .random(|bytes| {
            bytes.fill(7);
            Ok(())
        })
        .timer(|span| Box::pin(tokio::time::sleep(span)))
        .layer()?;
    let _: Directory = signed.directory();
    let _: SessionLayer<Admin> = Sessions::new(MemoryStore::new())
        .of::<Admin>("__Host-admin")
        .lifetime(Lifetime::AAL3)
        .absolute(None)
        .layer()?;
    let notes = MemoryStore::new().refuse_when_full();
    Sessions::sealed(secrets()).chunks(2).max_cookie_bytes(4096).revocations(notes).layer()?;
    Sessions::new(Cached::new(MemoryStore::new(), Duration::from_secs(5))?.max_bytes(1 << 20)).layer()?;
    let keys = IronSecrets::new(["a key of at least thirty-two characters"])?;
    let older = HonoSessions { protection: HonoProtection::SealedId(keys), ..HonoSessions::default() };
    let until = SystemTime::now() + Duration::from_hours(24);
    Sessions::new(MemoryStore::new()).accept(older, MemoryStore::new(), until).layer()?;
    Ok(())
}

#[test]
fn options_that_a_sealed_cookie_does_not_have_are_refused_by_their_names() {
    let error = Sessions::sealed(secrets()).secret(secrets()).layer().unwrap_err();
    assert_eq!(error.to_string(), "secret: a sealed cookie has its secrets already; remove it");
    let both = Sessions::new(MemoryStore::new()).commit_failed_requests(true).failed_when(|_| false);
    assert!(both.layer().unwrap_err().to_string().starts_with("failed_when: "));
}

async fn used(session: Session) -> Result<String, Error> {
    session.set(USER, "ada")?;
    session.set(Name::<Vec<u32>>::of(&format!("cart:{}", 7)), &vec![1])?;
    session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
    assert!(session.has(USER) && session.has(Name::<Vec<u32>>::of("cart:7")));
    assert_eq!(session.get(Name::<Vec<u32>>::of("cart:7"))?, Some(vec![1]));
    session.set_owner("ada")?;
    session.set_label(Some("phone"))?;
    session.set_idle(Duration::from_mins(30))?;
    session.set_absolute(Duration::from_hours(24))?;
    session.set_persistent(true)?;
    session.touch()?;
    session.rotate()?;
    session.commit().await?;
    let (owner, label): (Option<String>, Option<String>) = (session.owner(), session.label());
    assert_eq!((owner.as_deref(), label.as_deref()), (Some("ada"), Some("phone")));
    let times: [Option<SystemTime>; 5] =
        [session.created(), session.last_active(), session.expires_at(), session.deadline(), session.touch_due_at()];
    assert!(times.iter().all(Option::is_some));
    let listed: Vec<SessionInfo> = session.list().await?;
    let handle: Handle = listed.first().unwrap().handle;
    assert_eq!((listed.len(), session.handle()), (1, Some(handle)));
    assert_eq!(session.revoke_others().await?, 0);
    assert!(!session.revoke(Handle::from_bytes([0; 16])).await?);
    let Report { loads, writes, touch_due_at, .. } = session.report();
    assert!(touch_due_at.is_some());
    session.set_owner(None)?;
    session.set_label(None)?;
    Ok(format!("{loads} {writes}"))
}

#[tokio::test]
async fn every_verb_of_a_session_has_its_name() {
    let events = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&events);
    let store = Arc::new(MemoryStore::new());
    let sessions = Sessions::new(Arc::clone(&store)).on_event(move |event| {
        assert_eq!(event, Event::MalformedCookie);
        count.fetch_add(1, Ordering::Relaxed);
    });
    let layer = sessions.layer().unwrap();
    let directory = layer.directory();
    let app = Router::new()
        .route("/", get(used))
        .route("/own", get(async |_: Session| "yours").route_layer(guard(USER).redirect("/")))
        .route("/quiet", get(async |_: Session| "quiet").route_layer(no_activity()))
        .route("/whole", get(async |whole: SessionOf<Vec<u32>>| whole.get().unwrap_err().kind().code()))
        .layer(layer);
    let request = Request::get("/").header("cookie", "__Host-session=x").body(Body::empty()).unwrap();
    assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 200);
    assert_eq!(events.load(Ordering::Relaxed), 1);
    let denied = app.clone().oneshot(Request::get("/own").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((denied.status().as_u16(), denied.headers()["location"].to_str().unwrap()), (303, "/"));
    let handle = Handle::from_bytes([0; 16]);
    assert!(directory.list("ada").await.unwrap().is_empty());
    assert!(!directory.revoke("ada", handle).await.unwrap());
    assert_eq!(
        directory.revoke_all("ada").await.unwrap() + directory.revoke_all_except("ada", handle).await.unwrap(),
        0
    );
    purge_every(store, Duration::from_hours(1)).stop().await;
}

#[test]
fn every_error_has_its_code() {
    let codes = [
        (ErrorKind::Conflict, "conflict"),
        (ErrorKind::HeadersSent, "headers_sent"),
        (ErrorKind::InvalidOwner, "invalid_owner"),
        (ErrorKind::InvalidTimeout, "invalid_timeout"),
        (ErrorKind::NoMiddleware, "no_middleware"),
        (ErrorKind::RandomFailed, "random_failed"),
        (ErrorKind::UnsupportedByDialect, "unsupported_by_dialect"),
        (ErrorKind::UnsupportedByStore, "unsupported_by_store"),
        (ErrorKind::UpdateFailed, "update_failed"),
    ];
    for (kind, code) in codes {
        assert_eq!(kind.code(), code);
        assert_eq!(kind.is_store_fault(), kind == ErrorKind::Conflict);
    }
}

//! The lifetime of a session: idle span, absolute span, touch, "remember me".

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::{Duration, SystemTime};

use crate::support::{Browser, COUNT, USER, World, browser::app};
use okibi_store::{MemoryStore, Timestamp};
use okibi_tower::{Lifetime, Session, Sessions, no_activity};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

async fn log_in(browser: &Browser) {
    browser.act(|session| async move { session.set(USER, &"ada".to_owned()) }).await.ok();
}

fn millis(time: SystemTime) -> u64 {
    Timestamp::from(time).as_millis()
}

async fn is_live(browser: &Browser) -> bool {
    browser.act(|session| async move { Ok(session.is_live().to_string()) }).await.ok().body == "true"
}

#[tokio::test]
async fn n14_a_session_expires_after_its_idle_span() {
    let world = World::new();
    let browser = world.browser();
    log_in(&browser).await;
    world.clock.advance(MINUTE * 59);
    assert!(is_live(&browser).await);
    world.clock.advance(MINUTE * 59);
    assert!(is_live(&browser).await, "activity extends the session");
    world.clock.advance(HOUR);
    assert!(!is_live(&browser).await);
}

#[tokio::test]
async fn n14_activity_never_moves_a_session_past_its_absolute_deadline() {
    let world = World::new();
    let browser = world.browser();
    log_in(&browser).await;
    for _ in 0..24 * 4 - 1 {
        world.clock.advance(MINUTE * 15);
        assert!(is_live(&browser).await);
    }
    world.clock.advance(MINUTE * 15);
    assert!(!is_live(&browser).await);
}

#[tokio::test]
async fn n59_a_request_longer_than_the_idle_span_is_activity_at_its_start() {
    let world = World::new();
    let browser = world.browser();
    log_in(&browser).await;
    world.clock.advance(MINUTE * 59);
    let clock = world.clock.clone();
    let upload = browser.act(|session| async move {
        clock.advance(MINUTE * 55);
        session.set(COUNT, &1)
    });
    upload.await.ok();
    let count =
        browser.act(|session| async move { Ok(session.get(COUNT)?.unwrap_or_default().to_string()) }).await.ok();
    assert_eq!(count.body, "1");
}

/// The engine checks expiry itself. The clock of this store stands still, so the store never drops
/// a session.
#[tokio::test]
async fn n14_s16_expiry_is_enforced_whatever_the_store_does() {
    let clock = crate::support::Clock::new();
    let (now, stopped) = (clock.clone(), clock.now());
    let store = MemoryStore::new().clock(move || stopped);
    let browser = Browser::new(app(Sessions::new(store).clock(move || now.now().into())));
    log_in(&browser).await;
    clock.advance(HOUR);
    assert!(!is_live(&browser).await);
}

#[tokio::test]
async fn n40_a_session_that_writes_every_minute_stays_live_and_its_cookie_is_sent_again() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.absolute(None));
    log_in(&browser).await;
    let mut cookie_sent = world.clock.now();
    for _ in 0..300 {
        world.clock.advance(MINUTE);
        let answer =
            browser.act(|session| async move { session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop) });
        if !answer.await.ok().cookies().is_empty() {
            cookie_sent = world.clock.now();
        }
        assert!(world.clock.now().since(cookie_sent) < HOUR, "the browser would have dropped the cookie");
    }
    let count = browser.act(|session| async move { Ok(session.get(COUNT)?.unwrap().to_string()) }).await.ok();
    assert_eq!(count.body, "300");
}

#[tokio::test]
async fn n31_a_session_can_carry_its_own_idle_span() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.absolute(Duration::from_hours(24 * 30)).persistent(false));
    let other = browser.another();
    log_in(&other).await;
    let login = browser.act(|session| async move {
        session.rotate()?;
        session.set(USER, &"ada".to_owned())?;
        session.set_idle(Duration::from_hours(24 * 7))?;
        session.set_persistent(true)
    });
    let answer = login.await.ok();
    assert!(answer.cookies()[0].contains("Max-Age=2592000;"), "until the absolute deadline: {answer:?}");
    world.clock.advance(Duration::from_hours(24 * 6));
    assert!(is_live(&browser).await);
    assert!(!is_live(&other).await);
    world.clock.advance(Duration::from_hours(24 * 6));
    assert!(is_live(&browser).await, "its own span is extended, too");
}

#[tokio::test]
async fn a_browser_session_sends_no_max_age_and_a_persistent_one_does() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.persistent(false));
    let answer = browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    assert!(!answer.cookies()[0].contains("Max-Age"));
    let answer = browser.act(|session| async move { session.set_persistent(true) }).await.ok();
    assert!(answer.cookies()[0].contains("Max-Age=86400;"));
}

#[tokio::test]
async fn s17_a_clock_that_jumps_back_never_extends_a_session_past_its_deadline() {
    let world = World::new();
    let browser = world.browser();
    log_in(&browser).await;
    let deadline = |session: Session| async move { Ok(millis(session.deadline().unwrap()).to_string()) };
    let before = browser.act(deadline).await.ok().body;
    world.clock.advance(MINUTE * 50);
    browser.act(deadline).await.ok();
    world.clock.turn_back(HOUR * 10);
    let after = browser.act(deadline).await.ok();
    assert_eq!(after.body, before);
    assert_eq!(after.cookies().len(), 1, "a last-active time in the future is corrected");
    world.clock.advance(HOUR * 35);
    assert!(!is_live(&browser).await);
}

#[tokio::test]
async fn a_rotation_starts_both_spans_again_unless_it_keeps_the_deadline() {
    let world = World::new();
    let browser = world.browser();
    log_in(&browser).await;
    let deadline = |session: Session| async move { Ok(millis(session.deadline().unwrap()).to_string()) };
    let first = browser.act(deadline).await.ok().body;
    world.clock.advance(MINUTE);
    browser.act(|session| async move { session.rotate_keeping_deadline() }).await.ok();
    assert_eq!(browser.act(deadline).await.ok().body, first);
    browser.act(|session| async move { session.rotate() }).await.ok();
    assert_eq!(browser.act(deadline).await.ok().body, (first.parse::<u64>().unwrap() + 60_000).to_string());
}

#[tokio::test]
async fn s15_the_presets_are_those_of_nist() {
    let world = World::new();
    let browser = world.browser_with(|sessions| sessions.lifetime(Lifetime::AAL3));
    log_in(&browser).await;
    world.clock.advance(MINUTE * 15);
    assert!(!is_live(&browser).await);
}

#[tokio::test]
async fn the_times_of_a_session_are_correct() {
    let world = World::new();
    let browser = world.browser();
    log_in(&browser).await;
    let start = SystemTime::from(world.clock.now());
    world.clock.advance(MINUTE * 10);
    let now = SystemTime::from(world.clock.now());
    let answer = browser.act(move |session| async move {
        assert_eq!(session.created(), Some(start));
        assert_eq!(session.last_active(), Some(start));
        assert_eq!(session.expires_at(), Some(start + HOUR));
        assert_eq!(session.deadline(), Some(start + HOUR * 24));
        assert_eq!(session.touch_due_at(), Some(start + MINUTE * 6));
        session.commit().await?;
        assert_eq!(session.last_active(), Some(now));
        let report = session.report();
        assert_eq!((report.loads, report.writes, report.deletes, report.sends_cookie), (1, 1, 0, true));
        assert_eq!(report.touch_due_at, Some(now + MINUTE * 6));
        Ok(())
    });
    answer.await.ok();
}

#[tokio::test]
async fn r16_polling_extends_no_session() {
    let world = World::new();
    let browser = world.browser();
    log_in(&browser).await;
    let poll = |session: Session| async move {
        format!("{:?}", session.expires_at().map(|end| Timestamp::from(end).as_millis()))
    };
    let end = format!("{:?}", Some(world.clock.now().as_millis() + 3_600_000));
    let route = axum::Router::new().route("/", axum::routing::get(poll));
    let inside = route.clone().layer(no_activity()).layer(world.sessions().layer().unwrap());
    let outside = route.layer(world.sessions().layer().unwrap()).layer(no_activity());
    let polls = [browser.visiting(inside), browser.visiting(outside)];
    for minute in 1..60 {
        world.clock.advance(MINUTE);
        for poll in &polls {
            let answer = poll.get("/").await.ok();
            assert_eq!((answer.body.as_str(), answer.cookies().len()), (end.as_str(), 0), "minute {minute}");
        }
        // Its changes are written, and its expiry does not change.
        let add = browser.act(|session| async move {
            session.no_activity();
            session.update(COUNT, |count| count.unwrap_or(0) + 1).map(|count| count.to_string())
        });
        assert_eq!(add.await.ok().body, minute.to_string());
    }
    world.clock.advance(MINUTE);
    assert!(!is_live(&browser).await);
}

//! Tasks that stop half-way: the second write of a rotation fails, the clock or an event handler
//! panics.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::SystemTime,
};

use crate::support::{
    COUNT, NOTE,
    browser::{Browser, app},
};
use futures_util::FutureExt;
use okibi_store::{Consistency, Loaded, MemoryStore, Owners, Store, StoreError, StoreKey, Swap, Write};
use okibi_tower::{ErrorKind, Event, Session, Sessions};

/// Which of the next swaps fail: one bit for each, the lowest bit first.
#[derive(Clone, Default)]
struct Failing(Arc<AtomicU32>, Arc<AtomicU32>);

/// A test waits for the next swap.
const ARMED: u32 = 1;
/// The swap has happened.
const WRITTEN: u32 = 2;

struct Faulty(MemoryStore, Failing);

impl Store for Faulty {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.0.load(key).await
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let fates = self.1.0.load(Ordering::SeqCst);
        self.1.0.store(fates >> 1, Ordering::SeqCst);
        if fates & 1 == 1 {
            return Err(StoreError::unavailable("on purpose"));
        }
        let swap = self.0.swap(key, expected, write).await;
        let _ = self.1.1.compare_exchange(ARMED, WRITTEN, Ordering::SeqCst, Ordering::SeqCst);
        swap
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    fn consistency(&self) -> Consistency {
        self.0.consistency()
    }

    fn owners(&self) -> Option<Owners<'_>> {
        self.0.owners()
    }
}

async fn begin(browser: &Browser) {
    let request = browser.act(|session| async move {
        session.set(COUNT, &1)?;
        session.set_owner("ann")
    });
    request.await.ok();
}

async fn seen(browser: &Browser) -> String {
    let request = browser
        .act(|session| async move { Ok(format!("{:?} of {}", session.get(COUNT)?, session.list().await?.len())) });
    request.await.ok().body
}

#[tokio::test]
async fn n25_a_rotation_whose_second_write_fails_leaves_no_session_in_the_list() {
    for renews in [false, true] {
        let fates = Failing::default();
        let browser = Browser::new(app(Sessions::new(Faulty(MemoryStore::new(), fates.clone()))));
        begin(&browser).await;
        let before = browser.jar();
        let change = move |session: &Session| if renews { session.renew_id() } else { session.rotate() };
        let failing = fates.clone();
        let answer = browser.act(move |session| async move {
            session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
            change(&session)?;
            failing.0.store(0b10, Ordering::SeqCst);
            Ok("never sent")
        });
        let answer = answer.await;
        assert_eq!((answer.status.as_u16(), browser.jar() == before), (503, true));
        assert_eq!(seen(&browser).await, "Some(1) of 1", "renews: {renews}");
        // The handler can try again.
        let again = browser.act(move |session| async move {
            session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
            change(&session)?;
            fates.0.store(0b10, Ordering::SeqCst);
            let error = session.commit().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
            let store_error = std::error::Error::source(&error).unwrap();
            assert_eq!(store_error.source().map(ToString::to_string).as_deref(), Some("on purpose"));
            session.commit().await
        });
        again.await.ok();
        assert_eq!(seen(&browser).await, "Some(2) of 1", "renews: {renews}");
    }
}

#[tokio::test]
async fn a_clock_that_panics_after_a_write_leaves_the_outcome_in_doubt_and_nothing_is_written_twice() {
    let fates = Failing::default();
    let after_a_write = Arc::clone(&fates.1);
    let sessions = Sessions::new(Faulty(MemoryStore::new(), fates.clone())).clock(move || {
        assert_ne!(after_a_write.load(Ordering::SeqCst), WRITTEN, "on purpose");
        SystemTime::now()
    });
    let browser = Browser::new(app(sessions));
    begin(&browser).await;
    let request = browser.act(move |session| async move {
        session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
        fates.1.store(ARMED, Ordering::SeqCst);
        assert!(AssertUnwindSafe(session.commit()).catch_unwind().await.is_err());
        fates.1.store(0, Ordering::SeqCst);
        assert_eq!(session.commit().await.unwrap_err().kind(), ErrorKind::StoreUnknown);
        Ok("never sent")
    });
    assert_eq!(request.await.status.as_u16(), 503);
    assert_eq!(seen(&browser).await, "Some(2) of 1");
}

#[tokio::test]
async fn an_event_handler_that_panics_harms_neither_the_commit_nor_its_cookie() {
    let events = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&events);
    let sessions = Sessions::new(MemoryStore::new()).on_event(move |event| {
        assert_eq!(event, Event::MalformedCookie);
        counting.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    });
    let browser = Browser::new(app(sessions));
    browser.put("__Host-session", "malformed");
    let answer = browser.act(|session| async move { session.set(NOTE, "kept") }).await;
    assert_eq!((answer.status.as_u16(), answer.cookies().len(), events.load(Ordering::SeqCst)), (200, 1, 1));
    let note = browser.act(|session| async move { Ok(session.get(NOTE)?.unwrap_or_default()) }).await;
    assert_eq!(note.ok().body, "kept");
}

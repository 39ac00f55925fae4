//! `take` while the same request changes the value, and updates with a function that fails or calls
//! `commit`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use crate::support::{
    COUNT, NOTE, World,
    browser::{Browser, app},
};
use futures_util::FutureExt;
use http::StatusCode;
use okibi_store::{Consistency, Loaded, MemoryStore, Owners, Store, StoreError, StoreKey, Swap, Write};
use okibi_tower::{ErrorKind, Session, Sessions};

/// A store that yields before each call.
struct Slow(Arc<MemoryStore>);

impl Store for Slow {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        tokio::task::yield_now().await;
        self.0.load(key).await
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        tokio::task::yield_now().await;
        self.0.swap(key, expected, write).await
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

fn slow() -> Browser {
    Browser::new(app(Sessions::new(Slow(Arc::new(MemoryStore::new())))))
}

#[tokio::test]
async fn a_value_set_after_the_call_of_take_is_committed() {
    for (how, left) in [("set", "2"), ("flash", "2"), ("destroy, set", "2"), ("update", "10"), ("nothing", "-")] {
        for before in ["nothing", "update", "commit", "set and commit", "set"] {
            let browser = slow();
            browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
            let request = browser.act(move |session: Session| async move {
                let mut expected = 1;
                match before {
                    "update" => {
                        session.update(COUNT, |count| count.unwrap_or(0) + 100)?;
                        expected = 101;
                    }
                    "commit" => session.set(NOTE, "other")?,
                    "set" | "set and commit" => {
                        session.set(COUNT, &5)?;
                        expected = 5;
                    }
                    _ => {}
                }
                let change = async {
                    match how {
                        "set" => session.set(COUNT, &2),
                        "flash" => session.flash(COUNT, &2),
                        "update" => session.update(COUNT, |count| count.unwrap_or(0) + 10).map(drop),
                        "destroy, set" => session.destroy().and_then(|()| session.set(COUNT, &2)),
                        _ => Ok(()),
                    }
                };
                let first = async { if before.ends_with("commit") { session.commit().await } else { Ok(()) } };
                let (first, taken, change, again) =
                    tokio::join!(first, session.take(COUNT), change, async { session.take(NOTE).await });
                first?;
                change?;
                assert_eq!(taken?, Some(expected), "{how} after {before}");
                assert_eq!(again?.is_some(), before == "commit" && how != "destroy, set", "{how} after {before}");
                Ok(())
            });
            request.await.ok();
            let read = |session: Session| async move {
                Ok(session.get(COUNT)?.map_or_else(|| "-".to_owned(), |count| count.to_string()))
            };
            assert_eq!(browser.act(read).await.ok().body, left, "{how} after {before}");
        }
    }
}

#[tokio::test]
async fn two_concurrent_takes_get_the_stored_value_and_the_one_set_between_them() {
    let browser = slow();
    browser.act(|session| async move { session.set(COUNT, &1) }).await.ok();
    let request = browser.act(|session| async move {
        session.update(COUNT, |count| count.unwrap_or(0) + 100)?;
        let (first, set, second) =
            tokio::join!(session.take(COUNT), async { session.set(COUNT, &2) }, async { session.take(COUNT).await });
        set?;
        assert_eq!((first?, second?, session.take(COUNT).await?), (Some(101), Some(2), None));
        Ok(())
    });
    request.await.ok();
    assert_eq!(browser.act(|session| async move { Ok(session.has(COUNT).to_string()) }).await.ok().body, "false");
}

#[tokio::test]
async fn commit_and_take_in_the_function_of_an_update_fail_and_lose_nothing() {
    let world = World::new();
    let browser = world.browser();
    browser.act(|session| async move { session.set(COUNT, &0) }).await.ok();
    let rival = browser.copy();
    let request = browser.act(move |session| async move {
        session.set(NOTE, "own")?;
        rival.act(|session| async move { session.set(COUNT, &50) }).await.ok();
        let inner = session.clone();
        session.update(COUNT, move |count| {
            let commit = inner.commit().now_or_never().map(|result| result.unwrap_err().kind());
            let take = inner.take(NOTE).now_or_never().map(|result| result.unwrap_err().kind());
            assert_eq!((commit, take), (Some(ErrorKind::UpdateChanges), Some(ErrorKind::UpdateChanges)));
            count.unwrap_or(0) + 1
        })?;
        Ok(())
    });
    request.await.ok();
    let count = browser.act(|session| async move { Ok(session.get(COUNT)?.unwrap().to_string()) });
    assert_eq!(count.await.ok().body, "51");
}

#[tokio::test]
async fn a_value_is_still_stored_if_its_update_fails_in_take() {
    for flash in [false, true] {
        let world = World::new();
        let browser = world.browser();
        let put = move |session: Session| async move {
            if flash { session.flash(COUNT, &7) } else { session.set(COUNT, &7) }
        };
        browser.act(put).await.ok();
        let request = browser.act(|session| async move {
            let mut runs = 0;
            session.set(NOTE, "of a failed request")?;
            session.update(COUNT, move |count| {
                runs += 1;
                assert!(runs < 2, "on purpose");
                count.unwrap_or(0) + 1
            })?;
            assert_eq!(session.take(COUNT).await.unwrap_err().kind(), ErrorKind::UpdateFailed);
            Ok(StatusCode::INTERNAL_SERVER_ERROR)
        });
        request.await;
        let left = browser.act(|session| async move {
            Ok(format!("{:?} {:?} {:?}", session.get(NOTE)?, session.get(COUNT)?, session.get(COUNT)?))
        });
        assert_eq!(left.await.ok().body, if flash { "None Some(7) None" } else { "None Some(7) Some(7)" });
    }
}

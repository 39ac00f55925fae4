//! `Arc<S>` and `DynStore` forward every call unchanged to the inner store.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use okibi_store::{
    BoxFuture, Consistency, DynStore, Loaded, Owner, OwnerIndex, Owners, Store, StoreError, StoreErrorKind, StoreKey,
    Swap, Timestamp, Write,
};

/// Records its calls and returns distinct answers.
#[derive(Default)]
struct Recorder {
    calls: Mutex<Vec<String>>,
}

impl Recorder {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Store for Recorder {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.note(format!("load {}", key.as_str()));
        Ok(Some(Loaded { bytes: Bytes::from_static(b"loaded"), expires_at: Some(Timestamp::from_millis(7)) }))
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let owner = write.owner.as_ref().map(Owner::as_str);
        self.note(format!(
            "swap {} {expected:?} {:?} {} {owner:?}",
            key.as_str(),
            write.bytes,
            write.expires_at.as_millis()
        ));
        Ok(Swap::Conflict(Some(Bytes::from_static(b"other"))))
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.note(format!("delete {}", key.as_str()));
        Err(StoreError::unknown("the reply was lost"))
    }

    fn consistency(&self) -> Consistency {
        Consistency::NoSwap
    }

    fn owners(&self) -> Option<Owners<'_>> {
        Some(self)
    }
}

impl OwnerIndex for Recorder {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        self.note(format!("list {}", owner.as_str()));
        Box::pin(async { Ok(vec![StoreKey::new("listed")]) })
    }
}

/// A store without the optional methods.
struct Plain;

impl Store for Plain {
    async fn load(&self, _: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        Ok(None)
    }

    async fn swap(&self, _: &StoreKey, _: Option<&[u8]>, _: Write) -> Result<Swap, StoreError> {
        Ok(Swap::Done)
    }

    async fn delete(&self, _: &StoreKey) -> Result<(), StoreError> {
        Ok(())
    }

    fn consistency(&self) -> Consistency {
        Consistency::Eventual
    }
}

const EXPECTED_CALLS: [&str; 5] =
    ["load a", r#"swap b Some([1, 2]) b"new" 99 Some("ann")"#, r#"swap c None b"" 1 None"#, "delete d", "list ann"];

fn writes() -> [Write; 2] {
    [
        Write {
            bytes: Bytes::from_static(b"new"),
            expires_at: Timestamp::from_millis(99),
            owner: Some(Owner::new("ann")),
            keeps: true,
        },
        Write { bytes: Bytes::new(), expires_at: Timestamp::from_millis(1), owner: None, keeps: false },
    ]
}

async fn drive(store: &impl Store) {
    let [first, second] = writes();
    let loaded = store.load(&StoreKey::new("a")).await.unwrap().unwrap();
    assert_eq!(loaded, Loaded { bytes: Bytes::from_static(b"loaded"), expires_at: Some(Timestamp::from_millis(7)) });
    let swapped = store.swap(&StoreKey::new("b"), Some(&[1, 2]), first).await.unwrap();
    assert_eq!(swapped, Swap::Conflict(Some(Bytes::from_static(b"other"))));
    store.swap(&StoreKey::new("c"), None, second).await.unwrap();
    let error = store.delete(&StoreKey::new("d")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert_eq!(store.consistency(), Consistency::NoSwap);
    let listed = store.owners().unwrap().list(&Owner::new("ann")).await.unwrap();
    assert_eq!(listed, [StoreKey::new("listed")]);
}

#[tokio::test]
async fn an_arc_forwards_every_call() {
    let store = Arc::new(Recorder::default());
    drive(&store).await;
    assert_eq!(*store.calls.lock().unwrap(), EXPECTED_CALLS);
    drive(&Arc::new(Arc::clone(&store))).await;
    assert_eq!(store.calls.lock().unwrap().len(), 2 * EXPECTED_CALLS.len());
    assert!(Store::owners(&Arc::new(Plain)).is_none());
}

#[tokio::test]
async fn a_boxed_store_forwards_every_call() {
    let inner = Arc::new(Recorder::default());
    let store: Arc<dyn DynStore> = inner.clone();
    let [first, second] = writes();
    assert_eq!(store.load(&StoreKey::new("a")).await.unwrap().unwrap().bytes, "loaded");
    let swapped = store.swap(&StoreKey::new("b"), Some(&[1, 2]), first).await.unwrap();
    assert_eq!(swapped, Swap::Conflict(Some(Bytes::from_static(b"other"))));
    store.swap(&StoreKey::new("c"), None, second).await.unwrap();
    assert_eq!(store.delete(&StoreKey::new("d")).await.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert_eq!(store.consistency(), Consistency::NoSwap);
    let listed = store.owners().unwrap().list(&Owner::new("ann")).await.unwrap();
    assert_eq!(listed, [StoreKey::new("listed")]);
    assert_eq!(*inner.calls.lock().unwrap(), EXPECTED_CALLS);

    let plain: Box<dyn DynStore> = Box::new(Plain);
    assert!(plain.owners().is_none());
    assert_eq!(plain.consistency(), Consistency::Eventual);
}

#[test]
fn s7_an_error_has_a_message_for_visitors_and_its_cause_as_the_source() {
    let error = StoreError::unavailable("connection refused");
    assert_eq!(error.to_string(), "session store unavailable: nothing was written");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "connection refused");
    let error = StoreError::unknown("connection reset");
    assert_eq!(error.to_string(), "session store did not answer: the outcome is unknown");
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
}

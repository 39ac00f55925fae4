//! What lies in Redis is what the documentation says, and what the TypeScript store reads.

mod support;

use okibi_servers::{RedisKind, RedisServer};
use okibi_store::{Owner, Store, Swap};

use crate::support::{connected, key, later, write};

#[tokio::test]
async fn the_keys_are_as_documented() {
    let server = RedisServer::start(RedisKind::Redis7);
    let store = connected(&server).await;
    let mut first = write(r#"{"v":1}"#, Some("ann"));
    first.expires_at = later();
    let expires_at = first.expires_at.as_millis().to_string();
    store.swap(&key("session:abc"), None, first).await.unwrap();
    assert_eq!(server.cli(&["get", "session:abc"]), r#"{"v":1}"#);
    assert_eq!(server.cli(&["pexpiretime", "session:abc"]), expires_at);
    assert_eq!(server.cli(&["pexpiretime", "okibi:owner:ann"]), expires_at);
    let list = server.cli(&["zrange", "okibi:owner:ann", "0", "-1", "withscores"]);
    // The first half of the SHA-256 of {"v":1}.
    assert_eq!(list, format!("afbf9d0f3560b0fd7795e81c42a0a79e:session:abc\n{expires_at}"));
}

#[tokio::test]
async fn an_entry_goes_when_its_record_is_replaced_and_stays_when_it_is_renewed_as_it_is() {
    let server = RedisServer::start(RedisKind::Redis7);
    let store = connected(&server).await;
    let ann = Owner::new("ann");
    let listed = || async { store.owners().unwrap().list(&ann).await.unwrap() };
    store.swap(&key("a"), None, write("1", Some("ann"))).await.unwrap();
    for text in ["2", "3", "4"] {
        let held = server.cli(&["get", "a"]);
        store.swap(&key("a"), Some(held.as_bytes()), write(text, Some("ann"))).await.unwrap();
        assert_eq!(server.cli(&["zcard", "okibi:owner:ann"]), "1");
        assert_eq!(listed().await, [key("a")]);
    }
    // As a dialect without a write tag does it.
    assert_eq!(store.swap(&key("a"), Some(b"4"), write("4", Some("ann"))).await.unwrap(), Swap::Done);
    assert_eq!(listed().await, [key("a")]);
    assert!(matches!(store.swap(&key("a"), Some(b"1"), write("5", Some("ann"))).await.unwrap(), Swap::Conflict(_)));
    assert_eq!(server.cli(&["zcard", "okibi:owner:ann"]), "1");
    // Somebody else's since: the entry that stays leads nowhere.
    store.swap(&key("a"), Some(b"4"), write("6", Some("ben"))).await.unwrap();
    assert_eq!(listed().await, []);
}

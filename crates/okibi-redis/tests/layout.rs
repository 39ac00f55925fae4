//! What lies in Redis is what the documentation says, and what the TypeScript store reads.

mod support;

use okibi_redis::RedisStore;
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

#[tokio::test]
async fn the_commands_that_the_documentation_names_are_all_that_are_needed() {
    let page = include_str!("../../../docs/stores.md");
    let (_, rest) = page.split_once("Whoever the app logs in as needs").unwrap();
    let (named, _) = rest.split_once("\n\n").unwrap();
    let is_command = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let commands = named.split('`').filter(is_command).filter(|word| *word != "CROSSSLOT");
    let commands: Vec<String> = commands.map(|command| format!("+{}", command.to_lowercase())).collect();
    assert!(commands.len() > 10, "{commands:?}");

    let server = RedisServer::start(RedisKind::Redis7);
    let mut acl = vec!["acl", "setuser", "app", "on", ">secret", "~*", "-@all"];
    acl.extend(commands.iter().map(String::as_str));
    assert_eq!(server.cli(&acl), "OK");
    let store = RedisStore::connect(&format!("redis://app:secret@127.0.0.1:{}", server.port())).await.unwrap();
    let a = key("session:a");
    for (expected, text, owner) in
        [(None, "1", None), (Some(&b"1"[..]), "2", Some("ann")), (Some(b"2"), "3", Some("ann"))]
    {
        assert_eq!(store.swap(&a, expected, write(text, owner)).await.unwrap(), Swap::Done);
    }
    assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), std::slice::from_ref(&a));
    store.delete(&a).await.unwrap();
    assert_eq!(store.load(&a).await.unwrap(), None);
}

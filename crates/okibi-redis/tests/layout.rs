//! The stored keys are those of the documentation, and those that the TypeScript store reads.

mod support;

use std::{sync::Arc, time::Duration};

use okibi_redis::{RedisStore, redis};
use okibi_servers::{RedisKind, RedisServer};
use okibi_store::{Owner, Store, Swap, Write};

use crate::support::{connected, key, later, single_master, until, write};

fn write_of(text: &str, owner: &str) -> Write {
    write(text, Some(owner))
}

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
    // The first half of the SHA-256 of {"v":1}.
    let digest = "afbf9d0f3560b0fd7795e81c42a0a79e";
    assert_eq!(server.cli(&["get", "okibi:owned:{session:abc}"]), format!("{digest}:ann"));
    assert_eq!(server.cli(&["pexpiretime", "okibi:owned:{session:abc}"]), expires_at);
    let list = server.cli(&["zrange", "okibi:owner:ann", "0", "-1", "withscores"]);
    assert_eq!(list, format!("{digest}:session:abc\n{expires_at}"));
}

/// A write that keeps owner and expiry writes the record alone.
#[tokio::test]
async fn a_write_that_keeps_owner_and_expiry_touches_neither_note_nor_list() {
    for kind in RedisKind::ALL {
        let server = RedisServer::start(kind);
        let store = connected(&server).await;
        let a = key("session:a");
        let first = write("1", Some("ann"));
        store.swap(&a, None, first.clone()).await.unwrap();
        let beside = || {
            let note = ["get", "okibi:owned:{session:a}"].to_vec();
            let list = ["zrange", "okibi:owner:ann", "0", "-1", "withscores"].to_vec();
            let expiries =
                ["session:a", "okibi:owned:{session:a}", "okibi:owner:ann"].map(|key| vec!["pexpiretime", key]);
            [note, list].iter().chain(&expiries).map(|command| server.cli(command)).collect::<Vec<_>>()
        };
        let before = beside();
        for (expected, text) in [("1", "2"), ("2", "3")] {
            let kept = Write { bytes: text.into(), keeps: true, ..first.clone() };
            assert_eq!(store.swap(&a, Some(expected.as_bytes()), kept).await.unwrap(), Swap::Done);
        }
        assert_eq!(server.cli(&["get", "session:a"]), "3", "{kind:?}");
        assert_eq!(beside(), before, "{kind:?}");
        assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), [a], "{kind:?}");
    }
}

/// Beside such a key a cluster stores nothing in the same slot.
#[tokio::test]
async fn a_session_without_a_note_is_listed_by_its_entry() {
    let server = RedisServer::start(RedisKind::Redis7);
    let apart = single_master();
    for server in [&server, &apart] {
        let store = connected(server).await;
        let odd = key("session:{}a");
        let first = write("1", Some("ann"));
        store.swap(&odd, None, first.clone()).await.unwrap();
        for (expected, text, keeps) in [("1", "2", true), ("2", "3", false), ("3", "4", true)] {
            let next = Write { bytes: text.into(), keeps, ..first.clone() };
            assert_eq!(store.swap(&odd, Some(expected.as_bytes()), next).await.unwrap(), Swap::Done);
        }
        let refused = store.swap(&odd, Some(b"1"), write("5", Some("ann"))).await.unwrap();
        assert_eq!(refused, Swap::Conflict(Some("4".into())));
        assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), std::slice::from_ref(&odd));
        assert_eq!(server.cli(&["zcard", "okibi:owner:ann"]), "1");
        store.delete(&odd).await.unwrap();
        assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), []);
    }
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
    // As a dialect without a write tag writes it.
    assert_eq!(store.swap(&key("a"), Some(b"4"), write("4", Some("ann"))).await.unwrap(), Swap::Done);
    assert_eq!(listed().await, [key("a")]);
    assert!(matches!(store.swap(&key("a"), Some(b"1"), write("5", Some("ann"))).await.unwrap(), Swap::Conflict(_)));
    assert_eq!(server.cli(&["zcard", "okibi:owner:ann"]), "1");
    // Another owner has it now: an entry that stays opens nothing.
    store.swap(&key("a"), Some(b"4"), write("6", Some("ben"))).await.unwrap();
    assert_eq!(listed().await, []);
}

#[tokio::test]
async fn the_commands_that_the_documentation_names_are_all_that_are_needed() {
    let page = include_str!("../../../docs/stores.md");
    let (_, rest) = page.split_once("user of the app needs `GET`").unwrap();
    let (named, _) = rest.split_once("\n\n").unwrap();
    let is_command = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let commands = named.split('`').filter(is_command).filter(|word| *word != "CROSSSLOT");
    let commands: Vec<String> =
        ["GET"].into_iter().chain(commands).map(|command| format!("+{}", command.to_lowercase())).collect();
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

/// Every change that removes a session from its owner removes its entry from the owner's list, and
/// not only at its expiry.
#[tokio::test]
async fn m7_an_entry_goes_with_its_session() {
    let server = RedisServer::start(RedisKind::Redis7);
    let apart = single_master();
    for server in [&server, &apart] {
        let store = connected(server).await;
        for (name, write) in [("ended", write("marker", None)), ("moved", write("2", Some("ben")))] {
            store.swap(&key(name), None, write_of("1", "ann")).await.unwrap();
            store.swap(&key(name), Some(b"1"), write).await.unwrap();
        }
        store.swap(&key("deleted"), None, write_of("1", "ann")).await.unwrap();
        store.delete(&key("deleted")).await.unwrap();
        let card = |list| async move { server.cli(&["zcard", list]) };
        until("no entry is left", || async { card("okibi:owner:ann").await == "0" }).await;
        assert_eq!(card("okibi:owner:ben").await, "1");
        assert!(server.cli(&["get", "okibi:owned:{moved}"]).ends_with(":ben"));
        for gone in ["okibi:owned:{ended}", "okibi:owned:{deleted}"] {
            assert_eq!(server.cli(&["exists", gone]), "0", "{gone}");
        }
        // A refused write does not leave an entry either.
        let refused = store.swap(&key("ended"), None, write_of("late", "ann")).await.unwrap();
        assert_eq!(refused, Swap::Conflict(Some("marker".into())));
        until("no entry is left", || async { card("okibi:owner:ann").await == "0" }).await;
    }
}

/// Entries of an earlier version or of a crash are skipped, a page at a time.
#[tokio::test(flavor = "multi_thread")]
async fn m7_a_hundred_thousand_entries_that_lead_nowhere_make_no_list_and_no_end_fail() {
    const FILL: &str = "
        for at = 1, 100000 do
            redis.call('ZADD', KEYS[1], ARGV[1], string.format('%032x:session:%d', at, at))
            if at % 10 == 0 then redis.call('SET', 'session:' .. at, 'marker', 'PXAT', ARGV[1]) end
        end
        return redis.call('PEXPIREAT', KEYS[1], ARGV[1])";
    let server = RedisServer::start(RedisKind::Redis7);
    // On a busy machine the list can take longer than the default response timeout.
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_mins(1)));
    let client = redis::Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
    let store = Arc::new(RedisStore::new(connection));
    store.swap(&key("session:live"), None, write_of("1", "ann")).await.unwrap();
    let expires_at = later().as_millis().to_string();
    server.cli(&["eval", FILL, "1", "okibi:owner:ann", &expires_at]);
    assert_eq!(server.cli(&["zcard", "okibi:owner:ann"]), "100001");
    let commands = || {
        let stats = server.cli(&["info", "stats"]);
        let count = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap();
        count.trim().parse::<u64>().unwrap()
    };
    let before = commands();
    let listed = store.owners().unwrap().list(&Owner::new("ann")).await.unwrap();
    // Twice, because a marker may be a record that is being written.
    let asked = commands() - before;
    assert!(asked < 500, "{asked} commands for one list");
    let live = listed.iter().filter(|key| key.as_str() == "session:live").count();
    // A slow machine checks a part of the list only, and returns the rest unchecked.
    assert_eq!(live, 1);
    // A session on that list is deleted and removed from it as quickly as any other.
    store.swap(&key("session:live"), Some(b"1"), write("marker", None)).await.unwrap();
    until("its entry is gone", || async { server.cli(&["zcard", "okibi:owner:ann"]) == "100000" }).await;
    assert!(!store.owners().unwrap().list(&Owner::new("ann")).await.unwrap().contains(&key("session:live")));
}

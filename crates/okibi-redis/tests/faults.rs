//! Failures of Redis: what the store reports, how it recovers, and swaps with a lost answer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use okibi_redis::{
    RedisStore,
    redis::{Client, cluster::ClusterClient},
};
use okibi_servers::{Cut, Mode, Proxy, RedisCluster, RedisKind, RedisServer, Then};
use okibi_store::{Owner, Store, StoreErrorKind, Swap, Write};

use tokio::time::timeout;

use crate::support::{cluster_client, connected, held, key, sentinel_client, single_master_behind, until, write};

const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

#[tokio::test(flavor = "multi_thread")]
async fn f_a_dead_server_is_unavailable_and_comes_back_without_a_restart() {
    let mut server = RedisServer::start_with(RedisKind::Redis7, DURABLE);
    let store = connected(&server).await;
    let (a, ann) = (key("session:a"), Owner::new("ann"));
    store.swap(&a, None, write("1", None)).await.unwrap();
    server.kill();
    // An interrupted command may have arrived. The next one is refused.
    let _ = store.load(&a).await;
    let started = Instant::now();
    let kinds = [
        store.load(&a).await.map(drop).unwrap_err().kind(),
        store.swap(&a, Some(b"1"), write("2", None)).await.map(drop).unwrap_err().kind(),
        store.swap(&a, Some(b"1"), write("2", Some("ann"))).await.map(drop).unwrap_err().kind(),
        store.delete(&a).await.unwrap_err().kind(),
        store.owners().unwrap().list(&ann).await.map(drop).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [StoreErrorKind::Unavailable; 5]);
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
    server.restart();
    // Immediately, and nothing was written meanwhile.
    assert_eq!(held(&store, "session:a").await.as_deref(), Some("1"));
    assert_eq!(store.swap(&a, Some(b"1"), write("2", Some("ann"))).await.unwrap(), Swap::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn f_a_server_that_stalls_is_unknown_within_the_time_limit() {
    let server = RedisServer::start(RedisKind::Redis7);
    let proxy = Proxy::start(server.port()).unwrap();
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}", proxy.port())).await.unwrap();
    store.swap(&key("session:a"), None, write("1", None)).await.unwrap();
    proxy.set(Mode::Stall);
    let started = Instant::now();
    let error = store.swap(&key("session:a"), Some(b"1"), write("2", None)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
    proxy.set(Mode::Open);
    until("it answers", || async { store.load(&key("session:a")).await.is_ok() }).await;
}

/// Requests time out before the driver does.
#[tokio::test(flavor = "multi_thread")]
async fn f_a_connection_on_which_nothing_comes_any_more_is_left_for_a_new_one() {
    let proxy = Proxy::start(1).unwrap();
    let address = format!("redis://127.0.0.1:{}", proxy.port());
    let server = RedisServer::start(RedisKind::Redis7);
    proxy.redirect_to(server.port());
    goes_on_after_silence(RedisStore::connect(&address).await.unwrap(), &proxy).await;

    let master = single_master_behind(RedisKind::Redis7, proxy.port());
    proxy.redirect_to(master.port());
    let client = ClusterClient::new([address]).unwrap();
    goes_on_after_silence(RedisStore::cluster(&client).await.unwrap(), &proxy).await;
    drop(server);
}

async fn goes_on_after_silence(store: RedisStore, proxy: &Proxy) {
    let a = key("session:a");
    store.swap(&a, None, write("1", None)).await.unwrap();
    proxy.cut_next(Cut { after: 0, then: Then::Silence });
    let patience = Duration::from_millis(1500);
    assert!(timeout(patience, store.load(&a)).await.is_err());
    // The next command works, or the one after it.
    let _ = timeout(patience, store.load(&a)).await;
    assert_eq!(timeout(patience, held(&store, "session:a")).await.unwrap().as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn f_scripts_that_the_server_forgot_are_given_again_within_the_call() {
    let server = RedisServer::start(RedisKind::Redis7);
    let store = connected(&server).await;
    let a = key("session:a");
    store.swap(&a, None, write("1", None)).await.unwrap();
    for (expected, text, owner) in [("1", "2", None), ("2", "3", Some("ann")), ("3", "4", Some("ann"))] {
        assert_eq!(server.cli(&["script", "flush"]), "OK");
        assert_eq!(store.swap(&a, Some(expected.as_bytes()), write(text, owner)).await.unwrap(), Swap::Done);
    }
    server.cli(&["script", "flush"]);
    assert_eq!(store.swap(&a, Some(b"1"), write("5", None)).await.unwrap(), Swap::Conflict(Some("4".into())));
    assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), [a]);
}

/// As behind an address that resolves to the current master.
#[tokio::test(flavor = "multi_thread")]
async fn f_a_promoted_replica_goes_on_at_the_same_address() {
    let master = RedisServer::start(RedisKind::Redis7);
    let replica = RedisServer::replica_of(&master);
    let proxy = Proxy::start(master.port()).unwrap();
    let client = Client::open(format!("redis://127.0.0.1:{}", proxy.port())).unwrap();
    let store = RedisStore::new(client.get_connection_manager().await.unwrap());
    let a = key("session:a");
    store.swap(&a, None, write("1", Some("ann"))).await.unwrap();
    until("the replica has it", || async { replica.cli(&["get", "session:a"]) == "1" }).await;

    // Before the promotion no write succeeds, and the error says so.
    proxy.redirect_to(replica.port());
    proxy.sever();
    until("it reads", || async { store.load(&a).await.is_ok() }).await;
    let refused = store.swap(&a, Some(b"1"), write("2", Some("ann"))).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);

    assert_eq!(replica.cli(&["replicaof", "no", "one"]), "OK");
    assert_eq!(store.swap(&a, Some(b"1"), write("2", Some("ann"))).await.unwrap(), Swap::Done);
    assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), [a]);
}

#[tokio::test(flavor = "multi_thread")]
async fn f_a_master_that_dies_is_followed_by_the_one_that_sentinels_choose() {
    let mut master = RedisServer::start(RedisKind::Redis7);
    let replica = RedisServer::replica_of(&master);
    let sentinel = RedisServer::sentinel_of(&master, "sessions");
    let knows = || async { sentinel.cli(&["sentinel", "replicas", "sessions"]).contains(&replica.port().to_string()) };
    until("the sentinel knows the replica", knows).await;
    let store = RedisStore::sentinel(sentinel_client(&sentinel)).await.unwrap();
    let a = key("session:a");
    store.swap(&a, None, write("1", None)).await.unwrap();
    until("the replica has it", || async { replica.cli(&["get", "session:a"]) == "1" }).await;
    master.kill();
    until("it follows", || async { store.load(&a).await.is_ok() }).await;
    until("it writes", || async { matches!(store.swap(&a, Some(b"1"), write("2", None)).await, Ok(Swap::Done)) }).await;
    assert_eq!(replica.cli(&["get", "session:a"]), "2");
}

/// The worst case: the answer is lost, another request replaces the record, and then the command is
/// sent again.
async fn a_swap_is_not_sent_twice(store: RedisStore, server: &RedisServer, proxy: &Proxy) {
    let store = std::sync::Arc::new(store);
    let a = key("session:a");
    store.swap(&a, None, write("1", None)).await.unwrap();
    // The server gets the scripts, and the store finds out whether the server compares within `SET`.
    for keeps in [false, true] {
        store.swap(&a, Some(b"1"), Write { keeps, ..write("1", None) }).await.unwrap();
    }
    for (then, keeps) in
        [Then::Close, Then::Reset, Then::Silence].into_iter().flat_map(|then| [(then, false), (then, true)])
    {
        let cut = Mode::Cut(Cut { after: 0, then });
        server.cli(&["set", "session:a", "1", "px", "600000"]);
        until("it answers", || async { held(&store, "session:a").await.as_deref() == Some("1") }).await;
        let cuts = proxy.traffic().cuts;
        proxy.set(cut);
        let next = Write { keeps, ..write("2", None) };
        let swap = {
            let (store, a, next) = (std::sync::Arc::clone(&store), a.clone(), next.clone());
            tokio::spawn(async move { store.swap(&a, Some(b"1"), next).await })
        };
        until("it is written", || async { server.cli(&["get", "session:a"]) == "2" }).await;
        until("the answer is lost", || async { proxy.traffic().cuts > cuts }).await;
        server.cli(&["set", "session:a", "3", "px", "600000"]);
        proxy.set(Mode::Open);
        let error = swap.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unknown, "{then:?} {keeps}: {error:?}");
        // A second swap, as the engine sends it, returns the stored record.
        let again = store.swap(&a, Some(b"1"), next).await.unwrap();
        assert_eq!(again, Swap::Conflict(Some("3".into())), "{then:?} {keeps}");
    }
}

/// The same for a creation, which is one command without a script.
async fn a_creation_is_not_sent_twice(store: RedisStore, server: &RedisServer, proxy: &Proxy) {
    let store = std::sync::Arc::new(store);
    for then in [Then::Close, Then::Reset, Then::Silence] {
        let new = key(&format!("session:{then:?}"));
        let cuts = proxy.traffic().cuts;
        // A cluster's driver also asks the server by itself, and may lose that answer instead.
        let swap = loop {
            proxy.set(Mode::Open);
            until("it answers", || async { store.load(&new).await.is_ok() }).await;
            proxy.set(Mode::Cut(Cut { after: 0, then }));
            let (shared, key) = (std::sync::Arc::clone(&store), new.clone());
            let swap = tokio::spawn(async move { shared.swap(&key, None, write("1", None)).await });
            let is_written = || async { server.cli(&["get", new.as_str()]) == "1" };
            until("it is written, or its call ends", || async { is_written().await || swap.is_finished() }).await;
            if is_written().await {
                break swap;
            }
        };
        until("the answer is lost", || async { proxy.traffic().cuts > cuts }).await;
        server.cli(&["set", new.as_str(), "2", "px", "600000"]);
        proxy.set(Mode::Open);
        let error = swap.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unknown, "{then:?}: {error:?}");
        let again = store.swap(&new, None, write("1", None)).await.unwrap();
        assert_eq!(again, Swap::Conflict(Some("2".into())), "{then:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n39_a_swap_whose_answer_is_lost_is_unknown_and_not_sent_again() {
    for kind in [RedisKind::Redis7, RedisKind::Valkey] {
        let server = RedisServer::start(kind);
        let proxy = Proxy::start(server.port()).unwrap();
        let store = || async { RedisStore::connect(&format!("redis://127.0.0.1:{}", proxy.port())).await.unwrap() };
        a_swap_is_not_sent_twice(store().await, &server, &proxy).await;
        a_creation_is_not_sent_twice(store().await, &server, &proxy).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n39_a_swap_in_a_cluster_whose_answer_is_lost_is_unknown_and_not_sent_again() {
    for kind in [RedisKind::Redis7, RedisKind::Valkey] {
        let proxy = Proxy::start(1).unwrap();
        let server = single_master_behind(kind, proxy.port());
        proxy.redirect_to(server.port());
        let client = ClusterClient::builder([format!("redis://127.0.0.1:{}", proxy.port())])
            .response_timeout(Duration::from_secs(1))
            .build()
            .unwrap();
        let store = || async { RedisStore::cluster(&client).await.unwrap() };
        a_swap_is_not_sent_twice(store().await, &server, &proxy).await;
        a_creation_is_not_sent_twice(store().await, &server, &proxy).await;
    }
}

/// The number after these words in what a server tells of its commands and errors; 0 without them.
fn calls(server: &RedisServer, words: &str) -> u32 {
    let told = server.cli(&["info", "commandstats"]) + "\n" + &server.cli(&["info", "errorstats"]);
    let number = told.lines().find_map(|line| line.strip_prefix(words)).unwrap_or("0");
    number.trim().split(',').next().unwrap_or_default().parse().unwrap()
}

/// A failover, or a move, from a server that compares within `SET` to one that does not know how.
#[tokio::test(flavor = "multi_thread")]
async fn f_a_swap_on_an_older_server_than_before_is_made_by_the_script() {
    let newer = RedisServer::start(RedisKind::Valkey);
    let older = RedisServer::start(RedisKind::Redis7);
    let proxy = Proxy::start(newer.port()).unwrap();
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}", proxy.port())).await.unwrap();
    let a = key("session:a");
    let kept = |text: &'static str| Write { bytes: text.into(), keeps: true, ..write("", Some("ann")) };
    store.swap(&a, None, write("1", Some("ann"))).await.unwrap();
    assert_eq!(store.swap(&a, Some(b"1"), kept("2")).await.unwrap(), Swap::Done);
    // The session's first write was a script's, and its change was not.
    let scripts = |server: &RedisServer| calls(server, "cmdstat_evalsha:calls=") + calls(server, "cmdstat_eval:calls=");
    assert_eq!(scripts(&newer), 2);

    older.cli(&["set", "session:a", "2", "px", "600000"]);
    proxy.redirect_to(older.port());
    proxy.sever();
    until("it reads", || async { store.load(&a).await.is_ok() }).await;
    assert_eq!(scripts(&older), 0);
    assert_eq!(store.swap(&a, Some(b"1"), kept("3")).await.unwrap(), Swap::Conflict(Some("2".into())));
    assert_eq!(scripts(&older), 2);
    let refusals = calls(&older, "errorstat_ERR:count=");
    assert_eq!(store.swap(&a, Some(b"2"), kept("3")).await.unwrap(), Swap::Done);
    assert_eq!(store.swap(&a, Some(b"2"), kept("4")).await.unwrap(), Swap::Conflict(Some("3".into())));
    assert_eq!(older.cli(&["get", "session:a"]), "3");
    // The server is asked once.
    assert_eq!((scripts(&older), calls(&older, "errorstat_ERR:count=")), (4, refusals));
}

/// At each stage of a slot's move from one master to another, its records are created, changed,
/// listed and deleted.
#[tokio::test(flavor = "multi_thread")]
async fn f_a_slot_that_moves_between_masters_takes_its_sessions_along() {
    let cluster = RedisCluster::start(RedisKind::Redis7);
    let store = RedisStore::cluster(&cluster_client(&cluster)).await.unwrap();
    // All in one slot, because their hash tag is the same.
    let names = ["before", "during", "after"].map(|name| format!("{{slot}}:{name}"));
    let [before, during, after] = names.each_ref().map(|name| key(name));
    let from = cluster.node_of("{slot}");
    let to = cluster.nodes().iter().find(|node| node.port() != from.port()).unwrap();
    let (slot, from_id, to_id) =
        (from.cli(&["cluster", "keyslot", "{slot}"]), from.cli(&["cluster", "myid"]), to.cli(&["cluster", "myid"]));
    let ann = Some("ann");

    assert_eq!(store.swap(&before, None, write("1", ann)).await.unwrap(), Swap::Done);
    assert_eq!(to.cli(&["cluster", "setslot", &slot, "importing", &from_id]), "OK");
    assert_eq!(from.cli(&["cluster", "setslot", &slot, "migrating", &to_id]), "OK");
    // A record that has not moved is changed at its old place. A new record is created at its new
    // place, where the script is unknown.
    assert_eq!(to.cli(&["script", "flush"]), "OK");
    assert_eq!(store.swap(&before, Some(b"1"), write("2", ann)).await.unwrap(), Swap::Done);
    assert_eq!(store.load(&during).await.unwrap(), None);
    assert_eq!(store.swap(&during, None, write("1", ann)).await.unwrap(), Swap::Done);
    let port = to.port().to_string();
    let migrate = |name: &str| assert_eq!(from.cli(&["migrate", "127.0.0.1", &port, name, "0", "5000"]), "OK");
    // One of the two keys of a session has moved, and the owner's key has not.
    migrate(&names[0]);
    assert_eq!(store.swap(&before, Some(b"1"), write("3", ann)).await.unwrap(), Swap::Conflict(Some("2".into())));
    assert_eq!(store.swap(&before, Some(b"2"), write("3", ann)).await.unwrap(), Swap::Done);
    migrate(&format!("okibi:owned:{}", names[0]));
    for node in [to, from] {
        assert_eq!(node.cli(&["cluster", "setslot", &slot, "node", &to_id]), "OK");
    }
    assert_eq!(store.swap(&after, None, write("1", ann)).await.unwrap(), Swap::Done);
    assert_eq!(store.swap(&before, Some(b"3"), write("4", ann)).await.unwrap(), Swap::Done);
    assert_eq!(held(&store, &names[0]).await.as_deref(), Some("4"));
    let mut listed = store.owners().unwrap().list(&Owner::new("ann")).await.unwrap();
    listed.sort();
    assert_eq!(listed, [after, before, during.clone()]);
    store.delete(&during).await.unwrap();
    assert_eq!(to.cli(&["exists", &names[1]]), "0");
}

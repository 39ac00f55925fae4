//! The contract on real servers, over every transport.

mod support;

use std::time::Duration;

use crate::support::{cluster_client, connected, sentinel_client, single_master};
use okibi_contract::Contract;
use okibi_redis::{RedisStore, redis::Client};
use okibi_servers::{RedisCluster, RedisKind, RedisServer};
use okibi_store::{Owner, Store, StoreKey, Swap, Write, system_time};
use tokio::time::sleep;

/// Two stores, each with its own connection.
async fn keep_the_contract(store: RedisStore, another: RedisStore) {
    let contract = Contract::new(store).another(another).spawn(|task| drop(tokio::spawn(task)));
    contract.run().await.assert_kept();
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_7_keeps_the_contract() {
    let server = RedisServer::start(RedisKind::Redis7);
    keep_the_contract(connected(&server).await, connected(&server).await).await;
    n13_every_key_expires(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_8_keeps_the_contract() {
    let server = RedisServer::start(RedisKind::Redis8);
    let client = Client::open(server.url()).unwrap();
    let store = RedisStore::new(client.get_connection_manager().await.unwrap());
    keep_the_contract(store, connected(&server).await).await;
    n13_every_key_expires(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn valkey_keeps_the_contract() {
    let server = RedisServer::start(RedisKind::Valkey);
    let client = Client::open(format!("{}/?protocol=resp3", server.url())).unwrap();
    let store = RedisStore::new(client.get_multiplexed_async_connection().await.unwrap());
    keep_the_contract(store, connected(&server).await).await;
    n13_every_key_expires(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_keep_the_contract() {
    for kind in [RedisKind::Redis7, RedisKind::Valkey] {
        let cluster = RedisCluster::start(kind);
        let store = || async { RedisStore::cluster(&cluster_client(&cluster)).await.unwrap() };
        keep_the_contract(store().await, store().await).await;
        cluster.nodes().iter().for_each(n13_every_key_expires);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_that_sentinels_name_keeps_the_contract() {
    let server = RedisServer::start(RedisKind::Redis7);
    let sentinel = RedisServer::sentinel_of(&server, "sessions");
    let store = RedisStore::sentinel(sentinel_client(&sentinel)).await.unwrap();
    keep_the_contract(store, connected(&server).await).await;
}

/// A proxy in front of several servers looks like one server, and refuses commands with keys of two
/// servers. So does a cluster's only master.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_keys_apart_keeps_the_contract() {
    let server = single_master();
    keep_the_contract(connected(&server).await, connected(&server).await).await;
    n13_every_key_expires(&server);
}

/// A session that changes its key has its new key on the list before the old one is removed, so no
/// list may miss it. The fault rig found a list that did.
#[tokio::test(flavor = "multi_thread")]
async fn n25_a_list_misses_no_session_that_moves_meanwhile() {
    let server = RedisServer::start(RedisKind::Redis7);
    let (store, another) = (connected(&server).await, connected(&server).await);
    let write = |text: &'static str, owner: Option<&str>| Write {
        bytes: text.into(),
        expires_at: system_time().plus(Duration::from_mins(1)),
        owner: owner.map(Owner::new),
        keeps: false,
    };
    let key = |number: u32| StoreKey::new(format!("session:{number}"));
    assert_eq!(store.swap(&key(0), None, write("live", Some("ada"))).await.unwrap(), Swap::Done);
    let moving = tokio::spawn(async move {
        for number in 0..200 {
            store.swap(&key(number + 1), None, write("live", Some("ada"))).await.unwrap();
            store.swap(&key(number), Some(b"live"), write("moved", None)).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
    });
    let owner = Owner::new("ada");
    let mut lists = 0;
    while !moving.is_finished() {
        assert!(!another.owners().unwrap().list(&owner).await.unwrap().is_empty(), "list {lists} missed it");
        lists += 1;
    }
    moving.await.unwrap();
    assert!(lists > 2, "only {lists} lists");
    assert_eq!(another.owners().unwrap().list(&owner).await.unwrap(), [key(200)]);
}

fn n13_every_key_expires(server: &RedisServer) {
    let keys = server.cli(&["--scan"]);
    assert!(keys.lines().count() > 20, "the contract left {keys}");
    for key in keys.lines() {
        assert_ne!(server.cli(&["ttl", key]), "-1", "{key}");
    }
}

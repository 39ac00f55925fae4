//! The warning about an evicting policy. A separate program, because it reads all log events.

mod support;

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use okibi_redis::RedisStore;
use okibi_servers::{RedisCluster, RedisKind, RedisMonitor, RedisServer};
use okibi_store::Store;

use crate::support::{cluster_client, connected, key, until, write};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)))
            .unwrap_or_default()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_an_eviction_policy_that_ends_sessions_is_warned_of_once() {
    let log = Log::default();
    let written = log.clone();
    tracing_subscriber::fmt().with_writer(move || written.clone()).with_ansi(false).init();

    for kind in RedisKind::ALL {
        let server = RedisServer::start_with(kind, &["--maxmemory-policy", "volatile-lru"]);
        let mut monitor = RedisMonitor::of(&server);
        let store = connected(&server).await;
        let mut sent = Vec::new();
        for number in 0..20 {
            store.swap(&key(&format!("session:{number}")), None, write("secret", None)).await.unwrap();
        }
        until("it is warned", || async { !log.0.lock().unwrap().is_empty() }).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        sent.extend(monitor.sent());
        let text = log.take();
        assert_eq!(text.lines().count(), 1, "{text}");
        for word in ["WARN", "okibi::redis", "maxmemory-policy", "noeviction", "volatile-lru"] {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert_eq!(sent.iter().filter(|name| *name == "INFO").count(), 1, "{sent:?}");
    }

    // No evicting policy, and a server that does not report it.
    let silent = RedisServer::start_with(RedisKind::Redis7, &["--maxmemory-policy", "allkeys-lru"]);
    silent.cli(&["acl", "setuser", "default", "-info"]);
    for server in [RedisServer::start(RedisKind::Redis7), silent] {
        let mut monitor = RedisMonitor::of(&server);
        let store = connected(&server).await;
        store.swap(&key("session:a"), None, write("1", None)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let sent = monitor.sent();
        assert!(sent.contains(&"SET".to_owned()), "{sent:?}");
        assert_eq!(log.take(), "");
    }

    // One of several servers is enough.
    let cluster = RedisCluster::start(RedisKind::Redis7);
    cluster.nodes()[1].cli(&["config", "set", "maxmemory-policy", "allkeys-random"]);
    let store = RedisStore::cluster(&cluster_client(&cluster)).await.unwrap();
    store.swap(&key("session:a"), None, write("1", None)).await.unwrap();
    until("it is warned", || async { !log.0.lock().unwrap().is_empty() }).await;
    assert!(log.take().contains("allkeys-random"));
}

//! Outages leak nothing: no thread, no connection, no open file. The test has a process of its own,
//! so nothing else changes these numbers.
//!
//! `cargo test -p okibi --test outage-leaks`; it needs the servers of the stores.

#![allow(unreachable_pub, reason = "the modules are those of a test")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../okibi-tower/tests/support/mod.rs"]
mod support;

mod stores;
mod world;

use std::{
    fs,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use okibi_servers::{Cut, Mode, Then};
use tokio::time::sleep;
use world::{CROWD, World, add, is_an_outage, look};

use crate::stores::{mariadb, postgres, redis};

/// The outages of a round.
const OUTAGES: &[Mode] = &[Mode::Stall, Mode::Reset, Mode::Refuse, Mode::Cut(Cut { after: 3, then: Then::Silence })];
/// The outages for a client that waits without limit on an open connection that is silent.
const OUTAGES_WITH_AN_END: &[Mode] =
    &[Mode::Stall, Mode::Reset, Mode::Refuse, Mode::Cut(Cut { after: 3, then: Then::Close })];
/// The rounds before the first count: pools fill, threads start.
const WARMING: usize = 1;
/// The rounds between the two counts.
const ROUNDS: usize = 2;
/// The most time for abandoned connections and idle threads to end.
const PATIENCE: Duration = Duration::from_mins(2);
/// A connection is one file of the client and two of the proxy, which runs in this process.
const FILES_OF_A_CONNECTION: usize = 3;

/// The resources of this process.
#[derive(Clone, Copy, Debug)]
struct Count {
    threads: usize,
    files: usize,
}

impl Count {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
        let files = fs::read_dir("/proc/self/fd").unwrap().count();
        Self { threads: threads.trim().parse().unwrap(), files }
    }

    /// Whether there is more than before. `opened`: the number of additional connections that the
    /// client may have.
    fn exceeds(self, before: Self, opened: usize) -> bool {
        self.threads > before.threads || self.files > before.files + FILES_OF_A_CONNECTION * opened
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n6_outages_leave_no_thread_and_no_connection_behind() {
    let postgres = postgres::start().await;
    let mariadb = mariadb::start().await;
    let redis = redis::start();
    let cluster = redis::start_cluster();
    let worlds = [
        (postgres::world("Postgres".to_owned(), &postgres).await, postgres::MAX_CONNECTIONS, OUTAGES),
        (mariadb::world("MariaDB".to_owned(), &mariadb).await, mariadb::MAX_CONNECTIONS, OUTAGES),
        (redis::own("Redis".to_owned(), &redis).await, redis::MAX_CONNECTIONS, OUTAGES),
        (
            redis::with_connection_of_the_app("the app's Redis".to_owned(), &redis).await,
            redis::MAX_CONNECTIONS,
            OUTAGES_WITH_AN_END,
        ),
        (redis::cluster("Redis cluster".to_owned(), &cluster).await, redis::MAX_CONNECTIONS_OF_CLUSTER, OUTAGES),
    ];

    join_all(worlds.iter().map(|(world, _, outages)| rounds(world, outages, WARMING))).await;
    for (world, most, _) in &worlds {
        has_at_most(world, *most).await;
        fill(world, *most).await;
    }
    let connections = || worlds.iter().map(|(world, ..)| world.traffic().open).sum::<usize>();
    // On a slow machine a client may not have all its connections yet.
    let (before, open) = (Count::now(), connections());
    join_all(worlds.iter().map(|(world, _, outages)| rounds(world, outages, ROUNDS))).await;
    for (world, most, _) in &worlds {
        has_at_most(world, *most).await;
    }
    let ended = Instant::now();
    let mut after = Count::now();
    while after.exceeds(before, connections().saturating_sub(open)) {
        let now = connections();
        assert!(ended.elapsed() < PATIENCE, "{before:?} with {open} connections became {after:?} with {now}");
        sleep(Duration::from_millis(100)).await;
        after = Count::now();
    }
    println!("{before:?} became {after:?}");
}

/// Outages with many visitors, each followed by a recovery.
async fn rounds(world: &World, outages: &[Mode], rounds: usize) {
    let (ann, _) = world.visitor().await;
    for _ in 0..rounds {
        for outage in outages {
            world.set(*outage);
            for answer in join_all((0..2 * CROWD).map(|_| add(&ann))).await {
                is_an_outage(&answer);
            }
            world.recovers(&ann).await;
        }
    }
}

/// Makes the client open all its connections, so that they do not count as a difference later.
async fn fill(world: &World, most: usize) {
    let (ann, _) = world.visitor().await;
    world.set(Mode::Delay(Duration::from_millis(200)));
    join_all((0..2 * most).map(|_| look(&ann))).await;
    world.recovers(&ann).await;
}

/// Abandoned connections end, and the client keeps no more than its limit.
async fn has_at_most(world: &World, most: usize) {
    let begun = Instant::now();
    while world.traffic().open > most {
        assert!(begun.elapsed() < PATIENCE, "{}: {:?}, and {most} should be enough", world.name, world.traffic());
        sleep(Duration::from_millis(100)).await;
    }
    println!("{}: {:?}", world.name, world.traffic());
}

//! Random apps and random visitors, compared with a plain map of values. The results of handlers
//! and the stored values must be those of the map, for all routers, layers, failures and concurrent
//! requests.
//!
//! The tests run a fixed seed. `OKIBI_APPS=seed,count` runs `count` other seeds, beginning with
//! `seed`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod app;
mod oracle;
mod plan;
mod races;
mod visitor;

use std::{env, sync::Arc, sync::atomic::AtomicU64, time::Duration};

use futures_util::future::join_all;
use okibi_tower::{SessionLayer, Sessions};

use crate::{
    app::{Admin, App, Slow, app},
    plan::{Kind, Random},
    support::{Fault, World, secrets},
    visitor::Visitor,
};

/// The number of apps in a test run, and the number of actions of each visitor in each app.
const APPS: u64 = 12;
const ROUNDS: usize = 60;

/// The seeds to run.
fn seeds() -> impl Iterator<Item = u64> {
    let wanted = env::var("OKIBI_APPS").unwrap_or_else(|_| format!("7,{APPS}"));
    let (seed, count) = wanted.split_once(',').expect("OKIBI_APPS: a seed and how many, such as 1000,50");
    let (seed, count): (u64, u64) = (seed.parse().unwrap(), count.parse().unwrap());
    seed..seed + count
}

/// A world, an app in it, and the app's visitors.
fn drawn(seed: u64, sealed: bool) -> (World, Arc<App>, Vec<Visitor>, Random) {
    let world = World::new();
    let mut random = Random::new(seed);
    let (user, admin) = layers(&world, seed, sealed);
    let app = Arc::new(app(&mut random, &user, &admin));
    let visitors = 0..2 + random.below(3);
    let visitors = visitors.map(|number| Visitor::new(seed, number, &app, sealed)).collect();
    (world, app, visitors, random)
}

fn layers(world: &World, seed: u64, sealed: bool) -> (SessionLayer<()>, SessionLayer<Admin>) {
    let sessions = || {
        let clock = world.clock.clone();
        let sessions: Sessions = if sealed {
            Sessions::sealed(secrets("a"))
        } else {
            Sessions::new(Slow(Arc::clone(&world.store), AtomicU64::new(seed)))
        };
        sessions.clock(move || clock.now().into())
    };
    (sessions().layer().unwrap(), sessions().of::<Admin>("__Host-admin").layer().unwrap())
}

#[tokio::test(start_paused = true)]
async fn n2_n7_n32_handlers_read_and_store_the_values_of_a_plain_map() {
    for seed in seeds() {
        let (world, _app, mut visitors, mut random) = drawn(seed, false);
        for _ in 0..ROUNDS {
            world.clock.advance(Duration::from_millis(u64::try_from(random.below(20_000)).unwrap()));
            match random.below(10) {
                // All visitors concurrently, each in their own session.
                0..6 => drop(join_all(visitors.iter_mut().map(|visitor| visitor.acts(Kind::Alone))).await),
                // One of them while the store fails.
                6 => {
                    let visitor = random.below(visitors.len());
                    world.store.fails([Fault::LostReply, Fault::SentTwice][random.below(2)]);
                    visitors[visitor].acts(Kind::Alone).await;
                    world.store.fails(None);
                }
                7 => {
                    let visitor = random.below(visitors.len());
                    world.store.fails(Fault::ReadOnly);
                    visitors[visitor].acts_in_vain().await;
                    world.store.fails(None);
                }
                8 => drop(join_all(visitors.iter_mut().map(|visitor| visitor.races(Kind::Racing))).await),
                _ => drop(join_all(visitors.iter_mut().map(|visitor| visitor.races(Kind::Ending))).await),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sealed_session_has_the_values_of_a_plain_map() {
    for seed in seeds() {
        let (world, _app, mut visitors, mut random) = drawn(seed, true);
        for _ in 0..ROUNDS {
            world.clock.advance(Duration::from_millis(u64::try_from(random.below(20_000)).unwrap()));
            join_all(visitors.iter_mut().map(|visitor| visitor.acts(Kind::AloneSealed))).await;
        }
    }
}

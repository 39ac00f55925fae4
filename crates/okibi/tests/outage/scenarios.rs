//! The promises of an app while its store fails, for every store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::StatusCode;
use okibi_servers::{Cut, Mode, Then};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    support::{Answer, Browser},
    world::{COMMIT_DEADLINE, CROWD, SLACK, STORE_TIMEOUT, World, add, add_after, cookie, is_an_outage, look, timed},
};

/// The length of a long stall.
const LONG: Duration = Duration::from_secs(30);

/// All ways in which a store's replies do not arrive.
const OUTAGES: [Mode; 9] = [
    Mode::Refuse,
    Mode::HangUp,
    Mode::Reset,
    Mode::Stall,
    Mode::Delay(Duration::from_secs(3)),
    Mode::Cut(Cut { after: 0, then: Then::Reset }),
    Mode::Cut(Cut { after: 3, then: Then::Reset }),
    Mode::Cut(Cut { after: 3, then: Then::Close }),
    Mode::Cut(Cut { after: 3, then: Then::Silence }),
];

/// All ways in which the reply to a write is lost.
const LOSSES: [Cut; 6] = [
    Cut { after: 0, then: Then::Reset },
    Cut { after: 0, then: Then::Close },
    Cut { after: 0, then: Then::Silence },
    Cut { after: 2, then: Then::Reset },
    Cut { after: 2, then: Then::Close },
    Cut { after: 2, then: Then::Silence },
];

/// Runs all outages concurrently, each with an app and a client of its own.
pub async fn all(name: &str, make: impl AsyncFn(String) -> World) {
    these(name, make, |_| true).await;
}

/// The same for a client that waits without limit on an open connection that is silent, as its
/// store's documentation says: only the outages in which the peer closes the connection.
pub async fn all_but_silence(name: &str, make: impl AsyncFn(String) -> World) {
    these(name, make, |then| then != Then::Silence).await;
}

async fn these(name: &str, make: impl AsyncFn(String) -> World, is_tried: impl Fn(Then) -> bool) {
    let is_wanted = |mode: &Mode| if let Mode::Cut(cut) = mode { is_tried(cut.then) } else { true };
    let losses: Vec<Cut> = LOSSES.into_iter().filter(|cut| is_tried(cut.then)).collect();
    let mut running = JoinSet::new();
    for outage in OUTAGES.into_iter().filter(is_wanted) {
        let world = Arc::new(make(format!("{name}, {outage:?}")).await);
        running.spawn(async move {
            an_outage(&world, outage).await;
            a_newcomer_gets_no_cookie(&world, outage).await;
        });
    }
    let world = make(format!("{name}, lost replies")).await;
    running.spawn(async move {
        for loss in losses {
            a_lost_reply_counts_once(&world, loss).await;
        }
    });
    let world = make(format!("{name}, a long stall")).await;
    running.spawn(async move { a_long_stall(&world).await });
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}

/// The store fails in this way while one request is about to commit and others arrive. Every
/// visitor that needs the store gets 503 in time and keeps the cookie. All others are served.
/// Afterwards the same app serves all.
async fn an_outage(world: &Arc<World>, mode: Mode) {
    let (ann, ann_had) = world.visitor().await;
    let (ben, ben_had) = world.visitor().await;
    let (eve, eve_had) = world.visitor().await;
    let cookies = || [&ann, &ben, &eve].map(cookie);
    let before = cookies();

    let breaking = Arc::clone(world);
    let (answer, took) = timed(add_after(&ben, move || breaking.set(mode))).await;
    is_an_outage(&answer);
    assert!(took < COMMIT_DEADLINE + SLACK, "{}: a commit took {took:?}", world.name);

    anonymous_requests_make_no_store_call(world).await;
    let (answers, anonymous) = tokio::join!(crowd(&ann, &eve), anonymous_meanwhile(world));
    assert!(anonymous < SLACK / 2, "{}: an anonymous request took {anonymous:?}", world.name);
    for (answer, took) in answers {
        is_an_outage(&answer);
        assert!(took < STORE_TIMEOUT + SLACK, "{}: a request took {took:?}", world.name);
    }
    assert_eq!(cookies(), before, "{}: cookies do not change", world.name);

    assert_eq!(world.recovers(&ann).await, ann_had, "{}: none was loaded, so none was changed", world.name);
    assert_eq!(world.recovers(&eve).await, eve_had, "{}: no visitor was logged out", world.name);
    // A commit without a reply may have been carried out, also late, but only once.
    let ben_now = world.recovers(&ben).await;
    assert!([ben_had, ben_had + 1].contains(&ben_now), "{}: {ben_had} became {ben_now}", world.name);
    for (visitor, has) in [(&ann, ann_had), (&ben, ben_now), (&eve, eve_had)] {
        added(&add(visitor).await, has + 1);
    }
    assert_eq!(cookies(), before, "{}: cookies still open", world.name);
    log_out(&eve).await.ok();
    assert_eq!(cookie(&eve), None);
}

/// A visitor without a cookie that stores nothing is served as usual, without a store call.
async fn anonymous_requests_make_no_store_call(world: &World) {
    let before = world.calls();
    for _ in 0..10 {
        world.new_visitor().get("/bare").await.ok();
        assert_eq!(look(&world.new_visitor()).await.ok().body, "none");
    }
    assert_eq!(world.calls(), before);
}

/// Anonymous requests while others wait for the store. Returns the time of the slowest.
async fn anonymous_meanwhile(world: &World) -> Duration {
    let mut longest = Duration::ZERO;
    let begun = Instant::now();
    while begun.elapsed() < STORE_TIMEOUT / 2 {
        let (answer, took) = timed(look(&world.new_visitor())).await;
        assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, 0));
        longest = longest.max(took);
        sleep(Duration::from_millis(10)).await;
    }
    longest
}

/// Visitors that need the store: they read, increment and log out.
async fn crowd(ann: &Browser, eve: &Browser) -> Vec<(Answer, Duration)> {
    let looks = join_all((0..CROWD).map(|_| timed(look(ann))));
    let adds = join_all((0..CROWD).map(|_| timed(add(ann))));
    let logouts = join_all((0..CROWD).map(|_| timed(log_out(eve))));
    let (looks, adds, logouts) = tokio::join!(looks, adds, logouts);
    looks.into_iter().chain(adds).chain(logouts).collect()
}

async fn log_out(visitor: &Browser) -> Answer {
    visitor.act(|session| async move { session.destroy() }).await
}

#[track_caller]
fn added(answer: &Answer, count: u32) {
    assert_eq!((answer.status, &answer.body), (StatusCode::CREATED, &count.to_string()), "{answer:?}");
}

/// If the session of a new visitor cannot be created, the visitor gets no cookie, and can try
/// again.
async fn a_newcomer_gets_no_cookie(world: &World, mode: Mode) {
    let (ann, had) = world.visitor().await;
    let newcomer = world.new_visitor();
    world.set(mode);
    let (answer, took) = timed(add(&newcomer)).await;
    is_an_outage(&answer);
    assert!(took < COMMIT_DEADLINE + SLACK, "{}: a commit took {took:?}", world.name);
    assert!(newcomer.jar().is_empty());
    assert_eq!(world.recovers(&ann).await, had);
    added(&add(&newcomer).await, 1);
    assert!(cookie(&newcomer).is_some());
}

/// The reply to a write is lost, or half of it, after the write was carried out. The write counts
/// once.
async fn a_lost_reply_counts_once(world: &World, cut: Cut) {
    let (ann, had) = world.visitor().await;
    let before = cookie(&ann);
    let cuts = world.traffic().cuts;
    world.cut_reply_to_write_of(had + 1, cut);
    let (answer, took) = timed(add(&ann)).await;
    assert_eq!(world.traffic().cuts, cuts + 1, "{cut:?}: the reply was cut: {answer:?}");
    assert!(took < COMMIT_DEADLINE + SLACK, "{cut:?}: a commit took {took:?}");
    println!("{}: {cut:?}: {} after {took:?}", world.name, answer.status);
    if answer.status == StatusCode::CREATED {
        added(&answer, had + 1);
    } else {
        is_an_outage(&answer);
    }
    assert_eq!(world.recovers(&ann).await, had + 1, "{cut:?}: it was carried out, once");
    assert_eq!(cookie(&ann), before);
    added(&add(&ann).await, had + 2);
}

/// Half a minute without a reply. Each request gets its response in time, and none delays the next.
async fn a_long_stall(world: &World) {
    let (ann, had) = world.visitor().await;
    world.set(Mode::Stall);
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        for (answer, took) in join_all((0..CROWD).map(|_| timed(add(&ann)))).await {
            is_an_outage(&answer);
            assert!(took < STORE_TIMEOUT + SLACK, "{}: a request took {took:?}", world.name);
        }
        look(&world.new_visitor()).await.ok();
    }
    assert_eq!(world.recovers(&ann).await, had);
    added(&add(&ann).await, had + 1);
}

//! What must hold whenever a store fails, whatever store it is.

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

/// How long the issue wants a store to stall.
const LONG: Duration = Duration::from_secs(30);

/// Every way in which a store's replies do not arrive.
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

/// Every way in which the reply to a write is lost.
const LOSSES: [Cut; 6] = [
    Cut { after: 0, then: Then::Reset },
    Cut { after: 0, then: Then::Close },
    Cut { after: 0, then: Then::Silence },
    Cut { after: 2, then: Then::Reset },
    Cut { after: 2, then: Then::Close },
    Cut { after: 2, then: Then::Silence },
];

/// All of them, each on an app and a client of its own, side by side.
pub async fn all(name: &str, make: impl AsyncFn(String) -> World) {
    these(name, make, |_| true).await;
}

/// All for a client that waits for ever on a connection that is there and on which nobody answers, as its store's
/// documentation says: those where the other side closes the connection sooner or later.
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

/// The store fails in this way while one request is about to commit and others come. Everybody who
/// needs it gets 503 in time and keeps their cookie, everybody else is served; afterwards the same app serves all.
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

    nobody_asks_for_the_anonymous(world).await;
    let (answers, anonymous) = tokio::join!(crowd(&ann, &eve), strangers_meanwhile(world));
    assert!(anonymous < SLACK / 2, "{}: an anonymous request took {anonymous:?}", world.name);
    for (answer, took) in answers {
        is_an_outage(&answer);
        assert!(took < STORE_TIMEOUT + SLACK, "{}: a request took {took:?}", world.name);
    }
    assert_eq!(cookies(), before, "{}: cookies stay as they were", world.name);

    assert_eq!(world.recovers(&ann).await, ann_had, "{}: none was loaded, so none was changed", world.name);
    assert_eq!(world.recovers(&eve).await, eve_had, "{}: nobody was logged out", world.name);
    // A commit without an answer may have been carried out, also late, but only once.
    let ben_now = world.recovers(&ben).await;
    assert!([ben_had, ben_had + 1].contains(&ben_now), "{}: {ben_had} became {ben_now}", world.name);
    for (visitor, has) in [(&ann, ann_had), (&ben, ben_now), (&eve, eve_had)] {
        added(&add(visitor).await, has + 1);
    }
    assert_eq!(cookies(), before, "{}: cookies are still good", world.name);
    log_out(&eve).await.ok();
    assert_eq!(cookie(&eve), None);
}

/// Who brings no cookie and stores nothing does not notice, and nobody asks the store on their behalf.
async fn nobody_asks_for_the_anonymous(world: &World) {
    let before = world.calls();
    for _ in 0..10 {
        world.stranger().get("/bare").await.ok();
        assert_eq!(look(&world.stranger()).await.ok().body, "none");
    }
    assert_eq!(world.calls(), before);
}

/// Anonymous requests while others wait for the store; the longest that one of them took.
async fn strangers_meanwhile(world: &World) -> Duration {
    let mut longest = Duration::ZERO;
    let begun = Instant::now();
    while begun.elapsed() < STORE_TIMEOUT / 2 {
        let (answer, took) = timed(look(&world.stranger())).await;
        assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, 0));
        longest = longest.max(took);
        sleep(Duration::from_millis(10)).await;
    }
    longest
}

/// Those who need the store: they look, they add, they log out.
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

/// A newcomer whose session cannot be created gets no cookie, and can try again.
async fn a_newcomer_gets_no_cookie(world: &World, mode: Mode) {
    let (ann, had) = world.visitor().await;
    let newcomer = world.stranger();
    world.set(mode);
    let (answer, took) = timed(add(&newcomer)).await;
    is_an_outage(&answer);
    assert!(took < COMMIT_DEADLINE + SLACK, "{}: a commit took {took:?}", world.name);
    assert!(newcomer.jar().is_empty());
    assert_eq!(world.recovers(&ann).await, had);
    added(&add(&newcomer).await, 1);
    assert!(cookie(&newcomer).is_some());
}

/// The reply to a write is lost, or half of it, after the write was carried out: it is counted once.
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

/// Half a minute without an answer. Each request is answered in time, and none makes the next ones wait.
async fn a_long_stall(world: &World) {
    let (ann, had) = world.visitor().await;
    world.set(Mode::Stall);
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        for (answer, took) in join_all((0..CROWD).map(|_| timed(add(&ann)))).await {
            is_an_outage(&answer);
            assert!(took < STORE_TIMEOUT + SLACK, "{}: a request took {took:?}", world.name);
        }
        look(&world.stranger()).await.ok();
    }
    assert_eq!(world.recovers(&ann).await, had);
    added(&add(&ann).await, had + 1);
}

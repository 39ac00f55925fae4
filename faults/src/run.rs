//! One run: browsers send requests while faults are injected, then everything must work again. All
//! of it is recorded.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    backend::{Backend, Failure, Fault},
    browser::{Browser, Desk},
    check::Counts,
    client::Connection,
    faces::{self, COMMIT_DEADLINE, Face, GRACE, STORE_TIMEOUT},
    history::{Act, History, Injection, Outcome, Part, Run, Wish},
    plan::{Order, Plan},
    random::Random,
};

/// Number of concurrent visitors.
const BROWSERS: u32 = 6;
/// Number of tabs of each visitor.
const TABS: u32 = 2;
/// Number of old cookies of a browser, the newest, that are sent at the end of a run.
const MOST_OLD: usize = 5000;
/// Longest time until an instance works again after the last fault.
const RECOVERY: Duration = Duration::from_secs(30);
/// Number of repetitions of each request after that.
const CALM_TRIES: u32 = 10;
/// Longest time until an injection is healed.
const LONGEST_INJECTION: Duration = Duration::from_mins(5);
/// Factor by which the injections may be extended while too little happens, for busy machines.
const MOST_TIMES: u32 = 4;
/// Allowance beyond the stores' deadlines, for busy machines.
const SLACK: Duration = Duration::from_secs(10);

/// The parameters of a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The seed of the requests, the faults and their times.
    pub seed: u64,
    /// Minimum time of injections, in seconds. The run continues until each fault was injected
    /// once, and up to four times as long until enough has happened to check.
    pub seconds: u64,
    /// The faults to inject; `None`: all of the backend. Empty: none.
    pub faults: Option<Vec<String>>,
}

/// Runs, and returns the recording.
///
/// # Errors
/// The rig itself failed: an app did not start, a fault could not be injected or healed.
pub async fn run(backend: &dyn Backend, options: &RunOptions) -> Result<History, Failure> {
    let faults = chosen(backend, options.faults.as_deref())?;
    let faces = Arc::new(faces::start(backend).await?);
    let desk = Arc::new(Desk::new());
    let browsers: Vec<Arc<Browser>> =
        (0..BROWSERS).map(|number| Arc::new(Browser::new(number, Arc::clone(&desk)))).collect();
    let over = Arc::new(AtomicBool::new(false));
    let mut tabs = JoinSet::new();
    for (number, browser) in (0..).zip(&browsers) {
        for tab in 0..TABS {
            let plan = Plan::new(options.seed, number, tab);
            tabs.spawn(act(Arc::clone(browser), plan, Arc::clone(&faces), Arc::clone(&over)));
        }
    }
    let run = Run {
        backend: backend.name().to_owned(),
        seed: options.seed,
        seconds: options.seconds,
        faults: faults.iter().map(|fault| fault.name().to_owned()).collect(),
        deadline: micros(STORE_TIMEOUT * 3 + COMMIT_DEADLINE + SLACK),
        grace: micros(GRACE),
    };
    let injections = storm(&desk, &faults, &run).await?;
    over.store(true, Ordering::Relaxed);
    while let Some(tab) = tabs.join_next().await {
        tab?;
    }
    recover(&desk, &faces).await;
    revisit(&browsers, &faces).await;
    calm(&browsers, &faces).await;
    let mut requests = desk.requests();
    requests.sort_by_key(|request| (request.end, request.number));
    Ok(History { run, injections, requests })
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn chosen<'a>(backend: &'a dyn Backend, wanted: Option<&[String]>) -> Result<Vec<&'a dyn Fault>, Failure> {
    let known: Vec<&dyn Fault> = backend.faults().iter().map(AsRef::as_ref).collect();
    let Some(wanted) = wanted else { return Ok(known) };
    let names: BTreeSet<&str> = known.iter().map(|fault| fault.name()).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(name.as_str())) {
        let names: Vec<&str> = names.into_iter().collect();
        return Err(format!("--faults {unknown}: {} knows {}", backend.name(), names.join(", ")).into());
    }
    Ok(known.into_iter().filter(|fault| wanted.iter().any(|name| name == fault.name())).collect())
}

/// The requests of one tab during the injections.
async fn act(browser: Arc<Browser>, mut plan: Plan, faces: Arc<Vec<Face>>, over: Arc<AtomicBool>) {
    let mut connections: Vec<Vec<Connection>> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let orders = plan.next();
        while connections.len() < orders.len() {
            connections.push(faces.iter().map(|face| Connection::to(face.address)).collect());
        }
        let racers = orders.into_iter().zip(&mut connections).filter_map(|(order, connections)| {
            let place = order.face.checked_rem(faces.len())?;
            Some(one(&browser, order, faces.get(place)?, connections.get_mut(place)?))
        });
        join_all(racers).await;
        sleep(plan.rest()).await;
    }
}

async fn one(browser: &Browser, order: Order, face: &Face, connection: &mut Connection) {
    browser.send(order, Part::Storm, face, connection).await;
}

/// Faults are injected one after another, each at least once. The run continues until enough has
/// happened, within bounds.
async fn storm(desk: &Desk, faults: &[&dyn Fault], run: &Run) -> Result<Vec<Injection>, Failure> {
    let wanted = Duration::from_secs(run.seconds);
    let until = Instant::now() + wanted;
    let at_most = Instant::now() + wanted * MOST_TIMES;
    let mut random = Random::of(run.seed, "faults");
    let mut injections = Vec::new();
    let mut waiting: Vec<usize> = Vec::new();
    loop {
        let rest = random.millis(200..900);
        if injections.len() >= faults.len() && Instant::now() + rest >= until {
            sleep_until(until).await;
            if Instant::now() >= at_most || shows_enough(desk, run, &injections) {
                return Ok(injections);
            }
        }
        sleep(rest).await;
        if faults.is_empty() {
            continue;
        }
        if waiting.is_empty() {
            waiting.extend(0..faults.len());
        }
        let place = waiting.swap_remove(random.index(waiting.len()));
        let Some(fault) = faults.get(place) else { continue };
        let start = desk.now();
        // Its draws do not affect later ones.
        let mut own = Random::of(run.seed, &format!("{} {}", fault.name(), injections.len()));
        let injected = timeout(LONGEST_INJECTION, fault.inject(&mut own)).await;
        let injected = injected.unwrap_or_else(|_| Err("it was not healed".into()));
        injected.map_err(|error| format!("the fault {}: {error}", fault.name()))?;
        let injection =
            Injection { fault: fault.name().to_owned(), start, end: desk.now(), loses_writes: fault.loses_writes() };
        injections.push(injection);
    }
}

/// Whether enough has happened to check.
fn shows_enough(desk: &Desk, run: &Run, injections: &[Injection]) -> bool {
    let so_far = History { run: run.clone(), injections: injections.to_vec(), requests: desk.requests() };
    Counts::of(&so_far).shortfalls().is_empty()
}

/// Waits, for a limited time, until every instance can write again.
async fn recover(desk: &Arc<Desk>, faces: &[Face]) {
    let until = Instant::now() + RECOVERY;
    let probe = Browser::new(BROWSERS, Arc::clone(desk));
    for (place, face) in faces.iter().enumerate() {
        let mut connection = Connection::to(face.address);
        let mut count = 0;
        loop {
            count += 1;
            let value = format!("probe-{place}-{count}");
            let order = plain(Act::Set { name: "a".to_owned(), value });
            let request = probe.send(order, Part::Probe, face, &mut connection).await;
            if request.outcome == Outcome::Ok || Instant::now() >= until {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Sends each old cookie of each browser after all late writes have arrived: ended sessions stay
/// ended.
async fn revisit(browsers: &[Arc<Browser>], faces: &[Face]) {
    let visits = browsers.iter().map(async |browser| {
        let mut connections: Vec<Connection> = faces.iter().map(|face| Connection::to(face.address)).collect();
        for old in 0..browser.past().min(MOST_OLD) {
            let Some(place) = old.checked_rem(faces.len()) else { return };
            let order = |_| Order { stray: Some(old), ..plain(Act::Read) };
            if let Some((face, connection)) = faces.get(place).zip(connections.get_mut(place)) {
                until_fine(browser, order, face, connection).await;
            }
        }
    });
    join_all(visits).await;
}

/// Every browser reads its session, changes it and reads it again, through every instance.
async fn calm(browsers: &[Arc<Browser>], faces: &[Face]) {
    let mut connections: Vec<Connection> = faces.iter().map(|face| Connection::to(face.address)).collect();
    for (number, browser) in browsers.iter().enumerate() {
        for (place, (face, connection)) in faces.iter().zip(&mut connections).enumerate() {
            let set = |count| {
                let value = format!("calm-{number}-{place}-{count}");
                plain(Act::Set { name: "a".to_owned(), value })
            };
            until_fine(browser, |_| plain(Act::Read), face, connection).await;
            until_fine(browser, set, face, connection).await;
            until_fine(browser, |_| plain(Act::Bump), face, connection).await;
            until_fine(browser, |_| plain(Act::Read), face, connection).await;
        }
    }
}

/// Sends a request, and repeats it if the store exceeded its short deadline: the machine may be
/// busy. The checker accepts that only if the repetition works. `order` gets the number of the
/// attempt.
async fn until_fine(browser: &Browser, order: impl Fn(u32) -> Order, face: &Face, connection: &mut Connection) {
    for count in 0..CALM_TRIES {
        if !browser.send(order(count), Part::Calm, face, connection).await.was_too_slow() {
            return;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

fn plain(act: Act) -> Order {
    let early = act != Act::Read;
    Order {
        face: 0,
        wish: Wish { act, pause: 0, early, birth: String::new() },
        stray: None,
        anonymous: false,
        abandon: None,
    }
}

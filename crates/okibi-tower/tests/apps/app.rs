//! A random app: nested routers with layers in between. Each handler carries out the steps of its
//! request.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::any,
};
use futures_util::FutureExt as _;
use http::{Extensions, StatusCode};
use okibi_store::{Consistency, Loaded, Owners, Store, StoreError, StoreKey, Swap, Write};
use okibi_tower::{Error, Name, Session, SessionLayer};
use tokio::task::yield_now;

use crate::plan::{End, Random, Script, Step, Target};

/// The type of the second session.
pub(crate) struct Admin;

const COUNT: Name<u64> = Name::new("count");
const NOTE: Name<String> = Name::new("note");

fn name(name: &'static str) -> Name<'static, String> {
    Name::new(name)
}

/// The steps of a handler, and their results.
#[derive(Clone)]
pub(crate) struct ScriptRun(pub(crate) Script, pub(crate) Arc<Mutex<Vec<String>>>);

/// An app and its paths.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) paths: Vec<Place>,
}

/// A path, with the step of its layers before the handler, and after it if the handler responds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// Makes a random app with these two layers around it. Some routes have the first layer a second
/// time.
pub(crate) fn app(random: &mut Random, user: &SessionLayer<()>, admin: &SessionLayer<Admin>) -> App {
    let (router, paths) = group(random, user, 3);
    // Either may be the outer one.
    let router = if random.chance(50) {
        router.layer(user.clone()).layer(admin.clone())
    } else {
        router.layer(admin.clone()).layer(user.clone())
    };
    App { router, paths }
}

fn group(random: &mut Random, user: &SessionLayer<()>, depth: usize) -> (Router, Vec<Place>) {
    let mut router = Router::new();
    let mut paths = Vec::new();
    for number in 0..=random.below(2) {
        let path = format!("/leaf{number}");
        router = router.route(&path, any(act));
        paths.push(Place { path, ..Place::default() });
    }
    // Inner layers make a response of a panic or a timeout.
    router = router.route_layer(from_fn(catch));
    if depth > 0 {
        for number in 0..=random.below(2) {
            let (inner, places) = group(random, user, depth - 1);
            let prefix = format!("/group{number}");
            router = router.nest(&prefix, inner);
            paths.extend(places.into_iter().map(|place| Place { path: format!("{prefix}{}", place.path), ..place }));
        }
    }
    for _ in 0..random.below(3) {
        router = match random.below(4) {
            0 => {
                for place in &mut paths {
                    place.before += 1;
                }
                router.layer(from_fn(bump_before))
            }
            1 => {
                for place in &mut paths {
                    place.after += 1;
                }
                router.layer(from_fn(bump_after))
            }
            2 => router.layer(user.clone()),
            _ => router.layer(from_fn(look)),
        };
    }
    (router, paths)
}

async fn bump(extensions: &Extensions) -> Result<(), Error> {
    Session::<()>::of(extensions).await?.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop)
}

async fn bump_before(request: Request, next: Next) -> Result<Response, Error> {
    bump(request.extensions()).await?;
    Ok(next.run(request).await)
}

async fn bump_after(request: Request, next: Next) -> Result<Response, Error> {
    let extensions = request.extensions().clone();
    let response = next.run(request).await;
    bump(&extensions).await?;
    Ok(response)
}

async fn look(request: Request, next: Next) -> Result<Response, Error> {
    let seen = Session::<Admin>::of(request.extensions()).await?.is_live();
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-admin", seen.to_string().try_into().unwrap());
    Ok(response)
}

/// Makes a 500 of a panic and a 504 of a handler that hangs.
async fn catch(request: Request, next: Next) -> Response {
    let run: &ScriptRun = request.extensions().get().unwrap();
    if run.0.end.is_lost() {
        return next.run(request).await;
    }
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(Duration::from_secs(20), answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
    }
}

async fn act(request: Request) -> Result<Response, Error> {
    let ScriptRun(script, seen) = request.extensions().get::<ScriptRun>().unwrap().clone();
    for (target, step) in &script.steps {
        let saw = match target {
            Target::User => carry_out(&Session::<()>::of(request.extensions()).await?, step).await?,
            Target::Admin => carry_out(&Session::<Admin>::of(request.extensions()).await?, step).await?,
        };
        seen.lock().unwrap().push(saw);
        yield_now().await;
    }
    match script.end {
        End::Answers(status) => Ok((StatusCode::from_u16(status).unwrap(), "the page").into_response()),
        // Print no message: the output of the tests is long already.
        End::Panics | End::PanicsUncaught => std::panic::resume_unwind(Box::new("on purpose")),
        End::Hangs | End::Abandoned => std::future::pending().await,
    }
}

/// Carries out one step and returns its result.
async fn carry_out<K>(session: &Session<K>, step: &Step) -> Result<String, Error> {
    Ok(match step {
        Step::Get(place) => format!("{:?}", session.get(name(place))?),
        Step::Take(place) => format!("{:?}", session.take(name(place)).await?),
        Step::ReadFlash => format!("{:?}", session.get(NOTE)?),
        Step::Owner => format!("{:?}", session.owner()),
        Step::Count => format!("{:?}", session.get(COUNT)?),
        Step::Commit => {
            session.commit().await?;
            String::new()
        }
        Step::CommitBeside(others) => {
            let beside = async {
                for step in others {
                    change(session, step)?;
                    yield_now().await;
                }
                Ok::<(), Error>(())
            };
            // The commit takes the log so far. The rest is logged while the commit is pending.
            let (committed, changed) = tokio::join!(biased; session.commit(), beside);
            committed.and(changed).map(|()| String::new())?
        }
        _ => change(session, step).map(|()| String::new())?,
    })
}

fn change<K>(session: &Session<K>, step: &Step) -> Result<(), Error> {
    match step {
        Step::Set(place, text) => session.set(name(place), text),
        Step::Remove(place) => session.remove(name(place)),
        Step::Append(place) => session.update(name(place), |text| text.unwrap_or_default() + "+").map(drop),
        Step::Bump => session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop),
        Step::Flash(text) => session.flash(NOTE, text),
        Step::Clear => session.clear(),
        Step::Rotate => session.rotate(),
        Step::Renew => session.renew_id(),
        Step::Destroy => session.destroy(),
        Step::Own(owner) => session.set_owner(owner.as_str()),
        other => unreachable!("{other:?} calls the store"),
    }
}

/// A store that yields from time to time, so that requests overlap.
pub(crate) struct Slow<S>(pub(crate) S, pub(crate) AtomicU64);

impl<S> Slow<S> {
    async fn pause(&self) {
        let drawn = self.1.fetch_add(1, Ordering::Relaxed);
        for _ in 0..Random::new(drawn).below(5) {
            yield_now().await;
        }
    }
}

impl<S: Store> Store for Slow<S> {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.pause().await;
        let loaded = self.0.load(key).await;
        self.pause().await;
        loaded
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        self.pause().await;
        let swapped = self.0.swap(key, expected, write).await;
        self.pause().await;
        swapped
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.pause().await;
        self.0.delete(key).await
    }

    fn consistency(&self) -> Consistency {
        self.0.consistency()
    }

    fn owners(&self) -> Option<Owners<'_>> {
        self.0.owners()
    }
}

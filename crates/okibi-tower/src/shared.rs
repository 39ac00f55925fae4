//! The parts that all requests of a layer share: the engine, the stores and the environment.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::{Response, StatusCode};
use okibi_core::{Config, Engine, Event, Outcome, Random, Refusal, Timestamp};
use okibi_store::{Clock, DynStore, MemoryStore, system_time};

use crate::{
    Error,
    error::{OnError, default_answer},
};

/// The boxed future that a timer returns.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The error of a source of random bytes.
pub type RandomError = Box<dyn std::error::Error + Send + Sync>;

/// Fills a buffer with random bytes.
pub(crate) type RandomSource = Arc<dyn Fn(&mut [u8]) -> Result<(), RandomError> + Send + Sync>;

/// Called with each event.
pub(crate) type OnEvent = Arc<dyn Fn(Event) + Send + Sync>;

/// Makes a future that is ready after a span.
pub(crate) type Timer = Arc<dyn Fn(Duration) -> BoxFuture<()> + Send + Sync>;

/// The options that only the face uses, with its clock, timer and random source.
#[derive(Clone)]
pub(crate) struct Environment {
    pub(crate) clock: Clock,
    pub(crate) random: RandomSource,
    pub(crate) timer: Timer,
    pub(crate) on_error: OnError,
    pub(crate) on_event: Option<OnEvent>,
    /// The timeout of one store call.
    pub(crate) store_timeout: Duration,
    /// The deadline of a commit, including its conflicts.
    pub(crate) commit_deadline: Duration,
    /// Whether integers that a JavaScript number cannot hold are refused.
    pub(crate) safe_integers: bool,
    /// Whether the changes of failed requests are committed.
    pub(crate) commit_failed_requests: bool,
    /// Which status means that the request failed, if the app sets it.
    pub(crate) failed_when: Option<fn(StatusCode) -> bool>,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            clock: Arc::new(system_time),
            random: Arc::new(|bytes| getrandom::fill(bytes).map_err(Into::into)),
            timer: Arc::new(|span| Box::pin(tokio::time::sleep(span))),
            on_error: Arc::new(default_answer),
            on_event: None,
            store_timeout: Duration::from_secs(2),
            commit_deadline: Duration::from_secs(10),
            safe_integers: false,
            commit_failed_requests: false,
            failed_when: None,
        }
    }
}

impl Environment {
    /// The outcome of a request with this response status. `None`: the service returned an error.
    pub(crate) fn outcome(&self, status: Option<StatusCode>) -> Outcome {
        let said = status.zip(self.failed_when).map(|(status, is_failure)| is_failure(status));
        Outcome::of(status.map(|status| status.as_u16()), self.commit_failed_requests, said)
    }
}

/// The parts that all requests of a layer share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    /// `None` if sessions are sealed without revocations.
    pub(crate) store: Option<Arc<dyn DynStore>>,
    /// The stores of the accepted dialects, in the order of the configuration.
    pub(crate) accepted: Vec<Option<Arc<dyn DynStore>>>,
    pub(crate) environment: Environment,
}

impl Shared {
    /// The first option in which two layers with the same cookie differ. The engine compares its
    /// options. Two stores are the same if they have the same address.
    pub(crate) fn differs(self: &Arc<Self>, other: &Arc<Self>) -> Option<&'static str> {
        if Arc::ptr_eq(self, other) {
            return None;
        }
        let at = |store: &Option<Arc<dyn DynStore>>| store.as_ref().map(|store| store.address());
        let accepted = |shared: &Self| shared.accepted.iter().map(at).collect::<Vec<_>>();
        let (own, theirs) = (&self.environment, &other.environment);
        let facts = [
            ("store", at(&self.store) == at(&other.store)),
            ("accept", accepted(self) == accepted(other)),
            ("commit_failed_requests", own.commit_failed_requests == theirs.commit_failed_requests),
            // Two functions cannot be compared.
            ("failed_when", own.failed_when.is_some() == theirs.failed_when.is_some()),
            ("store_timeout", own.store_timeout == theirs.store_timeout),
            ("commit_deadline", own.commit_deadline == theirs.commit_deadline),
            ("safe_integers", own.safe_integers == theirs.safe_integers),
        ];
        let differing = facts.iter().find(|(_, is_same)| !is_same).map(|(option, _)| *option);
        self.engine.differs(&other.engine).or(differing)
    }

    /// Whether an id of one session opens the other, too.
    pub(crate) fn shares_records(&self, other: &Self) -> bool {
        let (Some(own), Some(theirs)) = (&self.store, &other.store) else { return false };
        own.address() == theirs.address() && self.engine.shares_keys_with(&other.engine)
    }

    /// The default configuration with a memory store, for a session without a layer.
    pub(crate) fn detached() -> Self {
        let engine = Engine::new(Config::default()).expect("the default configuration is possible");
        Self {
            engine,
            store: Some(Arc::new(MemoryStore::with_capacity(64))),
            accepted: Vec::new(),
            environment: Environment::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.environment.clock)()
    }

    /// A refusal as an error. Its source is the failure of the random source, if there was one.
    pub(crate) fn refused(&self, refusal: Refusal, random: &mut SystemRandom<'_>) -> Error {
        let error = self.fail(refusal);
        match random.failure.take() {
            Some(failure) => error.with_source(failure),
            None => error,
        }
    }

    /// The error with this layer's `on_error`.
    pub(crate) fn fail(&self, error: impl Into<Error>) -> Error {
        error.into().answered_by(&self.environment.on_error)
    }

    pub(crate) fn answer<B: From<bytes::Bytes>>(error: &Error) -> Response<B> {
        error.to_response().map(B::from)
    }
}

/// The configured source of random bytes, for one task. It keeps the failure of the source for the
/// error of the task.
pub(crate) struct SystemRandom<'a> {
    source: &'a RandomSource,
    failure: Option<RandomError>,
}

impl<'a> SystemRandom<'a> {
    pub(crate) fn of(shared: &'a Shared) -> Self {
        Self { source: &shared.environment.random, failure: None }
    }
}

impl Random for SystemRandom<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Refusal> {
        (self.source)(bytes).map_err(|failure| {
            self.failure = Some(failure);
            Refusal::RandomFailed
        })
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("cookie", &self.engine.cookie_name()).finish_non_exhaustive()
    }
}

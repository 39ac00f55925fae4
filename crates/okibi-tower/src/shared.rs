//! What all requests of one layer share: the engine, the store, and the values that the outside world gives.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::{Response, StatusCode};
use okibi_core::{Config, Engine, Event, Outcome, RANDOM_BYTES, Random, Timestamp};
use okibi_store::{Clock, DynStore, MemoryStore, system_time};

use crate::{
    Error, ErrorKind,
    error::{OnError, default_answer},
};

/// A boxed future, as a timer returns it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why there are no random bytes.
pub type RandomError = Box<dyn std::error::Error + Send + Sync>;

/// Fills a buffer with bytes of the system's CSPRNG.
pub(crate) type RandomSource = Arc<dyn Fn(&mut [u8]) -> Result<(), RandomError> + Send + Sync>;

/// Is told of events.
pub(crate) type OnEvent = Arc<dyn Fn(Event) + Send + Sync>;

/// Makes a future that is ready when a span is over.
pub(crate) type Timer = Arc<dyn Fn(Duration) -> BoxFuture<()> + Send + Sync>;

/// What comes from the outside world, and what is done when it fails.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) clock: Clock,
    pub(crate) random: RandomSource,
    pub(crate) timer: Timer,
    pub(crate) on_error: OnError,
    pub(crate) on_event: Option<OnEvent>,
    /// The deadline of one store call.
    pub(crate) store_timeout: Duration,
    /// The deadline of a commit with all its conflicts.
    pub(crate) commit_deadline: Duration,
    /// Whether integers that a JavaScript number cannot hold are refused.
    pub(crate) safe_integers: bool,
    /// The changes of failed requests are committed as well.
    pub(crate) commits_failed: bool,
    /// The app says itself which status means that the request failed.
    pub(crate) failed_when: Option<fn(StatusCode) -> bool>,
}

impl Default for Outside {
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
            commits_failed: false,
            failed_when: None,
        }
    }
}

impl Outside {
    /// What became of a request whose answer has this status; `None`: the service erred.
    pub(crate) fn outcome(&self, status: Option<StatusCode>) -> Outcome {
        let said = status.zip(self.failed_when).map(|(status, is_failure)| is_failure(status));
        Outcome::of(status.map(|status| status.as_u16()), self.commits_failed, said)
    }
}

/// What all requests of one layer share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    /// None where the cookie is the store.
    pub(crate) store: Option<Arc<dyn DynStore>>,
    /// Where the accepted dialects keep theirs, in the order of the configuration.
    pub(crate) accepted: Vec<Option<Arc<dyn DynStore>>>,
    pub(crate) outside: Outside,
}

impl Shared {
    /// The option in which two layers with one cookie differ: the engine compares what is configured, and the stores are the same
    /// if they are at one address.
    pub(crate) fn differs(self: &Arc<Self>, other: &Arc<Self>) -> Option<&'static str> {
        if Arc::ptr_eq(self, other) {
            return None;
        }
        let at = |store: &Option<Arc<dyn DynStore>>| store.as_ref().map(|store| store.address());
        let accepted = |shared: &Self| shared.accepted.iter().map(at).collect::<Vec<_>>();
        self.engine
            .differs(&other.engine)
            .or_else(|| (at(&self.store) != at(&other.store)).then_some("store"))
            .or_else(|| (accepted(self) != accepted(other)).then_some("accept"))
    }

    /// For a session without a layer: the default configuration, in memory.
    pub(crate) fn detached() -> Self {
        let engine = Engine::new(Config::default()).expect("the default configuration is possible");
        Self {
            engine,
            store: Some(Arc::new(MemoryStore::with_capacity(64))),
            accepted: Vec::new(),
            outside: Outside::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.outside.clock)()
    }

    /// Random bytes for one call of the engine. A failure of the source is an error, never a weak id.
    pub(crate) fn random(&self) -> Result<Random, Error> {
        let mut bytes = [0; RANDOM_BYTES];
        (self.outside.random)(&mut bytes).map_err(|source| {
            self.fail(
                Error::new(ErrorKind::RandomFailed, "random: the source of random bytes failed").with_source(source),
            )
        })?;
        Ok(Random::new(bytes))
    }

    /// An error that this layer answers for.
    pub(crate) fn fail(&self, error: impl Into<Error>) -> Error {
        error.into().answered_by(&self.outside.on_error)
    }

    pub(crate) fn answer<B: From<bytes::Bytes>>(error: &Error) -> Response<B> {
        error.to_response().map(B::from)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("cookie", &self.engine.cookie_name()).finish_non_exhaustive()
    }
}

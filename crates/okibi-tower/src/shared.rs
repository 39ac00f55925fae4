//! What all requests of one layer share: the engine, the store, and the values that the outside world gives.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::{Response, StatusCode};
use okibi_core::{Config, Engine, RANDOM_BYTES, Random, Timestamp, counts_as_failed};
use okibi_store::{Clock, DynStore, MemoryStore, system_time};

use crate::{
    Error, ErrorKind,
    error::{OnError, default_answer},
};

/// A boxed future, as a timer returns it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why there are no random bytes.
pub type EntropyError = Box<dyn std::error::Error + Send + Sync>;

/// Fills a buffer with bytes of the system's CSPRNG.
pub(crate) type Entropy = Arc<dyn Fn(&mut [u8]) -> Result<(), EntropyError> + Send + Sync>;

/// Makes a future that is ready when a span is over.
pub(crate) type Timer = Arc<dyn Fn(Duration) -> BoxFuture<()> + Send + Sync>;

/// What comes from the outside world, and what is done when it fails.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) timer: Timer,
    pub(crate) on_error: OnError,
    /// The deadline of one store call.
    pub(crate) store_timeout: Duration,
    /// The deadline of a commit with all its conflicts.
    pub(crate) commit_deadline: Duration,
    /// Whether integers that a JavaScript number cannot hold are refused.
    pub(crate) safe_integers: bool,
    /// Which status means that the request failed, so that it changes nothing.
    pub(crate) is_failure: fn(StatusCode) -> bool,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            clock: Arc::new(system_time),
            entropy: Arc::new(|bytes| getrandom::fill(bytes).map_err(Into::into)),
            timer: Arc::new(|span| Box::pin(tokio::time::sleep(span))),
            on_error: Arc::new(default_answer),
            store_timeout: Duration::from_secs(2),
            commit_deadline: Duration::from_secs(10),
            safe_integers: false,
            is_failure: |status| counts_as_failed(status.as_u16()),
        }
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
    /// What it is configured by, without secrets, for comparing it with another layer.
    pub(crate) described: Vec<(&'static str, String)>,
}

/// Describes a configuration, so that another can be compared with it: each option with its value, without secrets.
pub(crate) fn described(config: &Config) -> Vec<(&'static str, String)> {
    let Config { cookie, dialect, namespace, lifetime, renew_after, persistent, grace, limits, revocations, .. } =
        config;
    vec![
        ("cookie", format!("{cookie:?}")),
        ("signed", format!("{dialect:?}")),
        ("namespace", format!("{namespace:?}")),
        ("lifetime", format!("{lifetime:?}")),
        ("renew_after", format!("{renew_after:?}")),
        ("browser_session", format!("{persistent:?}")),
        ("grace", format!("{grace:?}")),
        ("limits", format!("{limits:?}")),
        ("revocations", format!("{revocations:?}")),
    ]
}

impl Shared {
    /// The option in which two layers with one cookie differ. Whether two stores or two rings are the same cannot be told
    /// from outside, so without another difference it is these, unless the layers are clones of each other.
    pub(crate) fn differs(self: &Arc<Self>, other: &Arc<Self>) -> Option<&'static str> {
        if Arc::ptr_eq(self, other) {
            return None;
        }
        let differing = self.described.iter().zip(&other.described).find(|(one, other)| one != other);
        Some(differing.map_or("store or secrets", |((option, _), _)| option))
    }

    /// For a session without a layer: the default configuration, in memory.
    pub(crate) fn detached() -> Self {
        let engine = Engine::new(Config::default()).expect("the default configuration is possible");
        Self {
            engine,
            store: Some(Arc::new(MemoryStore::with_capacity(64))),
            accepted: Vec::new(),
            outside: Outside::default(),
            described: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.outside.clock)()
    }

    /// Random bytes for one call of the engine. A failure of the source is an error, never a weak id (S1).
    pub(crate) fn random(&self) -> Result<Random, Error> {
        let mut bytes = [0; RANDOM_BYTES];
        (self.outside.entropy)(&mut bytes).map_err(|source| {
            self.fail(Error::new(ErrorKind::Entropy, "entropy: the source of random bytes failed").with_source(source))
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

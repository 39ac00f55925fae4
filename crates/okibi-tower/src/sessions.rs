//! The configuration of a session, as an app writes it down.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;
use okibi_core::{Config, ConfigError, Engine, Lifetime, Limits, Protection, Ring, SameSite, Timestamp};
use okibi_store::{DynStore, Store};

use crate::{
    Error, SessionLayer,
    shared::{BoxFuture, EntropyError, Outside, Shared},
};

/// The configuration of a session: [`new`](Self::new) or [`sealed`](Self::sealed), then what should differ from the
/// defaults, then [`layer`](Self::layer).
///
/// The defaults are the safe ones: the cookie is `__Host-session; Secure; HttpOnly; SameSite=Lax`, for this host only; a
/// session ends after 1 hour without activity and after 24 hours at the latest.
///
/// ```
/// use std::time::Duration;
/// use okibi_store::MemoryStore;
/// use okibi_tower::Sessions;
///
/// let layer = Sessions::new(MemoryStore::new())
///     .idle(Duration::from_mins(15))
///     .absolute(Duration::from_hours(24 * 30))
///     .layer()?;
/// # Ok::<(), okibi_tower::ConfigError>(())
/// ```
///
/// A second session in the same app has a type of its own, by which handlers ask for it, and a cookie of its own:
///
/// ```
/// use okibi_store::MemoryStore;
/// use okibi_tower::{Lifetime, Session, Sessions};
///
/// struct Admin;
///
/// let layer = Sessions::new(MemoryStore::new()).of::<Admin>("__Host-admin").lifetime(Lifetime::AAL3).layer()?;
///
/// async fn handler(session: Session<Admin>) {}
/// # Ok::<(), okibi_tower::ConfigError>(())
/// ```
#[must_use = "it does nothing until `layer` makes a layer of it"]
pub struct Sessions<K = ()> {
    config: Config,
    store: Option<Arc<dyn DynStore>>,
    chunks: Option<usize>,
    development: bool,
    outside: Outside,
    kind: PhantomData<fn() -> K>,
}

impl Sessions {
    /// Sessions in a store; the cookie holds an id.
    ///
    /// Keep a handle on the store by passing an [`Arc`] of it.
    pub fn new(store: impl Store) -> Self {
        let config = Config { consistency: store.consistency(), ..Config::default() };
        Self::with(config, Some(Arc::new(store)))
    }

    /// Sessions in the cookie itself, encrypted with the ring's first secret: no store at all.
    ///
    /// Know what such a session cannot do: it cannot be ended before it expires (whoever kept a copy of the cookie from
    /// before a logout can still use it), the answers to parallel requests overwrite each other, it cannot be listed, and
    /// it has to fit into cookies, which browsers keep up to 4096 bytes each.
    pub fn sealed(ring: Ring) -> Self {
        let protection = Protection::Sealed { ring, chunks: 1 };
        Self::with(Config { protection, ..Config::default() }, None)
    }

    fn with(config: Config, store: Option<Arc<dyn DynStore>>) -> Self {
        let outside = Outside::default();
        Self { config, store, chunks: None, development: false, outside, kind: PhantomData }
    }
}

impl<K> Sessions<K> {
    /// The sessions of the kind `Other`, in a cookie of their own: [`Session<Other>`](crate::Session) asks for them.
    pub fn of<Other>(self, cookie_name: impl Into<String>) -> Sessions<Other> {
        let Self { config, store, chunks, development, outside, .. } = self;
        Sessions { config, store, chunks, development, outside, kind: PhantomData }.cookie_name(cookie_name)
    }

    /// The cookie's name. Default `__Host-session`.
    ///
    /// The prefix `__Host-` has browsers refuse the cookie unless it is Secure, for this host only and for all paths.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.config.cookie.name = name.into();
        self
    }

    /// The cookie's path. Default `/`. Another path needs a name without `__Host-`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.config.cookie.path = path.into();
        self
    }

    /// The cookie's domain, which sends it to all its subdomains. Default: none, only the host that set it gets it back.
    ///
    /// A domain needs a name without `__Host-`.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.config.cookie.domain = Some(domain.into());
        self
    }

    /// When browsers send the cookie along with a request from another site. Default [`SameSite::Lax`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.config.cookie.same_site = same_site;
        self
    }

    /// Keeps the cookie apart for each site that embeds this one (CHIPS).
    pub fn partitioned(mut self) -> Self {
        self.config.cookie.partitioned = true;
        self
    }

    /// The cookie ends with the browser's own session, instead of with the session itself.
    pub fn browser_session(mut self) -> Self {
        self.config.persistent = false;
        self
    }

    /// How long a session lives without activity: 1 second to 400 days. Default 1 hour (ASVS 7.3.1, NIST SP 800-63B).
    pub fn idle(mut self, idle: Duration) -> Self {
        self.config.lifetime.idle = idle;
        self
    }

    /// How long a session lives at most, active or not. Default 24 hours (ASVS 7.3.2, NIST SP 800-63B).
    pub fn absolute(mut self, absolute: Duration) -> Self {
        self.config.lifetime.absolute = Some(absolute);
        self
    }

    /// A session lives for as long as it is used.
    pub fn no_absolute_timeout(mut self) -> Self {
        self.config.lifetime.absolute = None;
        self
    }

    /// Both of the above, such as [`Lifetime::AAL3`].
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.config.lifetime = lifetime;
        self
    }

    /// How much of the idle span must pass before activity is written down. Default a tenth of it.
    pub fn renew_after(mut self, span: Duration) -> Self {
        self.config.renew_after = Some(span);
        self
    }

    /// How long the old id still leads to the session after [`renew_id`](crate::Session::renew_id). Default 60 seconds, at
    /// most 1 hour; zero is allowed.
    pub fn grace(mut self, span: Duration) -> Self {
        self.config.grace = span;
        self
    }

    /// Signs the id in the cookie, so that an invented one never reaches the store.
    pub fn signed(mut self, ring: Ring) -> Self {
        self.config.protection = Protection::SignedId(ring);
        self
    }

    /// Over how many cookies a sealed session may be split, 1 to 5. Default 1.
    pub fn chunks(mut self, most: usize) -> Self {
        self.chunks = Some(most);
        self
    }

    /// What the keys in the store begin with. Default: the cookie's name without its prefix.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.config.namespace = Some(namespace.into());
        self
    }

    /// What a session may hold at most. Default 64 KiB, 1024 names, 32 levels of nesting.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Drops Secure and the name's prefix, so that browsers that do not take `http://localhost` for secure keep the
    /// cookie. Chromium and Firefox need no such thing. The log says so when the layer is made.
    pub fn insecure_for_development(mut self) -> Self {
        self.development = true;
        self
    }

    /// How long one call of the store may take. Default 2 seconds.
    pub fn store_timeout(mut self, span: Duration) -> Self {
        self.outside.store_timeout = span;
        self
    }

    /// How long a commit may take with all its conflicts. Default 10 seconds.
    pub fn commit_deadline(mut self, span: Duration) -> Self {
        self.outside.commit_deadline = span;
        self
    }

    /// The one answer to a session that failed: to a load, at a guard, at a commit, and for an [`Error`] that a handler
    /// returns. Default: 503 if the store failed, else 500, with a short text.
    ///
    /// Nothing of what the app had answered is in it: no header, no cookie.
    pub fn on_store_error(mut self, answer: impl Fn(&Error) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.outside.on_error = Arc::new(answer);
        self
    }

    /// Commits the changes of failed requests as well.
    ///
    /// By default a request that ends in a 5xx status or an error of the inner service changes nothing, except that a
    /// session it destroyed is destroyed: what a handler did halfway is not kept. With this option such an answer keeps
    /// it, and sends its cookie. A service that errs has no answer to send a cookie with, so then, too, only a destroy is
    /// carried out.
    pub fn commit_failed_requests(mut self) -> Self {
        self.outside.commit_failed = true;
        self
    }

    /// What time it is. Default: the system's clock.
    ///
    /// A store judges expiry by its own clock; give it the same.
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.outside.clock = Arc::new(now);
        self
    }

    /// Where random bytes come from: fills the whole buffer or fails. Default: the operating system.
    ///
    /// All safety of a session rests on nobody being able to guess them. This is for tests and for special hardware.
    pub fn entropy(mut self, fill: impl Fn(&mut [u8]) -> Result<(), EntropyError> + Send + Sync + 'static) -> Self {
        self.outside.entropy = Arc::new(fill);
        self
    }

    /// How to wait. Default: tokio's timer, which needs to run inside tokio; for another runtime, give its own.
    pub fn timer(mut self, sleep: impl Fn(Duration) -> BoxFuture<()> + Send + Sync + 'static) -> Self {
        self.outside.timer = Arc::new(sleep);
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// What cannot work, by name and value, and how to fix it.
    pub fn layer(mut self) -> Result<SessionLayer<K>, ConfigError> {
        for (option, value) in
            [("store_timeout", self.outside.store_timeout), ("commit_deadline", self.outside.commit_deadline)]
        {
            if value.is_zero() {
                return Err(ConfigError::Span { option, value, rule: "must be longer than zero" });
            }
        }
        match (&mut self.config.protection, self.chunks) {
            (Protection::Sealed { chunks, .. }, Some(most)) => *chunks = most,
            (_, Some(_)) => return Err(option("chunks: only for Sessions::sealed; remove it")),
            _ => {}
        }
        let sealed = matches!(self.config.protection, Protection::Sealed { .. });
        if !sealed && self.store.is_none() {
            return Err(option("signed: a sealed session has no id to sign; remove it"));
        }
        if self.development {
            self.weaken();
        }
        let engine = Engine::new(self.config)?;
        if self.development {
            let cookie = engine.cookie_name();
            tracing::warn!(
                target: "okibi",
                cookie,
                "the session cookie is not Secure: insecure_for_development is for development only"
            );
        }
        Ok(SessionLayer::new(Shared { engine, store: self.store, outside: self.outside }))
    }

    /// Without Secure a prefix is not allowed either (RFC 6265bis section 4.1.3).
    fn weaken(&mut self) {
        let cookie = &mut self.config.cookie;
        cookie.secure = false;
        for prefix in ["__Host-", "__Secure-"] {
            if let Some(rest) = cookie.name.strip_prefix(prefix) {
                cookie.name = rest.to_owned();
            }
        }
    }
}

fn option(text: &str) -> ConfigError {
    ConfigError::Options(text.to_owned())
}

impl<K> fmt::Debug for Sessions<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("config", &self.config).finish_non_exhaustive()
    }
}

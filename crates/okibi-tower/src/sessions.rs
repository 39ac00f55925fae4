//! The configuration of a session.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Response, StatusCode};
use okibi_core::{
    Accept, Config, ConfigError, Consistency, Dialect, Engine, Event, FormerCookie, Given, Lifetime, Limits, Native,
    Protection, SameSite, Secrets, check_timeouts, compat::HonoSessions,
};
use okibi_store::{DynStore, Store};

use crate::{
    Error, SessionLayer,
    shared::{BoxFuture, Environment, RandomError, Shared},
};

/// The configuration of a session. Begin with [`new`](Self::new) or [`sealed`](Self::sealed), set
/// options, and end with [`layer`](Self::layer).
///
/// The defaults are safe. The cookie is `__Host-session; Secure; HttpOnly; SameSite=Lax`, for this
/// host only. A session expires after 1 hour without activity, and after 24 hours in any case.
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
/// A second session in the same app has a type of its own, which handlers name, and a cookie of its
/// own:
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
    /// The options of okibi's own dialect.
    native: Native,
    /// The dialect of another library, if that is used instead.
    older: Option<Box<HonoSessions>>,
    limits: Limits,
    consistency: Consistency,
    /// The options that were set. The core checks which of them exclude each other.
    given: Given,
    store: Option<Arc<dyn DynStore>>,
    accepted: Vec<Option<Arc<dyn DynStore>>>,
    environment: Environment,
    kind: PhantomData<fn() -> K>,
}

impl Sessions {
    /// Stores sessions in a store. The cookie holds an id.
    ///
    /// To keep access to the store, pass an [`Arc`] of it.
    ///
    /// Two apps on one store open each other's sessions, unless they have different cookie names or
    /// [namespaces](Self::namespace).
    pub fn new(store: impl Store) -> Self {
        Self::with(Native::default(), None).in_store(store)
    }

    /// Stores the session in the cookie, encrypted with the first secret. There is no store.
    ///
    /// Such a session has limits:
    ///
    /// - It cannot be revoked. Anyone with a copy of the cookie from before a logout can use it
    ///   until it expires, unless there are [`revocations`](Self::revocations).
    /// - The responses to concurrent requests overwrite each other.
    /// - It cannot be listed.
    /// - It must fit into cookies. Browsers keep up to 4096 bytes for each.
    pub fn sealed(secrets: Secrets) -> Self {
        let protection = Protection::Sealed { secrets, chunks: 1 };
        Self::with(Native { protection, ..Native::default() }, None)
    }

    /// Uses the sessions of an app with the npm package `hono-sessions`, in its store. Cookie and
    /// bytes are the same, so both services share sessions without a change in the Hono app.
    ///
    /// The dialect has its own cookie and lifetime. Options for those are refused. So are owner,
    /// label and absolute timeout, which only okibi's own dialect has. `renew_id` has no grace
    /// period there. A key in such a store *is* the visitor's id, so read access to the store opens
    /// every session. [`accept`](Self::accept) moves an app away from it.
    ///
    /// ```
    /// use okibi_store::MemoryStore;
    /// use okibi_tower::{Sessions, compat::{HonoProtection, HonoSessions, IronSecrets}};
    ///
    /// let keys = IronSecrets::new(["the encryptionKey of the Hono app, 32 characters"])?;
    /// let dialect = HonoSessions { protection: HonoProtection::SealedId(keys), ..HonoSessions::default() };
    /// let layer = Sessions::hono_sessions(dialect, MemoryStore::new()).layer()?;
    /// # Ok::<(), okibi_tower::ConfigError>(())
    /// ```
    pub fn hono_sessions(dialect: HonoSessions, store: impl Store) -> Self {
        Self::with(Native::default(), Some(dialect)).in_store(store)
    }

    /// The same for an app that uses `CookieStore` of that package: the session is stored in the
    /// cookie.
    pub fn hono_sessions_sealed(dialect: HonoSessions) -> Self {
        Self::with(Native::default(), Some(dialect))
    }

    fn with(native: Native, older: Option<HonoSessions>) -> Self {
        Self {
            native,
            older: older.map(Box::new),
            limits: Limits::default(),
            consistency: Consistency::Strong,
            given: Given::default(),
            store: None,
            accepted: Vec::new(),
            environment: Environment::default(),
            kind: PhantomData,
        }
    }

    fn in_store(mut self, store: impl Store) -> Self {
        self.consistency = store.consistency();
        self.store = Some(Arc::new(store));
        self.with_given(Given::STORE)
    }
}

impl<K> Sessions<K> {
    /// Records that an option was set.
    fn with_given(mut self, option: Given) -> Self {
        self.given = self.given.and(option);
        self
    }

    /// Uses another kind of session, with a cookie of its own. Handlers name it as
    /// [`Session<Other>`](crate::Session).
    pub fn of<Other>(self, cookie_name: impl Into<String>) -> Sessions<Other> {
        let Self { native, older, limits, consistency, given, store, accepted, environment, .. } = self;
        let other =
            Sessions { native, older, limits, consistency, given, store, accepted, environment, kind: PhantomData };
        other.cookie_name(cookie_name)
    }

    /// Adopts the sessions of another library's dialect until the given time. A visitor with a
    /// cookie of that dialect stays signed in and gets the new cookie with the first response. The
    /// old cookie is removed.
    ///
    /// `store` is the store of the other dialect. An adopted session that was ended stays ended,
    /// for the new cookie and for the old one. To move a service with several nodes, first deploy
    /// `accept` on every node, then let the nodes write.
    ///
    /// Sessions of `hono-kv-session` depend on the host name, which a tower layer does not have.
    /// Only the Hono package adopts those.
    pub fn accept(mut self, dialect: HonoSessions, store: impl Store, until: SystemTime) -> Self {
        let consistency = Some(store.consistency());
        self.native.accept.push(Accept { dialect: dialect.into(), until: until.into(), consistency });
        self.accepted.push(Some(Arc::new(store)));
        self.with_given(Given::ACCEPT)
    }

    /// The same for a dialect that stores the session in the cookie.
    ///
    /// Such a cookie has no id. Anyone with a copy can use it again until the given time, also
    /// after a logout.
    pub fn accept_sealed(mut self, dialect: HonoSessions, until: SystemTime) -> Self {
        self.native.accept.push(Accept { dialect: dialect.into(), until: until.into(), consistency: None });
        self.accepted.push(None);
        self.with_given(Given::ACCEPT)
    }

    /// Records in this store which [`sealed`](Sessions::sealed) sessions have ended. Then a copy of
    /// the cookie from before a logout or a change of privilege opens nothing.
    ///
    /// A revocation takes about 100 bytes until the session's absolute deadline, so an absolute
    /// timeout is required. A request that uses its session makes one load, a request that changes
    /// it one more, and a logout or a rotation one write. If the store is down, every request with
    /// a session gets 503.
    ///
    /// The store must not drop a revocation early. [`layer`](Self::layer) refuses a store that
    /// evicts ([`Store::evicts`]). okibi cannot check this for Redis: set `maxmemory-policy
    /// noeviction`.
    ///
    /// ```
    /// use okibi_store::MemoryStore;
    /// use okibi_tower::{Secrets, Sessions};
    ///
    /// # let secret = "a secret of 32 bytes or more, from a good source";
    /// let notes = MemoryStore::new().refuse_when_full();
    /// let layer = Sessions::sealed(Secrets::new([secret])?).revocations(notes).layer()?;
    /// # Ok::<(), okibi_tower::ConfigError>(())
    /// ```
    pub fn revocations(mut self, store: impl Store) -> Self {
        self.native.revocations = true;
        self.native.evicts = store.evicts();
        self.consistency = store.consistency();
        self.store = Some(Arc::new(store));
        self.with_given(Given::REVOCATIONS)
    }

    /// The cookie's name. Default `__Host-session`.
    ///
    /// With the prefix `__Host-`, browsers accept the cookie only if it is Secure, for this host
    /// only and for all paths.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.native.cookie.name = name.into();
        self.with_given(Given::COOKIE)
    }

    /// The cookie's path. Default `/`. Another path needs a name without `__Host-`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.native.cookie.path = path.into();
        self.with_given(Given::COOKIE)
    }

    /// The cookie's domain. Browsers send the cookie to all its subdomains. Default: none; browsers
    /// send the cookie only to the host that set it.
    ///
    /// A domain needs a name without `__Host-`.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.native.cookie.domain = Some(domain.into());
        self.with_given(Given::COOKIE)
    }

    /// When browsers send the cookie with a request from another site. Default [`SameSite::Lax`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.native.cookie.same_site = same_site;
        self.with_given(Given::COOKIE)
    }

    /// Whether the cookie is hidden from scripts in the page. Default true.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.native.cookie.http_only = http_only;
        self.with_given(Given::COOKIE)
    }

    /// Whether browsers keep a separate cookie for each site that embeds this one (CHIPS). Default
    /// false.
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.native.cookie.partitioned = partitioned;
        self.with_given(Given::COOKIE)
    }

    /// Attributes that the cookie had before, such as another path or domain, or without
    /// `Partitioned`. May be called up to 4 times. Default none.
    ///
    /// When the cookie's path, domain or partition changes, browsers keep the old cookie beside the
    /// new one, and send both. okibi uses the one that opens. If both open, there is no session. So
    /// set the old attributes here for as long as a browser can have the old cookie. okibi removes
    /// the old cookie with every cookie that it sends, when a request has two cookies, and at a
    /// logout.
    ///
    /// ```
    /// use okibi_store::MemoryStore;
    /// use okibi_tower::{FormerCookie, Sessions};
    ///
    /// // Before, the cookie had the domain of the whole site.
    /// let old = FormerCookie { domain: Some("example.org".to_owned()), ..FormerCookie::default() };
    /// let layer = Sessions::new(MemoryStore::new()).cookie_name("__Secure-session").former(old).layer()?;
    /// # Ok::<(), okibi_tower::ConfigError>(())
    /// ```
    pub fn former(mut self, cookie: FormerCookie) -> Self {
        self.native.cookie.former.push(cookie);
        self.with_given(Given::COOKIE)
    }

    /// Whether browsers keep the cookie after they close. Default true.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.native.persistent = persistent;
        self.with_given(Given::PERSISTENT)
    }

    /// The idle timeout: how long a session lives without activity, 1 second to 400 days. Default 1
    /// hour (ASVS 7.3.1, NIST SP 800-63B).
    pub fn idle(mut self, idle: Duration) -> Self {
        self.native.lifetime.idle = idle;
        self.with_given(Given::LIFETIME)
    }

    /// The absolute timeout: the longest lifetime of a session, with or without activity. `None`: no
    /// limit. Default 24 hours (ASVS 7.3.2, NIST SP 800-63B).
    pub fn absolute(mut self, absolute: impl Into<Option<Duration>>) -> Self {
        self.native.lifetime.absolute = absolute.into();
        self.with_given(Given::LIFETIME)
    }

    /// Sets the idle and the absolute timeout, for example to [`Lifetime::AAL3`].
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.native.lifetime = lifetime;
        self.with_given(Given::LIFETIME)
    }

    /// Minimum time between two writes of a session's last-active time. Each of them sends the
    /// cookie again. At most 1 day. Default: a tenth of the idle timeout, at most 1 day.
    pub fn touch_after(mut self, span: Duration) -> Self {
        self.native.touch_after = Some(span);
        self.with_given(Given::TOUCH_AFTER)
    }

    /// How long the old id still opens the session after [`renew_id`](crate::Session::renew_id). At
    /// most 1 hour; zero is allowed. Default 60 seconds.
    pub fn grace(mut self, span: Duration) -> Self {
        self.native.grace = span;
        self.with_given(Given::GRACE)
    }

    /// Signs the id in the cookie with the first secret, so an invented id never reaches the store.
    /// To add or remove this option signs all visitors out.
    ///
    /// It applies to okibi's own sessions in a store. [`sealed`](Sessions::sealed) has its own
    /// secrets, and other dialects have their own protection, so [`layer`](Self::layer) refuses the
    /// option there.
    pub fn secret(mut self, secrets: Secrets) -> Self {
        if !matches!(self.native.protection, Protection::Sealed { .. }) {
            self.native.protection = Protection::SignedId(secrets);
        }
        self.with_given(Given::SECRET)
    }

    /// The most cookies for one sealed session, 1 to 5. Default 1. One cookie holds about 2900
    /// bytes of JSON.
    ///
    /// [`max_cookie_bytes`](Self::max_cookie_bytes) limits all of them together.
    /// `docs/behind-proxies.md` lists the limits of proxies.
    pub fn chunks(mut self, most: usize) -> Self {
        if let Protection::Sealed { chunks, .. } = &mut self.native.protection {
            *chunks = most;
        }
        self.with_given(Given::CHUNKS)
    }

    /// The most bytes of all Set-Cookie headers of a sealed session, with names and attributes: 512
    /// to 65536. Default 8192. A larger session fails with an error of the kind
    /// [`TooLarge`](crate::ErrorKind::TooLarge), and no cookie is sent.
    ///
    /// A browser sends all cookies back in one header. By default nginx refuses a header of more
    /// than 8 KB, and Node refuses more than 16 KB of headers. Then even the logout is refused.
    /// `docs/behind-proxies.md` shows how to raise these limits.
    pub fn max_cookie_bytes(mut self, most: usize) -> Self {
        self.native.max_cookie_bytes = most;
        self.with_given(Given::MAX_COOKIE_BYTES)
    }

    /// The first part of the keys in the store. Default: the cookie's name without its prefix.
    ///
    /// Two kinds of sessions in one store ([`of`](Self::of)) need different namespaces. With the
    /// same namespace, a cookie of one kind opens a session of the other kind when it is sent under
    /// the other name. So two layers of one request with one store (clones of one `Arc`) and one
    /// namespace are an error of the kind [`Config`](crate::ErrorKind::Config).
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.native.namespace = Some(namespace.into());
        self.with_given(Given::NAMESPACE)
    }

    /// The largest session. Default 64 KiB, 1024 names, 32 levels of nesting. After lowering the
    /// limits, larger sessions do not open any more; the event is `undecodable_record`.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With `true` the cookie lacks Secure and everything that needs it: the name's prefix,
    /// `Partitioned`, `SameSite=None`. Use it for browsers that do not treat `http://localhost` as
    /// secure. Chromium and Firefox do not need it. The layer logs a warning. Default false.
    pub fn insecure_for_development(mut self, insecure: bool) -> Self {
        self.native.cookie.insecure_for_development = insecure;
        self.with_given(Given::COOKIE)
    }

    /// With `true` a value with an integer beyond 2^53 - 1, in either direction, is refused with
    /// [`InvalidValue`](crate::ErrorKind::InvalidValue), because a JavaScript number cannot
    /// represent it. Use it if a Hono app opens the same sessions. Stored values stay, also when
    /// another field of a [`SessionOf`](crate::SessionOf) is updated. Default false.
    pub fn safe_integers(mut self, safe: bool) -> Self {
        self.environment.safe_integers = safe;
        self
    }

    /// The timeout of one store call, at most 24 days. Default 2 seconds.
    pub fn store_timeout(mut self, span: Duration) -> Self {
        self.environment.store_timeout = span;
        self
    }

    /// The deadline of a commit, including its conflicts, at most 24 days. Default 10 seconds.
    pub fn commit_deadline(mut self, span: Duration) -> Self {
        self.environment.commit_deadline = span;
        self
    }

    /// The response to a session error: of a load, a guard or a commit, or an [`Error`] that a
    /// handler returns. Default: 503 if the store failed, else 500, with a short message.
    ///
    /// It contains no header and no cookie of the app's own response.
    pub fn on_error(mut self, answer: impl Fn(&Error) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.environment.on_error = Arc::new(answer);
        self
    }

    /// With `true` the changes of failed requests are committed, too. Default false.
    ///
    /// By default a [failed](Self::failed_when) request changes nothing, except that it destroys
    /// the session if it called [`destroy`](crate::Session::destroy). With this option its changes
    /// are committed, and its response has the cookie. If the service returns an error there is no
    /// response, so only a destroy is carried out. [`layer`](Self::layer) refuses this option
    /// together with `failed_when`.
    pub fn commit_failed_requests(mut self, commit: bool) -> Self {
        self.environment.commit_failed_requests = commit;
        if commit { self.with_given(Given::COMMIT_FAILED_REQUESTS) } else { self }
    }

    /// Which response status means that the request failed and its changes are dropped. Default:
    /// 5xx, 408 (a timeout cancelled the handler) and 499 (the client disconnected). A service that
    /// returns an error has always failed.
    ///
    /// This layer uses the status of the response that it gets. So put layers that cancel handlers
    /// inside it.
    ///
    /// ```
    /// use okibi_store::MemoryStore;
    /// use okibi_tower::Sessions;
    ///
    /// // Drop the changes of every handler with a 4xx or 5xx response.
    /// let layer = Sessions::new(MemoryStore::new())
    ///     .failed_when(|status| status.is_client_error() || status.is_server_error())
    ///     .layer()?;
    /// # Ok::<(), okibi_tower::ConfigError>(())
    /// ```
    pub fn failed_when(mut self, is_failure: fn(StatusCode) -> bool) -> Self {
        self.environment.failed_when = Some(is_failure);
        self.with_given(Given::FAILED_WHEN)
    }

    /// Called with each [event](Event), such as a forged cookie or a conflict, after `tracing`. It
    /// runs inside the request, so it must not block. Default none.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use okibi_store::MemoryStore;
    /// use okibi_tower::{Event, Sessions};
    ///
    /// static FORGED: AtomicU64 = AtomicU64::new(0);
    ///
    /// let layer = Sessions::new(MemoryStore::new())
    ///     .on_event(|event| {
    ///         if event == Event::ForgedCookie {
    ///             FORGED.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     })
    ///     .layer()?;
    /// # Ok::<(), okibi_tower::ConfigError>(())
    /// ```
    pub fn on_event(mut self, handler: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.environment.on_event = Some(Arc::new(handler));
        self
    }

    /// The clock. Default: the system clock. For tests.
    ///
    /// A store checks expiry with its own clock. Set that, too.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.environment.clock = Arc::new(move || now().into());
        self
    }

    /// The source of random bytes. The function fills the whole buffer or fails. Default: the
    /// operating system.
    ///
    /// Sessions are safe only if the bytes cannot be guessed. Set it for tests or special hardware
    /// only.
    pub fn random(mut self, fill: impl Fn(&mut [u8]) -> Result<(), RandomError> + Send + Sync + 'static) -> Self {
        self.environment.random = Arc::new(fill);
        self
    }

    /// The timer. Default: tokio's timer, which needs the tokio runtime. For another runtime, set
    /// its timer.
    pub fn timer(mut self, sleep: impl Fn(Duration) -> BoxFuture<()> + Send + Sync + 'static) -> Self {
        self.environment.timer = Arc::new(sleep);
        self
    }

    /// Makes the layer.
    ///
    /// # Errors
    /// An option that cannot work. The error names option, value and fix.
    pub fn layer(self) -> Result<SessionLayer<K>, ConfigError> {
        check_timeouts(self.environment.store_timeout, self.environment.commit_deadline)?;
        let dialect = self.older.map_or_else(|| Dialect::from(self.native), |older| Dialect::from(*older));
        self.given.check(&dialect)?;
        let engine = Engine::new(Config { dialect, limits: self.limits, consistency: self.consistency })?;
        if let Some(warning) = engine.warning() {
            tracing::warn!(target: "okibi", cookie = engine.cookie_name(), "{warning}");
        }
        Ok(SessionLayer::new(Shared {
            engine,
            store: self.store,
            accepted: self.accepted,
            environment: self.environment,
        }))
    }
}

impl<K> fmt::Debug for Sessions<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("native", &self.native).field("older", &self.older).finish_non_exhaustive()
    }
}

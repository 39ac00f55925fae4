//! The configuration of a session, as an app writes it down.

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
    shared::{BoxFuture, Outside, RandomError, Shared},
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
    /// What was said of okibi's own dialect.
    native: Native,
    /// The older dialect that is spoken instead.
    older: Option<Box<HonoSessions>>,
    limits: Limits,
    consistency: Consistency,
    /// Which options were given: the core says which go together.
    given: Given,
    store: Option<Arc<dyn DynStore>>,
    accepted: Vec<Option<Arc<dyn DynStore>>>,
    outside: Outside,
    kind: PhantomData<fn() -> K>,
}

impl Sessions {
    /// Sessions in a store; the cookie holds an id.
    ///
    /// Keep a handle on the store by passing an [`Arc`] of it.
    ///
    /// Two apps on one store open each other's sessions, unless they have different cookie names or
    /// [namespaces](Self::namespace).
    pub fn new(store: impl Store) -> Self {
        Self::with(Native::default(), None).in_store(store)
    }

    /// Sessions in the cookie itself, encrypted with the first of the secrets: no store at all.
    ///
    /// Know what such a session cannot do: it cannot be ended before it expires (whoever kept a copy of the cookie from
    /// before a logout can still use it, unless there are [`revocations`](Self::revocations)), the answers to parallel requests overwrite each other, it cannot be listed, and
    /// it has to fit into cookies, which browsers keep up to 4096 bytes each.
    pub fn sealed(secrets: Secrets) -> Self {
        let protection = Protection::Sealed { secrets, chunks: 1 };
        Self::with(Native { protection, ..Native::default() }, None)
    }

    /// The sessions of an app that uses the npm package `hono-sessions`, in the store that it has: same cookie, same
    /// bytes, so that this service joins them without a change over there.
    ///
    /// The dialect brings its own cookie and lifetime; what else is set here about those, and what only okibi's own dialect
    /// knows (owner, label, absolute timeout, `renew_id` as a renewal), is refused. A key in such a store *is* the visitor's
    /// id: whoever can read the store can be anybody. [`accept`](Self::accept) is the way out.
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

    /// The same for an app that uses that package's `CookieStore`: the cookie is the store.
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
            outside: Outside::default(),
            kind: PhantomData,
        }
    }

    fn in_store(mut self, store: impl Store) -> Self {
        self.consistency = store.consistency();
        self.store = Some(Arc::new(store));
        self.giving(Given::STORE)
    }
}

impl<K> Sessions<K> {
    /// Notes that an option was given.
    fn giving(mut self, option: Given) -> Self {
        self.given = self.given.and(option);
        self
    }

    /// The sessions of the kind `Other`, in a cookie of their own: [`Session<Other>`](crate::Session) asks for them.
    pub fn of<Other>(self, cookie_name: impl Into<String>) -> Sessions<Other> {
        let Self { native, older, limits, consistency, given, store, accepted, outside, .. } = self;
        let other = Sessions { native, older, limits, consistency, given, store, accepted, outside, kind: PhantomData };
        other.cookie_name(cookie_name)
    }

    /// Takes over the sessions of an older dialect until the given time: a visitor who comes with its cookie stays signed
    /// in and gets the new cookie at once, and the old one is removed.
    ///
    /// `store` is where the older dialect keeps them. A session that was taken over and ended stays ended, whichever cookie
    /// comes. To move a service of several nodes, first let every node accept, then let them write.
    ///
    /// Sessions of `hono-kv-session` are kept by host name, which a tower layer does not know: the Hono package takes those over.
    pub fn accept(mut self, dialect: HonoSessions, store: impl Store, until: SystemTime) -> Self {
        let consistency = Some(store.consistency());
        self.native.accept.push(Accept { dialect: dialect.into(), until: until.into(), consistency });
        self.accepted.push(Some(Arc::new(store)));
        self.giving(Given::ACCEPT)
    }

    /// The same for an older dialect whose cookie is the store.
    ///
    /// Such a cookie has no id: whoever kept a copy can use it again until the given time, also after a logout.
    pub fn accept_sealed(mut self, dialect: HonoSessions, until: SystemTime) -> Self {
        self.native.accept.push(Accept { dialect: dialect.into(), until: until.into(), consistency: None });
        self.accepted.push(None);
        self.giving(Given::ACCEPT)
    }

    /// For [`sealed`](Sessions::sealed): notes in this store which sessions have ended, so that nobody can go on with a copy
    /// of the cookie from before a logout or a change of privilege.
    ///
    /// A note is some hundred bytes, and is kept until the session would have ended anyway, which needs an absolute
    /// timeout. It costs one load for a request that asks for its session, one more for one that changes it, and one write
    /// for a logout or a rotation. If the store is down, whoever has a session gets 503.
    ///
    /// The store must not drop a note before its time: one that evicts ([`Store::evicts`]) is refused by
    /// [`layer`](Self::layer). Of Redis that cannot be seen here: set `maxmemory-policy noeviction`.
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
        self.giving(Given::REVOCATIONS)
    }

    /// The cookie's name. Default `__Host-session`.
    ///
    /// The prefix `__Host-` has browsers refuse the cookie unless it is Secure, for this host only and for all paths.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.native.cookie.name = name.into();
        self.giving(Given::COOKIE)
    }

    /// The cookie's path. Default `/`. Another path needs a name without `__Host-`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.native.cookie.path = path.into();
        self.giving(Given::COOKIE)
    }

    /// The cookie's domain, which sends it to all its subdomains. Default: none, only the host that set it gets it back.
    ///
    /// A domain needs a name without `__Host-`.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.native.cookie.domain = Some(domain.into());
        self.giving(Given::COOKIE)
    }

    /// When browsers send the cookie along with a request from another site. Default [`SameSite::Lax`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.native.cookie.same_site = same_site;
        self.giving(Given::COOKIE)
    }

    /// Whether scripts in the page cannot read the cookie. Default true.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.native.cookie.http_only = http_only;
        self.giving(Given::COOKIE)
    }

    /// Whether browsers keep the cookie apart for each site that embeds this one (CHIPS). Default false.
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.native.cookie.partitioned = partitioned;
        self.giving(Given::COOKIE)
    }

    /// Attributes that the cookie had before, such as another path or domain, or none of `Partitioned`. May be called up to 4
    /// times. Default none.
    ///
    /// When the cookie's path, domain or partition changes, browsers keep the old cookie beside the new one, and send both. The
    /// one that opens counts. If both do there is no session. So name the old attributes here for as long as a browser can have
    /// the old cookie: okibi removes it with every cookie that it sends, as soon as two are seen, and at a logout.
    ///
    /// ```
    /// use okibi_store::MemoryStore;
    /// use okibi_tower::{FormerCookie, Sessions};
    ///
    /// // Until now it had the domain of the whole site.
    /// let old = FormerCookie { domain: Some("example.org".to_owned()), ..FormerCookie::default() };
    /// let layer = Sessions::new(MemoryStore::new()).cookie_name("__Secure-session").former(old).layer()?;
    /// # Ok::<(), okibi_tower::ConfigError>(())
    /// ```
    pub fn former(mut self, cookie: FormerCookie) -> Self {
        self.native.cookie.former.push(cookie);
        self.giving(Given::COOKIE)
    }

    /// Whether the cookie outlives the browser's own session. Default true. With `false` browsers drop the cookie when they
    /// close.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.native.persistent = persistent;
        self.giving(Given::PERSISTENT)
    }

    /// How long a session lives without activity: 1 second to 400 days. Default 1 hour (ASVS 7.3.1, NIST SP 800-63B).
    pub fn idle(mut self, idle: Duration) -> Self {
        self.native.lifetime.idle = idle;
        self.giving(Given::LIFETIME)
    }

    /// How long a session lives at most, active or not; `None`: as long as it is used. Default 24 hours (ASVS 7.3.2, NIST SP
    /// 800-63B).
    pub fn absolute(mut self, absolute: impl Into<Option<Duration>>) -> Self {
        self.native.lifetime.absolute = absolute.into();
        self.giving(Given::LIFETIME)
    }

    /// Both of the above, such as [`Lifetime::AAL3`].
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.native.lifetime = lifetime;
        self.giving(Given::LIFETIME)
    }

    /// Minimum time between two writes of a session's last-active time. The cookie is sent again with each. At most 1 day.
    /// Default a tenth of the idle span, at most 1 day.
    pub fn touch_after(mut self, span: Duration) -> Self {
        self.native.touch_after = Some(span);
        self.giving(Given::TOUCH_AFTER)
    }

    /// How long the old id still leads to the session after [`renew_id`](crate::Session::renew_id). Default 60 seconds, at
    /// most 1 hour; zero is allowed.
    pub fn grace(mut self, span: Duration) -> Self {
        self.native.grace = span;
        self.giving(Given::GRACE)
    }

    /// Signs the id in the cookie with the first of the secrets, so that an invented id never reaches the store. Switching it on
    /// or off signs every visitor out.
    ///
    /// For okibi's own sessions in a store: [`sealed`](Sessions::sealed) has its secrets already, and an older dialect brings a
    /// protection of its own, so [`layer`](Self::layer) refuses it there.
    pub fn secret(mut self, secrets: Secrets) -> Self {
        if !matches!(self.native.protection, Protection::Sealed { .. }) {
            self.native.protection = Protection::SignedId(secrets);
        }
        self.giving(Given::SECRET)
    }

    /// Over how many cookies a sealed session may be split, 1 to 5. Default 1. One cookie holds about 2900 bytes of JSON.
    ///
    /// All of them together stay under [`max_cookie_bytes`](Self::max_cookie_bytes). `docs/behind-proxies.md` says what servers
    /// in front take.
    pub fn chunks(mut self, most: usize) -> Self {
        if let Protection::Sealed { chunks, .. } = &mut self.native.protection {
            *chunks = most;
        }
        self.giving(Given::CHUNKS)
    }

    /// How long the Set-Cookie headers of a sealed session may be in total, with names and attributes: 512 to 65536 bytes.
    /// Default 8192. A session that needs more is an error of the kind [`TooLarge`](crate::ErrorKind::TooLarge), and nothing
    /// is sent.
    ///
    /// A browser sends the cookies back in one header. nginx refuses one of more than 8 KB by default, and Node refuses more
    /// than 16 KB of headers. Then even a logout would be refused. `docs/behind-proxies.md` says how to raise these limits.
    pub fn max_cookie_bytes(mut self, most: usize) -> Self {
        self.native.max_cookie_bytes = most;
        self.giving(Given::MAX_COOKIE_BYTES)
    }

    /// What the keys in the store begin with. Default: the cookie's name without its prefix.
    ///
    /// Two kinds of sessions in one store ([`of`](Self::of)) need a namespace each: with the same one a visitor's session opens as the other
    /// kind when its cookie is sent under the other name.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.native.namespace = Some(namespace.into());
        self.giving(Given::NAMESPACE)
    }

    /// What a session may hold at most. Default 64 KiB, 1024 names, 32 levels of nesting. A session larger than
    /// lowered limits no longer opens, with the event `undecodable_record`.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With `true` the cookie has no Secure and nothing that needs it (the name's prefix, `Partitioned`, `SameSite=None`), so
    /// that browsers that do not take `http://localhost` for secure keep it. Default false. Chromium and Firefox do not need
    /// it. The log says so when the layer is made.
    pub fn insecure_for_development(mut self, insecure: bool) -> Self {
        self.native.cookie.insecure_for_development = insecure;
        self.giving(Given::COOKIE)
    }

    /// With `true` integers are refused that a JavaScript number cannot hold: those beyond 2^53 - 1 in either direction. Default
    /// false. For sessions that a Hono app opens as well. Such a value fails with [`InvalidValue`](crate::ErrorKind::InvalidValue) where it is set. What a session has
    /// already stays, also beside an update of another field of a [`SessionOf`](crate::SessionOf).
    pub fn safe_integers(mut self, safe: bool) -> Self {
        self.outside.safe_integers = safe;
        self
    }

    /// How long one call of the store may take: 24 days at most. Default 2 seconds.
    pub fn store_timeout(mut self, span: Duration) -> Self {
        self.outside.store_timeout = span;
        self
    }

    /// How long a commit may take with all its conflicts: 24 days at most. Default 10 seconds.
    pub fn commit_deadline(mut self, span: Duration) -> Self {
        self.outside.commit_deadline = span;
        self
    }

    /// The response to a session that failed: to a load, at a guard, at a commit, and for an [`Error`] that a handler
    /// returns. Default: 503 if the store failed, else 500, with a short text.
    ///
    /// It has nothing of the app's own response: no header and no cookie.
    pub fn on_error(mut self, answer: impl Fn(&Error) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.outside.on_error = Arc::new(answer);
        self
    }

    /// With `true` the changes of failed requests are committed as well. Default false.
    ///
    /// By default a [failed](Self::failed_when) request changes nothing, except that a session it destroyed is destroyed: what a
    /// handler did halfway is not kept. With this option such an answer keeps it, and sends its cookie. A service that errs
    /// has no answer to send a cookie with, so then, too, only a destroy is carried out.
    /// [`layer`](Self::layer) refuses it beside `failed_when`.
    pub fn commit_failed_requests(mut self, commit: bool) -> Self {
        self.outside.commits_failed = commit;
        if commit { self.giving(Given::COMMIT_FAILED_REQUESTS) } else { self }
    }

    /// Which status of the answer means that the request failed, so that it changes nothing. Default: 5xx, 408 (a timeout cut
    /// the handler off) and 499 (the client went away). A service that errs has failed in any case.
    ///
    /// The status is that of the answer as it leaves this layer, so layers that cut a handler off belong inside it.
    ///
    /// ```
    /// use okibi_store::MemoryStore;
    /// use okibi_tower::Sessions;
    ///
    /// // Here no answer with an error keeps what its handler did.
    /// let layer = Sessions::new(MemoryStore::new())
    ///     .failed_when(|status| status.is_client_error() || status.is_server_error())
    ///     .layer()?;
    /// # Ok::<(), okibi_tower::ConfigError>(())
    /// ```
    pub fn failed_when(mut self, is_failure: fn(StatusCode) -> bool) -> Self {
        self.outside.failed_when = Some(is_failure);
        self.giving(Given::FAILED_WHEN)
    }

    /// Told of each [event](Event), such as a forged cookie or a conflict, right after `tracing` is. It runs inside the
    /// request, so it must not block. Default none.
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
    pub fn on_event(mut self, told: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.outside.on_event = Some(Arc::new(told));
        self
    }

    /// What time it is. Default: the system's clock. For tests.
    ///
    /// A store judges expiry by its own clock; give it the same.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.outside.clock = Arc::new(move || now().into());
        self
    }

    /// Where random bytes come from: fills the whole buffer or fails. Default: the operating system.
    ///
    /// A session is safe only if nobody can guess them. This is for tests and for special hardware.
    pub fn random(mut self, fill: impl Fn(&mut [u8]) -> Result<(), RandomError> + Send + Sync + 'static) -> Self {
        self.outside.random = Arc::new(fill);
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
    pub fn layer(self) -> Result<SessionLayer<K>, ConfigError> {
        check_timeouts(self.outside.store_timeout, self.outside.commit_deadline)?;
        let dialect = self.older.map_or_else(|| Dialect::from(self.native), |older| Dialect::from(*older));
        self.given.check(&dialect)?;
        let engine = Engine::new(Config { dialect, limits: self.limits, consistency: self.consistency })?;
        if let Some(warning) = engine.warning() {
            tracing::warn!(target: "okibi", cookie = engine.cookie_name(), "{warning}");
        }
        Ok(SessionLayer::new(Shared { engine, store: self.store, accepted: self.accepted, outside: self.outside }))
    }
}

impl<K> fmt::Debug for Sessions<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("native", &self.native).field("older", &self.older).finish_non_exhaustive()
    }
}

//! The configuration of one session, checked and parsed once.

pub(crate) mod hono;

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{
    cookie::{
        chunk,
        write::{CookieConfig, MAX_AGE, Template, without_prefix},
    },
    error::ConfigError,
    exchange::Consistency,
    record::{Limits, Record},
    seal::ring::Ring,
    time::Timestamp,
};
use hono::{HonoKv, HonoProtection, HonoSessions};

/// How long a rotation's marker keeps late requests of the old id anonymous and without a cookie.
pub(crate) const ROTATE_MARKER: Duration = Duration::from_mins(1);
/// How long a marker at least stays in the store, though it counts only for its own time: a write that arrives late and
/// expects that nothing is stored there meets it.
pub(crate) const MARKER_KEPT: Duration = Duration::from_hours(1);
/// How long a record stays in the store after the session's end: a request that began before counts as activity.
pub(crate) const RECORD_KEPT: Duration = Duration::from_hours(1);
/// A last-active time further in the future than this counts as due for renewal: a clock was wrong.
pub(crate) const SKEW: Duration = Duration::from_mins(1);
/// The largest limits that can be configured.
pub(crate) const MOST_LIMITS: Limits = Limits { bytes: 16 * 1024 * 1024, names: 65_536, depth: 100 };
pub(crate) const SHORTEST_IDLE: Duration = Duration::from_secs(1);
/// Activity is written down this often at least: some browsers keep a cookie for a few days only unless it is sent again.
pub(crate) const LONGEST_RENEWAL: Duration = Duration::from_hours(24);
const LONGEST_GRACE: Duration = Duration::from_hours(1);

/// How a session's cookie value is made.
#[derive(Clone, Debug, Default)]
pub enum Protection {
    /// The bare id. Its 256 random bits are all the protection it needs.
    #[default]
    Id,
    /// The id with an HMAC, so that an invented id never reaches the store.
    SignedId(Ring),
    /// The whole record, encrypted: the cookie is the store.
    Sealed {
        /// The secrets.
        ring: Ring,
        /// Over how many cookies it may be split, 1 to 5.
        chunks: usize,
    },
}

/// One complete set of conventions: what a cookie's value is, where a record lies, and how it is written.
#[expect(clippy::large_enum_variant, reason = "one for each engine")]
#[derive(Clone, Debug)]
pub enum Dialect {
    /// okibi's own.
    Native(Protection),
    /// That of the npm package `hono-sessions` 0.8, byte for byte.
    HonoSessions(HonoSessions),
    /// That of the npm package `hono-kv-session` 1.0, byte for byte.
    HonoKv(HonoKv),
}

impl Default for Dialect {
    fn default() -> Self {
        Self::Native(Protection::default())
    }
}

impl Dialect {
    /// Whether the cookie is the store.
    pub const fn is_sealed(&self) -> bool {
        match self {
            Self::Native(protection) => matches!(protection, Protection::Sealed { .. }),
            Self::HonoSessions(spoken) => matches!(spoken.protection, HonoProtection::Sealed(_)),
            Self::HonoKv(_) => false,
        }
    }
}

impl From<HonoSessions> for Dialect {
    fn from(spoken: HonoSessions) -> Self {
        Self::HonoSessions(spoken)
    }
}

impl From<Protection> for Dialect {
    fn from(protection: Protection) -> Self {
        Self::Native(protection)
    }
}

/// An older dialect whose sessions are taken over, until a day that ends it.
#[derive(Clone, Debug)]
pub struct Accept {
    /// The older dialect, with its cookie and its secrets.
    pub dialect: Dialect,
    /// From when on its cookies count for nothing.
    pub until: Timestamp,
    /// What its store can promise.
    pub consistency: Consistency,
}

/// How long a session lives: idle and absolute. The constants are the limits of NIST SP 800-63B-4 (S15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// How long it lives without activity.
    pub idle: Duration,
    /// How long it lives at most. `None`: as long as it is used.
    pub absolute: Option<Duration>,
}

impl Lifetime {
    /// 30 days at most, active or not: a low risk (AAL1).
    pub const AAL1: Self = Self::new(30 * 24 * 60, 30 * 24 * 60);
    /// 1 hour idle, 24 hours at most: the default (AAL2).
    pub const AAL2: Self = Self::new(60, 24 * 60);
    /// 15 minutes idle, 12 hours at most: a high risk (AAL3).
    pub const AAL3: Self = Self::new(15, 12 * 60);

    const fn new(idle_minutes: u64, absolute_minutes: u64) -> Self {
        Self {
            idle: Duration::from_secs(idle_minutes * 60),
            absolute: Some(Duration::from_secs(absolute_minutes * 60)),
        }
    }
}

/// Everything that can be configured about a session. [`Engine::new`](crate::Engine::new) checks it.
#[derive(Clone, Debug)]
pub struct Config {
    /// The cookie's name and attributes. The older dialects bring their own.
    pub cookie: CookieConfig,
    /// What is spoken: okibi's own dialect with one of its protections, or an older one.
    pub dialect: Dialect,
    /// Older dialects whose sessions are taken over. Only okibi's own dialect can do that.
    pub accept: Vec<Accept>,
    /// What store keys begin with. Default: the cookie's name without its prefix.
    pub namespace: Option<String>,
    /// How long a session lives. Default [`Lifetime::AAL2`]. The older dialects bring their own.
    pub lifetime: Lifetime,
    /// How much of the idle span must pass before activity is written down and the cookie sent again: at most 1 day.
    /// Default a tenth of the idle span, at most 1 day.
    pub renew_after: Option<Duration>,
    /// Whether the cookie outlives the browser's own session. Default true.
    pub persistent: bool,
    /// How long a renewed id still leads to its successor. Default 60 seconds; zero is allowed.
    pub grace: Duration,
    /// What a record may be at most.
    pub limits: Limits,
    /// How long the Set-Cookie headers of a sealed session may be in total, with names and attributes: 512 to 65536 bytes.
    /// Default 8192. More is refused as [`Refusal::CookieTooLarge`](crate::Refusal::CookieTooLarge) before anything is sent.
    ///
    /// A browser sends the cookies back in one header. nginx refuses one of more than 8 KB by default, and Node refuses more
    /// than 16 KB of headers. Then even a logout would be refused.
    pub max_cookie_bytes: usize,
    /// What the store can promise.
    pub consistency: Consistency,
    /// Whether the store notes the ends of sealed sessions, so that a copy of their cookie opens nothing any more (N9). A
    /// request that asks for its session then costs one load. Default false; it needs an absolute lifetime, which is
    /// how long a note is kept.
    pub revocations: bool,
    /// Whether the store may drop what has not expired when it is full. One that does cannot be had for `revocations`.
    /// Default false.
    pub evicts: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cookie: CookieConfig::default(),
            dialect: Dialect::default(),
            accept: Vec::new(),
            namespace: None,
            lifetime: Lifetime::AAL2,
            renew_after: None,
            persistent: true,
            grace: Duration::from_mins(1),
            limits: Limits::default(),
            max_cookie_bytes: 8192,
            consistency: Consistency::Strong,
            revocations: false,
            evicts: false,
        }
    }
}

/// A configuration that was found possible.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) cookie: Template,
    /// The cookie with attributes that it had before.
    pub(crate) former: Vec<Template>,
    pub(crate) dialect: Dialect,
    pub(crate) accepted: AcceptedList,
    pub(crate) namespace: String,
    pub(crate) lifetime: Lifetime,
    pub(crate) renew_after: Option<Duration>,
    pub(crate) persistent: bool,
    pub(crate) grace: Duration,
    pub(crate) limits: Limits,
    /// How long the headers of a sealed session may be in total.
    pub(crate) max_cookie_bytes: usize,
    pub(crate) consistency: Consistency,
    pub(crate) revocations: bool,
}

/// An accepted dialect, found possible.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) policy: alloc::boxed::Box<Policy>,
    pub(crate) until: Timestamp,
}

/// The accepted dialects. Without the feature `compat` there can be none, which the compiler is told by the type.
#[cfg(feature = "compat")]
type AcceptedList = Vec<Accepted>;
#[cfg(not(feature = "compat"))]
type AcceptedList = [Accepted; 0];

/// So many older dialects can be accepted at once: one bit each says which of their cookies a request had.
#[cfg(feature = "compat")]
const MOST_ACCEPTED: usize = 8;

impl Policy {
    pub(crate) fn new(config: Config) -> Result<Self, ConfigError> {
        if !matches!(config.dialect, Dialect::Native(_)) {
            check_own(&config)?;
        }
        let (cookie, lifetime) = match &config.dialect {
            Dialect::Native(_) => (Template::new(&config.cookie)?, config.lifetime),
            Dialect::HonoSessions(spoken) => (spoken.template()?, spoken.lifetime()?),
            Dialect::HonoKv(spoken) => (spoken.template()?, spoken.lifetime()?),
        };
        let namespace = config.namespace.unwrap_or_else(|| namespace_of(&cookie.name));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if namespace.is_empty() || namespace.len() > 64 || !namespace.bytes().all(fits) {
            return Err(ConfigError::Namespace(namespace));
        }
        if let Dialect::Native(protection) = &config.dialect {
            check_spans(lifetime, config.renew_after, config.grace)?;
            if let Protection::Sealed { chunks, .. } = protection
                && !(1..=chunk::MOST).contains(chunks)
            {
                return Err(ConfigError::Limit { option: "chunks", value: *chunks, rule: "must be 1 to 5" });
            }
            if !(512..=65_536).contains(&config.max_cookie_bytes) {
                let rule = "must be 512 to 65536; the default is 8192";
                return Err(ConfigError::Limit { option: "max_cookie_bytes", value: config.max_cookie_bytes, rule });
            }
        }
        // The older dialects have the browser's own limit, of one cookie.
        let max_cookie_bytes =
            if matches!(config.dialect, Dialect::Native(_)) { config.max_cookie_bytes } else { usize::MAX };
        check_limits(&config.limits)?;
        if config.revocations {
            check_revocations(&config.dialect, lifetime, config.evicts)?;
        }
        let accepted = accepted(&config.dialect, config.accept, config.limits)?;
        Ok(Self {
            former: cookie.former(&config.cookie)?,
            cookie,
            dialect: config.dialect,
            accepted,
            namespace,
            lifetime,
            renew_after: config.renew_after,
            persistent: config.persistent,
            grace: config.grace,
            limits: config.limits,
            max_cookie_bytes,
            consistency: config.consistency,
            revocations: config.revocations,
        })
    }

    /// Whether the cookie is the store.
    pub(crate) const fn is_sealed(&self) -> bool {
        self.dialect.is_sealed()
    }

    /// Whether activity of now is to be written down.
    pub(crate) fn renewal_due(&self, record: &Record, now: Timestamp) -> bool {
        let due_at = self.renewal_due_at(record);
        due_at < Timestamp::MAX && (now > due_at || record.active > now.plus(SKEW))
    }

    /// Whether a backend takes one write per key and second at most, and shows it late.
    pub(crate) fn is_eventual(&self) -> bool {
        self.consistency == Consistency::Eventual
    }
}

#[cfg(feature = "compat")]
fn accepted(written: &Dialect, accept: Vec<Accept>, limits: Limits) -> Result<AcceptedList, ConfigError> {
    if !accept.is_empty() && !matches!(written, Dialect::Native(_)) {
        let rule = "accept: only okibi's own dialect can take over sessions; write that, or accept nothing";
        return Err(ConfigError::Options(rule.into()));
    }
    if accept.len() > MOST_ACCEPTED {
        return Err(ConfigError::Limit { option: "accept", value: accept.len(), rule: "must be 8 dialects at most" });
    }
    let policy = |Accept { dialect, until, consistency }| {
        if matches!(dialect, Dialect::Native(_)) {
            return Err(ConfigError::Options("accept: okibi's own dialect needs no taking over; remove it".into()));
        }
        let config = Config { dialect, limits, consistency, ..Config::default() };
        Policy::new(config).map(|policy| Accepted { policy: policy.into(), until })
    };
    accept.into_iter().map(policy).collect()
}

/// Without the feature `compat` there is nothing to take over.
#[cfg(not(feature = "compat"))]
#[expect(clippy::needless_pass_by_value, reason = "as its twin takes them")]
fn accepted(_: &Dialect, accept: Vec<Accept>, _: Limits) -> Result<AcceptedList, ConfigError> {
    if accept.is_empty() {
        return Ok([]);
    }
    Err(ConfigError::Options("accept: okibi-core was built without its feature compat; enable that".into()))
}

/// The older dialects bring their own cookie and lifetime: what is set besides would be ignored.
fn check_own(config: &Config) -> Result<(), ConfigError> {
    let plain = Config::default();
    let own = [
        ("cookie", config.cookie == plain.cookie),
        ("lifetime", config.lifetime == plain.lifetime),
        ("renew_after", config.renew_after.is_none()),
        ("persistent", config.persistent == plain.persistent),
        ("grace", config.grace == plain.grace),
        ("namespace", config.namespace.is_none()),
    ];
    match own.into_iter().find(|(_, is_plain)| !is_plain) {
        Some((option, _)) => {
            let rule = ": an older dialect brings its own; set it there, or speak okibi's own dialect";
            Err(ConfigError::Options([option, rule].concat()))
        }
        None => Ok(()),
    }
}

/// Only a cookie that is the store needs its end noted, and only for as long as it could be used.
fn check_revocations(dialect: &Dialect, lifetime: Lifetime, evicts: bool) -> Result<(), ConfigError> {
    let rule = match dialect {
        Dialect::Native(Protection::Sealed { .. }) if lifetime.absolute.is_none() => {
            "revocations: they are kept until a session would have ended anyway; set absolute"
        }
        Dialect::Native(Protection::Sealed { .. }) if evicts => {
            "revocations: this store drops what is in it when it is full, and what ended would open again; give one that keeps all"
        }
        Dialect::Native(Protection::Sealed { .. }) => return Ok(()),
        _ => "revocations: only okibi's own sealed cookies have them; sessions in a store end there",
    };
    Err(ConfigError::Options(rule.into()))
}

/// Whether a session can carry this idle span.
pub(crate) fn idle_fits(idle: Duration) -> bool {
    (SHORTEST_IDLE..=MAX_AGE).contains(&idle)
}

/// The default namespace: the name without its prefix, and `_` for what a store key does not take.
fn namespace_of(cookie_name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    without_prefix(cookie_name).chars().map(fits).take(64).collect()
}

fn check_spans(lifetime: Lifetime, renew_after: Option<Duration>, grace: Duration) -> Result<(), ConfigError> {
    let span = |option, value, rule| Err(ConfigError::Span { option, value, rule });
    let Lifetime { idle, absolute } = lifetime;
    if !idle_fits(idle) {
        return span("idle", idle, "must be between 1 second and 400 days");
    }
    if let Some(absolute) = absolute.filter(|absolute| *absolute < idle) {
        return span("absolute", absolute, "must not be shorter than idle; lengthen it or shorten idle");
    }
    if let Some(renew_after) = renew_after.filter(|renew_after| *renew_after >= idle) {
        return span("renew_after", renew_after, "must be shorter than idle, or no session would ever be renewed");
    }
    if let Some(renew_after) = renew_after.filter(|renew_after| *renew_after > LONGEST_RENEWAL) {
        return span("renew_after", renew_after, "must be at most 1 day; activity is written that often at least");
    }
    if grace > LONGEST_GRACE {
        return span("grace", grace, "must be at most 1 hour: so long an old id still leads to the session");
    }
    Ok(())
}

fn check_limits(limits: &Limits) -> Result<(), ConfigError> {
    for (option, value, most) in [
        ("limits.bytes", limits.bytes, MOST_LIMITS.bytes),
        ("limits.names", limits.names, MOST_LIMITS.names),
        ("limits.depth", limits.depth, MOST_LIMITS.depth),
    ] {
        if value == 0 || value > most {
            let rule = match option {
                "limits.bytes" => "must be 1 to 16777216",
                "limits.names" => "must be 1 to 65536",
                _ => "must be 1 to 100",
            };
            return Err(ConfigError::Limit { option, value, rule });
        }
    }
    Ok(())
}

//! What can be configured, as an app says it: a sum of what the dialects can have.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use super::hono::{HonoKv, HonoProtection, HonoSessions};
use crate::{
    contract::Consistency, cookie::write::CookieConfig, record::Limits, seal::secrets::Secrets, time::Timestamp,
};

/// How a session's cookie value is made.
#[derive(Clone, Debug, Default)]
pub enum Protection {
    /// The bare id. Its 256 random bits are all the protection it needs.
    #[default]
    Id,
    /// The id with an HMAC, so that an invented id never reaches the store.
    SignedId(Secrets),
    /// The whole record, encrypted: the cookie is the store.
    Sealed {
        /// The secrets.
        secrets: Secrets,
        /// Over how many cookies it may be split, 1 to 5.
        chunks: usize,
    },
}

/// One complete set of conventions: what a cookie's value is, where a record lies, and how it is written. Each brings what can
/// be configured in it.
#[derive(Clone, Debug)]
pub enum Dialect {
    /// okibi's own.
    Native(Native),
    /// That of the npm package `hono-sessions` 0.8, byte for byte.
    HonoSessions(HonoSessions),
    /// That of the npm package `hono-kv-session` 1.0, byte for byte.
    HonoKv(HonoKv),
}

impl Dialect {
    /// Whether the cookie is the store.
    pub const fn is_sealed(&self) -> bool {
        match self {
            Self::Native(config) => matches!(config.protection, Protection::Sealed { .. }),
            Self::HonoSessions(config) => matches!(config.protection, HonoProtection::Sealed(_)),
            Self::HonoKv(_) => false,
        }
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::Native(Native::default())
    }
}

impl From<Native> for Dialect {
    fn from(config: Native) -> Self {
        Self::Native(config)
    }
}

impl From<HonoSessions> for Dialect {
    fn from(config: HonoSessions) -> Self {
        Self::HonoSessions(config)
    }
}

impl From<HonoKv> for Dialect {
    fn from(config: HonoKv) -> Self {
        Self::HonoKv(config)
    }
}

impl From<Protection> for Dialect {
    fn from(protection: Protection) -> Self {
        Self::Native(Native { protection, ..Native::default() })
    }
}

/// An older dialect whose sessions are taken over, until a day that ends it.
#[derive(Clone, Debug)]
pub struct Accept {
    /// The older dialect, with its cookie and its secrets.
    pub dialect: Dialect,
    /// From when on its cookies count for nothing.
    pub until: Timestamp,
    /// What its store can promise; `None` where the cookie is the store.
    pub consistency: Option<Consistency>,
}

/// How long a session lives: idle and absolute. The constants are the limits of NIST SP 800-63B-4.
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
    /// What is config, with all that can be configured in it.
    pub dialect: Dialect,
    /// What a record may be at most.
    pub limits: Limits,
    /// What the store can promise. Default [`Consistency::Strong`].
    pub consistency: Consistency,
}

impl Default for Config {
    fn default() -> Self {
        Self { dialect: Dialect::default(), limits: Limits::default(), consistency: Consistency::Strong }
    }
}

impl<D: Into<Dialect>> From<D> for Config {
    fn from(dialect: D) -> Self {
        Self { dialect: dialect.into(), ..Self::default() }
    }
}

/// What can be configured in okibi's own dialect.
#[derive(Clone, Debug)]
pub struct Native {
    /// The cookie's name and attributes.
    pub cookie: CookieConfig,
    /// What the cookie's value is. Default the bare id.
    pub protection: Protection,
    /// Older dialects whose sessions are taken over. Default none; at most 8.
    pub accept: Vec<Accept>,
    /// What store keys begin with. Default: the cookie's name without its prefix.
    pub namespace: Option<String>,
    /// How long a session lives. Default [`Lifetime::AAL2`].
    pub lifetime: Lifetime,
    /// How much of the idle span must pass before activity is written down and the cookie sent again: at most 1 day.
    /// Default a tenth of the idle span, at most 1 day.
    pub touch_after: Option<Duration>,
    /// Whether the cookie outlives the browser's own session. Default true.
    pub persistent: bool,
    /// How long a renewed id still leads to its successor. Default 60 seconds; zero is allowed.
    pub grace: Duration,
    /// How long the Set-Cookie headers of a sealed session may be in total, with names and attributes: 512 to 65536 bytes.
    /// Default 8192. More is refused as [`Refusal::CookieTooLarge`](crate::Refusal::CookieTooLarge) before anything is sent.
    ///
    /// A browser sends the cookies back in one header. nginx refuses one of more than 8 KB by default, and Node refuses more
    /// than 16 KB of headers. Then even a logout would be refused.
    pub max_cookie_bytes: usize,
    /// Whether the store notes the ends of sealed sessions, so that a copy of their cookie opens nothing any more. A
    /// request that asks for its session then costs one load. Default false; it needs an absolute lifetime, which is
    /// how long a note is kept.
    pub revocations: bool,
    /// Whether the store may drop what has not expired when it is full. One that does cannot be had for `revocations`.
    /// Default false.
    pub evicts: bool,
}

impl Default for Native {
    fn default() -> Self {
        Self {
            cookie: CookieConfig::default(),
            protection: Protection::default(),
            accept: Vec::new(),
            namespace: None,
            lifetime: Lifetime::AAL2,
            touch_after: None,
            persistent: true,
            grace: Duration::from_mins(1),
            max_cookie_bytes: 8192,
            revocations: false,
            evicts: false,
        }
    }
}

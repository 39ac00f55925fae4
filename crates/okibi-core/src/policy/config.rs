//! The configuration as an app writes it: a dialect with its options, and the options of all
//! dialects.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use super::hono::{HonoKv, HonoProtection, HonoSessions};
use crate::{
    contract::Consistency, cookie::write::CookieConfig, record::Limits, seal::secrets::Secrets, time::Timestamp,
};

/// What the value of the session's cookie is.
#[derive(Clone, Debug, Default)]
pub enum Protection {
    /// The id. Its 256 random bits need no further protection.
    #[default]
    Id,
    /// The id with an HMAC, so that no store call is made for an invented id.
    SignedId(Secrets),
    /// The whole record, encrypted. No store is needed.
    Sealed {
        /// The secrets.
        secrets: Secrets,
        /// The most cookies that the value may be split into, 1 to 5.
        chunks: usize,
    },
}

/// One complete set of conventions: the cookie's value, the store key and the form of the record.
/// Each dialect has its own options.
#[derive(Clone, Debug)]
pub enum Dialect {
    /// okibi's own dialect.
    Native(Native),
    /// The dialect of the npm package `hono-sessions` 0.8, byte for byte.
    HonoSessions(HonoSessions),
    /// The dialect of the npm package `hono-kv-session` 1.0, byte for byte.
    HonoKv(HonoKv),
}

impl Dialect {
    /// Whether the cookie contains the whole session.
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

/// An older dialect. Its sessions are adopted until a fixed time.
#[derive(Clone, Debug)]
pub struct Accept {
    /// The older dialect, with its cookie and its secrets.
    pub dialect: Dialect,
    /// Cookies are ignored from this time on.
    pub until: Timestamp,
    /// The consistency of its store; `None` if the cookie contains the session.
    pub consistency: Option<Consistency>,
}

/// The idle and the absolute timeout of a session. The constants are the limits of NIST SP
/// 800-63B-4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The idle timeout.
    pub idle: Duration,
    /// The absolute timeout. `None`: the session lives as long as it is used.
    pub absolute: Option<Duration>,
}

impl Lifetime {
    /// 30 days, active or not: a low risk (AAL1).
    pub const AAL1: Self = Self::new(30 * 24 * 60, 30 * 24 * 60);
    /// 1 hour idle, 24 hours absolute: the default (AAL2).
    pub const AAL2: Self = Self::new(60, 24 * 60);
    /// 15 minutes idle, 12 hours absolute: a high risk (AAL3).
    pub const AAL3: Self = Self::new(15, 12 * 60);

    const fn new(idle_minutes: u64, absolute_minutes: u64) -> Self {
        Self {
            idle: Duration::from_secs(idle_minutes * 60),
            absolute: Some(Duration::from_secs(absolute_minutes * 60)),
        }
    }
}

/// The configuration of a session. [`Engine::new`](crate::Engine::new) checks it.
#[derive(Clone, Debug)]
pub struct Config {
    /// The dialect with its options.
    pub dialect: Dialect,
    /// The limits of a record.
    pub limits: Limits,
    /// The consistency of the store. Default [`Consistency::Strong`].
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

/// The options of okibi's own dialect.
#[derive(Clone, Debug)]
pub struct Native {
    /// The cookie's name and attributes.
    pub cookie: CookieConfig,
    /// What the cookie's value is. Default [`Protection::Id`].
    pub protection: Protection,
    /// Older dialects to adopt sessions from. Default none; at most 8.
    pub accept: Vec<Accept>,
    /// The prefix of store keys. Default: the cookie's name without its prefix.
    pub namespace: Option<String>,
    /// The timeouts of a session. Default [`Lifetime::AAL2`].
    pub lifetime: Lifetime,
    /// The minimum time between two writes of the last-active time. The cookie is sent again with
    /// each of them. At most 1 day. Default a tenth of the idle timeout, at most 1 day.
    pub touch_after: Option<Duration>,
    /// Whether the cookie is kept when the browser closes. Default true.
    pub persistent: bool,
    /// How long the old id opens the session after its id is renewed. Default 60 seconds; zero is
    /// allowed.
    pub grace: Duration,
    /// The most bytes of all Set-Cookie headers of a sealed session, with names and attributes: 512
    /// to 65536. Default 8192. Larger ones are refused with
    /// [`Refusal::CookieTooLarge`](crate::Refusal::CookieTooLarge) before anything is sent.
    ///
    /// A browser sends all cookies back in one header. By default, nginx refuses a header of more
    /// than 8 KB, and Node refuses more than 16 KB of headers. Then even a logout would be refused.
    pub max_cookie_bytes: usize,
    /// Whether the store keeps revocations of destroyed sealed sessions, so that a copy of their
    /// cookie opens nothing. A request that uses its session then needs one load. Default false. It
    /// requires an absolute timeout, which is how long a revocation is kept.
    pub revocations: bool,
    /// Whether the store may evict values that have not expired. `revocations` refuses such a
    /// store. Default false.
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

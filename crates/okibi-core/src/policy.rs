//! The configuration of one session, checked and parsed once.

use alloc::string::String;
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

/// How long a rotation's marker keeps late requests of the old id anonymous and without a cookie.
pub(crate) const ROTATE_MARKER: Duration = Duration::from_mins(1);
/// A last-active time further in the future than this counts as due for renewal: a clock was wrong.
pub(crate) const SKEW: Duration = Duration::from_mins(1);
const SHORTEST_IDLE: Duration = Duration::from_secs(1);
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
    /// The cookie's name and attributes.
    pub cookie: CookieConfig,
    /// How the cookie's value is made.
    pub protection: Protection,
    /// What store keys begin with. Default: the cookie's name without its prefix.
    pub namespace: Option<String>,
    /// How long a session lives. Default [`Lifetime::AAL2`].
    pub lifetime: Lifetime,
    /// How much of the idle span must pass before activity is written down. Default a tenth of the idle span.
    pub renew_after: Option<Duration>,
    /// Whether the cookie outlives the browser's own session. Default true.
    pub persistent: bool,
    /// How long a renewed id still leads to its successor. Default 60 seconds; zero is allowed.
    pub grace: Duration,
    /// What a record may be at most.
    pub limits: Limits,
    /// What the store can promise.
    pub consistency: Consistency,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cookie: CookieConfig::default(),
            protection: Protection::default(),
            namespace: None,
            lifetime: Lifetime::AAL2,
            renew_after: None,
            persistent: true,
            grace: Duration::from_mins(1),
            limits: Limits::default(),
            consistency: Consistency::Strong,
        }
    }
}

/// A configuration that was found possible.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) cookie: Template,
    pub(crate) protection: Protection,
    pub(crate) namespace: String,
    pub(crate) lifetime: Lifetime,
    pub(crate) renew_after: Option<Duration>,
    pub(crate) persistent: bool,
    pub(crate) grace: Duration,
    pub(crate) limits: Limits,
    pub(crate) consistency: Consistency,
}

impl Policy {
    pub(crate) fn new(config: Config) -> Result<Self, ConfigError> {
        let cookie = Template::new(&config.cookie)?;
        let namespace = config.namespace.unwrap_or_else(|| namespace_of(&cookie.name));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if namespace.is_empty() || namespace.len() > 64 || !namespace.bytes().all(fits) {
            return Err(ConfigError::Namespace(namespace));
        }
        check_spans(config.lifetime, config.renew_after, config.grace)?;
        check_limits(&config.limits)?;
        if let Protection::Sealed { chunks, .. } = config.protection
            && !(1..=chunk::MOST).contains(&chunks)
        {
            return Err(ConfigError::Limit { option: "chunks", value: chunks, rule: "must be 1 to 5" });
        }
        Ok(Self {
            cookie,
            protection: config.protection,
            namespace,
            lifetime: config.lifetime,
            renew_after: config.renew_after,
            persistent: config.persistent,
            grace: config.grace,
            limits: config.limits,
            consistency: config.consistency,
        })
    }

    /// When activity is next written down: after a part of the idle span, so that reading costs no write (N3, N15).
    pub(crate) fn renewal_due_at(&self, record: &Record) -> Timestamp {
        let tenth = record.idle / 10;
        let after = self.renew_after.filter(|after| *after < record.idle).unwrap_or(tenth);
        record.active.plus(after)
    }

    pub(crate) fn renewal_due(&self, record: &Record, now: Timestamp) -> bool {
        now > self.renewal_due_at(record) || record.active > now.plus(SKEW)
    }
}

/// Whether a session can carry this idle span.
pub(crate) fn idle_fits(idle: Duration) -> bool {
    (SHORTEST_IDLE..=MAX_AGE).contains(&idle)
}

/// The default namespace: the name without its prefix, and `_` for what a store key does not take.
fn namespace_of(cookie_name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' };
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
    if grace > LONGEST_GRACE {
        return span("grace", grace, "must be at most 1 hour: so long an old id still leads to the session");
    }
    Ok(())
}

fn check_limits(limits: &Limits) -> Result<(), ConfigError> {
    for (option, value, most) in [
        ("limits.bytes", limits.bytes, 16 * 1024 * 1024),
        ("limits.names", limits.names, 65_536),
        ("limits.depth", limits.depth, 100),
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

//! The policy: a configuration, checked and parsed once.

pub(crate) mod config;
mod differs;
pub(crate) mod given;
pub(crate) mod hono;
pub(crate) mod timeouts;

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{
    contract::Consistency,
    cookie::{
        chunk,
        write::{MAX_AGE, Template, without_prefix},
    },
    error::ConfigError,
    record::Limits,
    time::Timestamp,
};
use config::{Accept, Config, Dialect, Native};
pub(crate) use config::{Lifetime, Protection};
use hono::{HonoKv, HonoProtection, HonoSessions};

/// How long requests with a rotated id stay anonymous and get no cookie.
pub(crate) const ROTATE_MARKER: Duration = Duration::from_mins(1);
/// The shortest time that a store keeps a marker, even after the marker stops counting. A late
/// write that expects an empty key finds the marker.
pub(crate) const MARKER_KEPT: Duration = Duration::from_hours(1);
/// How long a store keeps a record after the session's end. A request that began before the end
/// counts as activity.
pub(crate) const RECORD_KEPT: Duration = Duration::from_hours(1);
/// If a last-active time is further in the future than this, a clock was wrong, and a touch is due.
pub(crate) const SKEW: Duration = Duration::from_mins(1);
/// The largest limits that can be configured.
pub(crate) const MOST_LIMITS: Limits = Limits { bytes: 16 * 1024 * 1024, names: 65_536, depth: 100 };
pub(crate) const SHORTEST_IDLE: Duration = Duration::from_secs(1);
/// The longest time between two touches. Some browsers keep a cookie for only a few days unless it
/// is sent again.
pub(crate) const LONGEST_TOUCH: Duration = Duration::from_hours(24);
const LONGEST_GRACE: Duration = Duration::from_hours(1);

/// A checked dialect.
#[expect(clippy::large_enum_variant, reason = "one for each engine")]
#[derive(Clone, Debug)]
pub(crate) enum CheckedDialect {
    Native(Protection),
    HonoSessions(HonoSessions),
    HonoKv(HonoKv),
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) cookie: Template,
    /// The cookie with its former attributes.
    pub(crate) former: Vec<Template>,
    pub(crate) dialect: CheckedDialect,
    pub(crate) accepted: AcceptedList,
    pub(crate) namespace: String,
    pub(crate) lifetime: Lifetime,
    pub(crate) touch_after: Option<Duration>,
    pub(crate) persistent: bool,
    pub(crate) grace: Duration,
    pub(crate) limits: Limits,
    /// The most bytes of all Set-Cookie headers of a sealed session.
    pub(crate) max_cookie_bytes: usize,
    pub(crate) consistency: Consistency,
    pub(crate) revocations: bool,
    /// The cookie has no Secure attribute, for development.
    pub(crate) is_insecure: bool,
}

/// A checked accepted dialect.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) policy: alloc::boxed::Box<Policy>,
    pub(crate) until: Timestamp,
}

/// The accepted dialects. Without the feature `compat` there are none, and the array type lets the
/// compiler remove their code.
#[cfg(feature = "compat")]
type AcceptedList = Vec<Accepted>;
#[cfg(not(feature = "compat"))]
type AcceptedList = [Accepted; 0];

/// The most accepted dialects. The flow has one bit for each.
#[cfg(feature = "compat")]
const MOST_ACCEPTED: usize = 8;

impl Policy {
    pub(crate) fn new(config: Config) -> Result<Self, ConfigError> {
        let Config { dialect, limits, consistency } = config;
        check_limits(&limits)?;
        match dialect {
            Dialect::Native(native) => Self::native(native, limits, consistency),
            Dialect::HonoSessions(config) => {
                let (cookie, lifetime) = (config.template()?, config.lifetime()?);
                Ok(Self::older(CheckedDialect::HonoSessions(config), cookie, lifetime, limits, consistency))
            }
            Dialect::HonoKv(config) => {
                let (cookie, lifetime) = (config.template()?, config.lifetime()?);
                Ok(Self::older(CheckedDialect::HonoKv(config), cookie, lifetime, limits, consistency))
            }
        }
    }

    fn native(native: Native, limits: Limits, consistency: Consistency) -> Result<Self, ConfigError> {
        let Native { lifetime, touch_after, grace, max_cookie_bytes, revocations, .. } = native;
        let cookie = Template::new(&native.cookie)?;
        let namespace = native.namespace.unwrap_or_else(|| namespace_of(&cookie.name));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if namespace.is_empty() || namespace.len() > 64 || !namespace.bytes().all(fits) {
            return Err(ConfigError::Namespace(namespace));
        }
        check_spans(lifetime, touch_after, grace)?;
        if let Protection::Sealed { chunks, .. } = native.protection
            && !(1..=chunk::MOST).contains(&chunks)
        {
            return Err(ConfigError::Limit { option: "chunks", value: chunks, rule: "must be 1 to 5" });
        }
        if !(512..=65_536).contains(&max_cookie_bytes) {
            let rule = "must be 512 to 65536; the default is 8192";
            return Err(ConfigError::Limit { option: "max_cookie_bytes", value: max_cookie_bytes, rule });
        }
        if revocations {
            check_revocations(&native.protection, lifetime, native.evicts)?;
        }
        let policy = Self {
            former: cookie.former(&native.cookie)?,
            cookie,
            dialect: CheckedDialect::Native(native.protection),
            accepted: accepted(native.accept, limits)?,
            namespace,
            lifetime,
            touch_after,
            persistent: native.persistent,
            grace,
            limits,
            max_cookie_bytes,
            consistency,
            revocations,
            is_insecure: native.cookie.insecure_for_development,
        };
        if policy.accepted.iter().any(|older| policy.has_chunk(older)) {
            let rule = "accept: an older cookie has the name of a chunk of the sealed cookie; rename the sealed cookie";
            return Err(ConfigError::Together(rule));
        }
        Ok(policy)
    }

    /// Whether the cookie of an accepted dialect has the name of one of this cookie's chunks.
    fn has_chunk(&self, older: &Accepted) -> bool {
        let rest = older.policy.cookie.name.strip_prefix(self.cookie.name.as_str());
        rest.is_some_and(|rest| !rest.is_empty() && self.suffixes().contains(&rest))
    }

    /// The policy of an older dialect. It has only a cookie and a lifetime.
    fn older(
        dialect: CheckedDialect,
        cookie: Template,
        lifetime: Lifetime,
        limits: Limits,
        consistency: Consistency,
    ) -> Self {
        Self {
            namespace: namespace_of(&cookie.name),
            cookie,
            former: Vec::new(),
            dialect,
            accepted: AcceptedList::default(),
            lifetime,
            touch_after: None,
            persistent: true,
            grace: Duration::ZERO,
            limits,
            // Browsers limit the one cookie themselves.
            max_cookie_bytes: usize::MAX,
            consistency,
            revocations: false,
            is_insecure: false,
        }
    }

    /// Whether the cookie contains the whole session.
    pub(crate) const fn is_sealed(&self) -> bool {
        match &self.dialect {
            CheckedDialect::Native(protection) => matches!(protection, Protection::Sealed { .. }),
            CheckedDialect::HonoSessions(config) => matches!(config.protection, HonoProtection::Sealed(_)),
            CheckedDialect::HonoKv(_) => false,
        }
    }

    /// Whether the store is eventually consistent. Such a store takes at most one write per key and
    /// second.
    pub(crate) fn is_eventual(&self) -> bool {
        self.consistency == Consistency::Eventual
    }
}

#[cfg(feature = "compat")]
fn accepted(accept: Vec<Accept>, limits: Limits) -> Result<AcceptedList, ConfigError> {
    if accept.len() > MOST_ACCEPTED {
        return Err(ConfigError::Limit { option: "accept", value: accept.len(), rule: "must be 8 dialects at most" });
    }
    let policy = |Accept { dialect, until, consistency }| {
        if matches!(dialect, Dialect::Native(_)) {
            return Err(ConfigError::Together("accept: okibi's own dialect needs no entry; remove it"));
        }
        if dialect.is_sealed() != consistency.is_none() {
            let rule = "accept: a sealed dialect belongs in `accept_sealed`, all others in `accept`";
            return Err(ConfigError::Together(rule));
        }
        let config = Config { dialect, limits, consistency: consistency.unwrap_or(Consistency::Strong) };
        Policy::new(config).map(|policy| Accepted { policy: policy.into(), until })
    };
    accept.into_iter().map(policy).collect()
}

/// Without the feature `compat` no dialect can be accepted.
#[cfg(not(feature = "compat"))]
#[expect(clippy::needless_pass_by_value, reason = "the same signature with and without `compat`")]
fn accepted(accept: Vec<Accept>, _: Limits) -> Result<AcceptedList, ConfigError> {
    if accept.is_empty() {
        return Ok([]);
    }
    Err(ConfigError::Together("accept: okibi-core was built without its feature compat; enable that"))
}

/// Only sealed sessions need revocations. A revocation is kept until the session's deadline.
fn check_revocations(protection: &Protection, lifetime: Lifetime, evicts: bool) -> Result<(), ConfigError> {
    let rule = match protection {
        Protection::Sealed { .. } if lifetime.absolute.is_none() => {
            "revocations: kept until the absolute timeout; set absolute"
        }
        Protection::Sealed { .. } if evicts => {
            "revocations: this store evicts entries when it is full, so destroyed sessions could open again; use a store that does not"
        }
        Protection::Sealed { .. } => return Ok(()),
        _ => "revocations: only a sealed cookie needs them; sessions in a store end there; remove it",
    };
    Err(ConfigError::Together(rule))
}

/// Whether an idle timeout is within its limits.
pub(crate) fn idle_fits(idle: Duration) -> bool {
    (SHORTEST_IDLE..=MAX_AGE).contains(&idle)
}

/// The default namespace: the cookie's name without its prefix. Characters that a store key cannot
/// have become `_`.
fn namespace_of(cookie_name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    without_prefix(cookie_name).chars().map(fits).take(64).collect()
}

fn check_spans(lifetime: Lifetime, touch_after: Option<Duration>, grace: Duration) -> Result<(), ConfigError> {
    let span = |option, value, rule| Err(ConfigError::Span { option, value, rule });
    let Lifetime { idle, absolute } = lifetime;
    if !idle_fits(idle) {
        return span("idle", idle, "must be between 1 second and 400 days");
    }
    if let Some(absolute) = absolute.filter(|absolute| *absolute < idle) {
        return span("absolute", absolute, "must not be shorter than idle; lengthen it or shorten idle");
    }
    if let Some(touch_after) = touch_after.filter(|touch_after| *touch_after >= idle) {
        return span("touch_after", touch_after, "must be shorter than idle, or no session would ever be touched");
    }
    if let Some(touch_after) = touch_after.filter(|touch_after| *touch_after > LONGEST_TOUCH) {
        return span("touch_after", touch_after, "must be at most 1 day; activity is written that often at least");
    }
    if grace > LONGEST_GRACE {
        return span("grace", grace, "must be at most 1 hour: the old id opens the session that long");
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

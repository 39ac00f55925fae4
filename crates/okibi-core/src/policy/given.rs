//! Which options exclude each other, decided from the options that an app gave.

mod options;

use super::config::Dialect;
use crate::error::ConfigError;

/// The options that an app gave, as bits, if they can exclude another option. A
/// [`Config`](crate::Config) cannot express excluded combinations. So a face collects the options
/// of its app here and calls [`check`](Self::check) before it creates a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given(u32);

impl Given {
    /// The cookie contains the session.
    const SEALED: Self = Self(1 << 18);
    /// An older dialect is configured.
    const OLDER: Self = Self(1 << 19);

    /// The options with these bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The union of two sets of options.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Fails if two options exclude each other in this dialect.
    ///
    /// # Errors
    /// [`ConfigError::Together`]. It names the option to remove, the reason and the fix.
    pub fn check(self, dialect: &Dialect) -> Result<(), ConfigError> {
        let sealed = if dialect.is_sealed() { Self::SEALED } else { Self(0) };
        let older = if matches!(dialect, Dialect::Native(_)) { Self(0) } else { Self::OLDER };
        let given = self.0 | sealed.0 | older.0;
        let broken =
            OWN.iter().chain(&RULES).find(|rule| given & rule.with.0 == rule.with.0 && given & rule.without.0 == 0);
        broken.map_or(Ok(()), |rule| Err(ConfigError::Together(rule.text)))
    }
}

/// Fails if all of `with` are given and none of `without`.
struct Rule {
    with: Given,
    without: Given,
    /// The option to remove or to add, the reason and the fix.
    text: &'static str,
}

const NONE: Given = Given(0);

const fn rule(with: Given, without: Given, text: &'static str) -> Rule {
    Rule { with, without, text }
}

/// An option that only okibi's own dialect has.
#[cfg(feature = "compat")]
macro_rules! own {
    ($given:ident, $option:literal) => {
        rule(
            Given::$given.and(Given::OLDER),
            NONE,
            concat!($option, ": an older dialect has its own or none; remove it, or use okibi's own dialect"),
        )
    };
}

#[cfg(feature = "compat")]
const OWN: &[Rule] = &[
    own!(COOKIE, "cookie"),
    own!(LIFETIME, "lifetime"),
    own!(TOUCH_AFTER, "touch_after"),
    own!(PERSISTENT, "persistent"),
    own!(GRACE, "grace"),
    own!(NAMESPACE, "namespace"),
    own!(SECRET, "secret"),
    own!(CHUNKS, "chunks"),
    own!(MAX_COOKIE_BYTES, "max_cookie_bytes"),
    own!(ACCEPT, "accept"),
    own!(REVOCATIONS, "revocations"),
];
#[cfg(not(feature = "compat"))]
const OWN: &[Rule] = &[];

const RULES: [Rule; 6] = [
    rule(NONE, Given::STORE.and(Given::SEALED), "store: none given; give one, or a secret that seals the cookie"),
    rule(Given::STORE.and(Given::SEALED), NONE, "store: a sealed cookie is the store; remove one of the two"),
    rule(Given::SECRET.and(Given::SEALED), NONE, "secret: a sealed cookie has its secrets already; remove it"),
    rule(Given::CHUNKS, Given::SEALED, "chunks: only a sealed cookie can be split; remove it"),
    rule(Given::MAX_COOKIE_BYTES, Given::SEALED, "max_cookie_bytes: only a sealed cookie is bounded; remove it"),
    rule(
        Given::COMMIT_FAILED_REQUESTS.and(Given::FAILED_WHEN),
        NONE,
        "failed_when: with `commit_failed_requests` no request counts as failed; remove one of the two",
    ),
];

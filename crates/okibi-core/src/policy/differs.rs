//! Compares two configurations: two layers with one cookie are one session only if they are equal.

use super::{CheckedDialect, Policy, config::Protection};

impl Policy {
    /// The first option in which two configurations differ; `None` if they are equal. Stores are
    /// not compared.
    pub(crate) fn differs(&self, other: &Self) -> Option<&'static str> {
        let facts = [
            ("accept", self.accepts_as(other)),
            ("cookie", self.cookie == other.cookie && self.former == other.former),
            ("namespace", self.namespace == other.namespace),
            ("idle", self.lifetime.idle == other.lifetime.idle),
            ("absolute", self.lifetime.absolute == other.lifetime.absolute),
            ("touch_after", self.touch_span(self.lifetime.idle) == other.touch_span(other.lifetime.idle)),
            ("persistent", self.persistent == other.persistent),
            ("grace", self.grace == other.grace),
            ("limits", self.limits == other.limits),
            ("max_cookie_bytes", self.max_cookie_bytes == other.max_cookie_bytes),
            ("revocations", self.revocations == other.revocations),
        ];
        let differing = facts.iter().find(|(_, is_same)| !is_same).map(|(option, _)| *option);
        differing.or_else(|| self.dialect.differs(&other.dialect))
    }

    #[cfg(feature = "compat")]
    fn accepts_as(&self, other: &Self) -> bool {
        let pairs = || self.accepted.iter().zip(&other.accepted);
        self.accepted.len() == other.accepted.len()
            && pairs().all(|(one, other)| one.until == other.until && one.policy.differs(&other.policy).is_none())
    }

    #[cfg(not(feature = "compat"))]
    #[expect(clippy::unused_self, reason = "the same signature with and without `compat`")]
    const fn accepts_as(&self, _: &Self) -> bool {
        true
    }
}

impl CheckedDialect {
    fn differs(&self, other: &Self) -> Option<&'static str> {
        match (self, other) {
            (Self::Native(one), Self::Native(other)) => one.differs(other),
            (Self::HonoSessions(one), Self::HonoSessions(other)) => (one != other).then_some("dialect"),
            (Self::HonoKv(one), Self::HonoKv(other)) => (one != other).then_some("dialect"),
            _ => Some("dialect"),
        }
    }
}

impl Protection {
    fn differs(&self, other: &Self) -> Option<&'static str> {
        let (one, other) = match (self, other) {
            (Self::Id, Self::Id) => return None,
            (Self::SignedId(one), Self::SignedId(other)) => (one, other),
            (Self::Sealed { secrets, chunks }, Self::Sealed { secrets: other, chunks: theirs }) => {
                if chunks != theirs {
                    return Some("chunks");
                }
                (secrets, other)
            }
            (Self::Sealed { .. }, _) | (_, Self::Sealed { .. }) => return Some("sealed"),
            _ => return Some("secret"),
        };
        (!one.is_same(other)).then_some("secrets")
    }
}

//! The engine: makes every decision about a session. It takes strings and bytes, and returns plain
//! data.
//!
//! The engine keeps no state between two calls. A face keeps the [`Flow`] of a request and makes
//! these calls, in this order:
//!
//! 1. [`Engine::open`] reads the Cookie headers and returns the flow. A sealed session is available
//!    immediately.
//! 2. [`Engine::load`] when the handler first uses the session. It returns a [`Step`].
//! 3. [`Engine::commit`] with the log of changes, before the response headers are sent. A handler
//!    may also commit earlier, and several times. [`Engine::take`] in between, when a handler takes
//!    a value.
//! 4. After each step, [`Engine::answer`] with the [`Answer`]. It returns the next step, until
//!    [`Step::Done`].
//! 5. [`Flow::set_cookies`] returns the Set-Cookie headers. [`vary`](crate::vary) and
//!    [`cache_control`](crate::cache_control) return the other response headers.
//!
//! Inputs are headers, time, random bytes, logs and answers. Outputs are steps, cookies and events.
//! A refused call leaves the cookies of the flow as they were before the task, so an error response
//! sends no cookie of that task.

mod adopt;
mod answer;
mod base;
mod check;
pub(crate) mod commit;
mod cookies;
mod destroy;
mod duplicate;
pub(crate) mod flow;
mod lookup;
mod open;
mod plan;
mod replay;
mod revoke;
mod rotate;
pub(crate) mod step;
mod swap;
mod take;
mod touch;
mod work;

use alloc::string::String;

use bytes::Bytes;

use crate::{
    error::ConfigError,
    id::{Handle, Id, Owner, StoreKey},
    policy::{CheckedDialect, MOST_LIMITS, Policy, config::Config},
    record::{self, Stored},
    text::Text,
    time::Timestamp,
};
use flow::Flow;

/// Decides everything about the sessions of one configuration. It is immutable.
#[derive(Clone, Debug)]
pub struct Engine {
    policy: Policy,
}

/// A session in the list of an owner's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The public name, for revoking the session.
    pub handle: Handle,
    /// When the session began.
    pub created: Timestamp,
    /// The last-active time, as of the last touch.
    pub last_active: Timestamp,
    /// When the session ends without further activity.
    pub expires_at: Timestamp,
    /// The app's name for the session.
    pub label: Option<String>,
}

impl Engine {
    /// An engine for this configuration.
    ///
    /// # Errors
    /// An invalid configuration. The error names the option, the value and the fix.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Policy::new(config).map(|policy| Self { policy })
    }

    /// The first option in which two configurations differ; `None` if they are equal. Stores are
    /// not compared: the face compares them. Two layers with the same cookie name share one session
    /// only if nothing differs.
    pub fn differs(&self, other: &Self) -> Option<&'static str> {
        self.policy.differs(&other.policy)
    }

    /// Whether the cookies of two sessions have a name in common. The names of a sealed session
    /// include its chunks. Two such layers in one app must be one session, or each would remove the
    /// other's cookie.
    pub fn meets(&self, other: &Self) -> bool {
        let has = |one: &Self, other: &Self| one.cookie_index(other.cookie_name().as_bytes()).is_some();
        has(self, other) || has(other, self)
    }

    /// Whether this session accepts a cookie that has the name of the other session's cookie. Two
    /// such layers cannot be in one app: the first would remove the cookie of the second.
    pub fn accepts_cookie_of(&self, other: &Self) -> bool {
        self.policy.accepted.iter().any(|accepted| accepted.policy.cookie.name == other.policy.cookie.name)
    }

    /// Whether the two sessions have the same keys in one store: an id of one opens the other. Of the
    /// older dialects it is false, because their keys have no namespace.
    pub fn shares_keys_with(&self, other: &Self) -> bool {
        let is_own = |one: &Self| matches!(one.policy.dialect, CheckedDialect::Native(_)) && !one.is_sealed();
        is_own(self) && is_own(other) && self.policy.namespace == other.policy.namespace
    }

    /// A warning for the app's log when a layer is created; `None`: no warning. It is not an error.
    pub fn warning(&self) -> Option<&'static str> {
        let text = "insecure_for_development: the session cookie is sent unencrypted; never use this in production";
        self.policy.is_insecure.then_some(text)
    }

    /// The name of the session's cookie.
    pub fn cookie_name(&self) -> &str {
        &self.policy.cookie.name
    }

    /// The suffixes of the session's cookie names after [the name](Self::cookie_name): an empty
    /// one, and for a sealed session `.1` to `.4` for its chunks.
    pub fn cookie_suffixes(&self) -> &'static [&'static str] {
        self.policy.suffixes()
    }

    /// The cookie names of the accepted dialects.
    pub fn accepted_cookie_names(&self) -> impl Iterator<Item = &str> {
        self.policy.accepted.iter().map(|accepted| accepted.policy.cookie.name.as_str())
    }

    /// Whether the cookie contains the whole session. Then no store is used, except for
    /// [revocations](crate::Native::revocations).
    pub const fn is_sealed(&self) -> bool {
        self.policy.is_sealed()
    }

    /// The id of the flow's session, for apps of the older dialects, which show it. `None` in
    /// okibi's own dialect.
    pub fn visible_id(&self, flow: &Flow) -> Option<String> {
        if self.policy.can().shows_id { flow.live()?.id.as_ref().map(Id::to_text) } else { None }
    }

    /// The owner as stores know it: `<namespace>:<owner>`. Equal owners in different namespaces are
    /// different owners. Every write has this owner, and a list by owner needs it.
    pub fn stored_owner(&self, owner: &Owner) -> Owner {
        Owner::new([&self.policy.namespace, ":", owner.as_str()].concat())
    }

    /// The list entry for the record that is stored under `key`; `None` if it is not a live session
    /// of `owner` in this namespace. The configured [limits](Config::limits) do not apply: a
    /// session above them can be revoked too.
    pub fn summary(&self, key: &StoreKey, bytes: &Bytes, owner: &Owner, now: Timestamp) -> Option<Summary> {
        let is_here = key.as_str().strip_prefix(&self.policy.namespace).is_some_and(|rest| rest.starts_with(':'));
        let Ok(Stored::Record(record)) = record::decode(bytes, &MOST_LIMITS) else { return None };
        let handle = record.handle?;
        (is_here && record.expires_at() > now && record.owner.as_ref() == Some(owner)).then(|| Summary {
            handle,
            created: record.created,
            last_active: record.last_active,
            expires_at: record.expires_at(),
            label: record.label.as_ref().map(|label| label.as_str().into()),
        })
    }

    fn key(&self, host: Option<&Text>, id: &Id) -> StoreKey {
        self.policy.key(host.map(Text::as_str), id)
    }
}

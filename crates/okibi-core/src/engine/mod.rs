//! The engine: the only room that joins the others. Text and bytes in, plain data out.
//!
//! It holds nothing between two calls. A face keeps the [`Flow`] of a request and hands it back, in this order:
//!
//! 1. [`Engine::open`] takes the Cookie headers and makes the flow. A sealed session is there at once.
//! 2. [`Engine::load`] when someone asks for the session. It returns a [`Step`].
//! 3. [`Engine::commit`] takes the log of changes, before the response head leaves; also earlier, and more than once.
//!    [`Engine::take`] in between, where a handler asks for it.
//! 4. After each step the face hands the [`Answer`] to [`Engine::answer`] and gets the next step, until [`Step::Done`].
//! 5. [`Flow::set_cookies`] is what to send. [`vary`](crate::vary) and [`cache_control`](crate::cache_control) say what
//!    else the head needs.
//!
//! Inputs: headers, time, random bytes, logs, answers. Outputs: steps, cookies, events. A refused call leaves the flow
//! as it was before the task began, so a face that answers an error sends no cookie that belongs to it.

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
    policy::{MOST_LIMITS, Policy, config::Config},
    record::{self, Stored},
    text::Text,
    time::Timestamp,
};
use flow::Flow;

/// Decides everything about sessions of one configuration. It never changes after it was made.
#[derive(Clone, Debug)]
pub struct Engine {
    policy: Policy,
}

/// A session in a list of one owner's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its public name, for ending it.
    pub handle: Handle,
    /// When it began.
    pub created: Timestamp,
    /// When it was last active, as of its last touch.
    pub last_active: Timestamp,
    /// When it ends if nothing happens.
    pub expires_at: Timestamp,
    /// What the app calls it.
    pub label: Option<String>,
}

impl Engine {
    /// An engine for this configuration.
    ///
    /// # Errors
    /// A configuration that cannot work, named with the value and the fix.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Policy::new(config).map(|policy| Self { policy })
    }

    /// The first option in which two configurations differ; `None` if they are the same. What their stores are is not looked at:
    /// a face knows whether two are the same. Two layers whose cookies have one name are one session only if nothing differs.
    pub fn differs(&self, other: &Self) -> Option<&'static str> {
        self.policy.differs(&other.policy)
    }

    /// Whether the cookies of two sessions have a name in common, where a sealed session also has the names of its chunks.
    /// Layers in one app whose sessions meet must be one session, or each would clear the other's cookie.
    pub fn meets(&self, other: &Self) -> bool {
        let has = |one: &Self, other: &Self| one.cookie_index(other.cookie_name().as_bytes()).is_some();
        has(self, other) || has(other, self)
    }

    /// What the log has to say when a layer is made of this engine; `None`: nothing. It is no error.
    pub fn warning(&self) -> Option<&'static str> {
        let text = "insecure_for_development: the session cookie travels in clear text; never use this in production";
        self.policy.is_insecure.then_some(text)
    }

    /// The name of the session's cookie.
    pub fn cookie_name(&self) -> &str {
        &self.policy.cookie.name
    }

    /// What the names of the session's cookies have after [the name](Self::cookie_name): nothing, and of a sealed session
    /// `.1` to `.4`, for the chunks that it may be split over.
    pub fn cookie_suffixes(&self) -> &'static [&'static str] {
        self.policy.suffixes()
    }

    /// The names of the accepted dialects' cookies.
    pub fn accepted_cookie_names(&self) -> impl Iterator<Item = &str> {
        self.policy.accepted.iter().map(|accepted| accepted.policy.cookie.name.as_str())
    }

    /// Whether the cookie is the store: then no step is ever asked for, unless [revocations](crate::Native::revocations) are kept.
    pub const fn is_sealed(&self) -> bool {
        self.policy.is_sealed()
    }

    /// The id of the flow's session, for apps that are used to seeing it. Only the older dialects show theirs.
    pub fn visible_id(&self, flow: &Flow) -> Option<String> {
        if self.policy.can().shows_id { flow.live()?.id.as_ref().map(Id::to_text) } else { None }
    }

    /// An owner as stores know it: `<namespace>:<owner>`. Sessions of different namespaces have different owners, even if
    /// the app's names for them are equal. A store's index is asked with this, and every write carries it.
    pub fn stored_owner(&self, owner: &Owner) -> Owner {
        Owner::new([&self.policy.namespace, ":", owner.as_str()].concat())
    }

    /// What a list shows of the record that is stored under `key`; `None` if it is not a live session of `owner` in this
    /// namespace. The configured [limits](Config::limits) do not matter here: a session that is larger can be ended too.
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

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

mod close;
mod end;
pub(crate) mod flow;
mod open;
mod replay;
mod rotate;
mod settle;
mod take;

use alloc::{string::String, vec::Vec};

use bytes::Bytes;

use crate::{
    cookie::chunk,
    error::ConfigError,
    id::{Handle, Id, Owner, StoreKey},
    policy::{Config, Policy, Protection},
    record::{self, Record, Stored},
    time::Timestamp,
};
use flow::{Flow, Live, Step};

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
    /// When it was last active, as of its last renewal.
    pub active: Timestamp,
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

    /// The name of the session's cookie.
    pub fn cookie_name(&self) -> &str {
        &self.policy.cookie.name
    }

    /// Whether the cookie is the store: then no step is ever asked for.
    pub const fn is_sealed(&self) -> bool {
        matches!(self.policy.protection, Protection::Sealed { .. })
    }

    /// When activity of the flow's session is next written down; `None` without a live session.
    pub fn renewal_due_at(&self, flow: &Flow) -> Option<Timestamp> {
        flow.record().map(|record| self.policy.renewal_due_at(record))
    }

    /// Whether there is anything to commit even if the handler changes nothing.
    pub fn is_renewal_due(&self, flow: &Flow, now: Timestamp) -> bool {
        flow.record().is_some_and(|record| self.policy.renewal_due(record, now))
    }

    /// What a list shows of the record that lies in the store; `None` if it is not a live session of `owner`.
    pub fn summary(&self, bytes: &Bytes, owner: &Owner, now: Timestamp) -> Option<Summary> {
        let Ok(Stored::Record(record)) = record::decode(bytes, &self.policy.limits) else { return None };
        (record.expires_at() > now && record.owner.as_ref() == Some(owner)).then(|| Summary {
            handle: record.handle,
            created: record.created,
            active: record.active,
            expires_at: record.expires_at(),
            label: record.label.as_ref().map(|label| label.as_str().into()),
        })
    }

    /// A step on its way out: it is counted, and a task that is done sends the cookie of a session that it followed (N5).
    fn leave(&self, flow: &mut Flow, step: Step, now: Timestamp) -> Step {
        flow.count(&step);
        let followed = flow.live().filter(|live| step == Step::Done && live.followed);
        if let Some(Live { id: Some(id), record, .. }) = followed {
            flow.set_cookies = self.id_cookies(id, record, now);
        }
        step
    }

    fn key(&self, id: &Id) -> StoreKey {
        id.store_key(&self.policy.namespace)
    }

    /// Headers that set the id's cookie.
    fn id_cookies(&self, id: &Id, record: &Record, now: Timestamp) -> Vec<String> {
        let max_age = record.persistent.then(|| record.expires_at().since(now));
        let value = self.policy.write_id(id);
        value.map(|value| self.policy.cookie.set("", &value, max_age)).into_iter().collect()
    }

    /// Headers that set the sealed cookie, and clear what an earlier, longer one left.
    fn sealed_cookies(&self, chunks: &[String], names_seen: u8, record: &Record, now: Timestamp) -> Vec<String> {
        let max_age = record.persistent.then(|| record.expires_at().since(now));
        let set =
            chunks.iter().zip(chunk::SUFFIXES).map(|(value, suffix)| self.policy.cookie.set(suffix, value, max_age));
        set.chain(self.removals(names_seen, chunks.len())).collect()
    }

    /// Headers that remove those of the cookies that the request had, from the `first` on.
    fn removals(&self, names_seen: u8, first: usize) -> impl Iterator<Item = String> {
        let seen = move |index: &usize| names_seen >> index & 1 == 1;
        (first..chunk::MOST)
            .filter(seen)
            .filter_map(|index| chunk::SUFFIXES.get(index).map(|suffix| self.policy.cookie.remove(suffix)))
    }
}

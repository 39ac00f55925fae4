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

mod accept;
pub(crate) mod close;
mod end;
pub(crate) mod flow;
mod open;
mod replay;
mod revoke;
mod rival;
mod rotate;
mod settle;
mod take;

use alloc::{string::String, vec::Vec};

use bytes::Bytes;

use crate::{
    cookie::chunk,
    error::{ConfigError, Refusal},
    id::{Handle, Id, Owner, StoreKey},
    policy::{Config, MOST_LIMITS, Policy},
    random::Random,
    record::{self, Record, Stored},
    text::Text,
    time::Timestamp,
};
use flow::{Flow, Live};

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

    /// The names of the accepted dialects' cookies.
    pub fn accepted_cookie_names(&self) -> impl Iterator<Item = &str> {
        self.policy.accepted.iter().map(|accepted| accepted.policy.cookie.name.as_str())
    }

    /// Whether the cookie is the store: then no step is ever asked for, unless [revocations](Config::revocations) are kept.
    pub const fn is_sealed(&self) -> bool {
        self.policy.is_sealed()
    }

    /// When activity of the flow's session is next written down; `None` without a live session.
    pub fn renewal_due_at(&self, flow: &Flow) -> Option<Timestamp> {
        flow.record().map(|record| self.policy.renewal_due_at(record))
    }

    /// Whether there is anything to commit even if the handler changes nothing.
    pub fn is_renewal_due(&self, flow: &Flow, now: Timestamp) -> bool {
        flow.live().is_some_and(|live| {
            live.adopted
                || self.heals(flow)
                || self.policy.renewal_due(&live.record, now)
                || self.owes_cookie(flow, live)
        })
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
            active: record.active,
            expires_at: record.expires_at(),
            label: record.label.as_ref().map(|label| label.as_str().into()),
        })
    }

    /// Whether a cookie is to be sent that nothing in this task decides: that of a session that was followed through a marker
    /// (N5), or one that an earlier commit of this request left. Another request may have replaced the id since.
    fn owes_cookie(&self, flow: &Flow, live: &Live) -> bool {
        self.policy.can().markers && live.id.is_some() && (live.followed || !flow.set_cookies.is_empty())
    }

    fn key(&self, host: Option<&Text>, id: &Id) -> StoreKey {
        self.policy.key(host.map(Text::as_str), id)
    }

    /// Headers that set the id's cookie, and clear its former ones and those of accepted dialects.
    fn id_cookies(
        &self,
        flow: &Flow,
        id: &Id,
        record: &Record,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Vec<String>, Refusal> {
        let value = self.policy.write_id(id, now, random)?;
        let cookie = self.policy.cookie_on(flow.host());
        let set = value.map(|value| cookie.set("", &value, self.policy.max_age(record, now)));
        Ok(self.former_removals(flow).chain(set).chain(self.accepted_removals(flow)).collect())
    }

    /// Headers that set the sealed cookie, and clear what an earlier, longer one left. Those that set it are measured.
    fn sealed_cookies(
        &self,
        chunks: &[String],
        flow: &Flow,
        record: &Record,
        now: Timestamp,
    ) -> Result<Vec<String>, Refusal> {
        let max_age = self.policy.max_age(record, now);
        let mut total = 0;
        let set = chunks.iter().zip(chunk::SUFFIXES).map(|(value, suffix)| {
            let header = self.policy.cookie.set(suffix, value, max_age);
            total += header.len();
            header
        });
        let set = set.chain(self.own_removals(flow, chunks.len()));
        let cookies = self.former_removals(flow).chain(set).chain(self.accepted_removals(flow)).collect();
        if total > self.policy.max_cookie_bytes { Err(Refusal::CookieTooLarge) } else { Ok(cookies) }
    }

    /// Headers that remove every cookie of a session that the request had.
    fn removals(&self, flow: &Flow) -> Vec<String> {
        self.own_removals(flow, 0).chain(self.former_removals(flow)).chain(self.accepted_removals(flow)).collect()
    }

    /// Headers that remove those of the cookies that the request had, from the `first` on.
    fn own_removals(&self, flow: &Flow, first: usize) -> impl Iterator<Item = String> {
        let (seen, cookie) = (flow.names_seen, self.policy.cookie_on(flow.host()));
        (first..chunk::MOST)
            .filter(move |index| seen >> index & 1 == 1)
            .filter_map(move |index| chunk::SUFFIXES.get(index).map(|suffix| cookie.remove(suffix)))
    }

    /// Headers that remove the cookies of accepted dialects that the request had, but none that this response sets.
    fn accepted_removals(&self, flow: &Flow) -> impl Iterator<Item = String> {
        let own = self.policy.cookie_on(flow.host());
        let seen = self.policy.accepted.iter().enumerate().filter(|(index, _)| flow.accepted_seen >> index & 1 == 1);
        seen.map(|(_, accepted)| accepted.policy.cookie_on(flow.host()))
            .filter(move |cookie| !cookie.is_same(&own))
            .map(|cookie| cookie.remove(""))
    }
}

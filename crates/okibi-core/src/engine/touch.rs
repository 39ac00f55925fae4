//! Touch: when the last-active time is written, and when the cookie is sent again.

use super::{Engine, base::Live, flow::Flow, plan::Plan};
use crate::{record::Record, session::Op, time::Timestamp};

impl Engine {
    /// When the next touch of the flow's session is due; `None` without a live session.
    pub fn touch_due_at(&self, flow: &Flow) -> Option<Timestamp> {
        flow.record().map(|record| self.policy.touch_due_at(record))
    }

    /// Whether a commit is needed even if the handler changes nothing.
    pub fn is_touch_due(&self, flow: &Flow, now: Timestamp) -> bool {
        flow.live().is_some_and(|live| {
            live.adopted
                || self.must_resend(flow)
                || self.policy.touch_due(&live.record, now)
                || self.owes_cookie(flow, live)
        })
    }

    /// Whether a commit writes the last-active time: a touch is due, or the handler called `touch`.
    pub(super) fn is_due(&self, flow: &Flow, plan: &Plan, record: &Record, now: Timestamp) -> bool {
        !plan.failed
            && !plan.no_activity
            && (self.must_resend(flow)
                || self.policy.touch_due(record, now)
                || (plan.touches() && self.policy.may_touch(record, now)))
    }

    /// Sets the last-active time to now. In a dialect where every write is activity, it also
    /// restores the configured idle timeout.
    pub(super) fn touch(&self, record: &mut Record, log: &[Op], now: Timestamp) {
        record.last_active = now;
        let own_span = log.iter().any(|op| matches!(op, Op::SetIdle(_)));
        if self.policy.can().writes_touch && !own_span {
            record.idle = self.policy.lifetime.idle;
        }
    }

    /// Whether the request has two cookies of one name and one of them can be removed. Then the
    /// cookie that counts is sent again.
    pub(super) fn must_resend(&self, flow: &Flow) -> bool {
        flow.duplicates.is_duplicated && !self.policy.former.is_empty()
    }

    /// Whether a cookie is left to send that this task does not create: the cookie of a session
    /// that was found through a marker, or a cookie of an earlier commit in this request. Another
    /// request may have replaced its id since.
    pub(super) fn owes_cookie(&self, flow: &Flow, live: &Live) -> bool {
        self.policy.can().markers && live.id.is_some() && (live.followed || !flow.set_cookies.is_empty())
    }

    /// Whether the session has expired for other requests and the browser already has its cookie.
    /// Then the cookie is not sent again: the visitor may have signed in again meanwhile, and an
    /// expired session leaves no marker that would show it.
    pub(super) fn is_late(&self, flow: &Flow, live: &Live, now: Timestamp) -> bool {
        let is_known = !live.adopted && live.id.is_some() && live.id == flow.presented;
        !self.policy.can().kept_after_end.is_zero() && is_known && live.record.expires_at() <= now
    }
}

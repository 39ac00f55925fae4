//! Touch: when activity is written down, and when the cookie is sent for it.

use super::{Engine, base::Live, flow::Flow, plan::Plan};
use crate::{record::Record, session::Op, time::Timestamp};

impl Engine {
    /// When activity of the flow's session is next written down; `None` without a live session.
    pub fn touch_due_at(&self, flow: &Flow) -> Option<Timestamp> {
        flow.record().map(|record| self.policy.touch_due_at(record))
    }

    /// Whether there is anything to commit even if the handler changes nothing.
    pub fn is_touch_due(&self, flow: &Flow, now: Timestamp) -> bool {
        flow.live().is_some_and(|live| {
            live.adopted
                || self.must_resend(flow)
                || self.policy.touch_due(&live.record, now)
                || self.owes_cookie(flow, live)
        })
    }

    /// Whether a commit writes activity down that the request itself was, or declared.
    pub(super) fn is_due(&self, flow: &Flow, plan: &Plan, record: &Record, now: Timestamp) -> bool {
        !plan.failed
            && !plan.no_activity
            && (self.must_resend(flow)
                || self.policy.touch_due(record, now)
                || (plan.touches() && self.policy.may_touch(record, now)))
    }

    /// Activity, now. Where every write is, it brings back the configured span.
    pub(super) fn touch(&self, record: &mut Record, log: &[Op], now: Timestamp) {
        record.last_active = now;
        let own_span = log.iter().any(|op| matches!(op, Op::SetIdle(_)));
        if self.policy.can().writes_touch && !own_span {
            record.idle = self.policy.lifetime.idle;
        }
    }

    /// Whether two cookies came and one of them can be removed: then the one that counts is sent again.
    pub(super) fn must_resend(&self, flow: &Flow) -> bool {
        flow.duplicates.is_duplicated && !self.policy.former.is_empty()
    }

    /// Whether a cookie is to be sent that nothing in this task decides: that of a session that was followed through a
    /// marker, or one that an earlier commit of this request left. Another request may have replaced the id since.
    pub(super) fn owes_cookie(&self, flow: &Flow, live: &Live) -> bool {
        self.policy.can().markers && live.id.is_some() && (live.followed || !flow.set_cookies.is_empty())
    }

    /// Whether the request took so long that to all others its session is over, and the browser has the session's cookie already.
    /// Then the cookie is not sent again: whoever came in between may have signed in, and nothing was left that says so.
    pub(super) fn is_late(&self, flow: &Flow, live: &Live, now: Timestamp) -> bool {
        let is_known = !live.adopted && live.id.is_some() && live.id == flow.presented;
        !self.policy.can().kept.is_zero() && is_known && live.record.expires_at() <= now
    }
}

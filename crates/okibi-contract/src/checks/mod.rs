//! The rules of the contract, each a check with a name.

pub(crate) mod bytes;
pub(crate) mod dropped;
pub(crate) mod expiry;
pub(crate) mod owners;
pub(crate) mod purge;
pub(crate) mod races;
pub(crate) mod swaps;

use okibi_store::{BoxFuture, Store};

use crate::bench::{Bench, Outcome};

/// A rule and what checks it.
pub(crate) struct Check<'a> {
    pub(crate) rule: &'static str,
    pub(crate) needs: Needs,
    /// It waits for sessions to expire: such rules can wait at the same time. The one about purges
    /// waits alone, as others' writes may make a store drop what it is to count.
    pub(crate) waits: bool,
    pub(crate) outcome: BoxFuture<'a, Outcome>,
}

/// What a store must promise for a rule to hold for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: every store keeps this rule.
    Nothing,
    /// Swaps that are atomic.
    Atomic,
    /// A list of the sessions of an owner.
    Owners,
    /// Such a list that shows the last write.
    OwnersNow,
    /// A purge.
    Purge,
    /// A purge, and reads that see the last write.
    PurgeNow,
    /// Another instance on the same backend, and reads that see the last write.
    Another,
}

/// One rule, not yet begun.
fn rule<'a>(needs: Needs, rule: &'static str, check: impl Future<Output = Outcome> + Send + 'a) -> Check<'a> {
    Check { rule, needs, waits: false, outcome: Box::pin(check) }
}

/// One rule, not yet begun, that waits for sessions to expire.
fn slow<'a>(needs: Needs, rule: &'static str, check: impl Future<Output = Outcome> + Send + 'a) -> Check<'a> {
    Check { rule, needs, waits: true, outcome: Box::pin(check) }
}

/// Every rule. `vectors/contract.json` has their names, for TypeScript as well.
pub(crate) fn all<S: Store>(bench: &Bench<S>) -> Vec<Check<'_>> {
    let (every, atomic, owned) = (Needs::Nothing, Needs::Atomic, Needs::Owners);
    let (listed, purged, twice) = (Needs::OwnersNow, Needs::Purge, Needs::Another);
    let purged_now = Needs::PurgeNow;
    vec![
        rule(every, "an absent key loads as nothing", swaps::absent(bench)),
        rule(every, "a swap that expects nothing creates", swaps::create(bench)),
        rule(every, "a swap that expects nothing is refused where something lies", swaps::create_twice(bench)),
        rule(every, "a swap that expects what lies there replaces it", swaps::replace(bench)),
        rule(every, "a swap that expects something else is refused", swaps::mismatch(bench)),
        rule(every, "a swap that expects something where nothing lies is refused", swaps::expect_absent(bench)),
        rule(every, "a creation that arrives late is refused by what lies there since", swaps::late(bench)),
        rule(every, "a swap may write the very bytes that lie there", swaps::same_bytes(bench)),
        rule(
            every,
            "a write that keeps owner and expiry replaces what is expected and nothing else",
            swaps::kept(bench),
        ),
        slow(every, "a refused swap changes neither bytes nor expiry", swaps::refused_is_inert(bench)),
        rule(every, "a delete removes whatever the key holds", swaps::delete(bench)),
        rule(every, "a delete of an absent key is no error", swaps::delete_absent(bench)),
        rule(every, "a delete leaves other keys alone", swaps::delete_one(bench)),
        rule(every, "bytes come back as they were written", bytes::exact(bench)),
        rule(every, "a value of no bytes is not an absent value", bytes::empty(bench)),
        rule(every, "a value of 64 KiB comes back whole", bytes::large(bench)),
        rule(every, "a value of 1 MiB comes back whole or is refused as a whole", bytes::oversized(bench)),
        rule(every, "every byte of the expected value counts", bytes::compare(bench)),
        rule(every, "every character of a key counts", bytes::keys(bench)),
        rule(every, "a key with spaces, quotes or accents is taken literally", bytes::literal_keys(bench)),
        slow(every, "an expired session loads as nothing", expiry::on_read(bench)),
        slow(every, "an expired session counts as absent for a swap", expiry::on_swap(bench)),
        rule(every, "a session written already expired is never seen", expiry::in_the_past(bench)),
        slow(every, "a later expiry replaces an earlier one", expiry::extended(bench)),
        slow(every, "an earlier expiry replaces a later one", expiry::shortened(bench)),
        slow(every, "a write that keeps its expiry ends with it", expiry::kept(bench)),
        slow(every, "a key that expired starts anew", expiry::anew(bench)),
        rule(every, "an expiry beyond the year 2038 is kept", expiry::far(bench)),
        rule(every, "a session that never expires is kept", expiry::never(bench)),
        rule(every, "an expiry that the store reports is the one that was written", expiry::reported(bench)),
        rule(atomic, "a hundred increments at once make a hundred", races::increments(bench)),
        rule(atomic, "of a hundred creations at once, one wins", races::creations(bench)),
        rule(atomic, "of a hundred swaps at once, one wins", races::replacements(bench)),
        slow(atomic, "one of many takes the place of an expired session", races::expired_creations(bench)),
        rule(atomic, "a swap never brings back what a delete removed", races::deletes(bench)),
        rule(every, "different keys don't disturb each other", races::different_keys(bench)),
        rule(twice, "what one instance of the store writes, another sees at once", races::instances(bench)),
        rule(every, "a swap that nobody waits for is done or not, never half", dropped::swaps(bench)),
        rule(
            every,
            "a load or delete that nobody waits for leaves the store usable",
            dropped::reads_and_deletes(bench),
        ),
        rule(owned, "an owner without sessions has an empty list", owners::none(bench)),
        rule(owned, "a session is listed under its owner", owners::added(bench)),
        rule(owned, "a change of owner moves the session to the other list", owners::changed(bench)),
        rule(owned, "a session that gains an owner is listed", owners::gained(bench)),
        rule(owned, "a write without an owner takes the session off the list", owners::marker(bench)),
        rule(owned, "a write that keeps its owner leaves the session on the list", owners::kept(bench)),
        rule(owned, "a delete takes the session off the list", owners::deleted(bench)),
        rule(owned, "a refused swap changes no owner", owners::refused(bench)),
        slow(owned, "a key that expired is listed under its new owner only", owners::expired(bench)),
        rule(owned, "the name of an owner is taken literally", owners::literal(bench)),
        rule(owned, "all sessions of an owner are listed, once each", owners::many(bench)),
        rule(listed, "a live session is on its owner's list while it is written", owners::while_written(bench)),
        rule(purged, "a purge drops what has expired, leaves what lives, and says how many", purge::drops(bench)),
        rule(purged, "a purge keeps what a session that ended left until that expires", purge::keeps_markers(bench)),
        rule(purged_now, "a purge takes nothing that is written meanwhile", purge::beside_swaps(bench)),
    ]
}

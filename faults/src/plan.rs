//! Draws the next requests of a tab from its own generator, so that a seed repeats them whatever
//! other tabs do.

use std::time::Duration;

use crate::{
    history::{Act, NAMES, Wish},
    random::Random,
};

/// The owners of the sessions: few, so that one of them has several.
const OWNERS: [&str; 4] = ["ada", "grace", "joan", "edsger"];

/// A request that a tab will send.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The instance, modulo their number.
    pub(crate) face: usize,
    pub(crate) wish: Wish,
    /// Send an old cookie of the browser, counted from the newest, if it has one.
    pub(crate) stray: Option<usize>,
    /// Send no cookie. A cookie in the answer is not stored.
    pub(crate) anonymous: bool,
    /// The browser closes the connection after this long.
    pub(crate) abandon: Option<Duration>,
}

/// The plan of one tab.
#[derive(Debug)]
pub(crate) struct Plan {
    random: Random,
    tab: String,
    /// A visitor with short sessions: a login, a logout, and few requests between.
    is_hasty: bool,
    values: u32,
}

impl Plan {
    pub(crate) fn new(seed: u64, browser: u32, tab: u32) -> Self {
        let tab = format!("b{browser}t{tab}");
        Self { random: Random::of(seed, &tab), tab, is_hasty: browser % 3 == 2, values: 0 }
    }

    /// The pause before the next requests.
    pub(crate) fn rest(&mut self) -> Duration {
        if self.random.chance(5) { self.random.millis(50..200) } else { self.random.millis(0..25) }
    }

    /// The next requests, all sent concurrently: mostly one, sometimes several that race.
    pub(crate) fn next(&mut self) -> Vec<Order> {
        let racers = if self.random.chance(12) { 2 + self.random.index(3) } else { 1 };
        let same = self.random.chance(70).then(|| self.random.below(100));
        (0..racers).map(|_| self.order(same.filter(|_| racers > 1))).collect()
    }

    /// One request. `drawn`: all racing requests do the same.
    fn order(&mut self, drawn: Option<u64>) -> Order {
        let drawn = drawn.unwrap_or_else(|| self.random.below(100));
        let act = if self.is_hasty { self.hasty_act(drawn) } else { self.act(drawn) };
        let pause = if self.random.chance(20) { self.random.below(60) } else { 0 };
        // The outcome of these is exact only if the handler commits.
        let early = matches!(act, Act::Bump | Act::Own { .. }) || self.random.chance(40);
        let anonymous = self.random.chance(4);
        // A visitor without session data changes nothing.
        let (act, early) = if anonymous { (Act::Read, false) } else { (act, early) };
        Order {
            face: self.random.index(1000),
            stray: self.random.chance(8).then(|| self.old()),
            abandon: self.random.chance(4).then(|| self.random.millis(0..40)),
            wish: Wish { act, pause, early, birth: String::new() },
            anonymous,
        }
    }

    /// Which old cookie: often one of the last, with a session that has just ended.
    fn old(&mut self) -> usize {
        if self.random.chance(60) { self.random.index(10) } else { self.random.index(1000) }
    }

    fn hasty_act(&mut self, drawn: u64) -> Act {
        match drawn {
            0..30 => {
                let (name, value) = self.write();
                Act::Rotate { name, value }
            }
            30..65 => Act::Destroy,
            65..80 => {
                let (name, value) = self.write();
                Act::Set { name, value }
            }
            _ => Act::Read,
        }
    }

    fn act(&mut self, drawn: u64) -> Act {
        match drawn {
            0..18 => Act::Read,
            18..36 => {
                let (name, value) = self.write();
                Act::Set { name, value }
            }
            36..54 => Act::Bump,
            54..59 => Act::Set { name: "ticket".to_owned(), value: self.value() },
            59..65 => {
                let any = self.name();
                Act::Take { name: if self.random.chance(70) { "ticket".to_owned() } else { any } }
            }
            65..69 => Act::Remove { name: self.name() },
            69..73 => Act::Flash { value: self.value() },
            73..78 => Act::ReadFlash,
            78..83 => {
                let (name, value) = self.write();
                Act::Rotate { name, value }
            }
            83..88 => {
                let (name, value) = self.write();
                Act::Renew { name, value }
            }
            88..91 => {
                let (name, value) = self.write();
                Act::Own { owner: self.owner(), name, value }
            }
            91..95 => Act::Destroy,
            95..96 => Act::Revoke { owner: self.owner() },
            _ => {
                let (name, value) = self.write();
                Act::Fail { name, value }
            }
        }
    }

    fn owner(&mut self) -> String {
        (*self.random.pick(&OWNERS).unwrap_or(&"ada")).to_owned()
    }

    fn name(&mut self) -> String {
        (*self.random.pick(&NAMES).unwrap_or(&"a")).to_owned()
    }

    fn write(&mut self) -> (String, String) {
        (self.name(), self.value())
    }

    /// A value that no other request writes.
    fn value(&mut self) -> String {
        self.values += 1;
        format!("{}-{}", self.tab, self.values)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Plan;

    #[test]
    fn a_seed_repeats_what_a_tab_does_and_every_act_comes_up() {
        let draw = |seed, tab| {
            let mut plan = Plan::new(seed, 1, tab);
            (0..500).flat_map(|_| (plan.rest(), plan.next()).1).map(|order| format!("{order:?}")).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));

        let mut plan = Plan::new(1, 1, 1);
        let orders: Vec<_> = (0..2000).flat_map(|_| plan.next()).collect();
        let acts: BTreeSet<&str> = orders.iter().map(|order| order.wish.act.name()).collect();
        assert_eq!(acts.len(), 13, "{acts:?}");
        let values: Vec<&str> =
            orders.iter().filter_map(|order| order.wish.act.write()).map(|(_, value)| value).collect();
        assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len());
    }
}

//! Pseudo-random numbers from a seed (`SplitMix64`): the same seed repeats a run.

use std::{ops::Range, time::Duration};

/// A generator. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A separate generator for the part of a run that `label` names: draws in one part do not
    /// affect another.
    #[must_use]
    pub fn of(seed: u64, label: &str) -> Self {
        // FNV-1a, then one step, so that similar seeds and labels give different states.
        let hash = label
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325 ^ seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
        let mut random = Self(hash);
        Self(random.bits())
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits().checked_rem(end).unwrap_or(0)
    }

    /// An index of a list of `length`.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length).unwrap_or(u64::MAX))).unwrap_or(0)
    }

    /// `true` in `percent` of all cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the choices; `None` if there are no choices.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.index(choices.len()))
    }

    /// A number of milliseconds in a range.
    pub fn millis(&mut self, range: Range<u64>) -> Duration {
        let length = range.end.saturating_sub(range.start);
        Duration::from_millis(range.start.saturating_add(self.below(length)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Random;

    #[test]
    fn a_seed_repeats_and_a_label_differs() {
        let draw = |seed, label| -> Vec<u64> {
            let mut random = Random::of(seed, label);
            (0..8).map(|_| random.bits()).collect()
        };
        assert_eq!(draw(7, "browser 1"), draw(7, "browser 1"));
        assert_ne!(draw(7, "browser 1"), draw(7, "browser 2"));
        assert_ne!(draw(7, "browser 1"), draw(8, "browser 1"));
    }

    #[test]
    fn draws_stay_in_their_ranges_and_reach_all_of_them() {
        let mut random = Random::new(1);
        let mut seen = [false; 10];
        for _ in 0..1000 {
            let place = random.index(10);
            seen[place] = true;
            let span = random.millis(5..8);
            assert!(span >= Duration::from_millis(5) && span < Duration::from_millis(8));
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!((random.below(0), random.index(0), random.pick::<u8>(&[])), (0, 0, None));
        assert_eq!(random.millis(4..4), Duration::from_millis(4));
        assert!(!random.chance(0) && random.chance(100));
    }
}

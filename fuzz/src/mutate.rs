//! Makes new inputs out of old ones, by numbers that repeat when the seed does.

/// A small random generator (`SplitMix64`): fast, and the same everywhere for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Inputs grow no further than this.
const LONGEST: usize = 4096;

/// Pieces that parsers care about: separators, quotes, numbers at their limits, JSON, cookies,
/// base64url.
const PIECES: &[&[u8]] = &[
    b"; ",
    b";",
    b"=",
    b"\"",
    b",",
    b".",
    b"|",
    b":",
    b" ",
    b"\t",
    b"\r\n",
    b"\0",
    b"\x7f",
    b"\xff",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"false",
    b"0",
    b"-1",
    b"1e309",
    b"-0",
    b"9007199254740993",
    b"18446744073709551616",
    b"8640000000000001",
    b"\"v\":1",
    b"\"d\":{",
    b"\"f\":[\"",
    b"\"r\":\"renew\"",
    b"__proto__",
    b"__Host-",
    b"__Secure-",
    b"A",
    b"-",
    b"_",
    b"AQ",
    b"\xc3\xa9",
    b"\xf0\x9f\x94\xa5",
    b"\xef\xbb\xbf",
];

/// A new input: a seed after a few changes, or sometimes random bytes.
pub(crate) fn input(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = match seeds.get(random.below(seeds.len() + 1)) {
        Some(seed) => seed.clone(),
        None => (0..random.below(64)).map(|_| random.byte()).collect(),
    };
    for _ in 0..=random.below(6) {
        change(random, &mut input, seeds);
    }
    input.truncate(LONGEST);
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = random.below(input.len());
    let end = at + random.below(input.len() - at.min(input.len()) + 1).min(input.len() - at);
    match random.below(9) {
        // Flip one bit.
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        // Replace one byte.
        1 => {
            let new = random.byte();
            if let Some(byte) = input.get_mut(at) {
                *byte = new;
            }
        }
        // Take a stretch out.
        2 => drop(input.drain(at..end)),
        // Say a stretch twice.
        3 => {
            let stretch = input.get(at..end).unwrap_or_default().to_vec();
            input.splice(at..at, stretch);
        }
        // Cut the end off.
        4 => input.truncate(at),
        // Put a piece in, or over what is there.
        5 | 6 => {
            let piece = PIECES.get(random.below(PIECES.len())).copied().unwrap_or_default();
            let until = if random.below(2) == 0 { at } else { (at + piece.len()).min(input.len()) };
            input.splice(at..until, piece.iter().copied());
        }
        // Put in a run of one byte.
        7 => {
            let byte = input.get(at).copied().unwrap_or(b'[');
            let run = vec![byte; random.below(200)];
            input.splice(at..at, run);
        }
        // Continue with the end of another seed.
        _ => {
            if let Some(other) = seeds.get(random.below(seeds.len())) {
                let from = random.below(other.len());
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Random, input};

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let seeds = [b"hello".to_vec(), Vec::new()];
        let run = |seed| {
            let mut random = Random::new(seed);
            (0..1000).map(|_| input(&mut random, &seeds)).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn inputs_differ_and_stay_short() {
        let mut random = Random::new(7);
        let mut inputs: Vec<_> = (0..10_000).map(|_| input(&mut random, &[vec![b'x'; LONGEST]])).collect();
        assert!(inputs.iter().all(|input| input.len() <= LONGEST));
        inputs.sort();
        inputs.dedup();
        assert!(inputs.len() > 8000, "{}", inputs.len());
    }
}

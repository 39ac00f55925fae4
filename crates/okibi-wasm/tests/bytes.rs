//! How many bytes a typical request passes across the border, in each direction.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test fails by panicking")]

use okibi_core::{Engine, RANDOM_BYTES};
use okibi_wasm::numbers::{ANSWER, COMMIT, CONFIGURE, DONE, LAST, LOADED, LOOK_UP, OPEN};

const NOW: f64 = 1_700_000_000_000.0;

/// The JavaScript side of the border. It counts the bytes.
#[derive(Default)]
struct Border {
    engines: Vec<Engine>,
    calls: usize,
    inwards: usize,
    outwards: usize,
    random: u8,
}

impl Border {
    fn call(&mut self, call: u32, flags: u32, frames: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut input = Vec::new();
        for frame in frames {
            input.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
            input.extend_from_slice(frame);
        }
        let mut reply = Vec::new();
        okibi_wasm::call(&mut self.engines, call, 0, NOW, flags, &input, &mut reply);
        self.calls += 1;
        self.inwards += input.len();
        self.outwards += reply.len();
        let (mut frames, mut rest) = (Vec::new(), &reply[4..]);
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (frame, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            frames.push(frame.to_vec());
            rest = after;
        }
        frames
    }

    fn random(&mut self) -> [u8; RANDOM_BYTES] {
        self.random += 1;
        [self.random; RANDOM_BYTES]
    }

    /// Commits a log. The store does every step. Returns the cookie, if one was sent, and the
    /// written bytes.
    fn commit(&mut self, state: &[u8], log: &str) -> (Option<String>, Vec<u8>) {
        let random = self.random();
        let asked = self.call(COMMIT, LAST, &[state, &random, log.as_bytes()]);
        let (state, write) = (&asked[1], asked[2].clone());
        let random = self.random();
        let done = self.call(ANSWER, DONE | LAST, &[state, &random]);
        let head = String::from_utf8(done[0].clone()).unwrap();
        assert!(head.contains(r#""step":"done""#), "{head}");
        let cookie = head.split("__Host-session=").nth(1).map(|rest| rest.split(';').next().unwrap().to_owned());
        (cookie, write)
    }

    /// Opens a request with this cookie and answers its load.
    fn read(&mut self, cookie: &str, stored: &[u8]) -> Vec<u8> {
        let header = format!("__Host-session={cookie}");
        let opened = self.call(OPEN, LOOK_UP, &[header.as_bytes()]);
        self.call(ANSWER, LOADED, &[&opened[1], &[], stored])[1].clone()
    }
}

/// A typical request has a stored session of two values: a user's name, and a number that it
/// changes.
#[test]
fn a_typical_request_passes_a_few_kilobytes_across_the_border() {
    let mut border = Border::default();
    border.call(CONFIGURE, 0, &[b"{}"]);
    let empty = border.call(OPEN, 0, &[b""])[1].clone();
    let log = r#"[{"set":["user","ada@example.com"]},{"set":["visits",41]}]"#;
    let (cookie, stored) = border.commit(&empty, log);
    let cookie = cookie.unwrap();

    let mut count = |writes: bool| {
        (border.calls, border.inwards, border.outwards) = (0, 0, 0);
        let state = border.read(&cookie, &stored);
        if writes {
            border.commit(&state, r#"[{"set":["visits",42]}]"#);
        }
        (border.calls, border.inwards, border.outwards)
    };
    let (reads, writes) = (count(false), count(true));
    println!(
        "read: {reads:?}; read and write: {writes:?} (calls, bytes in, bytes out); record: {} bytes",
        stored.len()
    );
    assert_eq!((reads.0, writes.0), (2, 4), "calls");
    // ARCHITECTURE.md has these numbers.
    assert!(reads.1 <= MOST_READ.0 && reads.2 <= MOST_READ.1, "{reads:?}");
    assert!(writes.1 <= MOST_WRITE.0 && writes.2 <= MOST_WRITE.1, "{writes:?}");
}

/// Bytes in and out of a request that reads, and of one that also writes.
const MOST_READ: (usize, usize) = (360, 980);
const MOST_WRITE: (usize, usize) = (1810, 2250);

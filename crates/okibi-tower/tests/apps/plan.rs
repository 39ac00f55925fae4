//! What requests do, drawn from a seed.

/// A generator of numbers (`SplitMix64`): the same seed draws the same.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((bits ^ (bits >> 31)) >> 1).unwrap() % end
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Which of the request's two sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    User,
    Admin,
}

/// The names of values that are texts.
pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

/// One thing that a handler does with a session. A text is written once in a run, but what follows it grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Get(&'static str),
    Set(&'static str, String),
    Remove(&'static str),
    /// An update that adds a `+`.
    Append(&'static str),
    /// An update that counts.
    Bump,
    Take(&'static str),
    Flash(String),
    ReadFlash,
    Clear,
    Rotate,
    Renew,
    Destroy,
    Own(String),
    Owner,
    Count,
    Commit,
    /// A commit, and while it is under way what another handle of the same request does.
    CommitBeside(Vec<Step>),
}

/// How a handler ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Answers(u16),
    /// It panics, and a layer inside of the sessions' makes a 500 of it.
    Panics,
    /// It panics, and nobody answers.
    PanicsUncaught,
    /// It hangs, and a layer inside of the sessions' answers 504.
    Hangs,
    /// It hangs until the visitor has gone.
    Abandoned,
}

impl End {
    /// Whether what was not committed is rolled back.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Panics | Self::Hangs | Self::Answers(408 | 500..))
    }

    /// Whether no answer comes.
    pub(crate) fn is_lost(self) -> bool {
        matches!(self, Self::PanicsUncaught | Self::Abandoned)
    }
}

/// What one request does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) path: usize,
    pub(crate) head: bool,
    pub(crate) steps: Vec<(Whose, Step)>,
    pub(crate) end: End,
}

/// What may be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whatever a handler can do.
    Alone,
    /// The same, but for what a sealed cookie cannot do.
    AloneSealed,
    /// What may be done in parallel without losing anything: no end, no change of privilege.
    Racing,
    /// Ends and logins as well.
    Ending,
}

/// Draws what a visitor does.
pub(crate) struct Plan {
    pub(crate) random: Random,
    visitor: usize,
    texts: usize,
    paths: usize,
}

impl Plan {
    pub(crate) fn new(random: Random, visitor: usize, paths: usize) -> Self {
        Self { random, visitor, texts: 0, paths }
    }

    pub(crate) fn deed(&mut self, kind: Kind) -> Deed {
        let count = 1 + self.random.below(6);
        let mut steps = Vec::new();
        if kind == Kind::Racing {
            steps.extend(match self.random.below(4) {
                0 => vec![(Whose::User, Step::Append("a")), (Whose::User, Step::Take("a"))],
                1 => vec![(Whose::User, Step::Bump), (Whose::User, Step::CommitBeside(vec![Step::Bump]))],
                _ => Vec::new(),
            });
        }
        for _ in 0..count {
            let whose = if self.random.chance(70) { Whose::User } else { Whose::Admin };
            let step = self.step(kind);
            // What an update leaves to take is half stored, half one's own: only that it is taken once is promised.
            let is_unclear = |(other, earlier): &(Whose, Step)| *other == whose && appends(earlier, &step);
            if kind == Kind::Racing || !steps.iter().any(is_unclear) {
                steps.push((whose, step));
            }
        }
        Deed { path: self.random.below(self.paths), head: self.random.chance(8), steps, end: self.end() }
    }

    fn end(&mut self) -> End {
        match self.random.below(100) {
            0..55 => End::Answers(200),
            55..61 => End::Answers(303),
            61..67 => End::Answers(404),
            67..73 => End::Answers(500),
            73..76 => End::Answers(408),
            76..84 => End::Panics,
            84..90 => End::Hangs,
            90..95 => End::PanicsUncaught,
            _ => End::Abandoned,
        }
    }

    fn step(&mut self, kind: Kind) -> Step {
        loop {
            let step = self.any_step();
            let is_life = matches!(step, Step::Rotate | Step::Destroy | Step::Own(_));
            let is_wild = is_life || matches!(step, Step::Clear | Step::Remove(_));
            let is_fine = match kind {
                Kind::Alone | Kind::Ending => true,
                Kind::AloneSealed => !matches!(step, Step::Take(_)),
                Kind::Racing => !is_wild,
            };
            if is_fine {
                return step;
            }
        }
    }

    fn any_step(&mut self) -> Step {
        match self.random.below(100) {
            0..10 => Step::Get(self.name()),
            10..26 => Step::Set(self.name(), self.text()),
            26..30 => Step::Remove(self.name()),
            30..40 => Step::Append(self.name()),
            40..52 => Step::Bump,
            52..62 => Step::Take(self.name()),
            62..66 => Step::Flash(self.text()),
            66..70 => Step::ReadFlash,
            70..72 => Step::Clear,
            72..76 => Step::Rotate,
            76..80 => Step::Renew,
            80..83 => Step::Destroy,
            83..85 => Step::Own(["ada", "grace"][self.random.below(2)].to_owned()),
            85..87 => Step::Owner,
            87..94 => Step::Commit,
            _ => {
                let count = 1 + self.random.below(2);
                let beside = (0..count).map(|_| match self.random.below(3) {
                    0 => Step::Bump,
                    1 => Step::Append(self.name()),
                    _ => Step::Set(self.name(), self.text()),
                });
                Step::CommitBeside(beside.collect())
            }
        }
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.random.below(NAMES.len())]
    }

    /// A text that is written once, and says whose it is.
    fn text(&mut self) -> String {
        self.texts += 1;
        format!("v{}-{}.", self.visitor, self.texts)
    }
}

/// Whether a step, or one beside it, appends to what the other takes.
fn appends(step: &Step, taking: &Step) -> bool {
    match (step, taking) {
        (Step::Append(name), Step::Take(taken)) => name == taken,
        (Step::CommitBeside(others), _) => others.iter().any(|step| appends(step, taking)),
        _ => false,
    }
}

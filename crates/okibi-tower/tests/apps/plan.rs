//! The steps of requests, made from a seed.

/// A random number generator (`SplitMix64`): the same seed gives the same numbers.
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

/// One of the request's two sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    User,
    Admin,
}

/// The names of string values.
pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

/// One step of a handler. A string is set once in a run, and updates append to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Get(&'static str),
    Set(&'static str, String),
    Remove(&'static str),
    /// An update that appends `+`.
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
    /// A commit, and the steps of another clone of the session while the commit is pending.
    CommitBeside(Vec<Step>),
}

/// How a handler ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Answers(u16),
    /// It panics, and an inner layer makes a 500 of it.
    Panics,
    /// It panics, and there is no response.
    PanicsUncaught,
    /// It hangs, and an inner layer responds with 504.
    Hangs,
    /// It hangs until the visitor disconnects.
    Abandoned,
}

impl End {
    /// Whether uncommitted changes are dropped.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Panics | Self::Hangs | Self::Answers(408 | 500..))
    }

    /// Whether there is no response.
    pub(crate) fn is_lost(self) -> bool {
        matches!(self, Self::PanicsUncaught | Self::Abandoned)
    }
}

/// The steps of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) path: usize,
    pub(crate) head: bool,
    pub(crate) steps: Vec<(Target, Step)>,
    pub(crate) end: End,
}

/// Which steps are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All steps.
    Alone,
    /// All steps that a sealed cookie supports.
    AloneSealed,
    /// Steps that lose nothing when run concurrently: no destroy and no change of privilege.
    Racing,
    /// Also destroy and login.
    Ending,
}

/// Makes a visitor's random requests.
pub(crate) struct Plan {
    pub(crate) random: Random,
    visitor: usize,
    strings: usize,
    paths: usize,
}

impl Plan {
    pub(crate) fn new(random: Random, visitor: usize, paths: usize) -> Self {
        Self { random, visitor, strings: 0, paths }
    }

    pub(crate) fn script(&mut self, kind: Kind) -> Script {
        let count = 1 + self.random.below(6);
        let mut steps = Vec::new();
        if kind == Kind::Racing {
            steps.extend(match self.random.below(4) {
                0 => vec![(Target::User, Step::Append("a")), (Target::User, Step::Take("a"))],
                1 => vec![(Target::User, Step::Bump), (Target::User, Step::CommitBeside(vec![Step::Bump]))],
                _ => Vec::new(),
            });
        }
        for _ in 0..count {
            let target = if self.random.chance(70) { Target::User } else { Target::Admin };
            let step = self.step(kind);
            // After an update, the value is partly stored and partly the request's own. The promise
            // is only that it is taken once.
            let is_unclear = |(other, earlier): &(Target, Step)| *other == target && appends(earlier, &step);
            if kind == Kind::Racing || !steps.iter().any(is_unclear) {
                steps.push((target, step));
            }
        }
        Script { path: self.random.below(self.paths), head: self.random.chance(8), steps, end: self.end() }
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

    /// A string that is set once and contains its visitor.
    fn text(&mut self) -> String {
        self.strings += 1;
        format!("v{}-{}.", self.visitor, self.strings)
    }
}

/// Whether a step, or one beside it, appends to the value that the other takes.
fn appends(step: &Step, taking: &Step) -> bool {
    match (step, taking) {
        (Step::Append(name), Step::Take(taken)) => name == taken,
        (Step::CommitBeside(others), _) => others.iter().any(|step| appends(step, taking)),
        _ => false,
    }
}

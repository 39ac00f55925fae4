//! What a run records: every request with what it saw, every strike of a fault. One JSON object a line.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

/// Microseconds since the run began.
pub type Micros = u64;

/// A cookie, by the order in which the run's browsers were sent them. The id itself is never recorded.
pub type CookieNumber = u32;

/// All that was recorded of a run. The checker sees nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// What ran.
    pub run: Run,
    /// The strikes of faults.
    pub strikes: Vec<Strike>,
    /// The requests, in the order in which they ended.
    pub requests: Vec<Request>,
}

/// What ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The backend's name.
    pub backend: String,
    /// What the histories, the faults and their times were drawn from.
    pub seed: u64,
    /// How long faults were to be injected at least.
    pub seconds: u64,
    /// The faults that took part.
    pub faults: Vec<String>,
    /// By when a request must have ended that does not pause itself.
    pub deadline: Micros,
    /// How long a renewed id leads to its successor.
    pub grace: Micros,
}

/// One strike of a fault: from before it was injected until after it was healed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// The fault's name.
    pub fault: String,
    /// When it began.
    pub start: Micros,
    /// When the backend could be used again.
    pub end: Micros,
    /// Whether acknowledged writes may be gone since then.
    pub loses_writes: bool,
}

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number.
    pub number: u32,
    /// Whose it is.
    pub browser: u32,
    /// In which part of the run.
    pub part: Part,
    /// The instance of an app that it went to.
    pub face: String,
    /// What it asked for.
    pub wish: Wish,
    /// Somebody else sent an old cookie of this browser: the answer does not reach the browser's jar.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stray: bool,
    /// The cookie that it sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<CookieNumber>,
    /// When it was sent.
    pub start: Micros,
    /// When its answer had come, or nobody waited for it any more.
    pub end: Micros,
    /// What came of it.
    pub outcome: Outcome,
    /// Every Set-Cookie for the session's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<SetCookie>,
    /// What the app said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

impl Request {
    /// It was served, or failed as its handler wanted.
    pub fn is_fine(&self) -> bool {
        matches!(self.outcome, Outcome::Ok | Outcome::RolledBack)
    }

    /// It failed, because the store's answer took longer than it may.
    pub fn was_too_slow(&self) -> bool {
        let why = self.answer.as_ref().and_then(|answer| answer.why.as_deref());
        matches!(self.outcome, Outcome::Failed | Outcome::Unknown)
            && why.is_some_and(|why| why.starts_with("no answer within"))
    }
}

/// The parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// While faults are injected.
    Storm,
    /// After the last fault: looking for when an instance works again.
    Probe,
    /// All instances work again, so everything must.
    Calm,
}

/// What a request asks an app to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What is to be done to the session.
    #[serde(flatten)]
    pub act: Act,
    /// How long the handler sleeps between loading and changing, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pause: u64,
    /// The handler itself commits, and says what it sees then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub early: bool,
    /// What a session that this request begins is told from others by: it is put under `birth` unless something lies there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub birth: String,
}

/// What is done to a session. Each value is written only once in a run.
#[expect(missing_docs, reason = "the fields are what the variants' lines say")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Nothing: it is looked at, as by every other.
    Read,
    /// A value is put under a name.
    Set { name: String, value: String },
    /// What is under a name is removed.
    Remove { name: String },
    /// The counter is incremented by an `update`.
    Bump,
    /// What is under a name is taken.
    Take { name: String },
    /// A value is put under `note` for one reading.
    Flash { value: String },
    /// The flash under `note` is read.
    ReadFlash,
    /// A login: a new id, and a value.
    Rotate { name: String, value: String },
    /// A new id at equal privilege, and a value.
    Renew { name: String, value: String },
    /// The session gets an owner, and a value.
    Own { owner: String, name: String, value: String },
    /// A logout.
    Destroy,
    /// All sessions of an owner are ended, from outside any session.
    Revoke { owner: String },
    /// A value is set, then the handler answers 500.
    Fail { name: String, value: String },
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered with success.
    Ok,
    /// 503 `store_unavailable`: nothing was written.
    Failed,
    /// 503 `store_unknown` or `contended`: it may have been written.
    Unknown,
    /// The handler answered 500 on purpose.
    RolledBack,
    /// The browser did not wait for the answer.
    Abandoned,
    /// No answer came in time.
    Hung,
    /// Anything else, which must not happen: the status, or why there was none.
    Broken(String),
}

/// A Set-Cookie header for the session's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetCookie {
    /// It sets this cookie.
    Issued(CookieNumber),
    /// It removes the cookie.
    Removed,
}

/// What an app answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What went wrong, by its stable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the store's client said of it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The session as it was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<View>,
    /// The session after the handler's own commit, or after a take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<View>,
    /// What was taken, or read as a flash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
}

/// What a handler sees of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Whether there is a session.
    pub live: bool,
    /// Its public name, which opens nothing; a rotation changes it, a renewal does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The values under the names of [`NAMES`], as far as there are any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// The counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The [`Wish::birth`] of the request that began the session. It stays the same through all its ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth: Option<String>,
}

/// The names whose values every view shows. Reading the flash under `note` would remove it, so it is not among them.
pub const NAMES: [&str; 4] = ["a", "b", "c", "ticket"];

/// The name of the flash.
pub const NOTE: &str = "note";

/// A line of a recorded history.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Run(Run),
    Strike(Strike),
    Request(Box<Request>),
}

impl History {
    /// Writes the history to a file, and the folders above it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = io::BufWriter::new(fs::File::create(path)?);
        let run = Line::Run(self.run.clone());
        let strikes = self.strikes.iter().cloned().map(Line::Strike);
        let requests = self.requests.iter().cloned().map(|request| Line::Request(Box::new(request)));
        for line in std::iter::once(run).chain(strikes).chain(requests) {
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    }

    /// Reads a history that was written.
    ///
    /// # Errors
    /// The file cannot be read, or is no history.
    pub fn read(path: &Path) -> io::Result<Self> {
        let (mut run, mut strikes, mut requests) = (None, Vec::new(), Vec::new());
        for line in fs::read_to_string(path)?.lines() {
            match serde_json::from_str(line)? {
                Line::Run(found) => run = Some(found),
                Line::Strike(strike) => strikes.push(strike),
                Line::Request(request) => requests.push(*request),
            }
        }
        let run = run.ok_or_else(|| io::Error::other("it says nothing of the run"))?;
        Ok(Self { run, strikes, requests })
    }
}

impl Request {
    /// The session as it was loaded, if the app said so.
    pub fn before(&self) -> Option<&View> {
        self.answer.as_ref()?.before.as_ref()
    }

    /// The session after the handler's own commit, if there was one.
    pub fn after(&self) -> Option<&View> {
        self.answer.as_ref()?.after.as_ref()
    }

    /// The cookie that the answer sets.
    pub fn issued(&self) -> Option<CookieNumber> {
        self.cookies.iter().find_map(|cookie| match cookie {
            SetCookie::Issued(number) => Some(*number),
            SetCookie::Removed => None,
        })
    }

    /// The request in one line, for people.
    pub fn line(&self) -> String {
        let whose = if self.stray { "somebody with an old cookie of browser" } else { "browser" };
        let sent = self.sent.map_or_else(|| "no cookie".to_owned(), |cookie| format!("cookie {cookie}"));
        let cookies = self.cookies.iter().map(|cookie| match cookie {
            SetCookie::Issued(number) => format!(", sets cookie {number}"),
            SetCookie::Removed => ", removes the cookie".to_owned(),
        });
        format!(
            "#{} {:.3}-{:.3} s, {whose} {} on {} with {sent}: {} -> {}{}{}",
            self.number,
            seconds(self.start),
            seconds(self.end),
            self.browser,
            self.face,
            json(&self.wish),
            json(&self.outcome),
            self.answer.as_ref().map(|answer| format!(" {}", json(answer))).unwrap_or_default(),
            cookies.collect::<String>(),
        )
    }
}

/// Its JSON, for people.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

impl Strike {
    /// The strike in one line, for people.
    pub fn line(&self) -> String {
        let loses = if self.loses_writes { ", which may lose acknowledged writes" } else { "" };
        format!("{:.3}-{:.3} s, the fault {}{loses}", seconds(self.start), seconds(self.end), self.fault)
    }
}

impl Act {
    /// Its name in what a run prints.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Set { .. } => "set",
            Self::Remove { .. } => "remove",
            Self::Bump => "bump",
            Self::Take { .. } => "take",
            Self::Flash { .. } => "flash",
            Self::ReadFlash => "read_flash",
            Self::Rotate { .. } => "rotate",
            Self::Renew { .. } => "renew",
            Self::Own { .. } => "own",
            Self::Destroy => "destroy",
            Self::Revoke { .. } => "revoke",
            Self::Fail { .. } => "fail",
        }
    }

    /// The name and the value that it writes.
    pub fn write(&self) -> Option<(&str, &str)> {
        match self {
            Self::Set { name, value }
            | Self::Rotate { name, value }
            | Self::Renew { name, value }
            | Self::Own { name, value, .. }
            | Self::Fail { name, value } => Some((name, value)),
            Self::Flash { value } => Some((NOTE, value)),
            _ => None,
        }
    }
}

/// Seconds, for people.
#[expect(clippy::cast_precision_loss, reason = "a run lasts minutes")]
pub fn seconds(micros: Micros) -> f64 {
    micros as f64 / 1e6
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

//! The recording of a run: every request with its outcome, and every injection of a fault. One JSON
//! object per line.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

/// Microseconds since the run began.
pub type Micros = u64;

/// A cookie, numbered in the order in which the run's browsers got them. The id itself is never
/// recorded.
pub type CookieNumber = u32;

/// The recording of a run. The checker sees nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The parameters of a run.
    pub run: Run,
    /// The injections of faults.
    pub injections: Vec<Injection>,
    /// The requests, in the order in which they ended.
    pub requests: Vec<RecordedRequest>,
}

/// The parameters of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The backend's name.
    pub backend: String,
    /// The seed of the requests, the faults and their times.
    pub seed: u64,
    /// Minimum time of injections, in seconds.
    pub seconds: u64,
    /// The faults that took part.
    pub faults: Vec<String>,
    /// Deadline of a request without a pause of its own.
    pub deadline: Micros,
    /// Grace period of a renewed id.
    pub grace: Micros,
}

/// One injection of a fault: from before it was injected until after it was healed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// The fault's name.
    pub fault: String,
    /// When it began.
    pub start: Micros,
    /// When the backend was usable again.
    pub end: Micros,
    /// Whether acknowledged writes from before its end may be lost.
    pub loses_writes: bool,
}

/// A request and its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// Its number.
    pub number: u32,
    /// The browser that sent it.
    pub browser: u32,
    /// The part of the run.
    pub part: Part,
    /// The instance of an app that it went to.
    pub face: String,
    /// What it asks for.
    pub wish: Wish,
    /// Another client sent an old cookie of this browser: the answer does not reach the browser's
    /// jar.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stray: bool,
    /// The cookie that it sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<CookieNumber>,
    /// When it was sent.
    pub start: Micros,
    /// When its answer had arrived, or the client stopped waiting.
    pub end: Micros,
    /// Its outcome.
    pub outcome: Outcome,
    /// Every Set-Cookie for the session's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<SetCookie>,
    /// The app's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

impl RecordedRequest {
    /// It was served, or failed as its handler intended.
    pub fn is_fine(&self) -> bool {
        matches!(self.outcome, Outcome::Ok | Outcome::RolledBack)
    }

    /// It failed because the store's answer took too long.
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
    /// During the injections.
    Storm,
    /// After the last fault, until an instance works again.
    Probe,
    /// All instances work again, so every request must succeed.
    Calm,
}

/// What a request asks an app to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The change of the session.
    #[serde(flatten)]
    pub act: Act,
    /// The pause of the handler between load and change, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pause: u64,
    /// The handler commits and reports the session afterwards.
    #[serde(default, skip_serializing_if = "is_false")]
    pub early: bool,
    /// The value that identifies a session begun by this request: it is stored under `birth` unless
    /// a value is stored there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub birth: String,
}

/// A change of a session. Each value is written only once in a run.
#[expect(missing_docs, reason = "the fields are what the variants' lines say")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// No change. The session is read, as by every act.
    Read,
    /// Sets a value.
    Set { name: String, value: String },
    /// Removes a value.
    Remove { name: String },
    /// Increments the counter with an `update`.
    Bump,
    /// Takes a value.
    Take { name: String },
    /// Sets the flash value `note`.
    Flash { value: String },
    /// Reads the flash value `note`.
    ReadFlash,
    /// Logs in: a new id, and a value.
    Rotate { name: String, value: String },
    /// Renews the id at equal privilege, and sets a value.
    Renew { name: String, value: String },
    /// Sets the owner, and a value.
    Own { owner: String, name: String, value: String },
    /// Logs out.
    Destroy,
    /// Revokes all sessions of an owner, outside of a session.
    Revoke { owner: String },
    /// Sets a value, then the handler answers 500.
    Fail { name: String, value: String },
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Success.
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
    /// Anything else, which must not happen: the status, or the error.
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

/// An answer of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The stable code of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The message of the store's client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The session as it was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<View>,
    /// The session after the handler's own commit, or after a take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<View>,
    /// The value that was taken, or read as a flash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
}

/// A session as a handler sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Whether a session exists.
    pub live: bool,
    /// Its public name, which opens nothing; a rotation changes it, a renewal does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The existing values of the names in [`NAMES`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// The counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The [`Wish::birth`] of the request that began the session. It stays the same through all its
    /// ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth: Option<String>,
}

/// The names of all values that every view shows. Reading the flash value `note` would remove it,
/// so it is not among them.
pub const NAMES: [&str; 4] = ["a", "b", "c", "ticket"];

/// The name of the flash.
pub const NOTE: &str = "note";

/// A line of a recorded history.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HistoryLine {
    Run(Run),
    Injection(Injection),
    Request(Box<RecordedRequest>),
}

impl History {
    /// Writes the history to a file, and creates its folders.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = io::BufWriter::new(fs::File::create(path)?);
        let run = HistoryLine::Run(self.run.clone());
        let injections = self.injections.iter().cloned().map(HistoryLine::Injection);
        let requests = self.requests.iter().cloned().map(|request| HistoryLine::Request(Box::new(request)));
        for line in std::iter::once(run).chain(injections).chain(requests) {
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    }

    /// Reads a history file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a history.
    pub fn read(path: &Path) -> io::Result<Self> {
        let (mut run, mut injections, mut requests) = (None, Vec::new(), Vec::new());
        for line in fs::read_to_string(path)?.lines() {
            match serde_json::from_str(line)? {
                HistoryLine::Run(found) => run = Some(found),
                HistoryLine::Injection(injection) => injections.push(injection),
                HistoryLine::Request(request) => requests.push(*request),
            }
        }
        let run = run.ok_or_else(|| io::Error::other("it has no line about the run"))?;
        Ok(Self { run, injections, requests })
    }
}

impl RecordedRequest {
    /// The session as loaded, if the app reported it.
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

    /// The request in one readable line.
    pub fn line(&self) -> String {
        let sender = if self.stray { "another client with an old cookie of browser" } else { "browser" };
        let sent = self.sent.map_or_else(|| "no cookie".to_owned(), |cookie| format!("cookie {cookie}"));
        let cookies = self.cookies.iter().map(|cookie| match cookie {
            SetCookie::Issued(number) => format!(", sets cookie {number}"),
            SetCookie::Removed => ", removes the cookie".to_owned(),
        });
        format!(
            "#{} {:.3}-{:.3} s, {sender} {} on {} with {sent}: {} -> {}{}{}",
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

/// Its JSON, for display.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

impl Injection {
    /// The injection in one readable line.
    pub fn line(&self) -> String {
        let loses = if self.loses_writes { ", which may lose acknowledged writes" } else { "" };
        format!("{:.3}-{:.3} s, the fault {}{loses}", seconds(self.start), seconds(self.end), self.fault)
    }
}

impl Act {
    /// Its name in the output of a run.
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

/// Seconds, for display.
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

//! What an answer says of its request: whether that failed, and whether anything can be added to the answer's head.

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The request failed: of its changes only the end of a session is carried out.
    pub failed: bool,
    /// The answer ends HTTP, such as 101: nothing can be added to its head.
    pub upgrades: bool,
    /// The answer is an interim one, such as 103, which browsers and servers may drop: its head carries no cookie.
    pub interim: bool,
}

impl Outcome {
    /// Of an answer with this status; `None` if there is no answer, which is always a failure.
    ///
    /// Failed are 5xx, 408 (a timeout cut the handler off) and 499 (the client went away). An app may say otherwise:
    /// `commits_failed` that no request with an answer has failed, `said` what its own function says of this status.
    pub const fn of(status: Option<u16>, commits_failed: bool, said: Option<bool>) -> Self {
        let Some(status) = status else { return Self { failed: true, upgrades: false, interim: false } };
        let failed = match said {
            _ if commits_failed => false,
            Some(said) => said,
            None => status >= 500 || matches!(status, 408 | 499),
        };
        Self { failed, upgrades: status < 200, interim: status < 200 && status != 101 }
    }
}

//! A server process with its own folder. It ends when its value is dropped.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    ops::Range,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Longest time until a server listens or has stopped. It bounds a server that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// Pause between two checks.
const PAUSE: Duration = Duration::from_millis(10);

/// Attempts with another port, if another process has taken the port.
const TRIES: u32 = 5;
/// Ports below the range of ephemeral ports (which begins at 32768 on Linux, higher on other
/// systems).
const PORTS: Range<u16> = 10_000..32_768;

/// A free port of the loopback interface outside of the range of ephemeral ports. A server keeps it
/// while it is killed and restarted: no other process's connection can take it.
///
/// # Panics
/// There is no free port.
pub fn free_port() -> u16 {
    let draws = (0..1000).map(|_| RandomState::new().hash_one(()) % u64::from(PORTS.end - PORTS.start));
    let mut ports = draws.filter_map(|draw| PORTS.start.checked_add(u16::try_from(draw).ok()?));
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}

/// Starts a server on a free port. Tries another port if another process has taken it.
pub(crate) fn on_free_port<T>(mut start: impl FnMut(u16) -> io::Result<T>) -> io::Result<T> {
    let mut outcome = start(free_port());
    for _ in 1..TRIES {
        if outcome.is_ok() {
            break;
        }
        outcome = start(free_port());
    }
    outcome
}

/// Waits until all threads of a process that was sent SIGSTOP have stopped. They do not stop
/// immediately, and a running thread may answer.
pub(crate) fn wait_until_still(id: u32) -> io::Result<()> {
    let started = Instant::now();
    while !is_still(id)? {
        if started.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("process {id} does not stand still after {PATIENCE:?}")));
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Whether each thread of a process has stopped or ended.
fn is_still(id: u32) -> io::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread that has ended has no status.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { continue };
        // The name, in brackets, may contain any character.
        let state = stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
        if !matches!(state, Some('T' | 'Z' | 'X')) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A process that listens on a port of the loopback interface. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Option<Child>,
    port: u16,
}

impl Process {
    /// Starts `command` and waits until it listens on `port`. Its output goes to `log`.
    ///
    /// # Errors
    /// It can't be started, ends immediately, or does not listen within two minutes. The error has
    /// its output.
    pub fn start(command: &mut Command, port: u16, log: &Path) -> io::Result<Self> {
        let out = std::fs::File::options().create(true).append(true).open(log)?;
        let child = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).spawn()?;
        let mut process = Self { child: Some(child), port };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = process.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || started.elapsed() > PATIENCE {
                let printed = std::fs::read_to_string(log).unwrap_or_default();
                return Err(io::Error::other(format!("the server did not start ({ended:?}): {printed}")));
            }
            sleep(PAUSE);
        }
        Ok(process)
    }

    /// The port that it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id; `None` after it was killed.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it has ended for any reason.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Kills it (SIGKILL) and waits until it has ended.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It fails only if the process has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

//! A server as a process with a folder of its own, which ends with the value that stands for it.

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

/// How long a server may take until it listens, or until it is held still: a ceiling for what hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// How often another port is tried, if somebody else was quicker to take it.
const TRIES: u32 = 5;
/// Ports that the system gives to nobody who asks for any (Linux begins at 32768, others later).
const PORTS: Range<u16> = 10_000..32_768;

/// A port of the loopback interface that nobody listens on, and that the system gives to nobody: a server keeps it while it is
/// killed and started again, and no connection of somebody else can take it meanwhile.
///
/// # Panics
/// The machine has none left.
pub fn free_port() -> u16 {
    let draws = (0..1000).map(|_| RandomState::new().hash_one(()) % u64::from(PORTS.end - PORTS.start));
    let mut ports = draws.filter_map(|draw| PORTS.start.checked_add(u16::try_from(draw).ok()?));
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}

/// Starts something on a free port. Another port is tried if somebody else was quicker to take it.
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

/// Waits until a process that was sent SIGSTOP stands still: until each of its threads is stopped. The signal alone stops none
/// at once, and a thread that still runs may answer.
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

/// Whether each thread of a process is stopped, or has ended.
fn is_still(id: u32) -> io::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread that has ended meanwhile has no status.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { continue };
        // The name, in brackets, may hold anything.
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
    /// Starts `command` and waits until it listens on `port`. What it prints goes to `log`.
    ///
    /// # Errors
    /// It can't be started, ends at once, or does not listen within two minutes; the error says what it printed.
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

    /// The number of the process; `None` once it was killed.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it has ended, in whatever way.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Ends it as a crash does (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It fails only if the process has ended, which is what is wanted.
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

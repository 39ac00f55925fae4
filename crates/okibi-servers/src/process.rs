//! A server as a process with a folder of its own, which ends with the value that stands for it.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A port of the loopback interface that nobody listens on.
///
/// # Panics
/// The machine has none left.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("the port of a listener").port()
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
    /// It can't be started, ends at once, or does not listen within 30 seconds; the error says what it printed.
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

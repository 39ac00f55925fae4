//! A Postgres server for one test: a new cluster in its own folder, started, killed and restarted.

use std::{
    fs, io,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::mpsc::{Sender, channel},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Process,
    process::{PATIENCE, on_free_port, wait_until_still},
};

/// Pause between two checks.
const PAUSE: Duration = Duration::from_millis(10);
/// Debian installs the programs of each version here, outside of `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A Postgres server on a free port of the loopback interface. It asks for no password. Its
/// database and its superuser are both called `postgres`.
///
/// Postgres refuses to run as root; for root it runs as the user `postgres`. It ends when this is
/// dropped, and also when the process that started it ends in any other way.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    running: Option<Running>,
}

/// A running server, and the thread that started it: Linux ends the server when that thread ends.
#[derive(Debug)]
struct Running {
    process: Process,
    _starter: Sender<()>,
}

impl PostgresServer {
    /// Starts a server with settings for most tests: acknowledged writes survive a SIGKILL of the
    /// server, but not a crash of the machine (`fsync=off`).
    ///
    /// # Errors
    /// Postgres is not installed or does not start. The error has its output.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with these additional settings of postgresql.conf, for example `fsync=on` or
    /// `shared_preload_libraries=pg_stat_statements`.
    ///
    /// # Errors
    /// Postgres is not installed or does not start. The error has its output.
    pub fn start_with(settings: &[&str]) -> io::Result<Self> {
        let own = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        // Uses no folder that the machine shares.
        let own = own.into_iter().chain(["dynamic_shared_memory_type=mmap"]);
        let settings = own.chain(settings.iter().copied()).map(str::to_owned).collect();
        let folder = tempfile::Builder::new().prefix("okibi-postgres-").tempdir()?;
        let mut server = Self { programs: programs()?, folder, port: 0, settings, running: None };
        if is_root()? {
            let user = said(Command::new("id").args(["-u", "postgres"]))?;
            chown(server.folder.path(), Some(user.trim().parse().map_err(io::Error::other)?), None)?;
        }
        let mut initdb = server.as_postgres("initdb")?;
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]);
        said(initdb.arg(server.data()))?;
        on_free_port(|port| {
            server.port = port;
            server.restart()
        })?;
        Ok(server)
    }

    /// The URL: `postgres://postgres@127.0.0.1:<port>/postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The port. It stays the same over a restart.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The contents of the server's log.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn log(&self) -> io::Result<String> {
        fs::read_to_string(self.log_file())
    }

    /// The output of `psql` for these statements: one line for each row, columns separated by `|`.
    ///
    /// # Panics
    /// A statement fails. The panic has the error.
    pub fn psql(&self, sql: &str) -> String {
        self.try_psql(sql).expect("the statements run")
    }

    fn try_psql(&self, sql: &str) -> io::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.url()]);
        Ok(said(&mut psql)?.trim_end().to_owned())
    }

    /// Kills the server and all of its processes together with SIGKILL, as a machine without memory
    /// does.
    ///
    /// # Panics
    /// Its processes can't be found or killed.
    pub fn kill(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let Some(id) = running.process.id() else { return };
        // While it is stopped it starts no processes, and does not clean up after killed ones.
        signal("STOP", &[id]).and_then(|()| wait_until_still(id)).expect("the server can be stopped");
        let children = children(id).expect("the server's processes are listed in /proc");
        let all: Vec<u32> = children.iter().copied().chain([id]).collect();
        signal("KILL", &all).expect("the server's processes can be killed");
        running.process.kill();
        wait_until(|| children.iter().all(|child| !is_alive(*child))).expect("the server's processes end");
    }

    /// Starts it, also after a [`kill`](Self::kill), and waits until it serves. Port and data stay.
    ///
    /// # Errors
    /// It does not start. The error has its output.
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        let mut postgres = self.as_postgres("postgres")?;
        postgres.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        for setting in &self.settings {
            postgres.args(["-c", setting]);
        }
        let (port, log) = (self.port, self.log_file());
        let (report, reported) = channel();
        let (starter, end) = channel::<()>();
        thread::Builder::new().name("okibi-postgres".into()).spawn(move || {
            let process = Process::start(&mut postgres, port, &log);
            // It fails only if the receiver was dropped, and then the process ends here.
            if report.send(process).is_ok() {
                // Blocks until the sender is dropped. It sends nothing.
                let _ = end.recv();
            }
        })?;
        let process = reported.recv().map_err(io::Error::other)??;
        self.running = Some(Running { process, _starter: starter });
        self.wait_until_ready()?;
        // Another server on this port would answer too.
        let data = self.try_psql("SHOW data_directory")?;
        if Path::new(&data) == self.data() {
            Ok(())
        } else {
            Err(io::Error::other(format!("{data} is another server's")))
        }
    }

    /// Waits until it serves, also during the recovery from the end of one of its processes.
    ///
    /// # Errors
    /// It does not serve within two minutes.
    pub fn wait_until_ready(&self) -> io::Result<()> {
        wait_until(|| self.try_psql("SELECT 1").is_ok())
            .map_err(|error| io::Error::other(format!("{error}: {}", self.log().unwrap_or_default())))
    }

    /// Kills the process that serves one connection (`pg_backend_pid()`) with SIGKILL. The server
    /// then ends all other connections too and recovers;
    /// [`wait_until_ready`](Self::wait_until_ready) waits for that.
    ///
    /// # Errors
    /// It is not a process of this server.
    pub fn kill_backend(&self, backend: u32) -> io::Result<()> {
        let id = self.running.as_ref().and_then(|running| running.process.id());
        let backends = id.map(children).transpose()?.unwrap_or_default();
        if !backends.contains(&backend) {
            return Err(io::Error::other(format!("{backend} is not a process of this server: {backends:?}")));
        }
        signal("KILL", &[backend])
    }

    /// Ends one connection (`pg_backend_pid()`) with `pg_terminate_backend`, as an administrator
    /// does. Returns whether it existed.
    ///
    /// # Panics
    /// The query fails.
    pub fn terminate_backend(&self, backend: u32) -> bool {
        self.psql(&format!("SELECT pg_terminate_backend({backend}, 5000)")) == "t"
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The command of a program of Postgres, run as a user that it accepts. It ends when the thread
    /// that started it ends.
    fn as_postgres(&self, program: &str) -> io::Result<Command> {
        let mut command = Command::new("setpriv");
        if is_root()? {
            command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
        }
        command.args(["--pdeathsig", "QUIT"]).arg(self.programs.join(program)).current_dir(self.folder.path());
        Ok(command)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let id = self.running.as_ref().and_then(|running| running.process.id());
        // "Immediate shutdown" also releases the shared memory. A process that does not end is
        // killed.
        if let Some(id) = id
            && signal("QUIT", &[id]).is_ok()
        {
            let _ = wait_until(|| !is_alive(id));
        }
    }
}

/// The folder with the programs of the newest Postgres.
fn programs() -> io::Result<PathBuf> {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path());
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter(|path| path.join("bin/initdb").is_file()).max_by_key(number);
    if let Some(newest) = newest {
        return Ok(newest.join("bin"));
    }
    match said(Command::new("pg_config").arg("--bindir")) {
        Ok(folder) => Ok(PathBuf::from(folder.trim())),
        Err(_) => Err(io::Error::other("Postgres: not found; install the package postgresql")),
    }
}

fn is_root() -> io::Result<bool> {
    Ok(said(Command::new("id").arg("-u"))?.trim() == "0")
}

/// The output of a program. If it fails, an error with all of its output.
fn said(command: &mut Command) -> io::Result<String> {
    let Output { status, stdout, stderr } = command.output()?;
    let (out, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if status.success() {
        return Ok(out.into_owned());
    }
    Err(io::Error::other(format!("{}: {status}: {errors}{out}", command.get_program().display())))
}

/// Sends a signal. Ended processes are ignored if at least one still runs.
fn signal(name: &str, processes: &[u32]) -> io::Result<()> {
    let ids = processes.iter().map(u32::to_string);
    said(Command::new("sh").args(["-c", r#"kill -s "$@" 2>/dev/null || kill -0 "$2""#, "sh", name]).args(ids)).map(drop)
}

/// The child processes of a process.
fn children(parent: u32) -> io::Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if status_of(id).is_some_and(|(_, of)| of == parent) {
            children.push(id);
        }
    }
    Ok(children)
}

/// Whether a process runs. A zombie does not.
fn is_alive(id: u32) -> bool {
    status_of(id).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// A process' state and its parent.
fn status_of(id: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).ok()?;
    // The name, in brackets, may contain any character.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn wait_until(mut done: impl FnMut() -> bool) -> io::Result<()> {
    let started = Instant::now();
    while !done() {
        if started.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("it took more than {PATIENCE:?}")));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

//! A Postgres server of a test's own: a fresh cluster in a folder of its own, started, killed and started again.

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

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// Debian keeps the programs of each version here, outside of the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A Postgres server on a free port of the loopback interface, which trusts everybody. Its database and its superuser
/// are both called `postgres`.
///
/// Postgres refuses to run as root; for root it runs as the user `postgres`. It ends with this value, and also when the
/// process that started it ends in any other way.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    running: Option<Running>,
}

/// A server that runs, and the thread that started it: Linux ends the server when that thread ends.
#[derive(Debug)]
struct Running {
    process: Process,
    _starter: Sender<()>,
}

impl PostgresServer {
    /// Starts a server with the settings that suit most tests: what it acknowledges survives a SIGKILL of the server,
    /// because the operating system lives on, but not a crash of the machine (`fsync=off`).
    ///
    /// # Errors
    /// Postgres is not installed or does not start; the error says what it printed.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with these settings of postgresql.conf besides: `fsync=on`, say, or
    /// `shared_preload_libraries=pg_stat_statements`.
    ///
    /// # Errors
    /// Postgres is not installed or does not start; the error says what it printed.
    pub fn start_with(settings: &[&str]) -> io::Result<Self> {
        let own = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        // Nothing is to lie in folders that the machine shares.
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

    /// Where a client finds it: `postgres://postgres@127.0.0.1:<port>/postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The port, which stays the same over a restart.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What the server has written to its log.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn log(&self) -> io::Result<String> {
        fs::read_to_string(self.log_file())
    }

    /// What `psql` prints for these statements: a line for each row, `|` between columns, nothing else.
    ///
    /// # Panics
    /// A statement fails; the panic says how.
    pub fn psql(&self, sql: &str) -> String {
        self.try_psql(sql).expect("the statements are carried out")
    }

    fn try_psql(&self, sql: &str) -> io::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.url()]);
        Ok(said(&mut psql)?.trim_end().to_owned())
    }

    /// Kills the server and all of its processes at once with SIGKILL, as a machine that runs out of memory does.
    ///
    /// # Panics
    /// Its processes can't be found or killed.
    pub fn kill(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let Some(id) = running.process.id() else { return };
        // While it is stopped it starts no more processes, and does not clear up after those that are killed.
        signal("STOP", &[id]).and_then(|()| wait_until_still(id)).expect("the server can be stopped");
        let children = children(id).expect("the server's processes are listed in /proc");
        let all: Vec<u32> = children.iter().copied().chain([id]).collect();
        signal("KILL", &all).expect("the server's processes can be killed");
        running.process.kill();
        wait_until(|| children.iter().all(|child| !is_alive(*child))).expect("the server's processes end");
    }

    /// Starts it, again after a [`kill`](Self::kill), and waits until it serves. It keeps port and data.
    ///
    /// # Errors
    /// It does not start; the error says what it printed.
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
            // It fails only if nobody waits, and then the process ends here.
            if report.send(process).is_ok() {
                // Until the other end is dropped, which never says anything.
                let _ = end.recv();
            }
        })?;
        let process = reported.recv().map_err(io::Error::other)??;
        self.running = Some(Running { process, _starter: starter });
        self.wait_until_ready()?;
        // Somebody else's server on this port would answer too.
        let data = self.try_psql("SHOW data_directory")?;
        if Path::new(&data) == self.data() {
            Ok(())
        } else {
            Err(io::Error::other(format!("{data} is another server's")))
        }
    }

    /// Waits until it serves, also while it recovers from the death of one of its processes.
    ///
    /// # Errors
    /// It does not serve within two minutes.
    pub fn wait_until_ready(&self) -> io::Result<()> {
        wait_until(|| self.try_psql("SELECT 1").is_ok())
            .map_err(|error| io::Error::other(format!("{error}: {}", self.log().unwrap_or_default())))
    }

    /// Kills the process that serves one connection (`pg_backend_pid()`) with SIGKILL. The server then ends all other
    /// connections too and recovers; [`wait_until_ready`](Self::wait_until_ready) waits for that.
    ///
    /// # Errors
    /// It is no process of this server.
    pub fn kill_backend(&self, backend: u32) -> io::Result<()> {
        let id = self.running.as_ref().and_then(|running| running.process.id());
        let backends = id.map(children).transpose()?.unwrap_or_default();
        if !backends.contains(&backend) {
            return Err(io::Error::other(format!("{backend} is no process of this server: {backends:?}")));
        }
        signal("KILL", &[backend])
    }

    /// Ends one connection (`pg_backend_pid()`) as an administrator does, with `pg_terminate_backend`, and says whether
    /// there was one.
    ///
    /// # Panics
    /// The server can't be asked.
    pub fn terminate_backend(&self, backend: u32) -> bool {
        self.psql(&format!("SELECT pg_terminate_backend({backend}, 5000)")) == "t"
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// One of Postgres' programs, run as a user that it accepts, and ended when whoever started it ends.
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
        // "Immediate shutdown" also gives back the shared memory; what does not end by that is killed.
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

/// What a program prints; if it fails, an error with all that it printed.
fn said(command: &mut Command) -> io::Result<String> {
    let Output { status, stdout, stderr } = command.output()?;
    let (out, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if status.success() {
        return Ok(out.into_owned());
    }
    Err(io::Error::other(format!("{}: {status}: {errors}{out}", command.get_program().display())))
}

/// Sends a signal. Processes that have ended already do no harm as long as there is one that has not.
fn signal(name: &str, processes: &[u32]) -> io::Result<()> {
    let ids = processes.iter().map(u32::to_string);
    said(Command::new("sh").args(["-c", r#"kill -s "$@" 2>/dev/null || kill -0 "$2""#, "sh", name]).args(ids)).map(drop)
}

/// The processes that a process has started.
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

/// Whether a process runs. One that has ended and is not yet asked for its result does not.
fn is_alive(id: u32) -> bool {
    status_of(id).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// A process' state and its parent.
fn status_of(id: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).ok()?;
    // The name, in brackets, may hold anything.
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

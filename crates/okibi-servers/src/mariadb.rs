//! A `MariaDB` server for one test: new data in its own folder, started, killed and restarted.

use std::{
    env,
    ffi::OsString,
    fs, io,
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
/// The environment variable with the `mysqld` of a `MySQL` server to start instead of `MariaDB`.
const MYSQL: &str = "OKIBI_TEST_MYSQLD";
/// Keeps the files of a short-lived server small. Newer versions of `MySQL` do not have this
/// option.
const SMALL: [&str; 1] = ["--loose-innodb-log-file-size=10M"];
/// SQL that prepares a new server for tests.
const FIRST: &str = "CREATE DATABASE IF NOT EXISTS okibi;\nCREATE USER IF NOT EXISTS okibi@'%';\nGRANT ALL ON *.* TO okibi@'%' WITH GRANT OPTION;\n";

/// A `MariaDB` server on a free port of the loopback interface. Its database and its administrator
/// are both called `okibi`. There is no password.
///
/// It ends when this is dropped, and also when the process that started it ends in any other way.
/// If the environment variable `OKIBI_TEST_MYSQLD` names a `mysqld`, it is a `MySQL` server
/// instead.
#[derive(Debug)]
pub struct MariaDbServer {
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

impl MariaDbServer {
    /// Starts a server with settings for most tests: acknowledged writes survive a SIGKILL of the
    /// server, but not a crash of the machine (`innodb_flush_log_at_trx_commit=2`).
    ///
    /// # Errors
    /// `MariaDB` is not installed or does not start. The error has its output.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with these additional settings of my.cnf, for example
    /// `innodb_flush_log_at_trx_commit=1`.
    ///
    /// # Errors
    /// `MariaDB` is not installed or does not start. The error has its output.
    pub fn start_with(settings: &[&str]) -> io::Result<Self> {
        let own = ["bind-address=127.0.0.1", "skip-name-resolve", "innodb_flush_log_at_trx_commit=2"];
        let settings = own.iter().chain(settings).map(|setting| format!("--{setting}")).collect();
        let folder = tempfile::Builder::new().prefix("okibi-mariadb-").tempdir()?;
        let mut server = Self { folder, port: 0, settings, running: None };
        server.install()?;
        on_free_port(|port| {
            server.port = port;
            server.restart()
        })?;
        Ok(server)
    }

    /// The URL: `mysql://okibi@127.0.0.1:<port>/okibi`.
    pub fn url(&self) -> String {
        format!("mysql://okibi@127.0.0.1:{}/okibi", self.port)
    }

    /// The port. It stays the same over a restart.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server; `None` while it is killed.
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().and_then(|running| running.process.id())
    }

    /// The client's output for these statements: one line for each row, columns separated by tabs.
    ///
    /// # Panics
    /// A statement fails. The panic has the error.
    pub fn sql(&self, statements: &str) -> String {
        self.try_sql(statements).expect("the statements run")
    }

    /// The same. A failed statement is an error.
    ///
    /// # Errors
    /// A statement fails.
    pub fn try_sql(&self, statements: &str) -> io::Result<String> {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--host=127.0.0.1", "--user=okibi", "--batch", "--skip-column-names"]);
        client.arg(format!("--port={}", self.port)).args(["--execute", statements, "okibi"]);
        Ok(said(&mut client)?.trim_end_matches('\n').to_owned())
    }

    /// Kills the server (SIGKILL) and waits until it has ended.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Stops the whole server (SIGSTOP) and waits until it has stopped. Connections stay open and
    /// get no answer. A stopped server also ends when this is dropped.
    ///
    /// # Errors
    /// It does not run.
    pub fn stall(&self) -> io::Result<()> {
        let id = self.signal("STOP")?;
        wait_until_still(id)
    }

    /// Continues after a [`stall`](Self::stall).
    ///
    /// # Errors
    /// It does not run.
    pub fn go_on(&self) -> io::Result<()> {
        self.signal("CONT").map(drop)
    }

    fn signal(&self, name: &str) -> io::Result<u32> {
        let id = self.id().ok_or_else(|| io::Error::other("the server does not run"))?;
        said(Command::new("sh").args(["-c", r#"kill -s "$1" "$2""#, "sh", name, &id.to_string()]))?;
        Ok(id)
    }

    /// Starts it, also after a [`kill`](Self::kill), and waits until it serves. Port and data stay.
    ///
    /// # Errors
    /// It does not start. The error has its output.
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        let mut command = self.server();
        command.arg(format!("--port={}", self.port)).arg(self.option("--socket=", "socket"));
        command.arg(self.option("--pid-file=", "pid")).arg(self.option("--init-file=", "first.sql"));
        command.args(SMALL).args(&self.settings);
        let (port, log) = (self.port, self.folder.path().join("log"));
        let (report, reported) = channel();
        let (starter, end) = channel::<()>();
        thread::Builder::new().name("okibi-mariadb".into()).spawn(move || {
            let process = Process::start(&mut command, port, &log);
            // It fails only if the receiver was dropped, and then the process ends here.
            if report.send(process).is_ok() {
                // Blocks until the sender is dropped. It sends nothing.
                let _ = end.recv();
            }
        })?;
        let process = reported.recv().map_err(io::Error::other)??;
        self.running = Some(Running { process, _starter: starter });
        self.wait_until_ready()
    }

    /// It listens before it serves.
    fn wait_until_ready(&mut self) -> io::Result<()> {
        let started = Instant::now();
        let data = self.folder.path().join("data");
        loop {
            let answer = self.try_sql("SELECT @@datadir");
            // Another server on this port would answer too.
            if answer.as_ref().is_ok_and(|folder| Path::new(folder) == data) {
                return Ok(());
            }
            if self.running.as_mut().is_none_or(|running| running.process.has_ended()) || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(io::Error::other(format!("the server does not serve: {answer:?}: {log}")));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Creates the files of a new server.
    fn install(&self) -> io::Result<()> {
        fs::write(self.folder.path().join("first.sql"), FIRST)?;
        if mysql().is_some() {
            return said(self.server().arg("--initialize-insecure").args(SMALL)).map(drop);
        }
        let mut install = Command::new("mariadb-install-db");
        install.env("TMPDIR", self.folder.path());
        install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]);
        said(install.args(SMALL).arg(self.option("--datadir=", "data"))).map(drop)
    }

    /// The command of the server with its data. The server ends when the thread that started it
    /// ends.
    fn server(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program()).arg("--no-defaults");
        // It reads its messages and its plugins from here. It refuses root unless the option allows
        // it. A starting server deletes files in its temporary folder, also those of other
        // programs.
        command.env("TMPDIR", self.folder.path());
        command.current_dir(self.folder.path()).arg("--user=root").arg(self.option("--datadir=", "data"));
        if mysql().is_some() {
            // Options that would use folders and ports that the machine shares.
            command.args(["--secure-file-priv=", "--mysqlx=OFF"]);
        }
        command
    }

    /// An option with a path in the server's folder.
    fn option(&self, option: &str, name: &str) -> OsString {
        let mut text = OsString::from(option);
        text.push(self.folder.path().join(name));
        text
    }
}

/// The server's program. Debian installs it in a folder outside of the usual `PATH`.
fn program() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/mariadbd");
    mysql().unwrap_or_else(|| if debian.is_file() { debian } else { "mariadbd".into() })
}

/// The `mysqld` of the environment variable.
fn mysql() -> Option<PathBuf> {
    env::var_os(MYSQL).map(PathBuf::from)
}

/// The output of a program. If it fails, an error with all of its output.
fn said(command: &mut Command) -> io::Result<String> {
    let program = command.get_program().to_owned();
    let output = command.output().map_err(|error| {
        io::Error::other(format!(
            "{}: {error}; install the packages mariadb-server-core and mariadb-client-core",
            program.display()
        ))
    })?;
    let Output { status, stdout, stderr } = output;
    let (out, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if status.success() {
        return Ok(out.into_owned());
    }
    Err(io::Error::other(format!("{}: {status}: {errors}{out}", program.display())))
}

//! What is done to a SQLite file: somebody reads on and on, or the disk is full.

use std::{
    env, fs,
    io::{self, ErrorKind, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use rusqlite::Connection;
use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    backend::{BoxFuture, Failure, Fault},
    random::Random,
};

/// Set for a process that has its own view of the file system.
const APART: &str = "OKIBI_FAULTS_APART";
/// The size of the disk that a run has for itself. A run writes a few megabytes.
const DISK: &str = "size=64m";
/// How much is written at a time to fill it.
const CHUNK: usize = 256 * 1024;

/// Starts this program again with a view of the file system of its own, so that a small disk can be had, which nobody else
/// sees and which is gone with the process, however it ends. Returns if that is done already, or where the system does not
/// allow it.
///
/// Call it before anything else runs in this process.
pub fn go_apart() {
    if env::var_os(APART).is_some() {
        return;
    }
    let Some(unshare) = ways_apart().into_iter().find(|way| works(way)) else {
        println!("no fault `full`: this user may not have a small disk (see `unshare --mount`)");
        return;
    };
    let Ok(program) = env::current_exe() else { return };
    let error = command(&unshare).arg(program).args(env::args_os().skip(1)).env(APART, "1").exec();
    println!("no fault `full`: {error}");
}

/// For root, and for others where they may.
fn ways_apart() -> [Vec<&'static str>; 2] {
    [vec!["--mount"], vec!["--mount", "--map-root-user"]]
}

fn command(way: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(way).args(["--propagation", "private", "--"]);
    command
}

fn works(way: &[&str]) -> bool {
    // A folder that is there everywhere, as nobody but this command sees it.
    let mount = ["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", "/tmp"];
    command(way).args(mount).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A small disk over a folder. It is taken away, with all that lies on it, when this is dropped.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Puts a small disk over this folder, if this process may: see [`go_apart`].
    ///
    /// # Errors
    /// It may, and it does not work.
    pub fn over(folder: &Path) -> io::Result<Option<Self>> {
        if env::var_os(APART).is_none() {
            return Ok(None);
        }
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(folder).status()?;
        if done.success() { Ok(Some(Self(folder.to_owned()))) } else { Err(io::Error::other("mount: it failed")) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // If it fails, the disk goes with the process.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A reader that does not end keeps the write-ahead log from being taken back into the file, and then it is, all at once.
pub(super) struct SlowReader(pub(super) PathBuf);

impl Fault for SlowReader {
    fn name(&self) -> &'static str {
        "slow-reader"
    }

    fn strike<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let (path, span) = (self.0.clone(), random.millis(100..1500));
            let hold = move || -> rusqlite::Result<()> {
                let connection = Connection::open(path)?;
                connection.busy_timeout(std::time::Duration::from_secs(10))?;
                connection.execute_batch("BEGIN; SELECT count(*) FROM okibi_sessions")?;
                thread::sleep(span);
                connection.execute_batch("COMMIT")?;
                // How much of the log it could take back is no matter.
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            };
            Ok(spawn_blocking(hold).await??)
        })
    }
}

/// The disk is full (`SQLITE_FULL`): nothing can be written, until there is room again.
pub(super) struct Full(pub(super) PathBuf);

impl Fault for Full {
    fn name(&self) -> &'static str {
        "full"
    }

    fn strike<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let ballast = self.0.join("ballast");
            fill(&ballast)?;
            sleep(random.millis(200..1500)).await;
            fs::remove_file(&ballast)?;
            Ok(())
        })
    }
}

/// Writes until there is no room for another byte.
fn fill(path: &Path) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    let mut chunk = vec![b'x'; CHUNK];
    loop {
        match file.write(&chunk) {
            Ok(0) => return Err(io::Error::other("the disk takes nothing and does not say why")),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull && chunk.len() > 1 => chunk.truncate(chunk.len() / 2),
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

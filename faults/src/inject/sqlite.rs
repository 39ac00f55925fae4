//! Faults of a SQLite file: a reader that does not end, or a full disk.

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

/// Set in a process with its own mount namespace.
const APART: &str = "OKIBI_FAULTS_APART";
/// The size of the disk of a run. A run writes a few megabytes.
const DISK: &str = "size=64m";
/// Bytes per write when the disk is filled.
const CHUNK: usize = 256 * 1024;

/// Restarts this program in its own mount namespace, so that it can mount a small disk. No other
/// process sees the disk, and it disappears with the process. Returns if that is done already, or
/// if the system does not allow it.
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
    // A folder that exists everywhere. The mount is visible to this command only.
    let mount = ["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", "/tmp"];
    command(way).args(mount).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A small disk mounted over a folder. It is unmounted, with all of its files, when this is
/// dropped.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts a small disk over this folder, if this process may: see [`go_apart`].
    ///
    /// # Errors
    /// It may, and the mount fails.
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
        // If it fails, the disk disappears with the process.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A reader that does not end keeps the write-ahead log from being checkpointed. Then the whole log
/// is checkpointed in one step.
pub(super) struct SlowReader(pub(super) PathBuf);

impl Fault for SlowReader {
    fn name(&self) -> &'static str {
        "slow-reader"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let (path, span) = (self.0.clone(), random.millis(100..1500));
            let hold = move || -> rusqlite::Result<()> {
                let connection = Connection::open(path)?;
                connection.busy_timeout(std::time::Duration::from_secs(10))?;
                connection.execute_batch("BEGIN; SELECT count(*) FROM okibi_sessions")?;
                thread::sleep(span);
                connection.execute_batch("COMMIT")?;
                // The number of checkpointed pages is irrelevant.
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            };
            Ok(spawn_blocking(hold).await??)
        })
    }
}

/// The disk is full (`SQLITE_FULL`): no write succeeds until there is space.
pub(super) struct Full(pub(super) PathBuf);

impl Fault for Full {
    fn name(&self) -> &'static str {
        "full"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let ballast = self.0.join("ballast");
            fill(&ballast)?;
            sleep(random.millis(200..1500)).await;
            fs::remove_file(&ballast)?;
            Ok(())
        })
    }
}

/// Writes until the disk has no free byte.
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

//! `cargo xtask servers`: installs newer Redis and Valkey than the machine's own, for tests only,
//! in a separate folder.
//!
//! They are Debian packages of a newer suite, unpacked and not installed, with their own libraries
//! and loader. `crates/okibi-servers` and `packages/okibi/test/stores/servers.ts` look for them
//! there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::Mutex,
    thread,
    time::Duration,
};

use crate::run::{During, Failure, Outcome, fail, quietly, root};

/// A server, its program in the package, and the name under which that program acts as the server.
struct Server {
    name: &'static str,
    program: &'static str,
    called: &'static str,
}

/// Debian's packages make the server a link to the checker. The program acts according to the name
/// by which it is called.
const SERVERS: &[Server] = &[
    Server { name: "redis-8", program: "redis-check-rdb", called: "redis-server" },
    Server { name: "valkey", program: "valkey-check-rdb", called: "valkey-server" },
];

/// The suite of the packages (Debian 13), the packages, and their libraries.
const SUITE: &str = "trixie";
const PACKAGES: &[&str] = &[
    "redis-tools",
    "valkey-tools",
    "libatomic1",
    "libc6",
    "libcap2",
    "libgcc-s1",
    "libjemalloc2",
    "liblzf1",
    "libssl3t64",
    "libstdc++6",
    "libsystemd0",
    "libzstd1",
    "zlib1g",
];

/// The key that signs them.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Attempts of a download, and the pause after a failure.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(5);

/// The folder of the servers. It does not depend on cargo's target directory, so that tests find
/// it.
fn folder() -> PathBuf {
    root().join("target/servers")
}

/// Installs the servers unless they exist and run. Concurrent parts take turns.
pub(crate) fn fetch() -> Outcome {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    if SERVERS.iter().all(runs) {
        return Ok(());
    }
    println!("unpacking newer Redis and Valkey in target/servers");
    let mut outcome = unpack();
    for _ in 1..TRIES {
        if outcome.is_ok() {
            break;
        }
        thread::sleep(PAUSE);
        outcome = unpack();
    }
    outcome.map_err(|Failure(why)| Failure(format!("redis 8 and valkey: not to be had from {SUITE}: {why}")))?;
    match SERVERS.iter().find(|server| !runs(server)) {
        None => Ok(()),
        Some(server) => fail(format!("{}: was unpacked, but does not run", server.name)),
    }
}

fn runs(server: &Server) -> bool {
    let program = folder().join(server.name);
    program.is_file() && quietly(Command::new(program).arg("--version")).is_ok()
}

/// Downloads and unpacks in a temporary folder, and moves the result to its place.
fn unpack() -> Outcome {
    let work = folder().join(format!("unpacking-{}", process::id()));
    let outcome = unpack_in(&work);
    // A folder that stays does no harm.
    let _ = fs::remove_dir_all(&work);
    outcome
}

fn unpack_in(work: &Path) -> Outcome {
    for name in ["lists/partial", "cache/archives/partial", "packages", "root"] {
        fs::create_dir_all(work.join(name)).during(work.display())?;
    }
    let sources = work.join("sources.list");
    fs::write(&sources, format!("deb [signed-by={KEYS}] {} {SUITE} main\n", archive()?)).during(sources.display())?;
    quietly(apt_get(work).arg("update"))?;
    let packages = PACKAGES.iter().map(|package| format!("{package}/{SUITE}"));
    quietly(apt_get(work).arg("download").args(packages).current_dir(work.join("packages")))?;
    for package in fs::read_dir(work.join("packages")).during(work.display())? {
        let package = package.during(work.display())?.path();
        quietly(Command::new("dpkg-deb").arg("--extract").arg(package).arg(work.join("root")))?;
    }
    let place = folder().join(SUITE);
    if place.exists() {
        fs::remove_dir_all(&place).during(place.display())?;
    }
    fs::rename(work.join("root"), &place).during(place.display())?;
    SERVERS.iter().try_for_each(write_starter)
}

/// apt with its own folders, so that it neither reads nor changes the machine's.
fn apt_get(work: &Path) -> Command {
    let mut command = Command::new("apt-get");
    for (name, value) in [("sourcelist", "sources.list"), ("sourceparts", "none")] {
        command.arg(format!("-oDir::Etc::{name}={}", work.join(value).display()));
    }
    command.arg(format!("-oDir::State::lists={}", work.join("lists").display()));
    command.arg(format!("-oDir::Cache={}", work.join("cache").display()));
    command.args(["-oAPT::Sandbox::User=root", "-oAcquire::Languages=none", "-oAcquire::Retries=2", "-qq"]);
    command.arg("-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false");
    command
}

/// The machine's mirror of Debian: the first address in its sources that ends in `/debian`.
fn archive() -> Outcome<String> {
    let folder = Path::new("/etc/apt");
    let mut files = vec![folder.join("sources.list")];
    for entry in fs::read_dir(folder.join("sources.list.d")).during("the sources of apt")? {
        files.push(entry.during("the sources of apt")?.path());
    }
    files.retain(|file| file.extension().is_some_and(|kind| kind == "list" || kind == "sources"));
    files.sort();
    // A missing or unreadable file is not one of apt's.
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    match texts.into_iter().find_map(|text| archive_in(&text)) {
        Some(address) => Ok(address),
        None => fail("the sources of apt name no archive of Debian"),
    }
}

/// The first archive of Debian in a file of sources, in either format.
fn archive_in(sources: &str) -> Option<String> {
    let lines = sources.lines().map(str::trim).filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"));
    let mut words = lines.flat_map(str::split_whitespace);
    words.find(|word| word.contains("://") && word.trim_end_matches('/').ends_with("/debian")).map(str::to_owned)
}

/// A script that starts a server with its own loader and libraries. The script is replaced by the
/// server (`exec`), so killing it kills the server.
fn write_starter(server: &Server) -> Outcome {
    let Server { name, program, called } = server;
    let text = format!(
        "#!/bin/sh\nroot=$(dirname \"$(readlink -f \"$0\")\")/{SUITE}/usr\nset -- --argv0 {called} \"$root/bin/{program}\" \"$@\"\n\
         exec \"$root\"/lib*/ld-linux-*.so.? --library-path \"$(echo \"$root\"/lib/*-linux-gnu*)\" \"$@\"\n"
    );
    let path = folder().join(name);
    fs::write(&path, text).during(path.display())?;
    make_executable(&path)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).during(path.display())
}

/// Debian's packages do not run on this system, but the other tasks do.
#[cfg(not(unix))]
fn make_executable(path: &Path) -> Outcome {
    fail(format!("{}: a program for Linux", path.display()))
}

#[cfg(test)]
mod tests {
    use super::archive_in;

    #[test]
    fn archives_are_found_in_both_kinds_of_sources() {
        let newer = "Types: deb\n# http://old.example/debian\nURIs: http://a.example/debian-security http://b.example/debian/\nSuites: x\n";
        assert_eq!(archive_in(newer).as_deref(), Some("http://b.example/debian/"));
        let older = "# deb http://old.example/debian x main\ndeb [signed-by=/a/b] https://c.example/debian x main\n";
        assert_eq!(archive_in(older).as_deref(), Some("https://c.example/debian"));
        assert_eq!(archive_in("deb http://d.example/ubuntu x main\n"), None);
    }
}

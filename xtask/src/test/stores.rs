//! The TypeScript stores with real backends: Redis servers, workerd, Bun and Deno. Each test starts
//! its own.

use std::{fs, path::Path, process::Command};

use super::typescript;
use crate::{
    npm::{install, package},
    run::{Failure, Outcome, node, read, run},
    servers,
};

pub(super) fn need_redis() -> Outcome {
    match read(Command::new("redis-server").arg("--version")) {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure("redis-server: not found; install the package redis-server".to_owned())),
    }
}

pub(super) fn need_postgres() -> Outcome {
    // Debian installs the programs of each version outside of `PATH`.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let is_here = versions.map(|version| version.path().join("bin/initdb")).any(|program| program.is_file());
    if is_here || read(Command::new("pg_config").arg("--bindir")).is_ok() {
        return Ok(());
    }
    Err(Failure("Postgres: not found; install the package postgresql".to_owned()))
}

/// Redis 8 and Valkey. They are downloaded if missing.
pub(super) fn need_newer_redis() -> Outcome {
    servers::fetch()
}

pub(super) fn need_mariadb() -> Outcome {
    let is_here = Path::new("/usr/sbin/mariadbd").is_file() || read(Command::new("mariadbd").arg("--version")).is_ok();
    if is_here && read(Command::new("mariadb").arg("--version")).is_ok() {
        return Ok(());
    }
    Err(Failure("MariaDB: not found; install the packages mariadb-server-core and mariadb-client-core".to_owned()))
}

/// The proxy through which sealed sessions must pass.
pub(super) fn need_nginx() -> Outcome {
    if Path::new("/usr/sbin/nginx").is_file() || read(Command::new("nginx").arg("-v")).is_ok() {
        return Ok(());
    }
    Err(Failure("nginx: not found; install the package nginx".to_owned()))
}

/// Runs the tests of the stores, with the runtimes and the older clients that they use.
pub(super) fn real() -> Outcome {
    typescript::build()?;
    for folder in ["test/runtimes", "test/stores"] {
        install(&package().join(folder))?;
    }
    let mut command = node(&package());
    command.args(["node_modules/vitest/vitest.mjs", "run", "--config", "test/stores/vitest.config.ts"]);
    run(command.env("OKIBI_PROGRAMS", typescript::build_programs()?))
}

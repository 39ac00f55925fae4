//! The Postgres server for tests: it starts, ends in every way, restarts with its data, and leaves
//! no files.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use okibi_servers::PostgresServer;

/// Set for a test program that is started only to be killed.
const TO_BE_KILLED: &str = "OKIBI_TEST_TO_BE_KILLED";

fn until(mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_mins(2), "it did not happen");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_starts_dies_and_comes_back_with_what_it_acknowledged() {
    let mut server = PostgresServer::start_with(&["shared_preload_libraries=pg_stat_statements"]).unwrap();
    assert!(server.psql("SELECT version()").starts_with("PostgreSQL "));
    server.psql("CREATE EXTENSION pg_stat_statements; CREATE TABLE kept (n int)");
    for n in 0..3 {
        server.psql(&format!("INSERT INTO kept VALUES ({n})"));
        server.kill();
        assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err(), "it still listens");
        server.restart().unwrap();
    }
    assert_eq!(server.psql("SELECT n FROM kept ORDER BY n"), "0\n1\n2");
    assert_eq!(server.psql("SELECT count(*) > 0 FROM pg_stat_statements"), "t");
}

#[test]
fn a_process_of_it_can_be_killed_or_ended_and_it_goes_on() {
    let server = PostgresServer::start().unwrap();
    let backend = || server.psql("SELECT pg_backend_pid()").parse::<u32>().unwrap();
    assert!(!server.terminate_backend(backend()), "that connection has ended by itself");
    let refused = server.kill_backend(std::process::id()).unwrap_err();
    assert!(refused.to_string().contains("is not a process of this server"), "{refused}");

    let writer = server.psql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'").parse().unwrap();
    server.kill_backend(writer).unwrap();
    until(|| server.log().unwrap().contains("all server processes terminated"));
    server.wait_until_ready().unwrap();
    assert_eq!(server.psql("SELECT 1"), "1");
}

#[test]
fn it_leaves_no_process_and_no_folder_behind() {
    let server = PostgresServer::start().unwrap();
    let folder = server.psql("SHOW data_directory");
    let id = server.psql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
    assert!(Path::new("/proc").join(&id).exists());
    drop(server);
    assert!(!Path::new("/proc").join(&id).exists());
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_setting_that_postgres_refuses_is_an_error_that_says_so() {
    let error = PostgresServer::start_with(&["no_such_setting=1"]).unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

/// Starts a server, says which, and waits to be killed. It does nothing as a test of its own.
#[test]
fn child_that_starts_one() {
    if env::var_os(TO_BE_KILLED).is_none() {
        return;
    }
    let server = PostgresServer::start().unwrap();
    println!("data {}", server.psql("SHOW data_directory"));
    sleep(Duration::from_mins(10));
}

#[test]
fn it_ends_when_the_test_program_is_killed() {
    let program = env::current_exe().unwrap();
    let mut child = Command::new(program)
        .args(["--exact", "child_that_starts_one", "--nocapture"])
        .env(TO_BE_KILLED, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let data = lines.find_map(|line| line.split_once("data ").map(|(_, data)| data.to_owned())).unwrap();
    let lock = Path::new(&data).join("postmaster.pid");
    let id = std::fs::read_to_string(&lock).unwrap().lines().next().unwrap().to_owned();
    child.kill().unwrap();
    child.wait().unwrap();
    until(|| !Path::new("/proc").join(&id).exists());
    std::fs::remove_dir_all(Path::new(&data).parent().unwrap()).unwrap();
}

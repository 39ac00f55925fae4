//! The `MariaDB` server for tests: it starts, is killed, restarts with its data, and leaves no
//! files.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, net::TcpStream, path::Path};

use okibi_servers::MariaDbServer;

#[test]
fn it_starts_dies_and_comes_back_with_what_it_acknowledged() {
    let mut server = MariaDbServer::start().unwrap();
    server.sql("CREATE TABLE kept (n INT)");
    for n in 0..3 {
        server.sql(&format!("INSERT INTO kept VALUES ({n})"));
        server.kill();
        assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err(), "it still listens");
        server.restart().unwrap();
    }
    assert_eq!(server.sql("SELECT n, n + 1 FROM kept ORDER BY n"), "0\t1\n1\t2\n2\t3");
}

#[test]
fn it_leaves_no_process_and_no_folder_behind() {
    let server = MariaDbServer::start().unwrap();
    let folder = server.sql("SELECT @@datadir");
    let process = Path::new("/proc").join(server.id().unwrap().to_string());
    assert!(process.exists() && Path::new(&folder).exists());
    drop(server);
    assert!(!process.exists() && !Path::new(&folder).exists());
}

#[test]
fn a_setting_that_it_refuses_is_an_error_that_says_so() {
    let error = MariaDbServer::start_with(&["no_such_setting=1"]).unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn a_server_that_is_held_still_has_no_thread_that_runs_and_ends_all_the_same() {
    let server = MariaDbServer::start().unwrap();
    let process = Path::new("/proc").join(server.id().unwrap().to_string());
    for _ in 0..20 {
        server.sql("SELECT 1");
        server.stall().unwrap();
        for thread in fs::read_dir(process.join("task")).unwrap() {
            let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
            assert!(stat.rsplit_once(") ").unwrap().1.starts_with('T'), "{stat}");
        }
        server.go_on().unwrap();
    }
    assert_eq!(server.sql("SELECT 1"), "1");
    server.stall().unwrap();
    drop(server);
    assert!(!process.exists());
}

//! Start and end of the program: its arguments, its output, its exit codes.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{self, Child, Command, Output, Stdio},
};

fn program<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_okibi-example-axum"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A folder of the test's own. It is deleted at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = env::temp_dir().join(format!("okibi-example-axum-{test}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The program refuses to start, with one line that has these strings.
fn refused(arguments: &[&str], code: i32, says: &[&str]) {
    let Output { status, stdout, stderr } = program(arguments).output().unwrap();
    let line = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{arguments:?}: {line}");
    assert!(stdout.is_empty(), "{arguments:?}");
    assert_eq!(line.lines().count(), 1, "{line}");
    for text in says {
        assert!(line.contains(text), "{text} is missing in: {line}");
    }
}

#[test]
fn a_wrong_argument_is_named_with_its_value_and_the_fix() {
    let folder = Folder::new("arguments");
    let (missing, short) = (folder.file("missing"), folder.file("short"));
    fs::write(&short, "too short\n").unwrap();
    refused(&["--colour", "red"], 2, &["--colour", "README"]);
    refused(&["--store", "paper"], 2, &["--store paper", "sqlite or cookie"]);
    refused(&["--store"], 2, &["--store", "missing"]);
    refused(&[], 2, &["--database"]);
    refused(&["--store", "cookie"], 2, &["--secret-file"]);
    refused(&["--store", "cookie", "--secret-file", &missing], 2, &["--secret-file", &missing, "32 bytes"]);
    refused(&["--store", "cookie", "--secret-file", &short], 2, &["--secret-file", &short, "32 bytes"]);
    refused(&["--database", "x", "--listen", "here"], 2, &["--listen here", "127.0.0.1:3000"]);
    refused(&["--database", "x", "--other-port", "70000"], 2, &["--other-port 70000", "3001"]);
}

#[test]
fn an_error_of_the_system_is_named_too() {
    let folder = Folder::new("machine");
    let nowhere = folder.file("nowhere/sessions.sqlite");
    refused(&["--database", &nowhere], 1, &["--database", &nowhere, "folder"]);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let database = folder.file("sessions.sqlite");
    refused(&["--listen", &address, "--database", &database], 1, &["--listen", &address, "another port"]);
}

/// A running server and its address.
fn start(folder: &Folder) -> (Child, String) {
    let database = folder.file("sessions.sqlite");
    let mut server =
        program(["--listen", "127.0.0.1:0", "--database", &database, "--exit-with-stdin"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("axum listens on http://").unwrap().trim_end().to_owned();
    (server, address)
}

/// The server exits with 0 and no error output, although a browser keeps a connection open.
fn ends_when(test: &str, end: impl FnOnce(&mut Child)) {
    let folder = Folder::new(test);
    let (mut server, address) = start(&folder);
    let silent = TcpStream::connect(&address).unwrap();
    end(&mut server);
    assert_eq!(server.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(&address).is_err());
    let mut complaints = String::new();
    server.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!(complaints, "");
    drop(silent);
}

#[test]
fn it_ends_with_its_standard_input() {
    ends_when("stdin", |server| drop(server.stdin.take()));
}

#[test]
#[cfg(unix)]
fn it_ends_at_a_signal() {
    for signal in ["-INT", "-TERM"] {
        ends_when(&format!("signal{signal}"), |server| {
            assert!(Command::new("kill").args([signal, &server.id().to_string()]).status().unwrap().success());
        });
    }
}

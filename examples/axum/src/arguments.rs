//! The command line.

use std::{
    fmt::Display,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use okibi::Secrets;

/// The options of the server.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) listen: SocketAddr,
    pub(crate) other_port: Option<u16>,
    pub(crate) store: Store,
    pub(crate) exit_with_stdin: bool,
}

/// Where sessions are stored.
#[derive(Debug)]
pub(crate) enum Store {
    /// In this database.
    Sqlite(PathBuf),
    /// In the visitor's cookie, sealed with these secrets.
    Cookie(Secrets),
}

impl Arguments {
    /// Parses the arguments. The error is one line.
    pub(crate) fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 3000));
        let (mut other_port, mut database, mut secret_file) = (None, None, None);
        let mut store = "sqlite".to_owned();
        let mut exit_with_stdin = false;
        while let Some(name) = given.next() {
            let mut value =
                || given.next().ok_or_else(|| format!("{name}: its value is missing; write it after {name}"));
            match name.as_str() {
                "--listen" => listen = parsed(&name, &value()?, "an address and a port such as 127.0.0.1:3000")?,
                "--other-port" => other_port = Some(parsed(&name, &value()?, "a port such as 3001")?),
                "--store" => store = value()?,
                "--database" => database = Some(PathBuf::from(value()?)),
                "--secret-file" => secret_file = Some(PathBuf::from(value()?)),
                "--exit-with-stdin" => exit_with_stdin = true,
                _ => return Err(format!("{name}: unknown; examples/site/README.md lists the arguments")),
            }
        }
        let store = match store.as_str() {
            "sqlite" => Store::Sqlite(database.ok_or("--store sqlite: needs a file; add --database <file>")?),
            "cookie" => {
                let file = secret_file.ok_or("--store cookie: needs a secret; add --secret-file <file>")?;
                Store::Cookie(secrets(&file)?)
            }
            _ => return Err(format!("--store {store}: unknown; use sqlite or cookie")),
        };
        Ok(Self { listen, other_port, store, exit_with_stdin })
    }
}

fn parsed<T: FromStr<Err: Display>>(name: &str, value: &str, fix: &str) -> Result<T, String> {
    value.parse().map_err(|error| format!("{name} {value}: {error}; give {fix}"))
}

/// One secret a line. The first one seals, all of them open.
fn secrets(file: &Path) -> Result<Secrets, String> {
    let wrong = |error: &dyn Display| {
        format!("--secret-file {}: {error}; write one of at least 32 bytes into it", file.display())
    };
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    Secrets::new(text.lines().filter(|line| !line.is_empty())).map_err(|error| wrong(&error))
}

//! `cargo xtask demo`: the demo site on axum and on Hono, which share one session.

mod half;
mod secret;

use std::{
    env::consts::EXE_EXTENSION,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    thread,
};

use crate::{
    args::Args,
    npm::{build_package, install, need_node, package},
    run::{During, Outcome, cargo, fail, node, root, run as run_command, target},
    wasm::{self, Effort},
};

use half::Half;
pub(crate) use half::get;

/// The crate of the axum half; its program has the same name.
pub(crate) const AXUM_PACKAGE: &str = "okibi-example-axum";

/// The folder of the Hono half, and its parent folder, which has its packages.
const HONO_FOLDERS: [&str; 2] = [HONO_FOLDER, "examples"];
const HONO_FOLDER: &str = "examples/hono";

/// The store of the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Sqlite,
    Cookie,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Cookie => "cookie",
        }
    }
}

/// The options of the task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DemoOptions {
    store: Store,
    /// The axum half's port; the Hono half has the next.
    port: u16,
}

impl DemoOptions {
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        let store = match args.option("--store")?.as_deref() {
            None | Some("sqlite") => Store::Sqlite,
            Some("cookie") => Store::Cookie,
            Some(other) => return fail(format!("--store {other}: unknown, use sqlite or cookie")),
        };
        let port = args.number("--port")?.unwrap_or(3000);
        match u16::try_from(port).ok().filter(|port| (1..u16::MAX).contains(port)) {
            Some(port) => Ok(Self { store, port }),
            None => fail(format!("--port {port}: not a port with a free one after it")),
        }
    }

    fn axum_address(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn hono_address(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port + 1).into()
    }
}

/// Runs the demo until it is interrupted or a half ends.
pub(crate) fn run(options: DemoOptions) -> Outcome {
    need_free(options.axum_address())?;
    need_free(options.hono_address())?;
    let shared = Shared::prepare(options.store)?;

    // Concurrent: npm mostly waits for the network, and cargo mostly uses the processor.
    let packages = thread::spawn(install_packages);
    println!("building the axum half (a minute or two the first time)");
    run_command(cargo().args(["build", "--package", AXUM_PACKAGE]))?;
    let mut command = shared.arguments(Command::new(axum_program()?));
    if need_node().is_ok() {
        command.arg("--other-port").arg(options.hono_address().port().to_string());
    }
    let mut axum = Half::start("axum", &mut command, options.axum_address())?;
    axum.wait_until_it_serves()?;
    println!("\naxum half: http://localhost:{}\n", options.port);

    let packages = packages.join().unwrap_or_else(|_| fail("installing npm packages: the installer panicked"));
    let hono = packages.and_then(|()| start_hono(options, &shared));
    match hono {
        Ok(mut hono) => {
            print!("{}", guide(options, &shared));
            Half::watch(&mut [&mut axum, &mut hono])
        }
        Err(failure) => {
            println!("Hono half: NOT RUNNING: {failure}\n");
            println!("The axum half still serves at http://localhost:{}. Ctrl-C ends it.", options.port);
            Half::watch(&mut [&mut axum])
        }
    }
}

/// The path of the axum half's program after the build.
pub(crate) fn axum_program() -> Outcome<PathBuf> {
    Ok(target()?.join("debug").join(AXUM_PACKAGE).with_extension(EXE_EXTENSION))
}

/// Fails if the port is in use.
fn need_free(address: SocketAddr) -> Outcome {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => {
            let port = address.port();
            fail(format!("port {port} can't be used ({error}); end what listens there, or choose with --port N"))
        }
    }
}

/// Settings that both halves get.
struct Shared {
    store: Store,
    database: PathBuf,
    secret: PathBuf,
}

impl Shared {
    fn prepare(store: Store) -> Outcome<Self> {
        let folder = target()?.join("demo");
        std::fs::create_dir_all(&folder).during(folder.display())?;
        let secret = folder.join("secret");
        secret::ensure(&secret)?;
        Ok(Self { store, database: folder.join("sessions.sqlite"), secret })
    }

    fn arguments(&self, mut command: Command) -> Command {
        command.current_dir(root()).args(["--store", self.store.name()]);
        command.arg("--database").arg(&self.database).arg("--secret-file").arg(&self.secret);
        command
    }
}

fn install_packages() -> Outcome {
    need_node()?;
    install(&package())?;
    install_hono()
}

/// Installs the dependencies of the Hono half.
pub(crate) fn install_hono() -> Outcome {
    HONO_FOLDERS.iter().try_for_each(|folder| install(&root().join(folder)))
}

fn start_hono(options: DemoOptions, shared: &Shared) -> Outcome<Half> {
    println!("building the Hono half");
    wasm::build(Effort::Quick)?;
    build_package()?;
    let mut command = node(&root());
    command.arg(format!("{HONO_FOLDER}/main.mjs"));
    let mut command = shared.arguments(command);
    command.arg("--other-port").arg(options.axum_address().port().to_string());
    let mut hono = Half::start("Hono", &mut command, options.hono_address())?;
    hono.wait_until_it_serves()?;
    Ok(hono)
}

/// Instructions for the user, in a few lines.
fn guide(options: DemoOptions, shared: &Shared) -> String {
    let [axum, hono] = [options.port, options.port + 1].map(|port| format!("http://localhost:{port}"));
    let place = match options.store {
        Store::Sqlite => {
            let database = shared.database.strip_prefix(root()).unwrap_or(&shared.database);
            format!("Both keep their sessions in {}.", database.display())
        }
        Store::Cookie => "The session is the cookie itself, sealed; no server can end it before it expires.".to_owned(),
    };
    format!(
        "
  One session, two servers:

    axum  {axum}
    Hono  {hono}

  Log in at one (any e-mail address, the password is: correct), then open the other.
  Then log out at one, and reload the other. Each page shows what the engine did for it.

  {place}
  Use Chromium, Chrome, Edge or Firefox: Safari takes no Secure cookie from http://localhost.
  Ctrl-C ends both.

"
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::need_free;

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = taken.local_addr().unwrap();
        let failure = need_free(address).unwrap_err().0;
        assert!(failure.starts_with(&format!("port {} can't be used (", address.port())), "{failure}");
        assert!(failure.ends_with("choose with --port N"), "{failure}");
        drop(taken);
        need_free(address).unwrap();
    }
}

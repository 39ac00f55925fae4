//! The parts of the tests for examples, README, demo and browser.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::Range,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{runtimes, typescript};
use crate::{
    args::Args,
    demo,
    npm::{companions, install, need_node},
    pack,
    run::{During, Outcome, cargo, fail, npm, root, run},
    task::Task,
};

/// The example with a test in a separate part, because the test needs a browser.
const BROWSER_TEST: &str = "examples/browser-test";

/// Longest time until both halves of the demo answer, or have ended. They are built before.
const DEMO_PATIENCE: Duration = Duration::from_mins(2);

/// Ports for the demo in this test, below the range of ephemeral ports (which begins at 32768 on
/// Linux).
const DEMO_PORTS: Range<u16> = 10_000..32_000;

/// The tests of the examples.
pub(super) fn examples() -> Outcome {
    typescript::build()?;
    for folder in companions()? {
        let manifest = fs::read_to_string(folder.join("package.json")).during(folder.display())?;
        if manifest.contains("\"test\":") && folder != root().join(BROWSER_TEST) {
            install(&folder)?;
            run(npm(&folder).args(["run", "--silent", "test"]))?;
        }
    }
    Ok(())
}

/// The path of Chromium for the browser test (`examples/browser-test/browser.mjs`).
const BROWSERS: &[&str] = &[
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/snap/bin/chromium",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// Chromium at the path that the browser test uses.
pub(super) fn need_browser() -> Outcome {
    need_node()?;
    if env::var_os("OKIBI_CHROMIUM").is_some() || BROWSERS.iter().any(|path| Path::new(path).exists()) {
        return Ok(());
    }
    fail("chromium: not found; install it, or say where it is with OKIBI_CHROMIUM")
}

/// Both halves of the demo in a real browser.
pub(super) fn browser() -> Outcome {
    build_both_halves()?;
    install(&root().join(BROWSER_TEST))?;
    let mut command = npm(&root().join(BROWSER_TEST));
    run(command.env("OKIBI_AXUM_BIN", demo::axum_program()?).args(["run", "--silent", "test"]))
}

/// Every example in a real browser, with the packed package, as its README says.
pub(super) fn browser_examples() -> Outcome {
    let tarball = pack::once()?;
    runtimes::install_tools()?;
    install(&root().join(BROWSER_TEST))?;
    let mut command = npm(&root().join(BROWSER_TEST));
    run(command.env("OKIBI_TARBALL", tarball).args(["run", "--silent", "examples"]))
}

/// Every command in the documents exists. The demo starts, serves both halves, and leaves no
/// process.
pub(super) fn readme() -> Outcome {
    for name in ["README.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(name)).during(name)?;
        for (number, command) in commands(&text) {
            Task::parse(command).during(format!("{name}:{number}"))?;
        }
    }
    build_both_halves()?;
    demo_serves("sqlite")?;
    demo_serves("cookie")
}

/// Builds the demo first, so that a slow build does not count as a slow start.
fn build_both_halves() -> Outcome {
    typescript::build()?;
    run(cargo().args(["build", "--quiet", "--package", demo::AXUM_PACKAGE]))?;
    demo::install_hono()
}

/// The `cargo xtask …` lines in a document's code blocks, with their line numbers, without
/// comments.
fn commands(text: &str) -> Vec<(usize, Args)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code && let Some(rest) = line.strip_prefix("$ ").unwrap_or(line).strip_prefix("cargo xtask") {
            let rest = rest.split(" #").next().unwrap_or_default();
            let mut words = rest.split_whitespace().map(str::to_owned);
            if let Some(task) = words.next() {
                found.push((index + 1, Args::new(&task, words)));
            }
        }
    }
    found
}

/// Starts the demo as a user does, waits until both halves answer, kills it, and waits until both
/// have ended.
fn demo_serves(store: &str) -> Outcome {
    let program = env::current_exe().during("finding the task runner's own path")?;
    let addresses = free_addresses()?;
    let mut command = Command::new(program);
    command.args(["demo", "--store", store, "--port", &addresses[0].port().to_string()]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().during("starting the demo")?;
    let outcome = both_answer(&mut child, addresses);
    // SIGKILL: the task runner runs no more code.
    child.kill().during("ending the demo")?;
    child.wait().during("ending the demo")?;
    outcome?;
    both_gone(addresses)
}

/// Two consecutive addresses without a listener.
fn free_addresses() -> Outcome<[SocketAddr; 2]> {
    for _ in 0..1000 {
        let mut draw = [0; 2];
        getrandom::fill(&mut draw).during("drawing a port")?;
        let port = DEMO_PORTS.start + u16::from_le_bytes(draw) % (DEMO_PORTS.end - DEMO_PORTS.start);
        let addresses = [port, port + 1].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        if addresses.iter().all(|address| TcpListener::bind(address).is_ok()) {
            return Ok(addresses);
        }
    }
    fail("no two ports are free for the demo")
}

fn both_answer(child: &mut Child, addresses: [SocketAddr; 2]) -> Outcome {
    let Some(stdout) = child.stdout.take() else { return fail("the demo has no output") };
    let (lines, printed) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("   {line}");
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    let start = Instant::now();
    let mut missing: Vec<String> =
        addresses.iter().map(|address| format!("http://localhost:{}", address.port())).collect();
    while !missing.is_empty() {
        let left = DEMO_PATIENCE.saturating_sub(start.elapsed());
        match printed.recv_timeout(left) {
            Ok(line) => missing.retain(|address| !line.contains(address.as_str())),
            Err(_) => {
                return fail(format!("the demo did not print {} within {DEMO_PATIENCE:?}", missing.join(" and ")));
            }
        }
    }
    for address in addresses {
        demo::get(address).during(format!("GET http://{address}/"))?;
    }
    Ok(())
}

fn both_gone(addresses: [SocketAddr; 2]) -> Outcome {
    let start = Instant::now();
    while addresses.iter().any(|address| TcpStream::connect(address).is_ok()) {
        if start.elapsed() > DEMO_PATIENCE {
            return fail(format!("the demo was killed and a half of it still serves after {DEMO_PATIENCE:?}"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Task, commands};

    #[test]
    fn commands_are_read_from_code_blocks_only() {
        let text = "Run `cargo xtask nothing`.\n\n```sh\n$ cargo xtask demo --store cookie   # sealed\ncargo xtask\n```\ncargo xtask no\n";
        let mut found = commands(text);
        assert_eq!(found.len(), 1);
        let (line, args) = found.remove(0);
        assert_eq!((line, args.task()), (4, "demo"));
        Task::parse(args).unwrap();
    }
}

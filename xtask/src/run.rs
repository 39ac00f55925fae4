//! Runs other programs: one way to run a command, one type of failure, and the paths of the
//! project.

use std::{
    cell::RefCell,
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

/// Why a task failed, as a message for the user of the command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

/// The result of a task.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure that was printed already, so that its message stays the last line.
    pub(crate) fn said() -> Self {
        Self(String::new())
    }

    /// Whether there is a message to print.
    pub(crate) fn has_message(&self) -> bool {
        !self.0.is_empty()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails a task with a message.
pub(crate) fn fail<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Failure(message.into()))
}

/// Adds the context of an error.
pub(crate) trait During<T> {
    /// Turns the error into a [`Failure`] that starts with `what`.
    fn during(self, what: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: fmt::Display> During<T> for Result<T, E> {
    fn during(self, what: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}

/// The root of the repository, as cargo reports it at run time. The path at compile time is wrong
/// after the folder was moved.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().unwrap_or(&manifest).to_owned()
}

/// Cargo's target directory: the folder two above this program, for every configuration of the
/// machine.
pub(crate) fn target() -> Outcome<PathBuf> {
    let program = env::current_exe().during("finding the task runner's own path")?;
    match program.ancestors().nth(2) {
        Some(target) => Ok(target.to_owned()),
        None => fail(format!("{}: not inside a cargo target folder", program.display())),
    }
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// npm in a folder of the repository. It prints errors only.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder).env("npm_config_loglevel", "error").env("npm_config_fund", "false");
    command
}

/// Node in a folder of the repository.
pub(crate) fn node(folder: &Path) -> Command {
    let mut command = Command::new("node");
    command.current_dir(folder);
    command
}

thread_local! {
    /// The captured output of this thread's commands.
    static HELD: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a function and returns the output of its commands together with its result, so that
/// parallel parts do not mix their output.
pub(crate) fn holding_back<T>(work: impl FnOnce() -> T) -> (T, String) {
    HELD.set(Some(String::new()));
    let result = work();
    (result, HELD.take().unwrap_or_default())
}

/// Runs a command with the terminal as its output. A failure shows the command.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let during = format!("starting {}", shown(command));
    let status = if HELD.with_borrow(Option::is_some) {
        let output = command.stdin(Stdio::null()).output().during(during)?;
        HELD.with_borrow_mut(|held| {
            for text in [output.stdout, output.stderr] {
                held.get_or_insert_default().push_str(&String::from_utf8_lossy(&text));
            }
        });
        output.status
    } else {
        command.status().during(during)?
    };
    if status.success() { Ok(()) } else { fail(format!("{} ended with {status}", shown(command))) }
}

/// Runs a command and prints its output only if it fails.
pub(crate) fn quietly(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().during(format!("starting {}", shown(command)))?;
    if output.status.success() {
        return Ok(());
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    fail(format!("{} ended with {}\n{}", shown(command), output.status, text.trim_end()))
}

/// Runs a command and returns its output. Its errors go to the terminal.
pub(crate) fn read(command: &mut Command) -> Outcome<String> {
    let output = command.stderr(Stdio::inherit()).output().during(format!("starting {}", shown(command)))?;
    if !output.status.success() {
        return fail(format!("{} ended with {}", shown(command), output.status));
    }
    String::from_utf8(output.stdout).during(format!("output of {}", shown(command)))
}

/// Whether this is a continuous-integration run. Such a run skips nothing.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// The command as a user would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Writes a file and its folders. Leaves the file unchanged if it has the same bytes already. Whoever
/// reads it meanwhile gets the old bytes or the new ones.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Outcome {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).during(folder.display())?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", process::id()));
    let beside = PathBuf::from(name);
    fs::write(&beside, bytes).during(beside.display())?;
    fs::rename(&beside, path).during(path.display())
}

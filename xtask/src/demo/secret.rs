//! The secret with which both halves of the demo seal cookies. Created once per machine.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

use crate::{
    base64,
    run::{During, Outcome},
};

/// Creates a secret in the file. An existing one stays, so that cookies are valid after a restart.
pub(super) fn ensure(path: &Path) -> Outcome {
    if fs::read(path).is_ok_and(|text| text.len() >= 32) {
        return Ok(());
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).during("random bytes for the demo's secret")?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).during(path.display())?;
    file.write_all(base64::encode(&bytes).as_bytes()).during(path.display())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::ensure;

    #[test]
    fn a_secret_is_made_once() {
        let path = env::temp_dir().join(format!("okibi-demo-secret-{}", process::id()));
        ensure(&path).unwrap();
        let first = fs::read(&path).unwrap();
        assert_eq!(first.len(), 44);
        ensure(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        fs::write(&path, "short").unwrap();
        ensure(&path).unwrap();
        assert_ne!(fs::read(&path).unwrap(), first);
        fs::remove_file(&path).unwrap();
    }
}

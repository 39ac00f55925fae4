//! The fuzz targets: each takes any bytes and panics if okibi does what it must never do.
//!
//! To add one: write the function, name it in [`TARGETS`], add `fuzz_targets/<name>.rs` (one line, like its siblings)
//! with its `[[bin]]` in `Cargo.toml`, and put a few good inputs into `seeds/<name>/`.

use okibi_core::Id;

/// A fuzz target: panics on a finding.
pub type Target = fn(&[u8]);

/// Every target by the name of its file in `fuzz_targets`.
pub const TARGETS: &[(&str, Target)] = &[("id", id)];

/// Whatever is read as an id is spelled in exactly that way (S3: only canonical ids reach a store).
///
/// # Panics
/// If an id that was read is written differently.
pub fn id(input: &[u8]) {
    if let Some(id) = Id::parse(input) {
        assert_eq!(id.to_text().as_bytes(), input, "read an id that is not canonical");
    }
}

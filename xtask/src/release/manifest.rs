//! Reads a Cargo.toml as cargo writes it into a package: one key per line, inherited keys resolved.

use std::collections::BTreeMap;

/// A section's keys with their values: one value, or those of a list.
type Section = BTreeMap<String, Vec<String>>;

/// A crate's manifest.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    sections: BTreeMap<String, Section>,
}

/// A dependency on another crate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) name: String,
    /// The version requirement.
    pub(super) version: String,
    /// For its tests only.
    pub(super) dev: bool,
}

impl Manifest {
    pub(super) fn of(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut section = String::new();
        let mut list: Option<String> = None;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some(key) = &list {
                if line.starts_with(']') {
                    list = None;
                } else {
                    manifest.add(&section, key, quoted(line));
                }
            } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                name.trim_matches(['[', ']']).clone_into(&mut section);
                manifest.sections.entry(section.clone()).or_default();
            } else if let Some((key, value)) = line.split_once('=') {
                let (key, value) = (key.trim().trim_matches('"'), value.trim());
                manifest.add(&section, key, []);
                if value == "[" {
                    list = Some(key.to_owned());
                } else if value.starts_with(['[', '"', '{']) {
                    manifest.add(&section, key, quoted(value));
                } else {
                    manifest.add(&section, key, [value.to_owned()]);
                }
            }
        }
        manifest
    }

    fn add(&mut self, section: &str, key: &str, values: impl IntoIterator<Item = String>) {
        let section = self.sections.entry(section.to_owned()).or_default();
        section.entry(key.to_owned()).or_default().extend(values);
    }

    /// The single value of a key.
    pub(super) fn text(&self, section: &str, key: &str) -> Option<&str> {
        self.list(section, key).first().map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The values of a key; empty if the key is missing.
    pub(super) fn list(&self, section: &str, key: &str) -> &[String] {
        self.sections.get(section).and_then(|section| section.get(key)).map_or(&[], Vec::as_slice)
    }

    /// The crate's name.
    pub(super) fn name(&self) -> &str {
        self.text("package", "name").unwrap_or_default()
    }

    /// The feature names, except `default`.
    pub(super) fn features(&self) -> Vec<&str> {
        let section = self.sections.get("features").into_iter().flat_map(BTreeMap::keys);
        section.map(String::as_str).filter(|name| *name != "default").collect()
    }

    /// The dependencies on crates of this repository.
    pub(super) fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        for section in self.sections.keys() {
            let Some((table, name)) = section.rsplit_once('.') else { continue };
            let kind = table.rsplit('.').next().unwrap_or(table);
            if !kind.ends_with("dependencies") || !(name == "okibi" || name.starts_with("okibi-")) {
                continue;
            }
            let version = self.text(section, "version").unwrap_or_default().to_owned();
            needs.push(Need { name: name.to_owned(), version, dev: kind == "dev-dependencies" });
        }
        needs
    }
}

/// The strings in a line.
fn quoted(line: &str) -> Vec<String> {
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Manifest, Need};

    const TEXT: &str = "# Written by cargo.\n[package]\nname = \"okibi-store\"\nversion = \"0.1.0\"\nbuild = false\nkeywords = [\n    \
        \"session\",\n    \"cookie\",\n]\ncategories = [\"a\", \"b\"]\n[package.metadata.docs.rs]\nall-features = true\n[features]\n\
        default = [\"tokio\"]\ntokio = []\n[[test]]\nname = \"x\"\n[dependencies.okibi-core]\nversion = \"=0.1.0\"\n\
        [dependencies.bytes]\nversion = \"1\"\n[target.'cfg(unix)'.dev-dependencies.okibi-contract]\nversion = \"=0.2.0\"\n";

    #[test]
    fn what_cargo_writes_is_read() {
        let manifest = Manifest::of(TEXT);
        assert_eq!(manifest.name(), "okibi-store");
        assert_eq!(manifest.text("package", "build"), Some("false"));
        assert_eq!(manifest.list("package", "keywords"), ["session", "cookie"]);
        assert_eq!(manifest.list("package", "categories"), ["a", "b"]);
        assert_eq!(manifest.text("package.metadata.docs.rs", "all-features"), Some("true"));
        assert_eq!(manifest.text("package", "readme"), None);
        assert_eq!(manifest.features(), ["tokio"]);
        let need = |name: &str, version: &str, dev| Need { name: name.to_owned(), version: version.to_owned(), dev };
        assert_eq!(manifest.needs(), [need("okibi-core", "=0.1.0", false), need("okibi-contract", "=0.2.0", true)]);
    }
}

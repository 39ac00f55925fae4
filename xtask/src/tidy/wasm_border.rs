//! Rule: in the TypeScript package only `engine.ts` and the entry files use wasm, and faces and
//! stores do not import each other.

use super::source::{Finding, Repository, has_word, numbered};

const SOURCES: &str = "packages/okibi/src/";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &repository.files {
        let Some(name) = file.path.strip_prefix(SOURCES).filter(|_| file.language().is_some()) else { continue };
        let may_touch_wasm = name == "engine.ts" || name.starts_with("entry/") || name.ends_with(".d.wasm.ts");
        for (number, line) in numbered(&file.code()) {
            if !may_touch_wasm && touches_wasm(line) {
                let message = "only engine.ts and entry/ may touch wasm; ask the engine instead";
                findings.push(file.finding(number, "wasm-border", message));
            }
            if let Some(message) = imported(line).and_then(|path| crosses(name, path)) {
                findings.push(file.finding(number, "rooms", message));
            }
        }
    }
    findings
}

fn touches_wasm(line: &str) -> bool {
    has_word(line, "WebAssembly") || line.contains("wasm.generated") || line.contains(".wasm'")
}

/// The path in `from './x.js'`, `import './x.js'` and `import('./x.js')`.
fn imported(line: &str) -> Option<&str> {
    let (before, after) = line.split_once('\'')?;
    let imports = before.ends_with("from ") || before.ends_with("import ") || before.ends_with("import(");
    after.split_once('\'').map(|(path, _)| path).filter(|_| imports)
}

/// Why a file must not import a path, if it must not.
fn crosses(name: &str, path: &str) -> Option<&'static str> {
    const FACE: &[&str] = &["index", "middleware", "session", "guard", "engine"];
    let path_name = path.rsplit('/').next()?.split('.').next()?;
    let is_store = name.starts_with("stores/");
    let is_face = !name.contains('/') && FACE.contains(&name.split('.').next()?);
    if is_store && path.starts_with("../") && FACE.contains(&path_name) {
        Some("a store must not import the face; it knows bytes and keys only")
    } else if is_face && path.contains("/stores/") {
        Some("the face must not import a store; the app passes one in")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    #[test]
    fn the_engine_and_the_entries_touch_wasm() {
        let code = "import { wasm } from '../wasm.generated.js'\nnew WebAssembly.Module(bytes)\n";
        let good = [
            ("packages/okibi/src/engine.ts", code),
            ("packages/okibi/src/entry/default.ts", code),
            ("packages/okibi/src/okibi.d.wasm.ts", "declare const module: WebAssembly.Module\n"),
            ("packages/okibi/src/session.ts", "// WebAssembly is elsewhere\n"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
        let found = check(&Repository::of(&[("packages/okibi/src/session.ts", code)]));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn faces_and_stores_stay_apart() {
        let good = [
            ("packages/okibi/src/stores/memory.ts", "import type { Store } from '../store.js'\n"),
            ("packages/okibi/src/session.ts", "import { engine } from './engine.js'\n"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
        let bad = [
            ("packages/okibi/src/stores/memory.ts", "import { Session } from '../session.js'\n"),
            ("packages/okibi/src/index.ts", "export { memoryStore } from './stores/memory.js'\n"),
        ];
        let found = check(&Repository::of(&bad));
        assert_eq!(found.len(), 2);
        assert!(found[0].message.starts_with("a store must not import the face"));
        assert!(found[1].message.starts_with("the face must not import a store"));
    }
}

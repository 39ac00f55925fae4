//! Rule: a face compares no status with a number and no option with another; the core says what
//! they mean.

use super::source::{Finding, Repository, numbered};

const RULE: &str = "decisions";

const FACES: &[&str] = &["crates/okibi-tower/src/", "packages/okibi/src/"];
/// Clients of HTTP or of a store's protocol are not faces.
const OTHERS: &[&str] = &["packages/okibi/src/stores/", "packages/okibi/src/contract/"];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let is_face = |path: &str| {
        FACES.iter().any(|face| path.starts_with(face)) && !OTHERS.iter().any(|other| path.starts_with(other))
    };
    let files = repository.files.iter().filter(|file| is_face(&file.path) && !file.is_test());
    let of_file = |file: &super::File| -> Vec<Finding> {
        let source = file.bare();
        let findings = numbered(&source).filter_map(|(number, line)| {
            let what = if judges_status(line) {
                "a status is compared; ask `Outcome` of okibi-core what it means"
            } else if joins_options(line) {
                "an option is compared with another; give `Given` of okibi-core the rule"
            } else {
                return None;
            };
            Some(file.finding(number, RULE, what))
        });
        findings.collect()
    };
    files.flat_map(of_file).collect()
}

/// `status >= 500`, `answer.status === 503`, `== StatusCode::OK`, `.is_server_error()`.
fn judges_status(line: &str) -> bool {
    const RUST: [&str; 4] = ["== StatusCode::", "!= StatusCode::", ".is_server_error()", ".is_client_error()"];
    let with_number = |start: &str| {
        line.match_indices(start).any(|(at, _)| {
            let rest = line.get(at + start.len()..).unwrap_or_default().trim_start();
            let number = rest.trim_start_matches(['=', '!', '<', '>']).trim_start();
            ["==", "!=", "<", ">"].iter().any(|operator| rest.starts_with(operator))
                && number.starts_with(|character: char| character.is_ascii_digit())
        })
    };
    RUST.iter().any(|pattern| line.contains(pattern)) || with_number("status") || with_number(".as_u16()")
}

/// `options.store !== undefined && options.secret !== undefined`, `(store === undefined) ===
/// (secret === undefined)`.
fn joins_options(line: &str) -> bool {
    let tests = line.matches("== undefined").count();
    tests > 1 && (line.matches("options.").count() > 1 || line.contains("== undefined) =="))
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    #[test]
    fn a_face_may_ask_and_a_store_may_look_at_its_answers() {
        let good = [
            ("packages/okibi/src/run-request.ts", "const status = done ? c.res.status : undefined // status > 500\n"),
            ("packages/okibi/src/guard.ts", "const { type = 'json', status = 401 } = options\n"),
            ("packages/okibi/src/stores/http.ts", "if (answer.status === 404) return undefined\n"),
            ("packages/okibi/src/options.ts", "as === undefined || options.cookie?.name !== undefined\n"),
            ("crates/okibi-tower/src/shared.rs", "Outcome::of(status.map(|status| status.as_u16()), false, None)\n"),
            ("crates/okibi-tower/tests/failed.rs", "assert!(answer.status == StatusCode::OK);\n"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
    }

    #[test]
    fn a_face_that_decides_is_found() {
        let bad = [
            ("packages/okibi/src/a.ts", "x\nif (c.res.status >= 500) return\n"),
            ("packages/okibi/src/b.ts", "if (options.store !== undefined && options.secret !== undefined) {\n"),
            ("packages/okibi/src/c.ts", "if ((store === undefined) === (secret === undefined)) {\n"),
            ("crates/okibi-tower/src/d.rs", "if response.status() == StatusCode::SWITCHING_PROTOCOLS {}\n"),
            ("crates/okibi-tower/src/e.rs", "if status.as_u16() < 200 {}\n"),
        ];
        let lines: Vec<_> = check(&Repository::of(&bad)).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 1, 1, 1, 1]);
    }
}

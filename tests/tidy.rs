//! The tree keeps the promises of its architecture: who may know whom, what files are called, how large they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Modules by tier, lowest first. A module may use those of its own tier and of tiers below.
const TIERS: &[(&str, &[&str])] = &[
    (
        "base",
        &[
            "source", "ty", "window", "diag", "error", "file", "notebook", "random", "real",
            "vecmath",
        ],
    ),
    ("core", &["spec", "layers", "program", "ir"]),
    ("stages", &["front", "passes", "plan"]),
    ("runtime", &["exec", "weights", "data", "train"]),
    ("driver", &["pipeline", "one_pass", "job"]),
    ("views", &["report"]),
    ("shells", &["cli", "serve", "main", "lib"]),
];

/// Uses upward that are meant: the user, what it uses, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "src/layers/executor.rs",
    "exec",
    "operations of layers use the executor's kernels and threads",
)];

/// Names that say nothing about what is inside.
const BANNED: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, by path relative to the repository, with their texts.
fn files(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name =
                    path.strip_prefix(root()).expect("inside").to_string_lossy().into_owned();
                found.insert(name, std::fs::read_to_string(&path).expect("readable text"));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no Rust file");
    found
}

/// The top module of a file in `src`.
fn module(path: &str) -> String {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs").to_owned()
}

fn tier(module: &str) -> Option<usize> {
    TIERS.iter().position(|(_, modules)| modules.contains(&module))
}

/// The lines of a file without its tests and comments, numbered from 1.
fn code(text: &str) -> Vec<(usize, &str)> {
    let mut lines = vec![];
    let mut all = text.lines().enumerate().peekable();
    while let Some((i, line)) = all.next() {
        let of_tests = line.trim_start().starts_with("#[cfg(test)]");
        match all.peek() {
            // The module of tests ends a file; of anything else that is for tests alone the rest follows the rules as well.
            Some((_, next)) if of_tests && next.starts_with("mod tests {") => break,
            _ if of_tests || line.trim_start().starts_with("//") => {}
            _ => lines.push((i + 1, line)),
        }
    }
    lines
}

fn is_test(path: &str) -> bool {
    ["/tests.rs", "_tests.rs", "/testing.rs", "/sample.rs"].iter().any(|end| path.ends_with(end))
}

/// Fails with all lines at once.
fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn modules_use_their_own_tier_and_those_below() {
    let mut wrong = vec![];
    for (path, text) in files("src").iter().filter(|(path, _)| !is_test(path)) {
        let own = module(path);
        let level = tier(&own).unwrap_or_else(|| panic!("{path}: `{own}` belongs to no tier"));
        for (number, line) in code(text) {
            for part in line.split("crate::").skip(1) {
                let used: String =
                    part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let excused = EXCEPTIONS.iter().any(|(from, to, _)| *from == path && *to == used);
                if tier(&used).is_some_and(|other| level < other) && !excused {
                    wrong.push(format!("{path}:{number}: {own} uses {used}"));
                }
            }
        }
    }
    none("uses of a higher tier", wrong);
}

#[test]
fn stages_do_not_know_each_other() {
    let (_, stages) = TIERS[2];
    let mut wrong = vec![];
    for (path, text) in files("src").iter().filter(|(path, _)| !is_test(path)) {
        let own = module(path);
        if !stages.contains(&own.as_str()) {
            continue;
        }
        for (number, line) in code(text) {
            let others = stages.iter().filter(|other| **other != own);
            for other in others.filter(|other| line.contains(&format!("crate::{other}"))) {
                wrong.push(format!("{path}:{number}: {own} uses {other}"));
            }
        }
    }
    none("stages that use each other", wrong);
}

/// Lines of code that hold a word, outside the modules that may.
fn only_in(allowed: &[&str], words: &[&str]) -> Vec<String> {
    let mut wrong = vec![];
    for (path, text) in files("src").iter().filter(|(path, _)| !is_test(path)) {
        if allowed.contains(&module(path).as_str()) {
            continue;
        }
        for (number, line) in code(text) {
            for word in words.iter().filter(|word| line.contains(*word)) {
                wrong.push(format!("{path}:{number}: {word}"));
            }
        }
    }
    wrong
}

#[test]
fn only_exec_names_candle() {
    none("candle outside exec", only_in(&["exec"], &["candle_core", "candle_nn", "cudarc"]));
}

#[test]
fn only_front_names_pest() {
    none("pest outside front", only_in(&["front"], &["pest::", "pest_derive"]));
}

#[test]
fn only_shells_print_or_exit() {
    let words = ["println!", "print!(", "eprintln!", "eprint!(", "process::exit", "dbg!"];
    none("output outside the shells", only_in(&["cli", "main"], &words));
}

/// Rust's own macros panic where the reader of a pipe has gone.
#[test]
fn one_file_prints() {
    let words = ["println!", "print!(", "eprintln!", "eprint!(", "io::stdout()", "io::stderr()"];
    let mut wrong = vec![];
    let all = files("src");
    for (path, text) in all.iter().filter(|(path, _)| !is_test(path) && *path != "src/cli/mod.rs") {
        for (number, line) in code(text) {
            if words.iter().any(|word| line.contains(word)) && !line.contains("is_terminal") {
                wrong.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    none("output that is not through cli::print, say or warn", wrong);
}

#[test]
fn every_file_says_what_it_is() {
    let all = ["src", "tests", "benches"].into_iter().flat_map(files);
    let silent = all.filter(|(_, text)| !text.starts_with("//!"));
    none("files without a first sentence", silent.map(|(path, _)| path).collect());
}

#[test]
fn names_mean_something() {
    let all = ["src", "tests", "benches"].into_iter().flat_map(files);
    let empty = all.map(|(path, _)| path).filter(|path| {
        let mut parts = Path::new(path).iter().map(|part| part.to_string_lossy().into_owned());
        parts.any(|part| BANNED.contains(&part.trim_end_matches(".rs")))
    });
    none("names that say nothing", empty.collect());
}

#[test]
fn no_file_is_long() {
    let long = files("src").into_iter().filter(|(_, text)| 600 < text.lines().count());
    let lines = long.map(|(path, text)| format!("{path}: {} lines", text.lines().count()));
    none("files of more than 600 lines", lines.collect());
}

//! Definitions with mistakes, each with the expected complaints as comments on the guilty lines:
//! `# error[E0202]: part of the message`. A file without such comments must pass without any complaint.
//!
//! A comment would change the meaning of some lines, such as one with an open string; then a line of its own says
//! `# line 3: error[E0104]: part of the message`. Files whose name begins with `solver` are solvers. `caffe/` holds the nets
//! that were given to Caffe 1.0, whose first line says whether it refused them.
//!
//! With `UPDATE_EXPECTED=1` in the environment the comments are written anew, for a reader of the difference to judge.

#[path = "diagnostics/slips.rs"]
mod slips;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cortado::diag::render::render;
use cortado::diag::{CODES, Diagnostic, Diagnostics};
use cortado::front::Request;
use cortado::front::caffe::solver::read_solver;
use cortado::pipeline::{self, Options};
use cortado::source::SourceMap;
use libtest_mimic::{Arguments, Failed, Trial};

/// Codes that no file of text alone brings about, or that other tests cover: Lua's, and what a run looks up on the disk.
const ELSEWHERE: &[&str] =
    &["E07", "E0901", "E0902", "W0606", "W0610", "W0627", "W0628", "W0631", "W0640", "W0805"];

fn main() {
    let files = fixtures();
    let mut trials: Vec<Trial> = files
        .iter()
        .map(|path| {
            let path = path.clone();
            let name = path.strip_prefix(folder()).unwrap_or(&path).with_extension("");
            Trial::test(name.to_string_lossy().into_owned(), move || run(&path))
        })
        .collect();
    trials.push(Trial::test("every_code_has_a_fixture", move || every_code(&files)));
    trials.push(Trial::test("slips", slips::one_complaint_says_what_to_write));
    trials.push(Trial::test("joined_blobs_tell_where_they_come_from", origins));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn fixtures() -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the fixtures are there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "prototxt" || e == "lua" || e == "py") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A complaint that a fixture announces.
#[derive(Debug)]
struct Expected {
    line: usize,
    code: String,
    fragment: String,
}

/// A line before and in its comment, which begins with `#` in prototxt and Python and with `--` in Lua.
fn comment(line: &str) -> Option<(&str, &str)> {
    line.rsplit_once("# ").or_else(|| line.rsplit_once("-- "))
}

/// The complaints that the comments of a text announce.
fn expected(text: &str) -> Vec<Expected> {
    let mut found = vec![];
    for (number, line) in text.lines().enumerate() {
        let Some((_, comment)) = comment(line) else { continue };
        let (at, rest) = match comment.strip_prefix("line ").and_then(|c| c.split_once(": ")) {
            Some((at, rest)) => (at.parse().unwrap_or(0), rest),
            None => (number + 1, comment),
        };
        let rest = rest.strip_prefix("error[").or(rest.strip_prefix("warning["));
        if let Some((code, fragment)) = rest.and_then(|rest| rest.split_once("]: ")) {
            found.push(Expected { line: at, code: code.into(), fragment: fragment.trim().into() });
        }
    }
    found
}

fn complaints(path: &Path, text: &str) -> (SourceMap, Diagnostics) {
    let solver = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("solver"));
    if !solver {
        // Images of 28 by 28 pixels in 10 classes, for definitions that are told so.
        let of_caffe = path.parent().is_some_and(|folder| folder.ends_with("pycaffe"));
        let is_told = path.extension().is_some_and(|e| e == "py") && !of_caffe;
        let (input_shape, classes) = (is_told.then(|| vec![28, 28, 1]), is_told.then_some(10));
        let request = Request { input_shape, classes, ..Request::default() };
        let options = Options { request, ..Options::default() };
        let checked = pipeline::check(path, text.to_owned(), &options);
        return (checked.sources, checked.diagnostics);
    }
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let file = sources.add(path, text);
    read_solver(file, text, &mut diagnostics);
    (sources, diagnostics)
}

/// The text without the comments that announce complaints.
fn stripped(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let kept = match comment(line) {
            Some((before, _)) if !expected(line).is_empty() => before.trim_end(),
            _ => line,
        };
        if line.is_empty() || !kept.is_empty() {
            out.push_str(kept);
            out.push('\n');
        }
    }
    out
}

/// The text with a comment for every complaint. Complaints about the grammar, where a comment could change the meaning of
/// the line, and all but the first of a line stand at the end.
fn annotated(path: &Path, text: &str) -> String {
    let text = stripped(text);
    let (sources, diagnostics) = complaints(path, &text);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut taken = BTreeSet::new();
    let mut last = vec![];
    let mark = if path.extension().is_some_and(|e| e == "lua") { "--" } else { "#" };
    for d in diagnostics.iter() {
        let severity = if d.code.id.starts_with('W') { "warning" } else { "error" };
        let comment = format!("{severity}[{}]: {}", d.code.id, d.message);
        let number = line(d, &sources);
        match lines.get_mut(number - 1) {
            Some(line) if !d.code.id.starts_with("E01") && taken.insert(number) => {
                line.push_str(&format!(" {mark} {comment}"));
            }
            _ => last.push(format!("{mark} line {number}: {comment}")),
        }
    }
    lines.extend(last);
    lines.join("\n") + "\n"
}

/// The line of a complaint's first place.
fn line(d: &Diagnostic, sources: &SourceMap) -> usize {
    d.span().map_or(1, |s| sources.file(s.file).line_column(s.start as usize).0)
}

fn run(path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(path, annotated(path, &text))?;
        return Ok(());
    }
    let (sources, diagnostics) = complaints(path, &text);
    let mut rest: Vec<&Diagnostic> = diagnostics.iter().collect();
    let mut wrong = vec![];
    for want in expected(&text) {
        let fits = |d: &&Diagnostic| {
            d.code.id == want.code
                && line(d, &sources) == want.line
                && d.message.contains(&want.fragment)
        };
        match rest.iter().position(fits) {
            Some(at) => drop(rest.remove(at)),
            None => wrong.push(format!("line {}: no {}: {}", want.line, want.code, want.fragment)),
        }
    }
    wrong.extend(
        rest.iter().map(|d| {
            format!("line {}: unexpected {}: {}", line(d, &sources), d.code.id, d.message)
        }),
    );
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n{}", wrong.join("\n"), render(&diagnostics, &sources, false)).into())
}

/// The places and the advice of complaints about blobs that differ, which the fixture's comments do not show.
fn origins() -> Result<(), Failed> {
    let path = folder().join("shapes/joined.prototxt");
    let text = std::fs::read_to_string(&path)?;
    let (sources, diagnostics) = complaints(&path, &text);
    let shown = render(&diagnostics, &sources, false);
    let wanted = [
        "`three` makes 12 x 12 of 14 x 14 here: a window of 3, a stride of 1, no padding",
        "`one` is 2 x 8 x 14 x 14, 14 x 14 as in `data`",
        "= help: a padding of 1 in `three` makes them equal",
        "`one` makes 8 of 3 here",
        "`wide` makes 4 of 3 here",
        "= help: `num_output: 4` in `one` makes them equal, or `num_output: 8` in `wide` makes them equal",
    ];
    match wanted.iter().find(|part| !shown.contains(**part)) {
        Some(part) => Err(format!("no {part:?} in\n{shown}").into()),
        None => Ok(()),
    }
}

fn every_code(files: &[PathBuf]) -> Result<(), Failed> {
    let mut seen = BTreeSet::new();
    for path in files {
        seen.extend(expected(&std::fs::read_to_string(path)?).into_iter().map(|want| want.code));
    }
    let missing: Vec<&str> = CODES
        .iter()
        .map(|code| code.id)
        .filter(|id| !ELSEWHERE.iter().any(|e| id.starts_with(e)) && !seen.contains(*id))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("codes without a fixture: {}", missing.join(", ")).into()),
    }
}

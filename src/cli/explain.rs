//! `cortado explain`: the paragraph behind the code of an error or warning.

use super::{first_sentence, print, terminal};
use crate::diag::nearest::meant;
use crate::diag::{CODES, Severity};
use crate::error::{Error, Result};
use crate::report::table::aligned;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A code such as E0202 or its name such as unknown-blob, or run-file for the keys of a run file; all codes if not given
    code: Option<String>,
}

/// All keys of a run file.
const RUN_FILE: &str = include_str!("../../docs/run_file.md");

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Some(asked) = &arguments.code else {
        let lines: Vec<Vec<String>> = CODES
            .iter()
            .map(|code| {
                vec![code.id.to_owned(), code.name.to_owned(), first_sentence(code.explanation)]
            })
            .collect();
        return print(&aligned(
            &[("code", false), ("name", false), ("means", false)],
            &lines,
            None,
        ));
    };
    if ["run-file", "run_file", "run.yaml"].contains(&asked.as_str()) {
        return print(RUN_FILE);
    }
    let named = |code: &&&crate::diag::Code| {
        code.id.eq_ignore_ascii_case(asked) || code.name.eq_ignore_ascii_case(asked)
    };
    let Some(code) = CODES.iter().find(named) else {
        let names = CODES.iter().flat_map(|code| [code.id, code.name]);
        let hint = meant(asked, names);
        let hint = hint.unwrap_or_else(|| "`cortado explain` lists all of them".into());
        return Err(Error::refused(format!("`{asked}` is no code; {hint}")));
    };
    let severity = match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let text = terminal::wrapped(&super::paragraphs(code.explanation));
    print(&format!("{severity} {}: {}\n\n{text}", code.id, code.name))
}

//! Turns diagnostics into JSON for programs: one object each, with places as lines, columns and bytes.

use std::borrow::Cow;

use super::{Diagnostic, Diagnostics, Label, Severity};
use crate::source::{SourceMap, Span};
use serde::Serialize;

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    name: &'a str,
    severity: &'a str,
    message: &'a str,
    labels: Vec<Remark<'a>>,
    notes: &'a [String],
    help: Option<Cow<'a, str>>,
    edit: Option<Replacement<'a>>,
    trace: Vec<Remark<'a>>,
}

/// Lines and columns count from 1, columns in characters; `end_*` are one past the last character.
/// Bytes count from 0.
#[derive(Serialize)]
struct Place {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    start_byte: u32,
    end_byte: u32,
}

#[derive(Serialize)]
struct Remark<'a> {
    #[serde(flatten)]
    place: Place,
    text: &'a str,
}

#[derive(Serialize)]
struct Replacement<'a> {
    #[serde(flatten)]
    place: Place,
    replacement: &'a str,
}

/// An array with one object for each diagnostic:
///
/// ```json
/// [{ "code": "E0101", "name": "syntax", "severity": "error", "message": "…",
///    "labels": [{ "file": "net.prototxt", "line": 3, "column": 5, "end_line": 3, "end_column": 9,
///                 "start_byte": 40, "end_byte": 44, "text": "…" }],
///    "notes": ["…"], "help": "…", "edit": { "file": …, "replacement": "…" }, "trace": [] }]
/// ```
///
/// The first label is the primary place. `help` and `edit` are null if there is none.
pub fn to_json(diagnostics: &Diagnostics, sources: &SourceMap) -> serde_json::Value {
    let entries: Vec<Entry> = diagnostics.iter().map(|d| entry(d, sources)).collect();
    // Strings, numbers and sequences of them cannot fail to be represented.
    serde_json::to_value(entries).unwrap_or_default()
}

fn entry<'a>(diagnostic: &'a Diagnostic, sources: &SourceMap) -> Entry<'a> {
    let remarks = |labels: &'a [Label]| {
        labels
            .iter()
            .map(|label| Remark { place: place(label.span, sources), text: &label.text })
            .collect()
    };
    let help = diagnostic.help.as_ref();
    let edit = help.and_then(|help| help.edit.as_ref());
    let edit = edit.filter(|edit| !sources.is_made(edit.span.file));
    Entry {
        code: diagnostic.code.id,
        name: diagnostic.code.name,
        severity: match diagnostic.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: &diagnostic.message,
        labels: remarks(&diagnostic.labels),
        notes: &diagnostic.notes,
        help: help.map(|help| match edit {
            None => help.with_replacement(),
            Some(_) => help.text.as_str().into(),
        }),
        edit: edit.map(|edit| Replacement {
            place: place(edit.span, sources),
            replacement: &edit.replacement,
        }),
        trace: remarks(&diagnostic.trace),
    }
}

fn place(span: Span, sources: &SourceMap) -> Place {
    let file = sources.file(span.file);
    let (line, column) = file.line_column(span.start as usize);
    let (end_line, end_column) = file.line_column(span.end as usize);
    Place {
        file: file.path.to_string_lossy().into_owned(),
        line,
        column,
        end_line,
        end_column,
        start_byte: span.start,
        end_byte: span.end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag;
    use serde_json::json;

    #[test]
    fn one_object_for_each_diagnostic() {
        let mut sources = SourceMap::default();
        let net = sources.add("net.prototxt", "é {\nb 3\n");
        let mut diagnostics = Diagnostics::default();
        let b = Span::new(net, 5, 6);
        let edited =
            Diagnostic::new(&diag::E0107, b, "no colon").here("x").edit("add", b.after(), ":");
        diagnostics.report(edited.note("fact"));
        diagnostics.report(Diagnostic::without_place(&diag::E0109, "deep"));
        let expected = json!([
            {
                "code": "E0107", "name": "missing-colon", "severity": "error", "message": "no colon",
                "labels": [{
                    "file": "net.prototxt", "line": 2, "column": 1, "end_line": 2, "end_column": 2,
                    "start_byte": 5, "end_byte": 6, "text": "x",
                }],
                "notes": ["fact"], "help": "add",
                "edit": {
                    "file": "net.prototxt", "line": 2, "column": 2, "end_line": 2, "end_column": 2,
                    "start_byte": 6, "end_byte": 6, "replacement": ":",
                },
                "trace": [],
            },
            {
                "code": "E0109", "name": "nesting-too-deep", "severity": "error", "message": "deep",
                "labels": [], "notes": [], "help": null, "edit": null, "trace": [],
            },
        ]);
        assert_eq!(to_json(&diagnostics, &sources), expected);
    }
}

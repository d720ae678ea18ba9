//! Turns diagnostics into text for people: the guilty lines with carets, notes, and the suggested edit as
//! a patch.

use super::excerpt::{Excerpt, Lead, near};
use super::{Diagnostic, Diagnostics, Edit, Label, Severity};
use crate::source::{FileId, SourceMap};
use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Patch, Renderer, Snippet,
};

/// Calls shown of a long trace.
const TRACE_LIMIT: usize = 8;
/// Lines of the longest edit that is shown as a patch.
const PATCH_LIMIT: usize = 40;
/// A place further to the right (in bytes) is shown without the blanks that stand for what is left of it.
const FAR: usize = 2000;

/// All diagnostics, one after the other with an empty line between, ending in a line break; the empty
/// text if there are none. `color` adds the escape sequences of a terminal.
pub fn render(diagnostics: &Diagnostics, sources: &SourceMap, color: bool) -> String {
    render_within(diagnostics, sources, color, 120)
}

/// The same for a terminal of so many columns.
pub fn render_within(
    diagnostics: &Diagnostics,
    sources: &SourceMap,
    color: bool,
    columns: usize,
) -> String {
    let renderer = if color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let renderer = renderer.term_width(columns);
    let all = diagnostics.iter().map(|d| renderer.render(&groups(d, sources)) + "\n");
    all.collect::<Vec<_>>().join("\n")
}

/// How many there are in one line without a line break: `2 errors, 1 warning`, or `no problems`.
pub fn summary(diagnostics: &Diagnostics) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity() == Severity::Error).count();
    let warnings = diagnostics.iter().count() - errors;
    let counts = [(errors, "error"), (warnings, "warning")];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| 0 < *count)
        .map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if parts.is_empty() { "no problems".to_string() } else { parts.join(", ") }
}

fn groups<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Vec<Group<'a>> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(visible(&diagnostic.message)).id(diagnostic.code.id);
    let mut primary = Group::with_title(title);
    for file in files(&diagnostic.labels) {
        let kind = |i: usize| match i {
            0 => AnnotationKind::Primary,
            _ => AnnotationKind::Context,
        };
        let labels = diagnostic.labels.iter().enumerate().map(|(i, label)| (kind(i), label));
        let own: Vec<_> = labels.filter(|(_, label)| label.span.file == file).collect();
        primary = primary.elements(snippet(file, &own, sources));
    }
    for note in &diagnostic.notes {
        primary = primary.element(Level::NOTE.message(visible(note)));
    }
    let mut patch = None;
    if let Some(help) = &diagnostic.help {
        match &help.edit {
            None => primary = primary.element(Level::HELP.message(visible(&help.text))),
            Some(edit) if sources.is_made(edit.span.file) => {
                primary = primary.element(Level::HELP.message(visible(&help.with_replacement())));
            }
            Some(edit) if PATCH_LIMIT < edit.replacement.lines().count() => {
                let text = format!(
                    "{}; the edit has {} lines and is part of the JSON output",
                    visible(&help.text),
                    edit.replacement.lines().count(),
                );
                primary = primary.element(Level::HELP.message(text));
            }
            Some(edit) => {
                let title = Level::HELP.secondary_title(visible(&help.text));
                patch = Some(Group::with_title(title).element(suggestion(edit, sources)));
            }
        }
    }
    let hidden = diagnostic.trace.len().saturating_sub(TRACE_LIMIT);
    if 0 < hidden {
        let note = format!("{hidden} more calls led here; the innermost {TRACE_LIMIT} are shown");
        primary = primary.element(Level::NOTE.message(note));
    }
    let mut groups = vec![primary];
    for call in diagnostic.trace.iter().take(TRACE_LIMIT) {
        if diagnostic.labels.first().is_some_and(|primary| primary.span == call.span) {
            continue;
        }
        let title = Level::NOTE.secondary_title(visible(&call.text));
        let place = Label { span: call.span, text: String::new() };
        let place = snippet(call.span.file, &[(AnnotationKind::Primary, &place)], sources);
        groups.push(Group::with_title(title).elements(place));
    }
    groups.extend(patch);
    groups
}

/// The files of some labels, that of the first label first.
fn files(labels: &[Label]) -> Vec<FileId> {
    let mut files: Vec<FileId> = vec![];
    for label in labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    files
}

/// The lines of one file with remarks under them. A remark too far to the side of the first one (in
/// the same very long line, usually) becomes a note.
fn snippet<'a>(
    file: FileId,
    labels: &[(AnnotationKind, &Label)],
    sources: &'a SourceMap,
) -> Vec<Element<'a>> {
    let source = sources.file(file);
    let ranges: Vec<_> = labels.iter().map(|(_, label)| label.span.range()).collect();
    let ranges = near(&source.text, &ranges);
    let shown: Vec<_> = ranges.iter().flatten().cloned().collect();
    let (line, column) = source.line_column(shown.first().map_or(0, |range| range.start));
    let lead = if FAR < column { Lead::Dots } else { Lead::Blanks };
    let excerpt = Excerpt::new(source, &shown, lead);
    let mut annotations: Vec<Annotation<'a>> = vec![];
    let mut far: Vec<Element<'a>> = vec![];
    for ((kind, label), range) in labels.iter().zip(ranges) {
        let Some(range) = range else {
            let note = format!("{} (at {})", visible(&label.text), sources.place(label.span));
            far.push(Level::NOTE.message(note).into());
            continue;
        };
        let annotation = kind.span(excerpt.range(source, range));
        annotations.push(match label.text.is_empty() {
            true => annotation,
            false => annotation.label(visible(&label.text)),
        });
    }
    let snippet =
        Snippet::source(excerpt.text).line_start(excerpt.first_line).annotations(annotations);
    let path = path(file, sources);
    let mut elements: Vec<Element<'a>> = match lead {
        Lead::Blanks => vec![snippet.path(path).into()],
        Lead::Dots => {
            vec![Origin::path(path).line(line).char_column(column).into(), snippet.into()]
        }
    };
    elements.extend(far);
    elements
}

/// The lines of an edit as they are before and after it.
fn suggestion<'a>(edit: &Edit, sources: &'a SourceMap) -> Element<'a> {
    let source = sources.file(edit.span.file);
    let excerpt = Excerpt::new(source, &[edit.span.range()], Lead::Dots);
    let patch = Patch::new(excerpt.range(source, edit.span.range()), edit.replacement.clone());
    let snippet = Snippet::source(excerpt.text).line_start(excerpt.first_line).patch(patch);
    match excerpt.cut {
        true => snippet.into(),
        false => snippet.path(path(edit.span.file, sources)).into(),
    }
}

fn path(file: FileId, sources: &SourceMap) -> String {
    visible(&sources.path(file).to_string_lossy())
}

/// What definitions printed, as it may be shown on a terminal.
pub fn said(diagnostics: &Diagnostics) -> String {
    let lines = diagnostics.said().lines();
    lines.map(|line| plain(line) + "\n").collect()
}

/// A text as it may be shown on a terminal, tabs and ends of lines left as they are.
pub fn plain(text: &str) -> String {
    text.split('\t').map(visible).collect::<Vec<_>>().join("\t")
}

/// The text with its control characters (and those that turn the direction of writing) as JSON escapes them.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        match c {
            '\n' => out.push(c),
            _ if c.is_control() || turns => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag;
    use crate::source::Span;

    /// Expects one diagnostic about some files to look like `expected`, which begins with a line break.
    fn check(files: &[(&str, &str)], diagnostic: impl Fn(&[FileId]) -> Diagnostic, expected: &str) {
        let mut sources = SourceMap::default();
        let ids: Vec<FileId> = files.iter().map(|(path, text)| sources.add(path, *text)).collect();
        let mut diagnostics = Diagnostics::default();
        diagnostics.report(diagnostic(&ids));
        let found = render(&diagnostics, &sources, false);
        assert_eq!(found, expected.trim_start_matches('\n'), "\n{found}");
    }

    fn span(file: FileId, start: usize, length: usize) -> Span {
        Span::new(file, start, start + length)
    }

    #[test]
    fn places_notes_and_advice() {
        check(
            &[("net.prototxt", "layer {\n\ttop: \"日本\" bad 1\n  x: 2\n}\n")],
            |file| {
                Diagnostic::new(&diag::E0107, span(file[0], 23, 3), "expected `:` after `bad`")
                    .here("here")
                    .label(span(file[0], 0, 5), "in this layer")
                    .note("a fact\nof two lines")
                    .help("read the manual")
            },
            r#"
error[E0107]: expected `:` after `bad`
 --> net.prototxt:2:12
  |
1 | layer {
  | ----- in this layer
2 |     top: "日本" bad 1
  |                 ^^^ here
  |
  = note: a fact
          of two lines
  = help: read the manual
"#,
        );
    }

    #[test]
    fn edits_are_patches() {
        let files = [("net.prototxt", "layer {\n  num_output 3\n")];
        check(
            &files,
            |file| {
                let name = span(file[0], 10, 10);
                Diagnostic::new(&diag::E0107, name, "no colon").edit("add it", name.after(), ":")
            },
            "
error[E0107]: no colon
 --> net.prototxt:2:3
  |
2 |   num_output 3
  |   ^^^^^^^^^^
  |
help: add it
  |
2 |   num_output: 3
  |             +
",
        );
        check(
            &files,
            |file| {
                let end = span(file[0], 22, 0);
                Diagnostic::new(&diag::E0102, span(file[0], 6, 1), "this `{` is never closed").edit(
                    "add the missing `}`",
                    end,
                    "\n}",
                )
            },
            "
error[E0102]: this `{` is never closed
 --> net.prototxt:1:7
  |
1 | layer {
  |       ^
  |
help: add the missing `}`
  |
2 ~   num_output 3
3 + }
  |
",
        );
    }

    #[test]
    fn several_files_and_calls() {
        check(
            &[("a\u{1b}[31m.lua", "f(x)\ng(\u{7}y)\n"), ("b.lua", "\nh()")],
            |file| {
                let place = span(file[0], 2, 1);
                let mut diagnostic = Diagnostic::new(&diag::E0101, place, "bad \u{1b}[1mname")
                    .label(span(file[1], 1, 1), "other");
                let call = |file, at, name: &str| Label {
                    span: span(file, at, 1),
                    text: format!("in function `{name}`"),
                };
                diagnostic.trace = vec![call(file[1], 1, "h"), call(file[0], 5, "g")];
                diagnostic
            },
            r"
error[E0101]: bad \u001b[1mname
 --> a\u001b[31m.lua:1:3
  |
1 | f(x)
  |   ^
  |
 ::: b.lua:2:1
  |
2 | h()
  | - other
  |
note: in function `h`
 --> b.lua:2:1
  |
2 | h()
  | ^
note: in function `g`
 --> a\u001b[31m.lua:2:1
  |
2 | g(␇y)
  | ^
",
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}guilty{}", "layer { é } ".repeat(50), " layer { }".repeat(1000));
        check(
            &[("one.prototxt", &format!("first\n{line}\nlast"))],
            |file| {
                let guilty = span(file[0], 6 + 650, 6);
                Diagnostic::new(&diag::E0101, guilty, "in a long line")
                    .here("this")
                    .label(span(file[0], 6, 5), "another layer")
                    .edit("correct it", guilty, "good")
            },
            "
error[E0101]: in a long line
 --> one.prototxt:2:601
  |
2 | ...   layer { é } layer { é } layer { é } guilty layer { } layer { } layer { } layer { } layer { } layer { } laye...
  |                                           ^^^^^^ this
  |
  = note: another layer (at one.prototxt:2:1)
help: correct it
  |
2 - ... layer { é } layer { é } layer { é } guilty layer { } layer { } layer { } layer { } layer { } layer { } layer { } layer { }...
2 + ... layer { é } layer { é } layer { é } good layer { } layer { } layer { } layer { } layer { } layer { } layer { } layer { }...
  |
",
        );
    }

    #[test]
    fn places_outside_the_text_are_moved_into_it() {
        for (start, length, end) in [(0, 1 << 30, "/ a"), (1 << 30, 0, "bé"), (3, 1, "bé")] {
            let mut sources = SourceMap::default();
            let file = sources.add("net", "a\nbé");
            let mut diagnostics = Diagnostics::default();
            diagnostics.report(Diagnostic::new(&diag::E0101, span(file, start, length), "odd"));
            let found = render(&diagnostics, &sources, false);
            assert!(found.contains(&format!("| {end}")), "{found}");
        }
    }

    #[test]
    fn colors_only_when_asked() {
        let mut diagnostics = Diagnostics::default();
        diagnostics.report(Diagnostic::without_place(&diag::E0109, "no place"));
        let sources = SourceMap::default();
        assert_eq!(render(&diagnostics, &sources, false), "error[E0109]: no place\n");
        assert!(render(&diagnostics, &sources, true).contains("\u{1b}["));
    }

    #[test]
    fn summaries() {
        let mut diagnostics = Diagnostics::default();
        assert_eq!(summary(&diagnostics), "no problems");
        diagnostics.report(Diagnostic::without_place(&diag::E0101, "a"));
        assert_eq!(summary(&diagnostics), "1 error");
        diagnostics.report(Diagnostic::without_place(&diag::E0101, "b"));
        assert_eq!(summary(&diagnostics), "2 errors");
    }
}

//! Files that build a model and go on to train it: where what trains cannot be run, the model that is there by then is meant.

use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::LuaError;
use crate::source::{SourceMap, Span};

/// What a line has that makes modules.
const MAKES_MODULES: [&str; 4] = ["nn.", ":add(", "nngraph.", ":insert("];

/// The warning that a file is not run beyond the place of an error, if nothing that comes after it makes modules: neither in
/// the file `whole`, nor in the rest of any file with a call that led there.
pub(super) fn ended(sources: &SourceMap, error: &LuaError, whole: Span) -> Option<Diagnostic> {
    if !error.is_catchable() {
        return None;
    }
    let calls: Vec<Span> = error.calls().collect();
    let outermost = *calls.last()?;
    if outermost.file != whole.file
        || calls.iter().any(|span| makes_modules(rest_of(sources, *span)))
    {
        return None;
    }
    let message = format!("what follows is not run: {}", error.reason());
    let d = Diagnostic::new(&diag::W0635, outermost, message)
        .here("the model is what is there before this")
        .help(
            "move what trains into a file of its own, and end this one with `return` of the model",
        );
    Some(d)
}

/// The text of a file from the line of a span on.
fn rest_of(sources: &SourceMap, span: Span) -> &str {
    let text = &sources.file(span.file).text;
    let start = span.range().start.min(text.len());
    let line =
        text.as_bytes()[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    text.get(line..).unwrap_or_default()
}

fn makes_modules(text: &str) -> bool {
    let mut code = String::new();
    let mut rest = text;
    // Long comments first.
    while let Some((before, comment)) = rest.split_once("--[[") {
        code.push_str(before);
        rest = comment.split_once("]]").map_or("", |(_, after)| after);
    }
    code.push_str(rest);
    let mut lines = code.lines().map(|line| line.split("--").next().unwrap_or_default());
    lines.any(|line| MAKES_MODULES.iter().any(|word| line.contains(word)))
}

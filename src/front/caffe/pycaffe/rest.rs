//! Programs that make their nets and go on to train them: where what trains cannot be run, the nets that are there are meant.

use crate::diag::{self, Diagnostic};
use crate::source::{SourceMap, Span};

/// What a line has that makes layers or nets.
const MAKES: [&str; 8] =
    ["L.", "layers.", "to_proto", "NetSpec", "NetParameter", "layer.add", ".write(", "layer {"];

/// The warning that a program is not run beyond the place of an error, if nothing that comes after it makes nets: neither in
/// the program, nor in the rest of any file with a call that led there.
pub(super) fn ended(sources: &SourceMap, errors: &[Diagnostic], whole: Span) -> Option<Diagnostic> {
    let [error] = errors else { return None };
    if error.code.id.starts_with("E01") || *error.code == diag::E0803 {
        return None;
    }
    let calls: Vec<Span> =
        error.span().into_iter().chain(error.trace.iter().map(|call| call.span)).collect();
    let outermost = *calls.last()?;
    let more = |call: &Span| makes_more(sources, *call, *call == outermost);
    if outermost.file != whole.file || calls.iter().any(more) {
        return None;
    }
    let message = format!("what follows is not run: {}", error.message);
    let d = Diagnostic::new(&diag::W0635, outermost, message);
    Some(d.here("the nets are those that are made before this"))
}

/// Whether what follows the line of a call makes nets: in its block, for the outermost one in all that is no function.
fn makes_more(sources: &SourceMap, call: Span, outermost: bool) -> bool {
    let text = &sources.file(call.file).text;
    let start = call.range().start.min(text.len());
    let bytes = text.as_bytes();
    let line = bytes[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let rest = text.get(line..).unwrap_or_default();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = rest.lines().next().map_or(0, indent);
    let mut lines = rest.lines().filter(|line| !line.trim().is_empty());
    let mut block: Vec<&str> = lines.next().into_iter().collect();
    let mut function = None;
    for line in lines.filter(|line| !line.trim_start().starts_with('#')) {
        if function.is_some_and(|function| function < indent(line)) {
            continue;
        }
        function = line.trim_start().starts_with("def ").then(|| indent(line));
        if !outermost && indent(line) < own {
            break;
        }
        block.push(line);
    }
    let code = block.iter().map(|line| line.split('#').next().unwrap_or_default());
    code.into_iter().any(|line| MAKES.iter().any(|word| line.contains(word)))
}

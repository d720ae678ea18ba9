//! What is no Python to what whoever wrote it meant: `=` for `==`, tabs among spaces.

use crate::diag::Diagnostic;
use crate::source::Span;

/// A complaint about a text that is no Python, with advice where what was meant is plain.
pub(super) fn advised(complaint: Diagnostic, text: &str) -> Diagnostic {
    let Some(span) = complaint.span() else { return complaint };
    let at = span.start as usize;
    let (Some(before), Some(rest)) = (text.get(..at), text.get(at..)) else { return complaint };
    let line = &before[before.rfind('\n').map_or(0, |i| i + 1)..];
    let asks = ["if ", "elif ", "while "].iter().any(|word| line.trim_start().starts_with(word));
    if complaint.message == "expected ':'" && asks && rest.starts_with('=') {
        let sign = Span { end: span.start + 1, ..span };
        return complaint.edit("did you mean `==`?", sign, "==");
    }
    if complaint.message != "unexpected indent" {
        return complaint;
    }
    let end = at - line.len();
    let mut start = end;
    for above in text[..end].split_inclusive('\n').rev() {
        start -= above.len();
        if above.trim().is_empty() {
            continue;
        }
        let blanks = above.len() - above.trim_start_matches([' ', '\t']).len();
        if above[..blanks].contains('\t') && !line.contains('\t') {
            let tabs = Span::new(span.file, start, start + above.trim_end().len());
            return complaint
                .label(tabs, "this line is indented by a tab, which counts up to column 8")
                .help("indent it by spaces, as the lines around it");
        }
        break;
    }
    complaint
}

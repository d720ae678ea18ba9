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
        return of_token(complaint, text, at);
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

/// A complaint about the token at a place, with what is to stand there or before it.
fn of_token(complaint: Diagnostic, text: &str, at: usize) -> Diagnostic {
    let Some(span) = complaint.span() else { return complaint };
    let part = |from: usize, to: usize| Span { start: from as u32, end: to as u32, ..span };
    let (before, rest) = (text[..at].trim_end(), &text[at..]);
    let end = part(before.len(), before.len());
    let ends_line = rest.starts_with(['\n', '\r', '#']) || rest.is_empty();
    let same_line = !text[before.len()..at].contains('\n');
    let is_value = rest.starts_with(|c: char| c.is_alphanumeric() || "_[{\"'".contains(c));
    let message = complaint.message.clone();
    match message.as_str() {
        "expected ':'" if ends_line => complaint.edit("add the colon", end, ":"),
        "expected ',' or ')'" if rest.starts_with(':') => {
            complaint.edit("an argument is named with `=`", part(at, at + 1), "=")
        }
        "expected ',' or ')'" | "expected ',' or ']'" | "expected ',' or '}'"
            if is_value && same_line =>
        {
            complaint.edit("is a comma missing?", end, ",")
        }
        "invalid syntax"
            if rest.starts_with('=')
                && text[..at]
                    .rsplit('\n')
                    .next()
                    .is_some_and(|l| l.trim().starts_with("assert ")) =>
        {
            complaint.edit("did you mean `==`?", part(at, at + 1), "==")
        }
        message if message.starts_with("invalid syntax") => {
            for sign in ["+", "-"] {
                let name = before.strip_suffix(sign).and_then(|before| before.strip_suffix(sign));
                if let Some(name) = name.filter(|_| ends_line) {
                    let name = name.rsplit(|c: char| c.is_whitespace()).next().unwrap_or("n");
                    return complaint
                        .help(format!("Python has no `{sign}{sign}`: write `{name} {sign}= 1`"));
                }
            }
            complaint
        }
        message if message.starts_with("unindent does not match") => {
            let depth = |line: &str| line.len() - line.trim_start().len();
            let own = depth(rest.lines().next().unwrap_or(""))
                .max(at - text[..at].rfind('\n').map_or(0, |i| i + 1));
            let above = text[..at].trim_end().rsplit('\n').next().map_or(0, depth);
            complaint
                .help(format!("this line begins after {own} blanks, the one above after {above}"))
        }
        _ => complaint,
    }
}

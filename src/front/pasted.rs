//! What a text brings along from a web page or a word processor, such as spaces that are none: it is told once, in the place of
//! all that a reader makes of it.

use crate::diag::{self, Diagnostic, Diagnostics, Severity};
use crate::source::{FileId, Span};

/// Something that no language here has outside of texts and comments.
struct Kind {
    /// How it is written in the text; the first is the one that is shown.
    marks: &'static [&'static str],
    what: &'static str,
    help: &'static str,
}

const SPACES: Kind = Kind {
    marks: &["\u{a0}"],
    what: "non-breaking spaces (U+00A0), as web pages have them",
    help: "replace them by spaces: `sed -i 's/\\xc2\\xa0/ /g' FILE`",
};
const ENTITIES: Kind = Kind {
    marks: &["&quot;", "&lt;", "&gt;", "&amp;", "&nbsp;", "&apos;", "&#39;", "&#34;"],
    what: "HTML entities, as the source of a web page has them",
    help: "write the characters that they stand for: `\"` for `&quot;`, `<` for `&lt;`, `>` for `&gt;`, `&` for `&amp;`",
};
const QUOTES: Kind = Kind {
    marks: &["“", "”", "„", "‘", "’"],
    what: "curved quotes, as word processors write them",
    help: "use straight quotes, `\"` or `'`",
};

/// What was found in a text.
pub struct Pasted {
    /// The lines that have it, counted from 1.
    lines: Vec<usize>,
    /// Where the first of it is, in bytes.
    start: usize,
    end: usize,
    kind: &'static Kind,
}

impl Pasted {
    /// What stands where no text and no comment is. `comment` begins comments. Curved quotes are looked for where nothing else
    /// says what they are.
    pub fn find(text: &str, comment: &str, quotes: bool) -> Option<Self> {
        let kinds = [&SPACES, &ENTITIES, &QUOTES];
        kinds.into_iter().take(if quotes { 3 } else { 2 }).find_map(|kind| {
            let (mut lines, mut first, mut at) = (vec![], None, 0);
            for (number, line) in text.split_inclusive('\n').enumerate() {
                let code = bare(line, comment);
                let found = kind.marks.iter().filter_map(|mark| Some((code.find(mark)?, mark)));
                if let Some((place, mark)) = found.min_by_key(|(place, _)| *place) {
                    lines.push(number + 1);
                    first = first.or(Some((at + place, at + place + mark.len())));
                }
                at += line.len();
            }
            let (start, end) = first?;
            Some(Pasted { lines, start, end, kind })
        })
    }

    /// The line of the first.
    pub fn line(&self) -> usize {
        self.lines[0]
    }

    /// A sentence about all of it, and what to do.
    pub fn said(&self) -> (String, &'static str) {
        let have = match self.lines.len() - 1 {
            0 => "has".to_owned(),
            1 => "and another one have".to_owned(),
            more => format!("and {more} others have"),
        };
        (format!("line {} {have} {}", self.line(), self.kind.what), self.kind.help)
    }
}

/// A line up to its first quote or comment.
fn bare<'a>(line: &'a str, comment: &str) -> &'a str {
    let comments = line.match_indices(comment).map(|(at, _)| at);
    // An entity such as `&#39;` begins no comment.
    let comment = comments.into_iter().find(|&at| !line[..at].ends_with('&'));
    let quote = line.find(['"', '\'']);
    &line[..comment.into_iter().chain(quote).min().unwrap_or(line.len())]
}

/// What was pasted into a definition, if that is why it cannot be read.
pub fn cause(
    (file, text): (FileId, &str),
    (comment, quotes): (&str, bool),
    complaints: &Diagnostics,
) -> Option<Diagnostic> {
    if !complaints.has_errors() {
        return None;
    }
    let pasted = Pasted::find(text, comment, quotes)?;
    let breaks = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'\n').count();
    let line = |at: u32| breaks(&text.as_bytes()[..text.len().min(at as usize)]) + 1;
    let errors = complaints.iter().filter(|d| d.severity() == Severity::Error);
    let mut places = errors.filter_map(Diagnostic::span).filter(|span| span.file == file);
    let near = |at: usize| pasted.lines.iter().any(|has| has.abs_diff(at) < 2);
    places.any(|place| near(line(place.start))).then(|| {
        let (said, help) = pasted.said();
        let place = Span::new(file, pasted.start, pasted.end);
        Diagnostic::new(&diag::E0101, place, said).here("the first").help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_comments_may_have_it() {
        let said = |text: &str, comment: &str| {
            Pasted::find(text, comment, true).map(|pasted| (pasted.line(), pasted.said().0))
        };
        assert_eq!(said("a: 'x\u{a0}y' # \u{a0}\n", "#"), None);
        let (line, why) = said("a\n\u{a0}b\n\u{a0}\u{a0}c\n\u{a0}d # e", "#").expect("found");
        assert_eq!((line, &why[..24]), (2, "line 2 and 2 others have"));
        assert!(said("type: &quot;Data&quot;", "#").is_some_and(|(_, why)| why.contains("HTML")));
        assert!(said("a = &#39;b&#39;", "#").is_some());
        assert!(said("require “nn”", "--").is_some_and(|(_, why)| why.contains("curved")));
        assert_eq!(said("require 'nn' -- “it”", "--"), None);
    }
}

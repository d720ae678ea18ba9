//! Finds the markers that a merge leaves in a text (`<<<<<<< HEAD`), reports them once and blanks them, so that what both
//! sides say is still read.

use super::complaints::Complaints;
use crate::diag::{self, Diagnostic};
use crate::source::{FileId, Span};
use std::borrow::Cow;

const MARKERS: [&str; 3] = ["<<<<<<<", "=======", ">>>>>>>"];

/// The text with blanks in place of the lines that are markers; every other byte stays where it is.
pub(super) fn blank<'a>(
    file: FileId,
    text: &'a str,
    complaints: &mut Complaints<'_>,
) -> Cow<'a, str> {
    // A text without the first kind has no conflict: `=======` alone is decoration at worst.
    if !text.starts_with(MARKERS[0]) && !text.contains("\n<<<<<<<") {
        return Cow::Borrowed(text);
    }
    let mut blanked = String::with_capacity(text.len());
    let mut places = vec![];
    for line in text.split_inclusive('\n') {
        if MARKERS.iter().any(|marker| line.starts_with(marker)) {
            places.push(Span::new(file, blanked.len(), blanked.len() + line.trim_end().len()));
            let end = line.trim_end_matches(['\r', '\n']).len();
            blanked.push_str(&" ".repeat(end));
            blanked.push_str(&line[end..]);
        } else {
            blanked.push_str(line);
        }
    }
    if let Some(&first) = places.first() {
        let message = "this text has an unresolved merge conflict";
        let d = Diagnostic::new(&diag::E0101, first, message).here("left by a merge");
        complaints.report(
            d.note(format!("{} lines are such markers; both sides are read", places.len()))
                .help("keep one side of each conflict and remove the markers"),
        );
    }
    Cow::Owned(blanked)
}

//! The lines of a text that a diagnostic shows. Very long lines, as of files made by programs, are cut
//! around the shown places.

use crate::source::SourceFile;
use std::ops::Range;

/// Lines longer than this (in bytes) are cut.
const LONG: usize = 200;
/// What stays of a cut line before and after the shown places, in bytes.
const BEFORE: usize = 40;
const AFTER: usize = 80;
/// Places whose columns (in bytes) differ by more than this cannot be shown in one excerpt.
pub(super) const SPREAD: usize = 400;
const GAP: &str = "...";

/// What stands for the beginning of a cut line.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Lead {
    /// As many blanks as there were characters, so that columns stay true; the renderer hides them.
    Blanks,
    /// Three dots.
    Dots,
}

/// Whole or cut lines of one text.
pub(super) struct Excerpt {
    pub text: String,
    /// The number of the first line in the whole text, from 1.
    pub first_line: usize,
    /// True if some line is not whole.
    pub cut: bool,
    /// Kept pieces: their place in the whole text and where they begin in `text`.
    pieces: Vec<(Range<usize>, usize)>,
}

impl Excerpt {
    /// The lines that have the given byte ranges, and those between them.
    pub fn new(source: &SourceFile, ranges: &[Range<usize>], lead: Lead) -> Self {
        let whole = &*source.text;
        let mut places: Vec<usize> = ranges.iter().flat_map(|r| [r.start, r.end]).collect();
        places.iter_mut().for_each(|place| *place = boundary(whole, *place));
        places.sort_unstable();
        let first = places.first().copied().unwrap_or(0);
        let last = places.last().copied().unwrap_or(0);
        let start = line_start(whole, first);
        let end = whole[last..].find('\n').map_or(whole.len(), |at| last + at);
        let (first_line, _) = source.line_column(start);
        let mut excerpt = Excerpt { text: String::new(), first_line, cut: false, pieces: vec![] };
        let mut at = start;
        for line in whole[start..end].split_inclusive('\n') {
            let line = at..at + line.len();
            at = line.end;
            if line.len() <= LONG {
                // The carriage return of a line's end is not shown.
                let shown = whole[line.clone()].trim_end_matches(['\r', '\n']).len();
                excerpt.keep(whole, line.start..line.start + shown);
                if whole[line.clone()].ends_with('\n') {
                    excerpt.keep(whole, line.end - 1..line.end);
                }
                continue;
            }
            let from = places.partition_point(|&place| place < line.start);
            let to = places.partition_point(|&place| place <= line.end);
            excerpt.cut_line(whole, line, &places[from..to], lead);
        }
        excerpt
    }

    /// The range in `text` of a range of the whole text that was given to [`Self::new`].
    pub fn range(&self, source: &SourceFile, range: Range<usize>) -> Range<usize> {
        let start = self.place(boundary(&source.text, range.start));
        start..self.place(boundary(&source.text, range.end)).max(start)
    }

    fn place(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(kept, _)| kept.end < at);
        match self.pieces.get(piece) {
            Some((kept, out)) => out + at.saturating_sub(kept.start),
            None => self.text.len(),
        }
    }

    fn keep(&mut self, whole: &str, range: Range<usize>) {
        self.pieces.push((range.clone(), self.text.len()));
        self.text.push_str(&whole[range]);
    }

    fn cut_line(&mut self, whole: &str, line: Range<usize>, shown: &[usize], lead: Lead) {
        self.cut = true;
        let first = shown.first().copied().unwrap_or(line.start);
        let last = shown.last().copied().unwrap_or(line.start);
        let from = boundary(whole, first.saturating_sub(BEFORE)).max(line.start);
        let to = boundary(whole, last + AFTER).min(line.end);
        if line.start < from {
            match lead {
                Lead::Blanks => {
                    let blanks = whole[line.start..from].chars().map(|_| ' ');
                    self.text.extend(blanks);
                }
                Lead::Dots => self.text.push_str(GAP),
            }
        }
        self.keep(whole, from..to);
        if to < line.end {
            self.text.push_str(GAP);
            self.keep(whole, line.end - usize::from(whole[line.clone()].ends_with('\n'))..line.end);
        }
    }
}

/// The ranges that can be shown with the first one, and whether the columns of each are near enough.
///
/// A range that ends far from where it begins is shortened to its beginning.
pub(super) fn near(text: &str, ranges: &[Range<usize>]) -> Vec<Option<Range<usize>>> {
    let column = |at: usize| at - line_start(text, at);
    let mut columns: Option<Range<usize>> = None;
    let mut shorten = |range: &Range<usize>| {
        let start = boundary(text, range.start);
        let mut end = boundary(text, range.end).max(start);
        let at = column(start);
        if SPREAD < column(end).abs_diff(at) {
            let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
            end = boundary(text, start + SPREAD).min(line_end);
        }
        let so_far = columns.clone().unwrap_or(at..at);
        let all = so_far.start.min(at)..so_far.end.max(at);
        if SPREAD < all.len() {
            return None;
        }
        columns = Some(all);
        Some(start..end)
    };
    ranges.iter().map(&mut shorten).collect()
}

/// The last place at or before `at` that lies between two characters of `text`.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

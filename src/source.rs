//! Source texts and the byte ranges that point into them.
//!
//! A [`Span`] is small and `Copy`, so every node, argument and name can keep one.
//! Lines and columns exist only when a diagnostic is rendered.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Identifies one text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A half-open byte range `start..end` of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file the range lies in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`, in bytes.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Span { file, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both; `other` must lie in the same file.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty span just after this one, where text may be inserted.
    pub fn after(self) -> Span {
        Span { start: self.end, ..self }
    }

    /// The beginning of the first file, for what no text says.
    pub fn nowhere() -> Span {
        Span { file: FileId(0), start: 0, end: 0 }
    }

    /// The range as byte offsets.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value with the text it was written as.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, span: Span) -> Self {
        Spanned { value, span }
    }
}

/// One text with its name and its line starts.
#[derive(Debug)]
pub struct SourceFile {
    /// The path as the user wrote it, or a name in angle brackets for generated text.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
    line_starts: Vec<u32>,
    is_generated: bool,
    is_made: bool,
}

impl SourceFile {
    /// The 1-based line and the 1-based column (in characters) of a byte offset.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_starts.partition_point(|&start| start as usize <= offset) - 1;
        let start = self.line_starts[line] as usize;
        (line + 1, self.text[start..offset].chars().count() + 1)
    }
}

/// All texts of one compilation.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text and returns its identity.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> FileId {
        let text: Arc<str> = text.into();
        let breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(i, _)| i as u32 + 1)).collect();
        let path: PathBuf = path.into();
        let is_generated =
            path.to_str().is_some_and(|name| name.starts_with('<') && name.ends_with('>'));
        self.files.push(SourceFile { path, text, line_starts, is_generated, is_made: false });
        FileId(self.files.len() as u32 - 1)
    }

    /// Adds a text, unless the same text is there already under this path; returns its identity.
    pub fn add_once(&mut self, path: impl Into<PathBuf>, text: &str) -> FileId {
        let path = path.into();
        let known = self.files.iter().position(|file| file.path == path && &*file.text == text);
        match known {
            Some(at) => FileId(at as u32),
            None => self.add(path, text),
        }
    }

    /// All files, in the order in which they were added.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The file that was added last.
    pub fn last_file(&self) -> Option<FileId> {
        self.files.len().checked_sub(1).map(|i| FileId(i as u32))
    }

    /// The file behind an identity of this map.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Whether a text has a name in angle brackets, as those have that nobody gave as a file.
    pub fn is_generated(&self, id: FileId) -> bool {
        self.file(id).is_generated
    }

    /// Takes a text as one that nobody has written as the definition: a program that makes it, or what that has made. An
    /// edit of the definition is no edit of such a text.
    pub fn mark_made(&mut self, id: FileId) {
        self.files[id.0 as usize].is_made = true;
    }

    /// Whether edits of the definition are none of this text.
    pub fn is_made(&self, id: FileId) -> bool {
        self.file(id).is_made
    }

    /// The path of a file, as the user wrote it.
    pub fn path(&self, id: FileId) -> &Path {
        &self.file(id).path
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.range()).unwrap_or("")
    }

    /// `path:line:column` of the start of a span.
    pub fn place(&self, span: Span) -> String {
        let file = self.file(span.file);
        let (line, column) = file.line_column(span.start as usize);
        format!("{}:{line}:{column}", file.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut map = SourceMap::default();
        let id = map.add("a", "é x\nyz");
        assert_eq!(map.place(Span::new(id, 3, 4)), "a:1:3");
        assert_eq!(map.place(Span::new(id, 6, 6)), "a:2:2");
        assert_eq!(map.text(Span::new(id, 5, 7)), "yz");
    }
}

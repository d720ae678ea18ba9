//! Turns a prototxt with missing or surplus brackets and quotes into one that has them all, with an
//! error for each.
//!
//! A text without such mistakes passes untouched. In one that has them, the layout tells where a bracket
//! was meant to be: a line that is indented no deeper than the line of an open bracket ends its block, if
//! the block began deeper.
//! The depth is limited here because everything after this recurses.

use super::complaints::Complaints;
use crate::diag::{self, Diagnostic};
use crate::source::{FileId, Span};
use std::borrow::Cow;

/// How deep messages and lists may be nested, as in protobuf's own parser.
const MAX_DEPTH: usize = 100;

/// A text whose brackets and quotes are balanced.
pub(super) struct Balanced<'a> {
    pub text: Cow<'a, str>,
    /// Places in `text` of the bytes that are not in the original, in rising order.
    inserted: Vec<usize>,
}

impl Balanced<'_> {
    /// The place in the original of a place in `text`.
    pub fn original(&self, offset: usize) -> usize {
        offset - self.inserted.partition_point(|&place| place < offset)
    }
}

/// Balances `text`, reporting what is missing and what is too much.
pub(super) fn balance<'a>(
    file: FileId,
    text: &'a str,
    complaints: &mut Complaints<'_>,
) -> Balanced<'a> {
    if is_balanced(text) {
        return Balanced { text: Cow::Borrowed(text), inserted: vec![] };
    }
    let mut repair = Repair { file, text, stack: vec![], patches: vec![], complaints };
    let end = repair.run();
    apply(&text[..end], &repair.patches)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum MarkKind {
    Open(u8),
    Close(u8),
    /// A string with this quote that its line does not close.
    Unterminated(u8),
    /// Any other token that is the first of its line.
    Other,
}

/// A bracket, a broken string or the beginning of a line.
struct Mark {
    kind: MarkKind,
    at: usize,
    /// The end of the token before it.
    previous_end: usize,
    /// The indentation of its line in bytes.
    indent: usize,
    first_on_line: bool,
}

struct Marks<'a> {
    bytes: &'a [u8],
    at: usize,
    token_end: usize,
    line_start: usize,
    indent: Option<usize>,
}

impl<'a> Marks<'a> {
    fn new(text: &'a str) -> Self {
        Marks { bytes: text.as_bytes(), at: 0, token_end: 0, line_start: 0, indent: None }
    }
}

impl Iterator for Marks<'_> {
    type Item = Mark;

    fn next(&mut self) -> Option<Mark> {
        while let Some(&byte) = self.bytes.get(self.at) {
            let at = self.at;
            self.at += 1;
            match byte {
                b'\n' => {
                    self.line_start = self.at;
                    self.indent = None;
                    continue;
                }
                b' ' | b'\t' | b'\r' | 0x0B | 0x0C => continue,
                b'#' => {
                    let rest = self.bytes[at..].iter();
                    self.at = at + rest.take_while(|&&byte| byte != b'\n').count();
                    continue;
                }
                _ => {}
            }
            let kind = match byte {
                b'{' | b'<' | b'[' => MarkKind::Open(byte),
                b'}' | b'>' | b']' => MarkKind::Close(byte),
                b'"' | b'\'' => match string_end(self.bytes, at) {
                    Ok(end) => {
                        self.at = end;
                        MarkKind::Other
                    }
                    Err(end) => {
                        self.at = end;
                        MarkKind::Unterminated(byte)
                    }
                },
                _ => MarkKind::Other,
            };
            let first_on_line = self.indent.is_none();
            let indent = *self.indent.get_or_insert(at - self.line_start);
            let previous_end = std::mem::replace(&mut self.token_end, self.at);
            if kind != MarkKind::Other || first_on_line {
                return Some(Mark { kind, at, previous_end, indent, first_on_line });
            }
        }
        None
    }
}

/// The end of the string that starts at `at`: past its closing quote, or, if its line has none, where
/// the quote should be. Closing brackets at the end of the line stay outside. A quote that begins the value of a
/// field behind the string, in `name: "a type: "ReLU"`, does not close it.
fn string_end(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let mut i = at + 1;
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'\n' => break,
            b'\\' if bytes.get(i + 1).is_some_and(|&next| next != b'\n') => i += 1,
            _ if byte == bytes[at] => {
                return before_field(bytes, at + 1, i).map_or(Ok(i + 1), Err);
            }
            _ => {}
        }
        i += 1;
    }
    let content = &bytes[at + 1..i];
    let outside = |byte: &&u8| byte.is_ascii_whitespace() || b"}>],;".contains(byte);
    Err(i - content.iter().rev().take_while(outside).count())
}

/// Quotes are counted in so many bytes of a line.
const LONGEST_LINE: usize = 1 << 12;

/// Where a string should end whose next quote belongs to the field `type: ` at its end, as one quote is missing on the line.
fn before_field(bytes: &[u8], start: usize, quote: usize) -> Option<usize> {
    let content = bytes[start..quote].trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    let name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let word = content.iter().rev().take_while(name).count();
    let before = content[..content.len() - word].trim_ascii_end();
    let is_apart = before.len() < content.len() - word;
    if word == 0 || !is_apart || before.is_empty() {
        return None;
    }
    // Of a line that is longer, no end was forgotten by hand.
    let line = bytes[quote + 1..].iter().take(LONGEST_LINE).take_while(|&&byte| byte != b'\n');
    let is_odd = line.filter(|&&byte| byte == bytes[quote]).count() % 2 == 1;
    is_odd.then(|| start + before.len())
}

fn closer(open: u8) -> u8 {
    match open {
        b'{' => b'}',
        b'<' => b'>',
        _ => b']',
    }
}

fn is_balanced(text: &str) -> bool {
    let mut stack = vec![];
    for mark in Marks::new(text) {
        match mark.kind {
            MarkKind::Open(_) if stack.len() == MAX_DEPTH => return false,
            MarkKind::Open(open) => stack.push(closer(open)),
            MarkKind::Close(close) if stack.pop() != Some(close) => return false,
            MarkKind::Unterminated(_) => return false,
            MarkKind::Close(_) | MarkKind::Other => {}
        }
    }
    stack.is_empty()
}

struct Opener {
    byte: u8,
    at: usize,
    /// The indentation of its line.
    indent: usize,
    /// The indentation of what is first inside it; that of something on its own line is the deepest.
    content: Option<usize>,
}

/// A change of one place: bytes to drop (replaced by blanks) and a byte to insert.
struct Patch {
    at: usize,
    blanks: usize,
    insert: Option<u8>,
}

struct Repair<'a, 'd, 'l> {
    file: FileId,
    text: &'a str,
    stack: Vec<Opener>,
    patches: Vec<Patch>,
    complaints: &'l mut Complaints<'d>,
}

impl Repair<'_, '_, '_> {
    /// Reports and patches; returns where the text ends for everything after this.
    fn run(&mut self) -> usize {
        for mark in Marks::new(self.text) {
            if mark.first_on_line {
                self.follow_layout(&mark);
            }
            match mark.kind {
                MarkKind::Open(_) if self.stack.len() == MAX_DEPTH => {
                    return self.too_deep(mark.at);
                }
                MarkKind::Open(byte) => self.stack.push(Opener {
                    byte,
                    at: mark.at,
                    indent: mark.indent,
                    content: self.text.as_bytes()[mark.at + 1..]
                        .iter()
                        .find(|&byte| !b" \t\r".contains(byte))
                        .and_then(|byte| (!b"\n#".contains(byte)).then_some(usize::MAX)),
                }),
                MarkKind::Close(byte) => self.close(byte, &mark),
                MarkKind::Unterminated(quote) => self.end_string(quote, mark.at),
                MarkKind::Other => self.open_block(&mark),
            }
        }
        let end = self.text.len();
        let last = self.text.trim_ascii_end().len();
        // A comment may follow the last token, so the brackets go behind everything.
        if !self.stack.is_empty() {
            self.patches.push(Patch { at: end, blanks: 0, insert: Some(b'\n') });
        }
        while let Some(opener) = self.stack.pop() {
            self.unclosed(&opener, last, end);
        }
        end
    }

    /// Opens the block of a line that is a message's name and nothing else, where the next line is indented deeper.
    fn open_block(&mut self, mark: &Mark) {
        let rest = &self.text[mark.at..];
        let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
        let name = line.split('#').next().unwrap_or("").trim_end();
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let is_message = ["layer", "layers", "param", "include", "exclude"].contains(&name)
            || name.ends_with("_param")
            || name.ends_with("_filler");
        let next = below.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        let depth = next.len() - next.trim_start().len();
        if !is_name
            || !is_message
            || depth <= mark.indent
            || next.trim_start().starts_with(['{', '<'])
        {
            return;
        }
        let end = mark.at + name.len();
        let d = Diagnostic::new(
            &diag::E0106,
            self.span(mark.at, end),
            format!("the block of `{name}` is not opened"),
        );
        let d = d.edit("add the missing `{`", self.span(end, end), " {");
        self.complaints.report(d);
        self.stack.push(Opener { byte: b'{', at: end, indent: mark.indent, content: None });
        self.patches.push(Patch { at: end, blanks: 0, insert: Some(b'{') });
    }

    /// Closes the blocks that end before this line if its indentation means anything.
    fn follow_layout(&mut self, mark: &Mark) {
        if let MarkKind::Close(byte) = mark.kind {
            let own = |o: &Opener| o.indent == mark.indent && closer(o.byte) == byte;
            let inner = self.stack.iter().rev().take_while(|o| mark.indent < o.indent).count();
            let outer = self.stack.len() - inner;
            if outer.checked_sub(1).is_some_and(|i| own(&self.stack[i])) {
                self.close_down_to(outer, mark.previous_end);
            }
            return;
        }
        let ends = |o: &Opener| o.content.is_some_and(|c| o.indent < c && mark.indent <= o.indent);
        let ended = self.stack.iter().rev().take_while(|o| ends(o)).count();
        self.close_down_to(self.stack.len() - ended, mark.previous_end);
        if let Some(top) = self.stack.last_mut() {
            top.content.get_or_insert(mark.indent);
        }
    }

    fn close(&mut self, byte: u8, mark: &Mark) {
        let found = self.stack.iter().rposition(|opener| closer(opener.byte) == byte);
        let swapped = self.stack.last().filter(|top| top.byte != b'[' && byte != b']');
        match (found, swapped) {
            (Some(i), _) => {
                self.close_down_to(i + 1, mark.previous_end);
                self.stack.pop();
            }
            (None, Some(top)) => {
                let (opened, right) = (top.byte as char, closer(top.byte));
                let diagnostic = Diagnostic::new(
                    &diag::E0103,
                    self.span(mark.at, mark.at + 1),
                    format!("`{}` closes a block that `{opened}` opened", byte as char),
                )
                .label(self.span(top.at, top.at + 1), "opened here")
                .edit(
                    format!("close it with `{}`", right as char),
                    self.span(mark.at, mark.at + 1),
                    (right as char).to_string(),
                );
                self.complaints.report(diagnostic);
                self.patches.push(Patch { at: mark.at, blanks: 1, insert: Some(right) });
                self.stack.pop();
            }
            (None, None) => {
                let span = self.span(mark.at, mark.at + 1);
                let diagnostic = Diagnostic::new(
                    &diag::E0103,
                    span,
                    format!("unexpected closing `{}`", byte as char),
                )
                .here("no open bracket belongs to it")
                .edit("remove it", span, "");
                self.complaints.report(diagnostic);
                self.patches.push(Patch { at: mark.at, blanks: 1, insert: None });
            }
        }
    }

    /// Reports the innermost openers as unclosed until `depth` are left.
    fn close_down_to(&mut self, depth: usize, place: usize) {
        while depth < self.stack.len() {
            if let Some(opener) = self.stack.pop() {
                self.unclosed(&opener, place, place);
            }
        }
    }

    fn unclosed(&mut self, opener: &Opener, place: usize, insert_at: usize) {
        let close = closer(opener.byte) as char;
        let multiline = self.text[opener.at..place].contains('\n');
        let edit = match multiline {
            true => format!("\n{}{close}", " ".repeat(opener.indent)),
            false => format!(" {close}"),
        };
        let diagnostic = Diagnostic::new(
            &diag::E0102,
            self.span(opener.at, opener.at + 1),
            format!("this `{}` is never closed", opener.byte as char),
        )
        .edit(format!("add the missing `{close}`"), self.span(place, place), edit);
        self.complaints.report(diagnostic);
        let insert = Some(closer(opener.byte));
        self.patches.push(Patch { at: insert_at, blanks: 0, insert });
    }

    fn end_string(&mut self, quote: u8, at: usize) {
        let bytes = self.text.as_bytes();
        let Err(end) = string_end(bytes, at) else { return };
        let slashes = bytes[at + 1..end].iter().rev().take_while(|&&b| b == b'\\').count();
        if slashes % 2 == 1 {
            self.patches.push(Patch { at: end - 1, blanks: 1, insert: None });
        }
        self.patches.push(Patch { at: end, blanks: 0, insert: Some(quote) });
        let diagnostic = Diagnostic::new(
            &diag::E0104,
            self.span(at, end),
            "this string does not end on its line",
        )
        .edit("close the string", self.span(end, end), (quote as char).to_string());
        self.complaints.report(diagnostic);
    }

    fn too_deep(&mut self, at: usize) -> usize {
        let diagnostic = Diagnostic::new(
            &diag::E0109,
            self.span(at, at + 1),
            format!("blocks are nested deeper than {MAX_DEPTH} levels"),
        )
        .here("nothing after this is read");
        self.complaints.report(diagnostic);
        let open = self.text.as_bytes()[at];
        let closers = self.stack.iter().rev().map(|opener| closer(opener.byte));
        let bytes = [open, closer(open)].into_iter().chain(closers);
        self.patches.extend(bytes.map(|byte| Patch { at, blanks: 0, insert: Some(byte) }));
        at
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }
}

fn apply(text: &str, patches: &[Patch]) -> Balanced<'static> {
    let mut out = String::with_capacity(text.len() + patches.len());
    let mut inserted = vec![];
    let mut done = 0;
    for patch in patches {
        out.push_str(&text[done..patch.at]);
        done = patch.at;
        if let Some(byte) = patch.insert {
            inserted.push(out.len());
            out.push(byte as char);
        }
        for _ in 0..patch.blanks {
            out.push(' ');
            done += 1;
        }
    }
    out.push_str(&text[done..]);
    Balanced { text: Cow::Owned(out), inserted }
}

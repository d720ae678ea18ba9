//! Puts marks into a Python text where logical lines and indented blocks begin and end, so that a grammar without memory
//! can read it, and complains about brackets, strings and indentation that do not fit.

use crate::front::cage::{CHAIN_LINKS, SYNTAX_LEVELS};
use std::ops::Range;

/// Ends a logical line.
const NEWLINE: char = '\u{1}';
/// Before what is indented further than the line before.
const INDENT: char = '\u{2}';
/// After it.
const DEDENT: char = '\u{3}';

/// Indentations within each other, the limit of CPython.
const INDENTATIONS: usize = 100;

/// Columns of a tab, as Python 2 counts them.
const TAB: usize = 8;

/// A text with marks, and the way back to the places of the text without.
pub(super) struct Layout {
    pub text: String,
    pub problems: Vec<(Range<usize>, String)>,
    /// Whether a bracket has no partner.
    pub unclosed: bool,
    /// The places of the marks in `text`.
    marks: Vec<usize>,
}

impl Layout {
    /// The place in the text as it was written.
    pub fn original(&self, at: usize) -> usize {
        at - self.marks.partition_point(|&mark| mark < at)
    }
}

struct Open {
    bracket: char,
    at: usize,
    /// Lambdas and conditions so far in this bracket and in those around it.
    links: usize,
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    layout: Layout,
    /// How much of the text is copied.
    copied: usize,
    open: Vec<Open>,
    links: usize,
    indentations: Vec<usize>,
    /// The end of the last token, where a logical line has begun.
    line: Option<usize>,
}

/// Words that can only begin a statement: where one begins a line inside of brackets, the brackets were never closed.
const STATEMENTS: [&str; 13] = [
    "def", "class", "return", "with", "import", "while", "try", "raise", "assert", "pass", "del",
    "global", "break",
];

/// Lays out a text; fails where reading on makes no sense.
pub(super) fn lay_out(text: &str) -> Result<Layout, (Range<usize>, String)> {
    let layout = Layout { text: String::new(), problems: vec![], unclosed: false, marks: vec![] };
    let mut scanner = Scanner {
        text,
        at: 0,
        layout,
        copied: 0,
        open: vec![],
        links: 0,
        indentations: vec![0],
        line: None,
    };
    scanner.run()?;
    Ok(scanner.layout)
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn mark(&mut self, at: usize, mark: char) {
        self.layout.text.push_str(&self.text[self.copied..at]);
        self.copied = at;
        self.layout.marks.push(self.layout.text.len());
        self.layout.text.push(mark);
    }

    fn problem(&mut self, place: Range<usize>, message: impl Into<String>) {
        self.layout.problems.push((place, message.into()));
    }

    fn run(&mut self) -> Result<(), (Range<usize>, String)> {
        self.at += if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        self.begin_line()?;
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\n' => {
                    if self.open.is_empty() {
                        self.end_line();
                    }
                    self.at += 1;
                    match self.open.is_empty() {
                        true => self.begin_line()?,
                        false => self.look_for_statement()?,
                    }
                }
                ' ' | '\t' | '\r' | '\u{c}' => self.at += 1,
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '\\' => self.continuation()?,
                '"' | '\'' => self.string()?,
                '(' | '[' | '{' => {
                    self.open.push(Open { bracket: c, at: self.at, links: self.links });
                    if SYNTAX_LEVELS < self.open.len() {
                        return Err((self.at..self.at + 1, "too many nested parentheses".into()));
                    }
                    self.token(1);
                }
                ')' | ']' | '}' => self.close(c),
                c if c.is_alphanumeric() || c == '_' => self.word()?,
                c if c.is_control() => {
                    let place = self.at..self.at + c.len_utf8();
                    return Err((
                        place,
                        format!("invalid non-printable character U+{:04X}", c as u32),
                    ));
                }
                c => self.token(c.len_utf8()),
            }
        }
        self.report_unclosed();
        self.end_line();
        let end = self.text.len();
        for _ in 1..self.indentations.len() {
            self.mark(end, DEDENT);
        }
        self.layout.text.push_str(&self.text[self.copied..]);
        Ok(())
    }

    fn token(&mut self, length: usize) {
        self.at += length;
        self.line = Some(self.at);
    }

    fn end_line(&mut self) {
        if let Some(end) = self.line.take() {
            self.mark(end, NEWLINE);
        }
        self.links = 0;
    }

    /// Goes over the blanks that begin a line and marks a change of indentation, unless the line holds nothing.
    fn begin_line(&mut self) -> Result<(), (Range<usize>, String)> {
        let mut column = 0;
        let start = self.at;
        let text = self.text;
        for c in text[start..].chars() {
            match c {
                ' ' => column += 1,
                '\t' => column = (column / TAB + 1) * TAB,
                '\u{c}' => column = 0,
                _ => break,
            }
            self.at += 1;
        }
        let rest = &text[self.at..];
        if rest.is_empty() || rest.starts_with(['\n', '\r', '#']) {
            return Ok(());
        }
        let current = self.indentations.last().copied().unwrap_or(0);
        if current < column {
            self.indentations.push(column);
            if INDENTATIONS < self.indentations.len() {
                return Err((start..self.at, "too many levels of indentation".into()));
            }
            self.mark(self.at, INDENT);
        }
        while self.indentations.last().is_some_and(|&last| column < last) {
            self.indentations.pop();
            self.mark(self.at, DEDENT);
        }
        if column < current && self.indentations.last() != Some(&column) {
            // The line belongs to the block around the one that it left.
            self.problem(start..self.at, "unindent does not match any outer indentation level");
        }
        Ok(())
    }

    fn continuation(&mut self) -> Result<(), (Range<usize>, String)> {
        let after = &self.rest()[1..];
        let breaks = after.strip_prefix('\r').unwrap_or(after).strip_prefix('\n');
        match breaks {
            Some(rest) => self.at = self.text.len() - rest.len(),
            None => {
                let message = match after.is_empty() {
                    true => "unexpected end of the file after a line continuation character",
                    false => "unexpected character after line continuation character",
                };
                return Err((self.at..self.at + 1, message.into()));
            }
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), (Range<usize>, String)> {
        let start = self.at;
        let quote = &self.rest()[..1];
        let triple = quote.repeat(3);
        let is_long = self.rest().starts_with(&triple);
        let bytes = self.text.as_bytes();
        let mut at = start + if is_long { 3 } else { 1 };
        loop {
            match bytes.get(at) {
                None if is_long => {
                    return Err((
                        start..start + 3,
                        "unterminated triple-quoted string literal".into(),
                    ));
                }
                None | Some(b'\n') if !is_long => {
                    self.problem(start..at, "unterminated string literal");
                    break;
                }
                Some(b'\\') => {
                    let is_break = bytes.get(at + 1..at + 3) == Some(b"\r\n");
                    at = (at + if is_break { 3 } else { 2 }).min(bytes.len());
                }
                Some(&b) if b == quote.as_bytes()[0] => match is_long {
                    false => {
                        at += 1;
                        break;
                    }
                    true if self.text[at..].starts_with(&triple) => {
                        at += 3;
                        break;
                    }
                    true => at += 1,
                },
                _ => at += 1,
            }
        }
        while !self.text.is_char_boundary(at) {
            at += 1;
        }
        self.token(at - start);
        Ok(())
    }

    fn close(&mut self, closer: char) {
        let partner = match closer {
            ')' => '(',
            ']' => '[',
            _ => '{',
        };
        let place = self.at..self.at + 1;
        match self.open.last() {
            None => self.problem(place, format!("unmatched '{closer}'")),
            Some(open) if open.bracket != partner => {
                let bracket = open.bracket;
                self.layout.unclosed = true;
                self.problem(
                    place,
                    format!("closing parenthesis '{closer}' does not match opening parenthesis '{bracket}'"),
                );
            }
            Some(_) => {}
        }
        if let Some(open) = self.open.pop() {
            self.links = open.links;
        }
        self.token(1);
    }

    fn word(&mut self) -> Result<(), (Range<usize>, String)> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let length = self.rest().find(|c| !is_part(c)).unwrap_or(self.rest().len());
        if matches!(&self.rest()[..length], "lambda" | "else" | "not") {
            self.links += 1;
            if CHAIN_LINKS < self.links {
                return Err((self.at..self.at + length, "the expression is too long".into()));
            }
        }
        self.token(length);
        Ok(())
    }

    /// A complaint about the first bracket that is open, unless a string without an end may have swallowed what closes it.
    fn report_unclosed(&mut self) {
        let Some(open) = self.open.first() else { return };
        let (bracket, at) = (open.bracket, open.at);
        self.layout.unclosed = true;
        let swallows = |(place, message): &(Range<usize>, String)| {
            at < place.start && message == "unterminated string literal"
        };
        if !self.layout.problems.iter().any(swallows) {
            self.problem(at..at + 1, format!("'{bracket}' was never closed"));
        }
    }

    /// At the beginning of a line inside of brackets: a word that begins a statement ends them.
    fn look_for_statement(&mut self) -> Result<(), (Range<usize>, String)> {
        let line = self.rest().trim_start_matches([' ', '\t']);
        let length = line.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len());
        let after = line[length..].trim_start_matches([' ', '\t']);
        // Inside of a call `with=1` might still be meant as an argument.
        if !STATEMENTS.contains(&&line[..length]) || after.starts_with(['=', ',', ')']) {
            return Ok(());
        }
        self.report_unclosed();
        self.open.clear();
        self.end_line();
        self.begin_line()
    }
}

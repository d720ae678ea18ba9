//! Turns the text of a Python file into its syntax tree, going on after mistakes. The only folder that sees pest's pairs.

mod advice;
mod displays;
mod expressions;
mod formatted;
mod layout;
mod literals;
mod parameters;
mod statements;

use super::ast::*;
use crate::diag::{Diagnostic, E0101};
use crate::source::{FileId, Span, Spanned};
use layout::Layout;
use pest::Parser;
use pest::iterators::Pair;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/python.pest"]
struct Grammar;

/// Reads a file. The tree holds every statement that could be read, also if there are complaints. Deeply nested texts
/// need the stack of [`on_large_stack`](crate::front::cage::on_large_stack).
pub fn parse(file: FileId, text: &str) -> (File, Vec<Diagnostic>) {
    read(file, text, Rule::file)
}

/// Reads one expression, as a file of one statement that returns it.
pub fn parse_expression(file: FileId, text: &str) -> (File, Vec<Diagnostic>) {
    read(file, text, Rule::expression_file)
}

fn read(file: FileId, text: &str, rule: Rule) -> (File, Vec<Diagnostic>) {
    let laid_out = match layout::lay_out(text) {
        Ok(laid_out) => laid_out,
        Err((place, message)) => {
            let span = Span::new(file, place.start, place.end);
            return (File::default(), vec![Diagnostic::new(&E0101, span, message)]);
        }
    };
    let mut reader = Reader::new(file, &laid_out);
    let mut body = vec![];
    match Grammar::parse(rule, &laid_out.text) {
        Ok(pairs) if rule == Rule::file => {
            body = reader.statements(pairs.flat_map(Pair::into_inner));
        }
        Ok(pairs) => body.extend(reader.only_expression(pairs.flat_map(Pair::into_inner))),
        Err(_) => reader.error_at(Span::new(file, 0, 0), "invalid syntax"),
    }
    let Reader { version, mut problems, .. } = reader;
    problems.sort_by_key(|problem| problem.span().map(|span| span.start));
    // A line that is indented like none above makes all below it odd.
    if problems.iter().any(|problem| problem.message.starts_with("unindent does not match")) {
        problems.retain(|problem| problem.message != "unexpected indent");
    }
    let problems = problems.into_iter().map(|problem| advice::advised(problem, text)).collect();
    (File { body, version }, problems)
}

struct Reader<'t> {
    file: FileId,
    layout: &'t Layout,
    problems: Vec<Diagnostic>,
    /// Set by an error until a statement is read without one: what follows a mistake is not another mistake.
    recovering: bool,
    /// Links of chains and f-strings around the current node.
    depth: usize,
    version: Version,
    /// The `yield`s of each function around the current node.
    yields: Vec<Option<Span>>,
    /// Where the text begins in its file: parts of f-strings are laid out by themselves.
    base: usize,
}

type Node<'t> = Pair<'t, Rule>;

/// The parts of a node that carry meaning.
fn parts(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    node.into_inner().filter(|part| !is_keyword(part.as_rule()))
}

fn is_keyword(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        kw_and
            | kw_as
            | kw_assert
            | kw_break
            | kw_class
            | kw_continue
            | kw_def
            | kw_del
            | kw_elif
            | kw_else
            | kw_except
            | kw_exec
            | kw_false
            | kw_finally
            | kw_for
            | kw_global
            | kw_if
            | kw_import
            | kw_in
            | kw_is
            | kw_lambda
            | kw_none
            | kw_nonlocal
            | kw_or
            | kw_pass
            | kw_print
            | kw_raise
            | kw_return
            | kw_true
            | kw_try
            | kw_while
            | kw_with
            | kw_yield
            | equals
            | EOI
    )
}

/// What is said about an absent token.
fn expected(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::missing_expression => "invalid syntax: expected an expression",
        Rule::missing_name => "expected a name",
        Rule::missing_colon => "expected ':'",
        Rule::missing_block => "expected an indented block",
        Rule::missing_statement => "invalid syntax: expected a statement",
        Rule::missing_definition => "expected a function or class after its decorator",
        Rule::missing_in => "expected 'in'",
        Rule::missing_else => "expected 'else' after 'if' expression",
        Rule::missing_import => "expected 'import'",
        Rule::missing_open => "expected '('",
        Rule::missing_parenthesis => "expected ',' or ')'",
        Rule::missing_bracket => "expected ',' or ']'",
        Rule::missing_brace => "expected ',' or '}'",
        _ => return None,
    })
}

impl<'t> Reader<'t> {
    fn new(file: FileId, layout: &'t Layout) -> Self {
        let mut reader = Reader {
            file,
            layout,
            problems: vec![],
            recovering: false,
            depth: 0,
            version: Version::Unknown,
            yields: vec![None],
            base: 0,
        };
        for (place, message) in &layout.problems {
            let span = Span::new(file, place.start, place.end);
            reader.problems.push(Diagnostic::new(&E0101, span, message.clone()));
        }
        reader
    }

    /// The place of a node in the text as it was written, without the blanks that implicit rules leave at its end.
    fn span(&self, node: &Node) -> Span {
        let start = node.as_span().start();
        let text = node.as_str().trim_end_matches(|c: char| c.is_whitespace() || c.is_control());
        self.place(start, start + text.len())
    }

    fn place(&self, start: usize, end: usize) -> Span {
        let (start, end) = (self.layout.original(start), self.layout.original(end));
        Span::new(self.file, self.base + start, self.base + end.max(start))
    }

    fn error_at(&mut self, span: Span, message: impl Into<String>) {
        if !self.recovering {
            self.problems.push(Diagnostic::new(&E0101, span, message));
        }
        self.recovering = true;
    }

    /// The word or sign at or after a place of the laid out text.
    fn token_after(&self, at: usize) -> Span {
        let text = &self.layout.text;
        let rest = text[at..].trim_start_matches([' ', '\t', '\r', '\n']);
        let start = text.len() - rest.len();
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match rest.chars().next() {
            Some(c) if !c.is_control() => word.max(c.len_utf8()),
            _ => 0,
        };
        self.place(start, start + length)
    }

    fn error(&mut self, at: usize, message: &str) {
        let span = self.token_after(at);
        self.error_at(span, message);
    }

    /// Reports a `missing_*` node; true if it was one.
    fn reports_missing(&mut self, node: &Node) -> bool {
        let Some(what) = expected(node.as_rule()) else { return false };
        let closes = [Rule::missing_parenthesis, Rule::missing_bracket, Rule::missing_brace];
        match self.layout.unclosed && closes.contains(&node.as_rule()) {
            // The layout has said more about it.
            true => self.recovering = true,
            false => self.error(node.as_span().start(), what),
        }
        true
    }

    fn says(&mut self, version: Version) {
        if self.version == Version::Unknown || version == Version::Two {
            self.version = version;
        }
    }

    fn name(&mut self, node: &Node) -> Name {
        self.reports_missing(node);
        Spanned::new(node.as_str().into(), self.span(node))
    }
}

//! Turns the text of a Lua chunk into its syntax tree, going on after mistakes. The only folder that sees pest's pairs.

mod advice;
mod expressions;
mod lexical;
mod quoted;
mod statements;

use super::ast::*;
use super::scan;
use crate::diag::{Diagnostic, E0101};
use crate::front::cage::on_large_stack;
use crate::source::{FileId, Span, Spanned};
use pest::Parser;
use pest::iterators::Pair;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

pub use advice::advised;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/lua.pest"]
struct Grammar;

/// A place where the text is not Lua, in the words of Lua's own compiler.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxError {
    /// The token at which reading stopped making sense.
    pub span: Span,
    /// Such as `')' expected near 'x'`.
    pub message: String,
}

impl SyntaxError {
    /// The complaint for the user.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new(&E0101, self.span, self.message.clone())
    }
}

/// Reads a chunk. The tree holds every statement that could be read, also if there are errors.
pub fn parse(file: FileId, text: &str) -> (Block, Vec<SyntaxError>) {
    if let Err((place, message)) = scan::check_nesting(text) {
        let span = Span::new(file, place.start, place.end);
        return (Block::default(), vec![SyntaxError { span, message }]);
    }
    on_large_stack(|| {
        let mut reader =
            Reader { file, text, errors: vec![], depth: 0, recovering: false, resume_at: 0 };
        let block = match Grammar::parse(Rule::chunk, text) {
            Ok(pairs) => reader.chunk(pairs.flat_map(Pair::into_inner)),
            Err(_) => {
                reader.error(0, "malformed chunk");
                Block::default()
            }
        };
        let mut errors = reader.errors;
        // Lua reads no token behind one that is none.
        if let Some((place, message)) = lexical::first_problem(text) {
            let span = Span::new(file, place.start, place.end);
            let known = |error: &SyntaxError| error.message == message;
            let first = errors.first().map_or(u32::MAX, |error| error.span.start);
            if span.start <= first && !errors.iter().any(known) {
                errors.insert(0, SyntaxError { span, message });
            }
        }
        (block, errors)
    })
}

/// The trees of texts that never change.
type Trees = HashMap<(FileId, &'static str), Arc<Block>>;

fn trees() -> MutexGuard<'static, Trees> {
    static TREES: LazyLock<Mutex<Trees>> = LazyLock::new(Mutex::default);
    TREES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Frees the trees that [`parse_once`] keeps, some ten megabytes.
pub fn forget_trees() {
    trees().clear();
}

/// Reads a text that never changes; its tree is kept for whoever reads it again as the same file.
pub fn parse_once(file: FileId, text: &'static str) -> Result<Arc<Block>, Vec<SyntaxError>> {
    if let Some(tree) = trees().get(&(file, text)) {
        return Ok(tree.clone());
    }
    let (block, errors) = parse(file, text);
    if !errors.is_empty() {
        return Err(errors);
    }
    let tree = Arc::new(block);
    trees().insert((file, text), tree.clone());
    Ok(tree)
}

/// So many brackets are followed to their ends.
const MOST_BRACKETS: usize = 20;

struct Reader<'t> {
    file: FileId,
    text: &'t str,
    errors: Vec<SyntaxError>,
    /// Links of chains around the current node.
    depth: usize,
    /// Set by an error until a statement is read without one: what follows a mistake is not another mistake.
    recovering: bool,
    /// The end of the bracket in which a mistake was found: up to it there are no others.
    resume_at: usize,
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
            | kw_break
            | kw_do
            | kw_else
            | kw_elseif
            | kw_end
            | kw_false
            | kw_for
            | kw_function
            | kw_goto
            | kw_if
            | kw_in
            | kw_local
            | kw_nil
            | kw_not
            | kw_or
            | kw_repeat
            | kw_return
            | kw_then
            | kw_true
            | kw_until
            | kw_while
            | assign
            | open_key
            | shebang
            | EOI
    )
}

/// What Lua says about an absent token.
fn expected(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::missing_expression => "unexpected symbol",
        Rule::missing_name => "'<name>' expected",
        Rule::missing_parameter => "<name> or '...' expected",
        Rule::missing_arguments => "function arguments expected",
        Rule::missing_then => "'then' expected",
        Rule::missing_do => "'do' expected",
        Rule::missing_end => "'end' expected",
        Rule::missing_until => "'until' expected",
        Rule::missing_range => "'=' or 'in' expected",
        Rule::missing_in => "'in' expected",
        Rule::missing_comma => "',' expected",
        Rule::missing_assign => "'=' expected",
        Rule::missing_colons => "'::' expected",
        Rule::missing_open => "'(' expected",
        Rule::missing_parenthesis => "')' expected",
        Rule::missing_bracket => "']' expected",
        Rule::missing_brace => "'}' expected",
        _ => return None,
    })
}

impl<'t> Reader<'t> {
    fn span(&self, node: &Node) -> Span {
        let span = node.as_span();
        Span::new(self.file, span.start(), span.end())
    }

    /// The span of a node without the blanks that implicit rules leave at its end.
    fn trimmed(&self, node: &Node) -> Span {
        let span = node.as_span();
        Span::new(self.file, span.start(), span.start() + node.as_str().trim_end().len())
    }

    fn error(&mut self, at: usize, what: &str) {
        let token = scan::token_after(self.text, at);
        if let Some((place, message)) = lexical::problem(self.text, token.clone()) {
            return self.error_at(place, message);
        }
        let shown = match &self.text[token.clone()] {
            "" => "<eof>".into(),
            control if control.len() == 1 && control.as_bytes()[0].is_ascii_control() => {
                format!("char({})", control.as_bytes()[0])
            }
            // A string is shown as it is read.
            text if text.starts_with(['"', '\'']) => {
                let read = quoted::unescape(&text[1..text.len() - 1]).unwrap_or_default();
                format!("{0}{1}{0}", &text[..1], String::from_utf8_lossy(&read))
            }
            token => token.to_owned(),
        };
        self.error_at(token, format!("{what} near '{shown}'"));
    }

    fn error_at(&mut self, place: std::ops::Range<usize>, message: String) {
        if !self.recovering && self.resume_at <= place.start {
            let of_bracket =
                ["'}' expected", "')' expected"].iter().any(|m| message.starts_with(m));
            if of_bracket && self.errors.len() < MOST_BRACKETS {
                self.resume_at = scan::closing(self.text, place.start).unwrap_or(0);
            }
            let span = Span::new(self.file, place.start, place.end);
            self.errors.push(SyntaxError { span, message });
        }
        self.recovering = true;
    }

    /// Reports a `missing_*` node; true if it was one.
    fn reports_missing(&mut self, node: &Node, opener: Option<(&str, usize)>) -> bool {
        let Some(what) = expected(node.as_rule()) else { return false };
        self.error_of_opener(node.as_span().start(), what, opener);
        true
    }

    /// A complaint that something is not closed; what opened it is named if it stands on another line.
    fn error_of_opener(&mut self, at: usize, what: &str, opener: Option<(&str, usize)>) {
        let at = scan::token_after(self.text, at).start;
        match opener {
            Some((word, start)) if self.breaks_between(start, at) => {
                let line = 1 + self.text[..start].matches('\n').count();
                self.error(at, &format!("{what} (to close '{word}' at line {line})"));
            }
            _ => self.error(at, what),
        }
    }

    /// Whether a line ends between two places.
    fn breaks_between(&self, start: usize, end: usize) -> bool {
        let bytes = self.text.as_bytes();
        bytes[start..end.clamp(start, bytes.len())].contains(&b'\n')
    }

    fn chunk(&mut self, nodes: impl Iterator<Item = Node<'t>>) -> Block {
        let mut all = Block::default();
        for node in nodes {
            match node.as_rule() {
                Rule::block => all.statements.extend(self.block(node, "<eof>", None).statements),
                Rule::stray => self.error(node.as_span().start(), "'<eof>' expected"),
                _ => {}
            }
        }
        all
    }

    /// The statements up to a word that closes the block; what opened it stands in the complaint that it is not
    /// closed where it has to be, behind `return`.
    fn block(&mut self, node: Node<'t>, closer: &str, opener: Option<(&str, usize)>) -> Block {
        let mut statements: Vec<Statement> = vec![];
        for part in parts(node) {
            let last = statements.last().map(|s| &s.value);
            if matches!(last, Some(StatementKind::Return(_) | StatementKind::Break)) {
                self.error_of_opener(
                    part.as_span().start(),
                    &format!("'{closer}' expected"),
                    opener,
                );
            }
            if part.as_rule() == Rule::broken {
                self.error(part.as_span().start(), "unexpected symbol");
                continue;
            }
            let was_recovering = std::mem::take(&mut self.recovering);
            let errors = self.errors.len();
            let span = self.trimmed(&part);
            let is_expression = part.as_rule() == Rule::expression_statement;
            if let Some(kind) = self.statement(part, was_recovering && is_expression) {
                statements.push(Spanned::new(kind, span));
            }
            self.recovering |= errors < self.errors.len() && !self.ended_well(errors, span);
        }
        Block { statements }
    }

    /// Whether the errors since `first` lie on lines before the end of the statement.
    fn ended_well(&self, first: usize, span: Span) -> bool {
        let last = self.errors[first..].last().map_or(0, |e| e.span.start as usize);
        self.breaks_between(last, span.end as usize)
    }
}

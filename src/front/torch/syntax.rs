//! Turns the text of a Lua chunk into its syntax tree, going on after mistakes. The only file that sees pest's pairs.

use super::ast::*;
use super::cage::{CHAIN_LINKS, on_large_stack};
use super::interp::number;
use super::scan;
use crate::diag::{Diagnostic, E0101};
use crate::source::{FileId, Span, Spanned};
use pest::Parser;
use pest::iterators::Pair;
use std::iter::Peekable;

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
        let mut reader = Reader { file, text, errors: vec![], depth: 0, recovering: false };
        let block = match Grammar::parse(Rule::chunk, text) {
            Ok(pairs) => reader.chunk(pairs.flat_map(Pair::into_inner)),
            Err(_) => {
                reader.error(0, "malformed chunk");
                Block::default()
            }
        };
        (block, reader.errors)
    })
}

struct Reader<'t> {
    file: FileId,
    text: &'t str,
    errors: Vec<SyntaxError>,
    /// Links of chains around the current node.
    depth: usize,
    /// Set by an error until a statement is read without one: what follows a mistake is not another mistake.
    recovering: bool,
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
        let shown = match &self.text[token.clone()] {
            "" => "<eof>",
            token => token,
        };
        self.error_at(token.clone(), format!("{what} near '{shown}'"));
    }

    fn error_at(&mut self, place: std::ops::Range<usize>, message: String) {
        if !self.recovering {
            let span = Span::new(self.file, place.start, place.end);
            self.errors.push(SyntaxError { span, message });
        }
        self.recovering = true;
    }

    /// Reports a `missing_*` node; true if it was one.
    fn reports_missing(&mut self, node: &Node, opener: Option<(&str, usize)>) -> bool {
        let Some(what) = expected(node.as_rule()) else { return false };
        let at = scan::token_after(self.text, node.as_span().start()).start;
        match opener {
            Some((word, start)) if self.line(start) != self.line(at) => {
                let line = self.line(start);
                self.error(at, &format!("{what} (to close '{word}' at line {line})"));
            }
            _ => self.error(at, what),
        }
        true
    }

    fn line(&self, at: usize) -> usize {
        1 + self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|&&b| b == b'\n').count()
    }

    fn chunk(&mut self, nodes: impl Iterator<Item = Node<'t>>) -> Block {
        let mut all = Block::default();
        for node in nodes {
            match node.as_rule() {
                Rule::block => all.statements.extend(self.block(node, "<eof>").statements),
                Rule::stray => self.error(node.as_span().start(), "'<eof>' expected"),
                _ => {}
            }
        }
        all
    }

    fn block(&mut self, node: Node<'t>, closer: &str) -> Block {
        let mut statements: Vec<Statement> = vec![];
        for part in parts(node) {
            if part.as_rule() == Rule::broken {
                self.error(part.as_span().start(), "unexpected symbol");
                continue;
            }
            let last = statements.last().map(|s| &s.value);
            if matches!(last, Some(StatementKind::Return(_) | StatementKind::Break)) {
                self.error(part.as_span().start(), &format!("'{closer}' expected"));
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
        self.line(last) < self.line(span.end as usize)
    }

    fn statement(&mut self, node: Node<'t>, quiet: bool) -> Option<StatementKind> {
        let rule = node.as_rule();
        let start = node.as_span().start();
        let whole = node.as_span();
        let mut inner = parts(node).peekable();
        Some(match rule {
            Rule::local_function => {
                let name = self.required_name(inner.next()?)?;
                let body = self.function(inner.next()?, Some(name.value.clone()), start)?;
                StatementKind::LocalFunction(name, Box::new(body))
            }
            Rule::local_variables => {
                let names = self.names(&mut inner);
                let values = inner.next().map_or(vec![], |list| self.expressions(list));
                StatementKind::Local(names, values)
            }
            Rule::function_statement => {
                self.function_statement(inner.next()?, inner.next()?, start)?
            }
            Rule::if_statement => self.if_statement(inner, start)?,
            Rule::while_statement => {
                let condition = self.expression(inner.next()?);
                let body = self.closed_block(&mut inner, ("while", start));
                StatementKind::While(condition, body)
            }
            Rule::do_statement => StatementKind::Do(self.closed_block(&mut inner, ("do", start))),
            Rule::for_statement => self.for_statement(inner, start)?,
            Rule::repeat_statement => {
                let body = self.block(inner.next()?, "until");
                let condition = inner.next()?;
                if self.reports_missing(&condition, Some(("repeat", start))) {
                    return None;
                }
                StatementKind::Repeat(body, self.expression(condition))
            }
            Rule::return_statement => {
                StatementKind::Return(inner.next().map_or(vec![], |list| self.expressions(list)))
            }
            Rule::break_statement => StatementKind::Break,
            Rule::goto_statement => StatementKind::Goto(self.required_name(inner.next()?)?),
            Rule::label => {
                let name = self.required_name(inner.next()?)?;
                if let Some(missing) = inner.next() {
                    self.reports_missing(&missing, None);
                }
                StatementKind::Label(name)
            }
            _ => self.expression_statement(
                inner,
                whole.start() + whole.as_str().trim_end().len(),
                quiet,
            )?,
        })
    }

    fn expression_statement(
        &mut self,
        mut inner: Peekable<impl Iterator<Item = Node<'t>>>,
        end: usize,
        quiet: bool,
    ) -> Option<StatementKind> {
        let first = self.suffixed(inner.next()?);
        if inner.peek().is_none() {
            if matches!(first.value, ExprKind::Call(..) | ExprKind::Method(..)) {
                return Some(StatementKind::Call(first));
            }
            self.recovering |= quiet;
            match first.value {
                ExprKind::Paren(_) => self.error(end, "syntax error"),
                _ => self.error(end, "'=' expected"),
            }
            return None;
        }
        let mut targets = vec![first];
        let mut values = vec![];
        for node in inner {
            match node.as_rule() {
                Rule::target => {
                    for part in parts(node) {
                        if !self.reports_missing(&part, None) {
                            targets.push(self.suffixed(part));
                        }
                    }
                }
                Rule::expressions => {
                    self.check_targets(&targets);
                    values = self.expressions(node);
                }
                _ => {
                    self.reports_missing(&node, None);
                }
            }
        }
        Some(StatementKind::Assign(targets, values))
    }

    fn check_targets(&mut self, targets: &[Expr]) {
        for target in targets {
            if !matches!(target.value, ExprKind::Name(_) | ExprKind::Index(..)) {
                self.error(target.span.end as usize, "unexpected symbol");
            }
        }
    }

    fn function_statement(
        &mut self,
        path: Node<'t>,
        body: Node<'t>,
        start: usize,
    ) -> Option<StatementKind> {
        let written = path.as_str().trim_end().to_owned();
        let mut target: Option<Expr> = None;
        let mut method: Option<Name> = None;
        for part in parts(path) {
            let is_method = part.as_rule() == Rule::method_name;
            let part = if is_method { parts(part).next()? } else { part };
            let Some(name) = self.required_name(part) else { continue };
            target = Some(match target {
                None => Spanned::new(ExprKind::Name(name.value.clone()), name.span),
                Some(base) => field(base, &name),
            });
            if is_method {
                method = Some(name);
            }
        }
        let mut function = self.function(body, Some(written), start)?;
        if let Some(name) = method {
            function.parameters.insert(0, Spanned::new("self".into(), name.span));
        }
        let span = function.span;
        let value = Spanned::new(ExprKind::Function(Box::new(function)), span);
        Some(StatementKind::Assign(vec![target?], vec![value]))
    }

    fn if_statement(
        &mut self,
        mut inner: Peekable<impl Iterator<Item = Node<'t>>>,
        start: usize,
    ) -> Option<StatementKind> {
        let mut arms = vec![self.arm(&mut inner)?];
        let mut otherwise = None;
        for node in inner {
            match node.as_rule() {
                Rule::elseif => arms.push(self.arm(&mut parts(node).peekable())?),
                Rule::otherwise => otherwise = Some(self.block(parts(node).next()?, "end")),
                _ => {
                    self.reports_missing(&node, Some(("if", start)));
                }
            }
        }
        Some(StatementKind::If(arms, otherwise))
    }

    fn arm(&mut self, inner: &mut impl Iterator<Item = Node<'t>>) -> Option<(Expr, Block)> {
        let condition = self.expression(inner.next()?);
        let mut next = inner.next()?;
        if self.reports_missing(&next, None) {
            next = inner.next()?;
        }
        Some((condition, self.block(next, "end")))
    }

    fn for_statement(
        &mut self,
        mut inner: Peekable<impl Iterator<Item = Node<'t>>>,
        start: usize,
    ) -> Option<StatementKind> {
        let name = self.required_name(inner.next()?);
        let range = inner.next()?;
        self.reports_missing(&range, None);
        let is_numeric = range.as_rule() == Rule::numeric_range;
        let mut names: Vec<Name> = name.into_iter().collect();
        let mut values = vec![];
        for part in parts(range) {
            match part.as_rule() {
                Rule::name => names.extend(self.required_name(part)),
                Rule::expression => values.push(self.expression(part)),
                Rule::expressions => values = self.expressions(part),
                _ => {
                    self.reports_missing(&part, None);
                }
            }
        }
        let body = self.closed_block(&mut inner, ("for", start));
        if !is_numeric {
            return Some(StatementKind::GenericFor(names, values, body));
        }
        let mut values = values.into_iter();
        let (name, start, limit) = (names.into_iter().next()?, values.next()?, values.next()?);
        let step = values.next();
        Some(StatementKind::NumericFor(Box::new(NumericFor { name, start, limit, step, body })))
    }

    /// The rest of a statement that ends with a block and `end`, from an optional missing `do` on.
    fn closed_block(
        &mut self,
        inner: &mut impl Iterator<Item = Node<'t>>,
        opener: (&str, usize),
    ) -> Block {
        let mut body = Block::default();
        for node in inner {
            match node.as_rule() {
                Rule::block => body = self.block(node, "end"),
                Rule::missing_end => {
                    self.reports_missing(&node, Some(opener));
                }
                _ => {
                    self.reports_missing(&node, None);
                }
            }
        }
        body
    }

    fn function(&mut self, node: Node<'t>, name: Option<String>, start: usize) -> Option<Function> {
        let span = self.trimmed(&node);
        let mut function =
            Function { name, parameters: vec![], is_vararg: false, body: Block::default(), span };
        let mut rest = vec![];
        for part in parts(node) {
            match part.as_rule() {
                Rule::parameters => {
                    let mut after_vararg = 0;
                    for parameter in parts(part) {
                        if function.is_vararg {
                            self.error(after_vararg, "')' expected");
                        }
                        match parameter.as_rule() {
                            Rule::vararg => {
                                function.is_vararg = true;
                                after_vararg = parameter.as_span().end();
                            }
                            Rule::name => {
                                function.parameters.extend(self.required_name(parameter.clone()))
                            }
                            _ => {
                                self.reports_missing(&parameter, None);
                            }
                        }
                    }
                }
                Rule::block | Rule::missing_end => rest.push(part),
                _ => {
                    self.reports_missing(&part, None);
                }
            }
        }
        function.body = self.closed_block(&mut rest.into_iter(), ("function", start));
        Some(function)
    }

    fn required_name(&mut self, node: Node<'t>) -> Option<Name> {
        if self.reports_missing(&node, None) {
            return None;
        }
        Some(Spanned::new(node.as_str().to_owned(), self.span(&node)))
    }

    fn names(&mut self, inner: &mut Peekable<impl Iterator<Item = Node<'t>>>) -> Vec<Name> {
        let is_name = |node: &Node| matches!(node.as_rule(), Rule::name | Rule::missing_name);
        let mut names = vec![];
        while let Some(node) = inner.next_if(is_name) {
            names.extend(self.required_name(node));
        }
        names
    }

    fn expressions(&mut self, node: Node<'t>) -> Vec<Expr> {
        parts(node).map(|part| self.expression(part)).collect()
    }

    fn expression(&mut self, node: Node<'t>) -> Expr {
        let span = self.trimmed(&node);
        let mut tokens = vec![];
        let mut operands = vec![];
        for part in node.into_inner() {
            if part.as_rule() == Rule::binary_operator {
                tokens.push(Token::Binary(Spanned::new(binary(part.as_str()), self.span(&part))));
                continue;
            }
            for piece in part.into_inner() {
                if piece.as_rule() == Rule::unary_operator {
                    tokens
                        .push(Token::Unary(Spanned::new(unary(piece.as_str()), self.span(&piece))));
                } else {
                    tokens.push(Token::Operand(operands.len()));
                    operands.push(Some(piece));
                }
            }
        }
        let Some(nothing) = self.descend(tokens.len(), span) else {
            return Spanned::new(ExprKind::Nil, span);
        };
        let operands = operands.into_iter().flatten().map(|node| Some(self.simple(node))).collect();
        let mut climb = Climb { tokens: tokens.into_iter().peekable(), operands, nothing: span };
        let tree = climb.expression(0);
        self.depth -= nothing;
        tree
    }

    /// Enters a chain of so many links, if there is room; what was added is to be subtracted at its end.
    fn descend(&mut self, links: usize, span: Span) -> Option<usize> {
        if self.depth + links < CHAIN_LINKS {
            self.depth += links;
            return Some(links);
        }
        self.error_at(span.range(), "chunk has too many syntax levels".into());
        None
    }

    fn simple(&mut self, node: Node<'t>) -> Expr {
        let span = self.trimmed(&node);
        let kind = match node.as_rule() {
            Rule::nil => ExprKind::Nil,
            Rule::true_value => ExprKind::Bool(true),
            Rule::false_value => ExprKind::Bool(false),
            Rule::vararg => ExprKind::Vararg,
            Rule::number => match number::parse(node.as_str().as_bytes()) {
                Some(value) if value.is_finite() || !node.as_str().contains(['i', 'n']) => {
                    ExprKind::Number(value)
                }
                _ => {
                    self.error(span.start as usize, "malformed number");
                    ExprKind::Nil
                }
            },
            Rule::string => ExprKind::Text(self.string(node)),
            Rule::function_value => {
                let start = span.start as usize;
                match parts(node).next().and_then(|body| self.function(body, None, start)) {
                    Some(function) => ExprKind::Function(Box::new(function)),
                    None => ExprKind::Nil,
                }
            }
            Rule::table => self.table(node),
            Rule::suffixed => return self.suffixed(node),
            _ => {
                self.reports_missing(&node, None);
                ExprKind::Nil
            }
        };
        Spanned::new(kind, span)
    }

    fn suffixed(&mut self, node: Node<'t>) -> Expr {
        let whole = self.trimmed(&node);
        let nodes: Vec<_> = node.into_inner().collect();
        let Some(links) = self.descend(nodes.len(), whole) else {
            return Spanned::new(ExprKind::Nil, whole);
        };
        let mut tree: Option<Expr> = None;
        for node in nodes {
            let end = self.trimmed(&node);
            tree = Some(match tree {
                None => self.primary(node),
                Some(base) => {
                    let span = base.span.to(end);
                    let kind = self.suffix(base, node);
                    Spanned::new(kind, span)
                }
            });
        }
        self.depth -= links;
        tree.unwrap_or(Spanned::new(ExprKind::Nil, whole))
    }

    fn primary(&mut self, node: Node<'t>) -> Expr {
        let span = self.trimmed(&node);
        if node.as_rule() == Rule::name {
            return Spanned::new(ExprKind::Name(node.as_str().to_owned()), span);
        }
        let mut inner = node.into_inner();
        let value = inner.next().map(|e| self.expression(e));
        if let Some(missing) = inner.next() {
            self.reports_missing(&missing, Some(("(", span.start as usize)));
        }
        let value = value.unwrap_or(Spanned::new(ExprKind::Nil, span));
        Spanned::new(ExprKind::Paren(Box::new(value)), span)
    }

    fn suffix(&mut self, base: Expr, node: Node<'t>) -> ExprKind {
        let rule = node.as_rule();
        let mut inner = parts(node);
        match (rule, inner.next()) {
            (Rule::field_access, Some(name)) => match self.required_name(name) {
                Some(name) => field(base, &name).value,
                None => base.value,
            },
            (Rule::index, Some(key)) => {
                let key = self.expression(key);
                if let Some(missing) = inner.next() {
                    self.reports_missing(&missing, None);
                }
                ExprKind::Index(Box::new(base), Box::new(key))
            }
            (Rule::call, Some(arguments)) => {
                let arguments = self.arguments(arguments, base.span);
                ExprKind::Call(Box::new(base), arguments)
            }
            (Rule::method_call, Some(name)) => {
                let name = self.required_name(name);
                let mut list = vec![];
                if let Some(arguments) = inner.next()
                    && !self.reports_missing(&arguments, None)
                {
                    list = self.arguments(arguments, name.as_ref().map_or(base.span, |n| n.span));
                }
                match name {
                    Some(name) => ExprKind::Method(Box::new(base), name, list),
                    None => base.value,
                }
            }
            _ => base.value,
        }
    }

    fn arguments(&mut self, node: Node<'t>, callee: Span) -> Vec<Expr> {
        let Some(inner) = node.into_inner().next() else { return vec![] };
        match inner.as_rule() {
            Rule::parenthesised => {
                let start = inner.as_span().start();
                if self.line(start) != self.line(callee.end as usize) {
                    self.error(start, "ambiguous syntax (function call x new statement)");
                }
                let mut list = vec![];
                for part in parts(inner) {
                    if !self.reports_missing(&part, Some(("(", start))) {
                        list = self.expressions(part);
                    }
                }
                list
            }
            _ => vec![self.simple(inner)],
        }
    }

    fn table(&mut self, node: Node<'t>) -> ExprKind {
        let start = node.as_span().start();
        let mut fields = vec![];
        for part in parts(node) {
            if self.reports_missing(&part, Some(("{", start))) {
                continue;
            }
            let Some(inner) = part.into_inner().next() else { continue };
            match inner.as_rule() {
                Rule::keyed_field => {
                    let mut pair = vec![];
                    for part in parts(inner) {
                        if !self.reports_missing(&part, None) {
                            pair.push(self.expression(part));
                        }
                    }
                    if let Ok([key, value]) = <[Expr; 2]>::try_from(pair) {
                        fields.push(Field::Keyed(key, value));
                    }
                }
                Rule::named_field => {
                    let mut pair = parts(inner);
                    if let (Some(name), Some(value)) = (pair.next(), pair.next()) {
                        let span = self.span(&name);
                        let key = ExprKind::Text(name.as_str().as_bytes().to_vec());
                        let value = self.expression(value);
                        fields.push(Field::Keyed(Spanned::new(key, span), value));
                    }
                }
                _ => fields.push(Field::Item(self.expression(inner))),
            }
        }
        ExprKind::Table(fields)
    }

    fn string(&mut self, node: Node<'t>) -> Vec<u8> {
        let at = node.as_span().start();
        let raw = node.as_str();
        match node.into_inner().next().map(|inner| inner.as_rule()) {
            Some(Rule::long_string) => long_string(raw),
            Some(Rule::quoted_string) => match unescape(&raw[1..raw.len() - 1]) {
                Some(bytes) => bytes,
                None => {
                    let quote = &raw[..1];
                    let message = format!("invalid escape sequence near '{quote}'");
                    self.error_at(at..at + raw.len(), message);
                    vec![]
                }
            },
            _ => {
                self.error(at, "unfinished string");
                vec![]
            }
        }
    }
}

fn field(base: Expr, name: &Name) -> Expr {
    let span = base.span.to(name.span);
    let key = Spanned::new(ExprKind::Text(name.value.clone().into_bytes()), name.span);
    Spanned::new(ExprKind::Index(Box::new(base), Box::new(key)), span)
}

enum Token {
    Operand(usize),
    Unary(Spanned<Unary>),
    Binary(Spanned<Binary>),
}

/// Precedence climbing over the flat list of an expression.
struct Climb<T: Iterator<Item = Token>> {
    tokens: Peekable<T>,
    operands: Vec<Option<Expr>>,
    nothing: Span,
}

impl<T: Iterator<Item = Token>> Climb<T> {
    fn expression(&mut self, power: u8) -> Expr {
        let mut left = match self.tokens.next() {
            Some(Token::Unary(operator)) => {
                let operand = self.expression(UNARY_POWER);
                let span = operator.span.to(operand.span);
                Spanned::new(ExprKind::Unary(operator, Box::new(operand)), span)
            }
            Some(Token::Operand(index)) => self.operand(index),
            _ => Spanned::new(ExprKind::Nil, self.nothing),
        };
        loop {
            let binds =
                |token: &Token| matches!(token, Token::Binary(op) if power < op.value.powers().0);
            let Some(Token::Binary(operator)) = self.tokens.next_if(binds) else { return left };
            let right = self.expression(operator.value.powers().1);
            let span = left.span.to(right.span);
            left = Spanned::new(ExprKind::Binary(operator, Box::new(left), Box::new(right)), span);
        }
    }

    fn operand(&mut self, index: usize) -> Expr {
        let operand = self.operands.get_mut(index).and_then(Option::take);
        operand.unwrap_or(Spanned::new(ExprKind::Nil, self.nothing))
    }
}

fn unary(text: &str) -> Unary {
    match text {
        "-" => Unary::Minus,
        "#" => Unary::Length,
        _ => Unary::Not,
    }
}

fn binary(text: &str) -> Binary {
    match text {
        "and" => Binary::And,
        "<" => Binary::Less,
        ">" => Binary::Greater,
        "<=" => Binary::LessEqual,
        ">=" => Binary::GreaterEqual,
        "~=" => Binary::NotEqual,
        "==" => Binary::Equal,
        ".." => Binary::Concat,
        "+" => Binary::Add,
        "-" => Binary::Subtract,
        "*" => Binary::Multiply,
        "/" => Binary::Divide,
        "%" => Binary::Modulo,
        "^" => Binary::Power,
        _ => Binary::Or,
    }
}

/// The contents of `[==[ … ]==]`, without a newline right after the opening.
fn long_string(raw: &str) -> Vec<u8> {
    let level = raw[1..].bytes().take_while(|&b| b == b'=').count() + 2;
    let body = raw.get(level..raw.len().saturating_sub(level)).unwrap_or("");
    let body = body.strip_prefix("\r\n").or(body.strip_prefix('\n')).unwrap_or(body);
    body.replace("\r\n", "\n").into_bytes()
}

/// The bytes of a quoted string; `None` if an escape is not one of LuaJIT's.
fn unescape(raw: &str) -> Option<Vec<u8>> {
    let mut bytes = raw.bytes().peekable();
    let mut out = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next()? {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'x' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                let high = digit(bytes.next())?;
                out.push((high * 16 + digit(bytes.next())?) as u8);
            }
            b'z' => while bytes.next_if(|b| b.is_ascii_whitespace() || *b == 11).is_some() {},
            b'u' => {
                bytes.next_if_eq(&b'{')?;
                let mut code = 0u32;
                while let Some(digit) = bytes.next_if(u8::is_ascii_hexdigit) {
                    code = code.checked_mul(16)? + char::from(digit).to_digit(16)?;
                }
                bytes.next_if_eq(&b'}')?;
                out.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).bytes());
            }
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                out.push(b'\n');
            }
            b'\n' => {
                bytes.next_if_eq(&b'\r');
                out.push(b'\n');
            }
            first @ b'0'..=b'9' => {
                let mut code = u32::from(first - b'0');
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
                        code = code * 10 + u32::from(digit - b'0');
                    }
                }
                out.push(u8::try_from(code).ok()?);
            }
            other @ (b'\\' | b'"' | b'\'') => out.push(other),
            _ => return None,
        }
    }
    Some(out)
}

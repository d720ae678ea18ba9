//! Turns the pairs of expressions into their tree, by precedence climbing over a flat list of operands and operators.

use super::quoted::{long_string, unescape};
use super::{Node, Reader, Rule, lexical, parts};
use crate::front::cage::{CHAIN_LINKS, SYNTAX_LEVELS};
use crate::front::torch::ast::*;
use crate::front::torch::interp::number;
use crate::source::{Span, Spanned};
use std::iter::Peekable;

impl<'t> Reader<'t> {
    pub(super) fn expressions(&mut self, node: Node<'t>) -> Vec<Expr> {
        parts(node).map(|part| self.expression(part)).collect()
    }

    pub(super) fn expression(&mut self, node: Node<'t>) -> Expr {
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
        let tokens = tokens.into_iter().peekable();
        let mut climb = Climb { tokens, operands, nothing: span, level: 0, deepest: 0 };
        let tree = climb.expression(0);
        if SYNTAX_LEVELS < climb.deepest + 2 {
            self.error_at(span.range(), "chunk has too many syntax levels".into());
        }
        self.depth -= nothing;
        tree
    }

    /// Enters a chain of so many links, if there is room; what was added is to be subtracted at its end.
    pub(super) fn descend(&mut self, links: usize, span: Span) -> Option<usize> {
        if self.depth + links < CHAIN_LINKS {
            self.depth += links;
            return Some(links);
        }
        self.error_at(span.range(), "chunk has too many syntax levels".into());
        None
    }

    pub(super) fn simple(&mut self, node: Node<'t>) -> Expr {
        let span = self.trimmed(&node);
        let kind = match node.as_rule() {
            Rule::nil => ExprKind::Nil,
            Rule::true_value => ExprKind::Bool(true),
            Rule::false_value => ExprKind::Bool(false),
            Rule::vararg => ExprKind::Vararg,
            Rule::number => {
                let value = number::parse(node.as_str().as_bytes());
                match lexical::problem(self.text, span.range()) {
                    None => value.map_or(ExprKind::Nil, ExprKind::Number),
                    Some((place, message)) => {
                        self.error_at(place, message);
                        ExprKind::Nil
                    }
                }
            }
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

    pub(super) fn suffixed(&mut self, node: Node<'t>) -> Expr {
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

    pub(super) fn primary(&mut self, node: Node<'t>) -> Expr {
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

    pub(super) fn suffix(&mut self, base: Expr, node: Node<'t>) -> ExprKind {
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

    pub(super) fn arguments(&mut self, node: Node<'t>, callee: Span) -> Vec<Expr> {
        let Some(inner) = node.into_inner().next() else { return vec![] };
        match inner.as_rule() {
            Rule::parenthesised => {
                let start = inner.as_span().start();
                if self.breaks_between(callee.end as usize, start) {
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

    pub(super) fn table(&mut self, node: Node<'t>) -> ExprKind {
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

    pub(super) fn string(&mut self, node: Node<'t>) -> Vec<u8> {
        let at = node.as_span().start();
        let raw = node.as_str();
        if node.into_inner().any(|inner| inner.as_rule() == Rule::long_string) {
            return long_string(raw);
        }
        match lexical::problem(self.text, at..at + raw.len()) {
            None => unescape(&raw[1..raw.len() - 1]).unwrap_or_default(),
            Some((place, message)) => {
                self.error_at(place, message);
                vec![]
            }
        }
    }
}

pub(super) fn field(base: Expr, name: &Name) -> Expr {
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
    /// Operands within operands: of `not not x`, `2 ^ 2 ^ 2` and `a .. b .. c`.
    level: usize,
    deepest: usize,
}

impl<T: Iterator<Item = Token>> Climb<T> {
    fn expression(&mut self, power: u8) -> Expr {
        self.level += 1;
        self.deepest = self.deepest.max(self.level);
        let tree = self.above(power);
        self.level -= 1;
        tree
    }

    fn above(&mut self, power: u8) -> Expr {
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

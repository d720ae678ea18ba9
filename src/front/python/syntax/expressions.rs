//! Reads expressions; the precedence of operators is applied here.

use super::{Node, Reader, Rule, parts};
use crate::front::cage::CHAIN_LINKS;
use crate::front::python::ast::*;
use crate::source::{Span, Spanned};
use std::iter::Peekable;

/// Binding powers (Python reference, 6.17), weakest first.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;
const SIGN: u8 = 11;
const POWER: u8 = 12;

/// An arithmetic operator by its sign.
pub(super) fn binary(symbol: &str) -> Option<Binary> {
    Some(match symbol {
        "+" => Binary::Add,
        "-" => Binary::Subtract,
        "*" => Binary::Multiply,
        "/" => Binary::Divide,
        "//" => Binary::FloorDivide,
        "%" => Binary::Modulo,
        "**" => Binary::Power,
        "@" => Binary::MatrixMultiply,
        "<<" => Binary::LeftShift,
        ">>" => Binary::RightShift,
        "&" => Binary::BitAnd,
        "|" => Binary::BitOr,
        "^" => Binary::BitXor,
        _ => return None,
    })
}

fn power(operator: Binary) -> u8 {
    match operator {
        Binary::BitOr => 5,
        Binary::BitXor => 6,
        Binary::BitAnd => 7,
        Binary::LeftShift | Binary::RightShift => 8,
        Binary::Add | Binary::Subtract => 9,
        Binary::Power => POWER,
        _ => 10,
    }
}

#[derive(Clone, Copy)]
enum Operator {
    Or,
    And,
    Compare(Compare),
    Binary(Binary),
}

fn operator(node: &Node) -> Option<Operator> {
    let inner = node.clone().into_inner().next()?;
    Some(match inner.as_rule() {
        Rule::kw_or => Operator::Or,
        Rule::kw_and => Operator::And,
        Rule::kw_in => Operator::Compare(Compare::In),
        Rule::kw_is => Operator::Compare(Compare::Is),
        Rule::not_in => Operator::Compare(Compare::NotIn),
        Rule::is_not => Operator::Compare(Compare::IsNot),
        _ => match inner.as_str() {
            "==" => Operator::Compare(Compare::Equal),
            "!=" | "<>" => Operator::Compare(Compare::NotEqual),
            "<" => Operator::Compare(Compare::Less),
            "<=" => Operator::Compare(Compare::LessEqual),
            ">" => Operator::Compare(Compare::Greater),
            ">=" => Operator::Compare(Compare::GreaterEqual),
            symbol => Operator::Binary(binary(symbol)?),
        },
    })
}

/// A token of a chain: a sign before an operand, an operand, an operator.
enum Token {
    Prefix(Spanned<Unary>),
    Operand(Expr),
    Operator(Spanned<Operator>),
}

type Tokens = Peekable<std::vec::IntoIter<Token>>;

impl<'t> Reader<'t> {
    /// Goes deeper by some links while `read` reads, unless that is too deep.
    fn deeper<R>(
        &mut self,
        links: usize,
        span: Span,
        read: impl FnOnce(&mut Self) -> R,
    ) -> Option<R> {
        self.depth += links;
        if CHAIN_LINKS < self.depth {
            self.depth -= links;
            self.error_at(span, "the expression is too long");
            return None;
        }
        let result = read(self);
        self.depth -= links;
        Some(result)
    }

    pub(super) fn nothing(&self, node: &Node<'t>) -> Expr {
        Spanned::new(ExprKind::None, self.span(node))
    }

    /// Expressions with commas: a tuple, or one expression without.
    pub(super) fn expressions(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let mut items = vec![];
        let mut is_tuple = false;
        for part in parts(node) {
            match part.as_rule() {
                Rule::trailing_comma => is_tuple = true,
                _ => items.push(self.item(part)),
            }
        }
        if is_tuple || 1 < items.len() {
            return Spanned::new(ExprKind::Tuple(items), span);
        }
        match items.pop() {
            Some(item) => {
                if matches!(item.value, ExprKind::Star(_)) {
                    self.error_at(item.span, "can't use starred expression here");
                }
                item
            }
            None => Spanned::new(ExprKind::None, span),
        }
    }

    pub(super) fn item(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        match node.as_rule() {
            Rule::star => {
                let inner = parts(node.clone()).next();
                let inner = match inner {
                    Some(inner) => self.expression(inner),
                    None => self.nothing(&node),
                };
                Spanned::new(ExprKind::Star(Box::new(inner)), span)
            }
            _ => self.expression(node),
        }
    }

    /// What may stand behind `=`.
    pub(super) fn value(&mut self, node: Node<'t>) -> Expr {
        let inner = parts(node.clone()).next();
        match inner {
            Some(inner) if inner.as_rule() == Rule::yield_value => self.yield_value(inner),
            Some(inner) => self.expressions(inner),
            None => self.nothing(&node),
        }
    }

    pub(super) fn yield_value(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let mut kind = ExprKind::Yield(None);
        for part in parts(node) {
            match part.as_rule() {
                Rule::yield_from => self.says(Version::Three),
                Rule::expression => kind = ExprKind::YieldFrom(Box::new(self.expression(part))),
                _ => kind = ExprKind::Yield(Some(Box::new(self.expressions(part)))),
            }
        }
        self.notes_yield(span);
        Spanned::new(kind, span)
    }

    /// Makes the function around a generator.
    pub(super) fn notes_yield(&mut self, span: Span) {
        match self.yields.split_first_mut() {
            Some((_, [.., innermost])) => {
                innermost.get_or_insert(span);
            }
            _ => self.error_at(span, "'yield' outside function"),
        }
    }

    pub(super) fn expression(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        match node.as_rule() {
            Rule::expression
            | Rule::unnamed
            | Rule::annotation
            | Rule::bound
            | Rule::lambda_inside => {}
            Rule::chain => return self.chain(node),
            Rule::lambda => return self.lambda(node),
            Rule::walrus => return self.walrus(node),
            _ => {
                self.reports_missing(&node);
                return self.nothing(&node);
            }
        }
        let mut inner = parts(node.clone()).peekable();
        let Some(first) = inner.next() else { return self.nothing(&node) };
        let first = self.expression(first);
        let Some(condition) = inner.next() else { return first };
        if let Some(missing) = inner.next_if(|p| p.as_rule() == Rule::missing_else) {
            self.reports_missing(&missing);
        }
        let other = inner.next();
        let read = |reader: &mut Self| {
            let test = parts(condition).next().map(|c| reader.expression(c));
            (test, other.map(|o| reader.expression(o)))
        };
        match self.deeper(1, span, read) {
            Some((Some(test), Some(other))) => {
                let kind = ExprKind::Conditional(Box::new(test), Box::new(first), Box::new(other));
                Spanned::new(kind, span)
            }
            _ => first,
        }
    }

    fn walrus(&mut self, node: Node<'t>) -> Expr {
        self.says(Version::Three);
        let span = self.span(&node);
        let mut inner = parts(node.clone());
        let (Some(name), Some(value)) = (inner.next(), inner.next()) else {
            return self.nothing(&node);
        };
        let name =
            Spanned::new(ExprKind::Name(name.as_str().into(), Variable::Global), self.span(&name));
        let value = self.deeper(1, span, |reader| reader.expression(value));
        let value = value.unwrap_or(Spanned::new(ExprKind::None, span));
        Spanned::new(ExprKind::Walrus(Box::new(name), Box::new(value)), span)
    }

    /// Operands with operators between them.
    fn chain(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let nodes: Vec<_> = parts(node).collect();
        let links = nodes.len() - 1;
        let tokens = self.deeper(links, span, |reader| {
            let mut tokens = vec![];
            for part in nodes {
                let span = reader.span(&part);
                if part.as_rule() == Rule::operator {
                    if part.as_str() == "<>" {
                        reader.says(Version::Two);
                    }
                    let found = operator(&part).unwrap_or(Operator::And);
                    tokens.push(Token::Operator(Spanned::new(found, span)));
                    continue;
                }
                for part in part.into_inner() {
                    match part.as_rule() {
                        Rule::prefix => {
                            let sign = match part.as_str().chars().next() {
                                Some('-') => Unary::Minus,
                                Some('+') => Unary::Plus,
                                Some('~') => Unary::Invert,
                                _ => Unary::Not,
                            };
                            tokens.push(Token::Prefix(Spanned::new(sign, reader.span(&part))));
                        }
                        Rule::primary => tokens.push(Token::Operand(reader.primary(part))),
                        _ => {
                            reader.reports_missing(&part);
                            tokens.push(Token::Operand(reader.nothing(&part)));
                        }
                    }
                }
            }
            tokens
        });
        let Some(tokens) = tokens else { return Spanned::new(ExprKind::None, span) };
        self.climb(&mut tokens.into_iter().peekable(), 0, span)
    }

    fn climb(&mut self, tokens: &mut Tokens, least: u8, span: Span) -> Expr {
        let mut left = match tokens.next() {
            Some(Token::Operand(operand)) => operand,
            Some(Token::Prefix(sign)) => {
                let power = if sign.value == Unary::Not { NOT } else { SIGN };
                if power < least {
                    self.error_at(sign.span, "invalid syntax: 'not' needs parentheses here");
                }
                let operand = self.deeper(1, span, |reader| reader.climb(tokens, power, span));
                let Some(operand) = operand else { return Spanned::new(ExprKind::None, span) };
                let whole = sign.span.to(operand.span);
                Spanned::new(ExprKind::Unary(sign, Box::new(operand)), whole)
            }
            _ => return Spanned::new(ExprKind::None, span),
        };
        loop {
            let Some(Token::Operator(next)) = tokens.peek() else { return left };
            let next = next.clone();
            match next.value {
                Operator::Or | Operator::And => {
                    let is_or = matches!(next.value, Operator::Or);
                    let power = if is_or { OR } else { AND };
                    if power < least {
                        return left;
                    }
                    let mut operands = vec![left];
                    let same = |token: &Token| match token {
                        Token::Operator(o) if is_or => matches!(o.value, Operator::Or),
                        Token::Operator(o) => matches!(o.value, Operator::And),
                        _ => false,
                    };
                    while tokens.next_if(same).is_some() {
                        operands.push(self.climb(tokens, power + 1, span));
                    }
                    let whole = around(&operands);
                    let kind = if is_or { ExprKind::Or(operands) } else { ExprKind::And(operands) };
                    left = Spanned::new(kind, whole);
                }
                Operator::Compare(_) if COMPARE < least => return left,
                Operator::Compare(_) => {
                    let mut sides = vec![];
                    let mut whole = left.span;
                    while let Some(Token::Operator(Spanned {
                        value: Operator::Compare(compare),
                        span: at,
                    })) = tokens.peek()
                    {
                        let compare = Spanned::new(*compare, *at);
                        tokens.next();
                        let right = self.climb(tokens, COMPARE + 1, span);
                        whole = whole.to(right.span);
                        sides.push((compare, right));
                    }
                    left = Spanned::new(ExprKind::Compare(Box::new(left), sides), whole);
                }
                Operator::Binary(operator) if power(operator) < least => return left,
                Operator::Binary(operator) => {
                    tokens.next();
                    if operator == Binary::MatrixMultiply {
                        self.says(Version::Three);
                    }
                    let right = match operator {
                        Binary::Power => {
                            self.deeper(1, span, |reader| reader.climb(tokens, SIGN, span))
                        }
                        _ => Some(self.climb(tokens, power(operator) + 1, span)),
                    };
                    let Some(right) = right else { return left };
                    let whole = left.span.to(right.span);
                    let sign = Spanned::new(operator, next.span);
                    left = Spanned::new(
                        ExprKind::Binary(sign, Box::new(left), Box::new(right)),
                        whole,
                    );
                }
            }
        }
    }

    /// An atom with attributes, calls and indices.
    pub(super) fn primary(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let mut nodes: Vec<_> = node.clone().into_inner().collect();
        let links = nodes.len();
        let read = |reader: &mut Self| {
            let mut suffixes = nodes.split_off(1).into_iter();
            let mut value = reader.atom(nodes.remove(0));
            for suffix in &mut suffixes {
                let whole = value.span.to(reader.span(&suffix));
                let base = Box::new(value);
                let kind = match suffix.as_rule() {
                    Rule::attribute => match parts(suffix).next() {
                        Some(name) => ExprKind::Attribute(base, reader.name(&name)),
                        None => base.value,
                    },
                    Rule::call => {
                        let arguments = reader.arguments(suffix);
                        if arguments.is_empty()
                            && matches!(&base.value, ExprKind::Name(name, _) if &**name == "super")
                        {
                            reader.says(Version::Three);
                        }
                        ExprKind::Call(base, arguments)
                    }
                    _ => ExprKind::Item(base, Box::new(reader.subscripts(suffix))),
                };
                value = Spanned::new(kind, whole);
            }
            value
        };
        self.deeper(links, span, read).unwrap_or(Spanned::new(ExprKind::None, span))
    }

    fn atom(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let kind = match node.as_rule() {
            Rule::none => ExprKind::None,
            Rule::true_value => ExprKind::Bool(true),
            Rule::false_value => ExprKind::Bool(false),
            Rule::ellipsis => ExprKind::Ellipsis,
            Rule::name => ExprKind::Name(node.as_str().into(), Variable::Global),
            Rule::number => self.number(&node),
            Rule::strings => return self.strings(node),
            Rule::backquotes => {
                self.says(Version::Two);
                let repr = Spanned::new(ExprKind::Name("repr".into(), Variable::Global), span);
                let inner = parts(node.clone()).next();
                let value = match inner {
                    Some(inner) => self.expressions(inner),
                    None => self.nothing(&node),
                };
                ExprKind::Call(Box::new(repr), vec![Argument::Positional(value)])
            }
            Rule::parenthesis => return self.parenthesis(node),
            Rule::list => self.list(node),
            Rule::braces => self.braces(node),
            Rule::lambda_inside => return self.expression(node),
            _ => {
                self.reports_missing(&node);
                ExprKind::None
            }
        };
        Spanned::new(kind, span)
    }
}

fn around(expressions: &[Expr]) -> Span {
    let first = expressions.first().map_or(Span::nowhere(), |e| e.span);
    expressions.last().map_or(first, |last| first.to(last.span))
}

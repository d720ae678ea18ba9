//! Turns the pairs of statements, functions and lists of names into their tree.

use super::expressions::field;
use super::{Node, Reader, Rule, parts};
use crate::front::torch::ast::*;
use crate::source::Spanned;
use std::iter::Peekable;

impl<'t> Reader<'t> {
    pub(super) fn statement(&mut self, node: Node<'t>, quiet: bool) -> Option<StatementKind> {
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
                let body = self.block(inner.next()?, "until", Some(("repeat", start)));
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

    pub(super) fn expression_statement(
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

    pub(super) fn check_targets(&mut self, targets: &[Expr]) {
        for (at, target) in targets.iter().enumerate() {
            let what = match target.value {
                ExprKind::Name(_) | ExprKind::Index(..) => continue,
                // A call is a whole statement.
                ExprKind::Call(..) | ExprKind::Method(..) if at == 0 => "unexpected symbol",
                _ => "syntax error",
            };
            self.error(target.span.end as usize, what);
        }
    }

    pub(super) fn function_statement(
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

    pub(super) fn if_statement(
        &mut self,
        mut inner: Peekable<impl Iterator<Item = Node<'t>>>,
        start: usize,
    ) -> Option<StatementKind> {
        let mut arms = vec![self.arm(&mut inner, start)?];
        let mut otherwise = None;
        for node in inner {
            match node.as_rule() {
                Rule::elseif => arms.push(self.arm(&mut parts(node).peekable(), start)?),
                Rule::otherwise => {
                    otherwise = Some(self.block(parts(node).next()?, "end", Some(("if", start))))
                }
                _ => {
                    self.reports_missing(&node, Some(("if", start)));
                }
            }
        }
        Some(StatementKind::If(arms, otherwise))
    }

    pub(super) fn arm(
        &mut self,
        inner: &mut impl Iterator<Item = Node<'t>>,
        start: usize,
    ) -> Option<(Expr, Block)> {
        let condition = self.expression(inner.next()?);
        let mut next = inner.next()?;
        if self.reports_missing(&next, None) {
            next = inner.next()?;
        }
        Some((condition, self.block(next, "end", Some(("if", start)))))
    }

    pub(super) fn for_statement(
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
    pub(super) fn closed_block(
        &mut self,
        inner: &mut impl Iterator<Item = Node<'t>>,
        opener: (&str, usize),
    ) -> Block {
        let mut body = Block::default();
        for node in inner {
            match node.as_rule() {
                Rule::block => body = self.block(node, "end", Some(opener)),
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

    pub(super) fn function(
        &mut self,
        node: Node<'t>,
        name: Option<String>,
        start: usize,
    ) -> Option<Function> {
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

    pub(super) fn required_name(&mut self, node: Node<'t>) -> Option<Name> {
        if self.reports_missing(&node, None) {
            return None;
        }
        Some(Spanned::new(node.as_str().to_owned(), self.span(&node)))
    }

    pub(super) fn names(
        &mut self,
        inner: &mut Peekable<impl Iterator<Item = Node<'t>>>,
    ) -> Vec<Name> {
        let is_name = |node: &Node| matches!(node.as_rule(), Rule::name | Rule::missing_name);
        let mut names = vec![];
        while let Some(node) = inner.next_if(is_name) {
            names.extend(self.required_name(node));
        }
        names
    }
}

//! Reads statements.

use super::{Node, Reader, Rule, parts};
use crate::front::python::ast::*;
use crate::source::Spanned;
use std::rc::Rc;

impl<'t> Reader<'t> {
    /// Statements one after the other.
    pub(super) fn statements(&mut self, nodes: impl Iterator<Item = Node<'t>>) -> Block {
        let mut block = vec![];
        for node in nodes {
            let span = self.span(&node);
            match node.as_rule() {
                Rule::EOI | Rule::newline => {}
                Rule::leftover => self.error(node.as_span().start(), "invalid syntax"),
                Rule::unexpected_indent => {
                    self.error(node.as_span().start() + 1, "unexpected indent");
                    block.extend(self.statements(node.into_inner()));
                }
                Rule::broken => {
                    let message = match node.as_str().split(|c: char| !c.is_alphanumeric()).next() {
                        Some(word @ ("else" | "elif" | "except" | "finally")) => {
                            format!("invalid syntax: '{word}' belongs to no statement before it")
                        }
                        _ => "invalid syntax".into(),
                    };
                    self.error(node.as_span().start(), &message);
                }
                _ if self.reports_missing(&node) => {}
                _ => {
                    self.recovering = false;
                    if let Some(kind) = self.statement(node) {
                        block.push(Spanned::new(kind, span));
                    }
                }
            }
        }
        block
    }

    /// The expression of a file that has only one, as a `return` statement.
    pub(super) fn only_expression(
        &mut self,
        nodes: impl Iterator<Item = Node<'t>>,
    ) -> Option<Statement> {
        let mut value = None;
        for node in nodes {
            match node.as_rule() {
                Rule::expressions => value = Some(self.expressions(node)),
                Rule::leftover => self.error(node.as_span().start(), "invalid syntax"),
                _ => {}
            }
        }
        value.map(|value| Spanned { span: value.span, value: StatementKind::Return(Some(value)) })
    }

    fn statement(&mut self, node: Node<'t>) -> Option<StatementKind> {
        let rule = node.as_rule();
        let start = node.as_span().start();
        let span = self.span(&node);
        let mut inner = parts(node.clone());
        Some(match rule {
            Rule::pass_statement => StatementKind::Pass,
            Rule::break_statement => StatementKind::Break,
            Rule::continue_statement => StatementKind::Continue,
            Rule::return_statement => {
                StatementKind::Return(inner.next().map(|e| self.expressions(e)))
            }
            Rule::raise_statement => self.raise(node),
            Rule::assert_statement => {
                let condition = self.expression(inner.next()?);
                StatementKind::Assert(condition, inner.next().map(|e| self.expression(e)))
            }
            Rule::delete_statement => {
                let (targets, _) = self.targets(inner.next()?);
                StatementKind::Delete(targets)
            }
            Rule::global_statement | Rule::nonlocal_statement => {
                let names = inner.map(|name| self.name(&name)).collect();
                let is_global = rule == Rule::global_statement;
                if !is_global {
                    self.says(Version::Three);
                }
                let word = if is_global { Declaration::Global } else { Declaration::Nonlocal };
                StatementKind::Declare(names, word)
            }
            Rule::import_statement => {
                StatementKind::Import(inner.map(|module| self.import(module)).collect())
            }
            Rule::from_statement => self.import_from(node),
            Rule::print_statement => {
                self.says(Version::Two);
                self.print(node)
            }
            Rule::exec_statement => {
                self.says(Version::Two);
                let code = self.expressions(inner.next()?);
                let word = Spanned::new(ExprKind::Name("exec".into(), Variable::Global), span);
                let call = ExprKind::Call(Box::new(word), vec![Argument::Positional(code)]);
                StatementKind::Expression(Spanned::new(call, span))
            }
            Rule::expression_statement => self.expression_statement(node)?,
            Rule::if_statement => self.if_statement(node),
            Rule::while_statement => {
                let condition = self.expression(inner.next()?);
                let (body, otherwise) = self.body_and_else(inner);
                StatementKind::While(condition, body, otherwise)
            }
            Rule::for_statement => {
                let mut parts = inner.peekable();
                let target = self.target_list(parts.next()?);
                if let Some(missing) = parts.next_if(|p| p.as_rule() == Rule::missing_in) {
                    self.reports_missing(&missing);
                }
                let iterable = self.expressions(parts.next()?);
                let (body, otherwise) = self.body_and_else(parts);
                StatementKind::For(target, iterable, body, otherwise)
            }
            Rule::with_statement => {
                let (mut items, mut body) = (vec![], vec![]);
                for part in inner {
                    match part.as_rule() {
                        Rule::with_item => {
                            let mut parts = parts(part);
                            let value = self.expression(parts.next()?);
                            let target = parts.next().map(|t| self.target(t));
                            items.push((value, target));
                        }
                        Rule::block => body = self.block(part),
                        _ => self.header_problem(&part),
                    }
                }
                StatementKind::With(items, body)
            }
            Rule::try_statement => self.try_statement(node)?,
            Rule::decorated | Rule::function_statement | Rule::class_statement => {
                return self.decorated(node);
            }
            _ => {
                self.error(start, "invalid syntax");
                return None;
            }
        })
    }

    /// Complains about what stands in a heading in the place of something else.
    fn header_problem(&mut self, part: &Node<'t>) {
        if !self.reports_missing(part) {
            self.error(part.as_span().start(), "invalid syntax");
        }
    }

    pub(super) fn block(&mut self, node: Node<'t>) -> Block {
        let was_recovering = self.recovering;
        let block = self.statements(node.into_inner());
        self.recovering |= was_recovering;
        block
    }

    fn body_and_else(&mut self, nodes: impl Iterator<Item = Node<'t>>) -> (Block, Block) {
        let (mut body, mut otherwise) = (vec![], vec![]);
        for part in nodes {
            match part.as_rule() {
                Rule::block => body = self.block(part),
                Rule::otherwise => otherwise = self.headed_block(part),
                _ => self.header_problem(&part),
            }
        }
        (body, otherwise)
    }

    /// The block of `else:` and `finally:`.
    fn headed_block(&mut self, node: Node<'t>) -> Block {
        self.body_and_else(parts(node)).0
    }

    fn if_statement(&mut self, node: Node<'t>) -> StatementKind {
        let (mut arms, mut otherwise) = (vec![], vec![]);
        let mut condition = None;
        for part in parts(node) {
            match part.as_rule() {
                Rule::expression => condition = Some(self.expression(part)),
                Rule::block => {
                    let body = self.block(part);
                    arms.extend(condition.take().map(|condition| (condition, body)));
                }
                Rule::elif => {
                    let mut inner = parts(part);
                    let condition = inner.next().map(|e| self.expression(e));
                    let (body, _) = self.body_and_else(inner);
                    arms.extend(condition.map(|condition| (condition, body)));
                }
                Rule::otherwise => otherwise = self.headed_block(part),
                _ => self.header_problem(&part),
            }
        }
        StatementKind::If(arms, otherwise)
    }

    fn try_statement(&mut self, node: Node<'t>) -> Option<StatementKind> {
        let start = node.as_span().start();
        let (mut body, mut handlers) = (vec![], vec![]);
        let (mut otherwise, mut finally) = (vec![], None);
        for part in parts(node) {
            match part.as_rule() {
                Rule::block => body = self.block(part),
                Rule::handler => {
                    let (mut class, mut target) = (None, None);
                    let mut inner = vec![];
                    for part in parts(part) {
                        match part.as_rule() {
                            Rule::expression => class = Some(self.expression(part)),
                            Rule::target => target = Some(self.target(part)),
                            Rule::old_comma => self.says(Version::Two),
                            _ => inner.push(part),
                        }
                    }
                    let (body, _) = self.body_and_else(inner.into_iter());
                    handlers.push(Handler { class, target, body });
                }
                Rule::otherwise => otherwise = self.headed_block(part),
                Rule::finally => finally = Some(self.headed_block(part)),
                _ => self.header_problem(&part),
            }
        }
        if handlers.is_empty() && finally.is_none() {
            self.error(start, "expected 'except' or 'finally' block");
            return None;
        }
        let finally = finally.unwrap_or_default();
        Some(StatementKind::Try(Box::new(Try { body, handlers, otherwise, finally })))
    }

    fn raise(&mut self, node: Node<'t>) -> StatementKind {
        let mut values = vec![];
        let mut old = false;
        for part in parts(node) {
            match part.as_rule() {
                Rule::expression => values.push(self.expression(part)),
                Rule::old_comma => old = true,
                _ => self.says(Version::Three),
            }
        }
        let mut values = values.into_iter();
        let (value, second) = (values.next(), values.next());
        match (value, second) {
            (Some(class), Some(argument)) if old => {
                self.says(Version::Two);
                let span = class.span.to(argument.span);
                let arguments = vec![Argument::Positional(argument)];
                let call = Spanned::new(ExprKind::Call(Box::new(class), arguments), span);
                StatementKind::Raise(Some(call), None)
            }
            (value, second) => StatementKind::Raise(value, second),
        }
    }

    fn dotted(&mut self, node: Node<'t>) -> Name {
        let span = self.span(&node);
        let names: Vec<_> = parts(node).map(|name| self.name(&name).value).collect();
        Spanned::new(names.join(".").into(), span)
    }

    fn import(&mut self, node: Node<'t>) -> Import {
        let mut inner = parts(node);
        let first = inner.next();
        let path = match first {
            Some(first) => self.dotted(first),
            None => Spanned::new("".into(), crate::source::Span::nowhere()),
        };
        let renamed = inner.next().map(|name| self.name(&name));
        let is_renamed = renamed.is_some();
        let name = renamed.unwrap_or_else(|| {
            let head: Rc<str> = path.value.split('.').next().unwrap_or("").into();
            Spanned::new(head, path.span)
        });
        Import { path, target: Variable::Global, name, renamed: is_renamed }
    }

    fn import_from(&mut self, node: Node<'t>) -> StatementKind {
        let mut path = Spanned::new("".into(), self.span(&node));
        let (mut level, mut names) = (0, vec![]);
        for part in parts(node) {
            match part.as_rule() {
                Rule::dots => level = part.as_str().trim().len(),
                Rule::dotted => path = self.dotted(part),
                Rule::imported => {
                    let mut inner = parts(part);
                    let Some(name) = inner.next().map(|name| self.name(&name)) else { continue };
                    let bound = inner.next().map(|name| self.name(&name));
                    let bound = bound.unwrap_or_else(|| name.clone());
                    names.push((name, bound, Variable::Global));
                }
                Rule::all_names | Rule::kw_from => {}
                _ => self.header_problem(&part),
            }
        }
        StatementKind::ImportFrom(Box::new(ImportFrom { level, path, names }))
    }

    fn print(&mut self, node: Node<'t>) -> StatementKind {
        let mut print = Print { stream: None, values: vec![], newline: true };
        let mut nodes: Vec<_> = parts(node).collect();
        if nodes.first().is_some_and(|first| first.as_rule() == Rule::print_stream) {
            nodes = parts(nodes.remove(0)).collect();
            if !nodes.is_empty() {
                print.stream = Some(self.expression(nodes.remove(0)));
            }
        }
        for part in nodes {
            match part.as_rule() {
                Rule::trailing_comma => print.newline = false,
                _ => print.values.push(self.expression(part)),
            }
        }
        StatementKind::Print(print)
    }

    fn expression_statement(&mut self, node: Node<'t>) -> Option<StatementKind> {
        let mut inner = parts(node);
        let first = inner.next()?;
        if first.as_rule() == Rule::yield_value {
            return Some(StatementKind::Expression(self.yield_value(first)));
        }
        let first = self.expressions(first);
        let Some(second) = inner.next() else { return Some(StatementKind::Expression(first)) };
        match second.as_rule() {
            Rule::augment => {
                let operator = self.augmented(&second)?;
                let value = self.value(inner.next()?);
                self.check_target(&first, true);
                Some(StatementKind::Augment(first, operator, value))
            }
            Rule::type_mark => {
                self.says(Version::Three);
                let _ = inner.next();
                let value = inner.next().map(|value| self.value(value));
                self.check_target(&first, true);
                Some(StatementKind::Annotate(first, value))
            }
            _ => {
                let mut values = vec![first, self.value(second)];
                for part in inner {
                    values.push(self.value(part));
                }
                let value = values.pop()?;
                for target in &values {
                    self.check_target(target, false);
                }
                Some(StatementKind::Assign(values, value))
            }
        }
    }

    fn augmented(&mut self, node: &Node<'t>) -> Option<Spanned<Binary>> {
        let symbol = node.as_str().trim_end_matches('=');
        let operator = super::expressions::binary(symbol)?;
        Some(Spanned::new(operator, self.span(node)))
    }
}

//! Reads what has several parts: displays, comprehensions, arguments, indices, and targets of assignments.

use super::{Node, Reader, Rule, parts};
use crate::front::python::ast::*;
use crate::source::Spanned;
use std::collections::HashSet;
use std::rc::Rc;

impl<'t> Reader<'t> {
    /// The items of a display, the clauses of a comprehension, and whether there is a comma at the end.
    fn display(&mut self, node: Node<'t>) -> (Vec<Expr>, Option<Vec<Clause>>, bool) {
        let (mut items, mut clauses, mut comma) = (vec![], None, false);
        for part in parts(node) {
            match part.as_rule() {
                Rule::clauses => clauses = Some(self.clauses(part)),
                Rule::trailing_comma => comma = true,
                Rule::yield_value => items.push(self.yield_value(part)),
                rule if super::expected(rule).is_some() => {
                    self.reports_missing(&part);
                }
                _ => items.push(self.item(part)),
            }
        }
        if let (Some(_), [Spanned { value: ExprKind::Star(_), span }, ..]) = (&clauses, &items[..])
        {
            let span = *span;
            self.error_at(span, "iterable unpacking cannot be used in comprehension");
        }
        (items, clauses, comma)
    }

    pub(super) fn parenthesis(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let (mut items, clauses, comma) = self.display(node);
        let kind = match (clauses, items.len()) {
            (Some(clauses), 1) => {
                comprehension(ComprehensionKind::Generator, items.remove(0), None, clauses)
            }
            (_, 1) if !comma && !matches!(items[0].value, ExprKind::Star(_)) => {
                return Spanned::new(items.remove(0).value, span);
            }
            _ => ExprKind::Tuple(items),
        };
        Spanned::new(kind, span)
    }

    pub(super) fn list(&mut self, node: Node<'t>) -> ExprKind {
        let (mut items, clauses, _) = self.display(node);
        match (clauses, items.len()) {
            (Some(clauses), 1) => {
                comprehension(ComprehensionKind::List, items.remove(0), None, clauses)
            }
            _ => ExprKind::List(items),
        }
    }

    pub(super) fn braces(&mut self, node: Node<'t>) -> ExprKind {
        let span = self.span(&node);
        let (mut pairs, mut items, mut clauses) = (vec![], vec![], None);
        for part in parts(node) {
            match part.as_rule() {
                Rule::clauses => clauses = Some(self.clauses(part)),
                Rule::entry => {
                    let mut inner = parts(part);
                    let Some(first) = inner.next() else { continue };
                    if first.as_rule() == Rule::double_star {
                        let value = parts(first).next().map(|v| self.expression(v));
                        pairs.extend(value.map(|value| (None, value)));
                        continue;
                    }
                    let first = self.item(first);
                    match inner.next() {
                        Some(value) => {
                            let value = self.expression(value);
                            pairs.push((Some(first), value));
                        }
                        None => items.push(first),
                    }
                }
                _ => {
                    self.reports_missing(&part);
                }
            }
        }
        match (clauses, pairs.len(), items.len()) {
            (Some(clauses), 1, 0) => {
                let (key, value) = pairs.remove(0);
                match key {
                    Some(key) => comprehension(ComprehensionKind::Dict, key, Some(value), clauses),
                    None => {
                        self.error_at(span, "dict unpacking cannot be used in dict comprehension");
                        ExprKind::None
                    }
                }
            }
            (Some(clauses), 0, 1) => {
                comprehension(ComprehensionKind::Set, items.remove(0), None, clauses)
            }
            (_, _, 0) => ExprKind::Dict(pairs),
            (_, 0, _) => ExprKind::Set(items),
            _ => {
                self.error_at(
                    span,
                    "invalid syntax: some of the entries have a key and some have none",
                );
                ExprKind::None
            }
        }
    }

    fn clauses(&mut self, node: Node<'t>) -> Vec<Clause> {
        let mut clauses = vec![];
        for part in parts(node) {
            let is_for = part.as_rule() == Rule::comprehension_for;
            let mut inner = parts(part).peekable();
            if is_for {
                let Some(target) = inner.next() else { continue };
                let target = self.target_list(target);
                if let Some(missing) = inner.next_if(|p| p.as_rule() == Rule::missing_in) {
                    self.reports_missing(&missing);
                }
                let iterable = inner.next().map(|i| self.expression(i));
                clauses.extend(iterable.map(|iterable| Clause::For(target, iterable)));
            } else {
                clauses.extend(inner.next().map(|c| Clause::If(self.expression(c))));
            }
        }
        clauses
    }

    /// The arguments of a call or the bases of a class.
    pub(super) fn arguments(&mut self, node: Node<'t>) -> Vec<Argument> {
        let mut arguments: Vec<Argument> = vec![];
        let (mut names, mut has_named) = (HashSet::new(), false);
        for part in parts(node) {
            if self.reports_missing(&part) {
                continue;
            }
            let span = self.span(&part);
            let mut inner = parts(part);
            let Some(first) = inner.next() else { continue };
            let rule = first.as_rule();
            let argument = match rule {
                Rule::star_argument | Rule::double_star_argument => {
                    let Some(value) = parts(first).next().map(|v| self.expression(v)) else {
                        continue;
                    };
                    match rule {
                        Rule::star_argument => Argument::Star(value),
                        _ => Argument::DoubleStar(value),
                    }
                }
                Rule::keyword_argument => {
                    let mut inner = parts(first);
                    let (Some(name), Some(value)) = (inner.next(), inner.next()) else { continue };
                    let name = self.name(&name);
                    if !names.insert(name.value.clone()) {
                        let message = format!("keyword argument repeated: {}", name.value);
                        self.error_at(name.span, message);
                    }
                    Argument::Keyword(name, self.expression(value))
                }
                _ => {
                    let value = self.expression(first);
                    if has_named {
                        self.error_at(span, "positional argument follows keyword argument");
                    }
                    match inner.next() {
                        Some(clauses) => {
                            let clauses = self.clauses(clauses);
                            let kind =
                                comprehension(ComprehensionKind::Generator, value, None, clauses);
                            Argument::Positional(Spanned::new(kind, span))
                        }
                        None => Argument::Positional(value),
                    }
                }
            };
            has_named |= matches!(argument, Argument::Keyword(..) | Argument::DoubleStar(_));
            arguments.push(argument);
        }
        arguments
    }

    pub(super) fn subscripts(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let (mut items, mut is_tuple) = (vec![], false);
        for part in parts(node) {
            match part.as_rule() {
                Rule::trailing_comma => is_tuple = true,
                Rule::subscript => items.push(self.subscript(part)),
                _ => {
                    self.reports_missing(&part);
                }
            }
        }
        match items.pop() {
            Some(item) if items.is_empty() && !is_tuple => item,
            last => {
                items.extend(last);
                Spanned::new(ExprKind::Tuple(items), span)
            }
        }
    }

    fn subscript(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let start = node.as_span().start();
        let mut bounds: [Option<Box<Expr>>; 3] = [None, None, None];
        let mut at = 0;
        for part in parts(node) {
            match part.as_rule() {
                Rule::slice_colon => at += 1,
                Rule::star => return self.item(part),
                _ => bounds[at.min(2)] = Some(Box::new(self.expression(part))),
            }
        }
        let [first, second, third] = bounds;
        match (at, first) {
            (0, Some(index)) => *index,
            (0, None) => {
                self.error(start, "invalid syntax: expected an index");
                Spanned::new(ExprKind::None, span)
            }
            (_, first) => Spanned::new(ExprKind::Slice(first, second, third), span),
        }
    }

    /// Targets of a loop: one, or a tuple of several.
    pub(super) fn target_list(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let (mut targets, comma) = self.targets(node);
        match targets.pop() {
            Some(target) if targets.is_empty() && !comma => target,
            last => {
                targets.extend(last);
                Spanned::new(ExprKind::Tuple(targets), span)
            }
        }
    }

    pub(super) fn targets(&mut self, node: Node<'t>) -> (Vec<Expr>, bool) {
        let (mut targets, mut comma) = (vec![], false);
        for part in parts(node) {
            match part.as_rule() {
                Rule::trailing_comma => comma = true,
                _ => targets.push(self.target(part)),
            }
        }
        (targets, comma)
    }

    pub(super) fn target(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let mut starred = false;
        let mut target = Spanned::new(ExprKind::None, span);
        for part in parts(node) {
            match part.as_rule() {
                Rule::star_mark => starred = true,
                Rule::primary => target = self.primary(part),
                _ => {
                    self.reports_missing(&part);
                    return target;
                }
            }
        }
        self.check_target(&target, false);
        match starred {
            true => Spanned::new(ExprKind::Star(Box::new(target)), span),
            false => target,
        }
    }

    /// Complains about what nothing can be assigned to.
    pub(super) fn check_target(&mut self, target: &Expr, only_one: bool) {
        let what = match &target.value {
            ExprKind::Name(..) | ExprKind::Attribute(..) | ExprKind::Item(..) => return,
            ExprKind::Tuple(items) | ExprKind::List(items) if !only_one => {
                let stars = items.iter().filter(|item| matches!(item.value, ExprKind::Star(_)));
                if 1 < stars.count() {
                    self.error_at(target.span, "multiple starred expressions in assignment");
                }
                for item in items {
                    match &item.value {
                        ExprKind::Star(inner) => {
                            self.says(Version::Three);
                            self.check_target(inner, false);
                        }
                        _ => self.check_target(item, false),
                    }
                }
                return;
            }
            ExprKind::Call(..) => "function call",
            ExprKind::None | ExprKind::Bool(_) => "None, True or False",
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Text(_) => "literal",
            ExprKind::Tuple(_) | ExprKind::List(_) => "several values at once",
            ExprKind::Compare(..) => "comparison",
            _ => "expression",
        };
        self.error_at(target.span, format!("cannot assign to {what} here"));
    }
}

fn comprehension(
    kind: ComprehensionKind,
    element: Expr,
    value: Option<Expr>,
    clauses: Vec<Clause>,
) -> ExprKind {
    let slots: Vec<Rc<str>> = vec![];
    ExprKind::Comprehension(Rc::new(Comprehension { kind, element, value, clauses, slots }))
}

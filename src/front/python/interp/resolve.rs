//! Finds the variable that each name means, and which division `/` is; complains about what no compiler accepts.

use crate::diag::{Diagnostic, E0101};
use crate::front::python::ast::*;
use crate::source::{Span, Spanned};
use std::collections::HashSet;
use std::rc::Rc;

/// Resolves a file. `is_expression` allows the `return` of an expression's file.
pub(super) fn resolve(file: &mut File, old_division: bool, is_expression: bool) -> Vec<Diagnostic> {
    let module = Scope { kind: Kind::Module { returns: is_expression }, ..Scope::default() };
    let mut resolver = Resolver { scopes: vec![module], problems: vec![], old_division };
    resolver.block(&mut file.body);
    resolver.problems
}

/// Whether the text says `from __future__ import division`.
pub(super) fn has_true_division(file: &File) -> bool {
    file.body.iter().any(|statement| match &statement.value {
        StatementKind::ImportFrom(import) => {
            &*import.path.value == "__future__"
                && import.names.iter().any(|(name, ..)| &*name.value == "division")
        }
        _ => false,
    })
}

#[derive(Default)]
struct Scope {
    kind: Kind,
    slots: Vec<Rc<str>>,
    /// Names that a class body binds.
    members: HashSet<Rc<str>>,
    globals: HashSet<Rc<str>>,
    nonlocals: HashSet<Rc<str>>,
    loops: usize,
}

#[derive(Clone, Copy, PartialEq, Default)]
enum Kind {
    Module {
        returns: bool,
    },
    #[default]
    Function,
    Class,
    Comprehension,
}

struct Resolver {
    scopes: Vec<Scope>,
    problems: Vec<Diagnostic>,
    old_division: bool,
}

impl Resolver {
    fn scope(&mut self) -> &mut Scope {
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Diagnostic::new(&E0101, span, message));
    }

    /// Where a name is found from the innermost scope, `skip` scopes aside.
    fn outer(&self, name: &str, skip: usize) -> Option<(u32, u32)> {
        let mut hops = 0;
        for (i, scope) in self.scopes.iter().rev().enumerate() {
            let holds = matches!(scope.kind, Kind::Function | Kind::Comprehension);
            if skip <= i && holds {
                if scope.globals.contains(name) {
                    return None;
                }
                if let Some(at) = scope.slots.iter().position(|slot| &**slot == name) {
                    return Some((hops, at as u32));
                }
            }
            hops += u32::from(holds);
        }
        None
    }

    fn variable(&self, name: &str) -> Variable {
        let innermost = &self.scopes[self.scopes.len() - 1];
        if innermost.globals.contains(name) {
            return Variable::Global;
        }
        if innermost.kind == Kind::Class && !innermost.nonlocals.contains(name) {
            let outer = self.outer(name, 1);
            if innermost.members.contains(name) {
                return Variable::Member(outer);
            }
            return outer.map_or(Variable::Global, |(hops, at)| Variable::Local(hops, at));
        }
        self.outer(name, 0).map_or(Variable::Global, |(hops, at)| Variable::Local(hops, at))
    }

    fn block(&mut self, block: &mut Block) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn body_of_loop(&mut self, block: &mut Block) {
        self.scope().loops += 1;
        self.block(block);
        self.scope().loops -= 1;
    }

    fn statement(&mut self, statement: &mut Statement) {
        let span = statement.span;
        match &mut statement.value {
            StatementKind::Expression(value) => self.expression(value),
            StatementKind::Assign(targets, value) => {
                self.expression(value);
                self.expressions(targets);
            }
            StatementKind::Augment(target, operator, value) => {
                self.division(operator);
                self.expression(target);
                self.expression(value);
            }
            StatementKind::Annotate(target, value) => {
                self.expression(target);
                self.optional(value);
            }
            StatementKind::If(arms, otherwise) => {
                for (condition, body) in arms {
                    self.expression(condition);
                    self.block(body);
                }
                self.block(otherwise);
            }
            StatementKind::While(condition, body, otherwise) => {
                self.expression(condition);
                self.body_of_loop(body);
                self.block(otherwise);
            }
            StatementKind::For(target, iterable, body, otherwise) => {
                self.expression(iterable);
                self.expression(target);
                self.body_of_loop(body);
                self.block(otherwise);
            }
            StatementKind::With(items, body) => {
                for (value, target) in items {
                    self.expression(value);
                    self.optional(target);
                }
                self.block(body);
            }
            StatementKind::Try(parts) => {
                self.block(&mut parts.body);
                for handler in &mut parts.handlers {
                    self.optional(&mut handler.class);
                    self.optional(&mut handler.target);
                    self.block(&mut handler.body);
                }
                self.block(&mut parts.otherwise);
                self.block(&mut parts.finally);
            }
            StatementKind::Raise(value, cause) => {
                self.optional(value);
                self.optional(cause);
            }
            StatementKind::Assert(condition, message) => {
                self.expression(condition);
                self.optional(message);
            }
            StatementKind::Return(value) => {
                self.optional(value);
                if matches!(self.scope().kind, Kind::Class | Kind::Module { returns: false }) {
                    self.problem(span, "'return' outside function");
                }
            }
            StatementKind::Function(target, function, decorators) => {
                self.expressions(decorators);
                *target = self.variable(&function.name);
                self.function(function);
            }
            StatementKind::Class(class) => self.class(class),
            StatementKind::Import(modules) => {
                for module in modules {
                    module.target = self.variable(&module.name.value);
                }
            }
            StatementKind::ImportFrom(import) => {
                for (_, name, target) in &mut import.names {
                    *target = self.variable(&name.value);
                }
            }
            StatementKind::Delete(targets) => self.expressions(targets),
            StatementKind::Print(print) => {
                self.optional(&mut print.stream);
                self.expressions(&mut print.values);
            }
            StatementKind::Declare(names, Declaration::Nonlocal) => {
                for name in names {
                    if self.outer(&name.value, 1).is_none() {
                        let message = format!("no binding for nonlocal '{}' found", name.value);
                        self.problem(name.span, message);
                    }
                }
            }
            StatementKind::Break if self.scope().loops == 0 => {
                self.problem(span, "'break' outside loop");
            }
            StatementKind::Continue if self.scope().loops == 0 => {
                self.problem(span, "'continue' not properly in loop");
            }
            StatementKind::Declare(..)
            | StatementKind::Break
            | StatementKind::Continue
            | StatementKind::Pass => {}
        }
    }

    fn division(&self, operator: &mut Spanned<Binary>) {
        if self.old_division && operator.value == Binary::Divide {
            operator.value = Binary::OldDivide;
        }
    }

    fn function(&mut self, function: &mut Rc<Function>) {
        // Nothing but the tree has the function yet.
        let Some(function) = Rc::get_mut(function) else { return };
        for parameter in &mut function.parameters {
            self.optional(&mut parameter.default);
        }
        let mut scope = Scope::default();
        scope.slots.extend(function.parameters.iter().map(|p| p.name.value.clone()));
        let mut bound = Bound::default();
        for parameter in &function.parameters {
            parameter.unpack.iter().for_each(|target| bound.target(target));
        }
        bound.block(&function.body);
        scope.add(bound);
        self.scopes.push(scope);
        for parameter in &mut function.parameters {
            self.optional(&mut parameter.unpack);
        }
        self.block(&mut function.body);
        function.slots = self.scopes.pop().unwrap_or_default().slots;
    }

    fn class(&mut self, class: &mut Class) {
        self.expressions(&mut class.decorators);
        self.arguments(&mut class.arguments);
        class.target = self.variable(&class.name.value);
        let mut bound = Bound::default();
        bound.block(&class.body);
        let Bound { names, globals, nonlocals } = bound;
        let mut scope = Scope { kind: Kind::Class, globals, nonlocals, ..Scope::default() };
        scope.members.extend(names);
        self.scopes.push(scope);
        self.block(&mut class.body);
        self.scopes.pop();
    }

    fn arguments(&mut self, arguments: &mut [Argument]) {
        for argument in arguments {
            match argument {
                Argument::Positional(value)
                | Argument::Keyword(_, value)
                | Argument::Star(value)
                | Argument::DoubleStar(value) => self.expression(value),
            }
        }
    }

    fn optional(&mut self, expression: &mut Option<Expr>) {
        if let Some(expression) = expression {
            self.expression(expression);
        }
    }

    fn expressions(&mut self, expressions: &mut [Expr]) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn pieces(&mut self, pieces: &mut [Piece]) {
        for piece in pieces {
            if let Piece::Value(value, _, format) = piece {
                self.expression(value);
                self.pieces(format);
            }
        }
    }

    fn expression(&mut self, expression: &mut Expr) {
        match &mut expression.value {
            ExprKind::Name(name, variable) => *variable = self.variable(name),
            ExprKind::Formatted(pieces) => self.pieces(pieces),
            ExprKind::Tuple(items)
            | ExprKind::List(items)
            | ExprKind::Set(items)
            | ExprKind::And(items)
            | ExprKind::Or(items) => self.expressions(items),
            ExprKind::Dict(pairs) => {
                for (key, value) in pairs {
                    self.optional(key);
                    self.expression(value);
                }
            }
            ExprKind::Star(inner) | ExprKind::Attribute(inner, _) | ExprKind::Unary(_, inner) => {
                self.expression(inner);
            }
            ExprKind::Comprehension(comprehension) => self.comprehension(comprehension),
            ExprKind::Item(base, index) => {
                self.expression(base);
                self.expression(index);
            }
            ExprKind::Walrus(name, value) => {
                self.expression(value);
                // The name belongs to the function around the comprehensions.
                let inside = self.scopes.iter().rev().take_while(|s| s.kind == Kind::Comprehension);
                let skip = inside.count();
                if let ExprKind::Name(name, variable) = &mut name.value {
                    let outer = if skip == 0 { None } else { self.outer(name, skip) };
                    *variable = match outer {
                        Some((hops, at)) => Variable::Local(hops, at),
                        None if skip == 0 => self.variable(name),
                        None => Variable::Global,
                    };
                }
            }
            ExprKind::Slice(start, stop, step) => {
                for bound in [start, stop, step].into_iter().flatten() {
                    self.expression(bound);
                }
            }
            ExprKind::Call(callee, arguments) => {
                self.expression(callee);
                self.arguments(arguments);
            }
            ExprKind::Binary(operator, left, right) => {
                self.division(operator);
                self.expression(left);
                self.expression(right);
            }
            ExprKind::Compare(first, sides) => {
                self.expression(first);
                for (_, side) in sides {
                    self.expression(side);
                }
            }
            ExprKind::Conditional(test, value, other) => {
                self.expression(test);
                self.expression(value);
                self.expression(other);
            }
            ExprKind::Lambda(function) => self.function(function),
            ExprKind::Yield(value) => {
                if let Some(value) = value {
                    self.expression(value);
                }
            }
            ExprKind::YieldFrom(values) => self.expression(values),
            ExprKind::None
            | ExprKind::Ellipsis
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Text(_) => {}
        }
    }

    fn comprehension(&mut self, comprehension: &mut Rc<Comprehension>) {
        let Some(comprehension) = Rc::get_mut(comprehension) else { return };
        let mut clauses = comprehension.clauses.iter_mut();
        let mut bound = Bound::default();
        // The first iterable is computed outside.
        let first = clauses.next();
        if let Some(Clause::For(_, iterable)) = first {
            self.expression(iterable);
        }
        for clause in &comprehension.clauses {
            if let Clause::For(target, _) = clause {
                bound.target(target);
            }
        }
        let mut scope = Scope { kind: Kind::Comprehension, ..Scope::default() };
        scope.add(bound);
        self.scopes.push(scope);
        for (i, clause) in comprehension.clauses.iter_mut().enumerate() {
            match clause {
                Clause::For(target, iterable) => {
                    if 0 < i {
                        self.expression(iterable);
                    }
                    self.expression(target);
                }
                Clause::If(condition) => self.expression(condition),
            }
        }
        self.expression(&mut comprehension.element);
        self.optional(&mut comprehension.value);
        comprehension.slots = self.scopes.pop().unwrap_or_default().slots;
    }
}

impl Scope {
    fn add(&mut self, bound: Bound) {
        let Bound { names, globals, nonlocals } = bound;
        for name in names {
            let elsewhere = globals.contains(&name) || nonlocals.contains(&name);
            if !elsewhere && !self.slots.contains(&name) {
                self.slots.push(name);
            }
        }
        (self.globals, self.nonlocals) = (globals, nonlocals);
    }
}

/// The names that a body binds, without those that functions and classes inside bind.
#[derive(Default)]
struct Bound {
    names: Vec<Rc<str>>,
    globals: HashSet<Rc<str>>,
    nonlocals: HashSet<Rc<str>>,
}

impl Bound {
    fn target(&mut self, target: &Expr) {
        match &target.value {
            ExprKind::Name(name, _) => self.names.push(name.clone()),
            ExprKind::Tuple(items) | ExprKind::List(items) => {
                items.iter().for_each(|item| self.target(item));
            }
            ExprKind::Star(inner) => self.target(inner),
            _ => {}
        }
    }

    fn block(&mut self, block: &Block) {
        for statement in block {
            self.statement(&statement.value);
        }
    }

    fn statement(&mut self, statement: &StatementKind) {
        match statement {
            StatementKind::Expression(value) => self.walrus(value),
            StatementKind::Assign(targets, value) => {
                targets.iter().for_each(|target| self.target(target));
                self.walrus(value);
            }
            StatementKind::Augment(target, ..) | StatementKind::Annotate(target, _) => {
                self.target(target);
            }
            StatementKind::If(arms, otherwise) => {
                for (condition, body) in arms {
                    self.walrus(condition);
                    self.block(body);
                }
                self.block(otherwise);
            }
            StatementKind::While(condition, body, otherwise) => {
                self.walrus(condition);
                self.block(body);
                self.block(otherwise);
            }
            StatementKind::For(target, _, body, otherwise) => {
                self.target(target);
                self.block(body);
                self.block(otherwise);
            }
            StatementKind::With(items, body) => {
                items.iter().filter_map(|(_, target)| target.as_ref()).for_each(|t| self.target(t));
                self.block(body);
            }
            StatementKind::Try(parts) => {
                self.block(&parts.body);
                for handler in &parts.handlers {
                    handler.target.iter().for_each(|target| self.target(target));
                    self.block(&handler.body);
                }
                self.block(&parts.otherwise);
                self.block(&parts.finally);
            }
            StatementKind::Return(Some(value)) => self.walrus(value),
            StatementKind::Function(_, function, _) => self.names.push(function.name.clone()),
            StatementKind::Class(class) => self.names.push(class.name.value.clone()),
            StatementKind::Import(modules) => {
                self.names.extend(modules.iter().map(|module| module.name.value.clone()));
            }
            StatementKind::ImportFrom(import) => {
                self.names.extend(import.names.iter().map(|(_, name, _)| name.value.clone()));
            }
            StatementKind::Delete(targets) => targets.iter().for_each(|target| self.target(target)),
            StatementKind::Declare(names, word) => {
                let set = match word {
                    Declaration::Global => &mut self.globals,
                    Declaration::Nonlocal => &mut self.nonlocals,
                };
                set.extend(names.iter().map(|name| name.value.clone()));
            }
            _ => {}
        }
    }

    /// Names bound by `:=` in the places where it is usual: conditions, calls, comparisons, comprehensions.
    fn walrus(&mut self, expression: &Expr) {
        match &expression.value {
            ExprKind::Walrus(name, value) => {
                self.target(name);
                self.walrus(value);
            }
            ExprKind::Unary(_, inner) | ExprKind::Attribute(inner, _) | ExprKind::Star(inner) => {
                self.walrus(inner);
            }
            ExprKind::Binary(_, left, right) | ExprKind::Item(left, right) => {
                self.walrus(left);
                self.walrus(right);
            }
            ExprKind::Compare(first, sides) => {
                self.walrus(first);
                sides.iter().for_each(|(_, side)| self.walrus(side));
            }
            ExprKind::Conditional(test, value, other) => {
                [test, value, other].into_iter().for_each(|e| self.walrus(e));
            }
            ExprKind::Tuple(items)
            | ExprKind::List(items)
            | ExprKind::Set(items)
            | ExprKind::And(items)
            | ExprKind::Or(items) => items.iter().for_each(|item| self.walrus(item)),
            ExprKind::Call(callee, arguments) => {
                self.walrus(callee);
                for argument in arguments {
                    match argument {
                        Argument::Positional(value)
                        | Argument::Keyword(_, value)
                        | Argument::Star(value)
                        | Argument::DoubleStar(value) => self.walrus(value),
                    }
                }
            }
            ExprKind::Comprehension(comprehension) => {
                self.walrus(&comprehension.element);
                for clause in &comprehension.clauses {
                    if let Clause::If(condition) = clause {
                        self.walrus(condition);
                    }
                }
            }
            _ => {}
        }
    }
}

//! Computes expressions.

use super::exec::Frame;
use super::function::Keyword;
use super::{Args, Dict, Entries, Outcome, Python, Scope, Set, Slice, Value};
use crate::front::python::ast::{
    Argument, Clause, Compare, Comprehension, ComprehensionKind, Expr, ExprKind, Piece, Unary,
    Variable,
};
use crate::source::{Span, Spanned};
use std::cell::RefCell;
use std::rc::Rc;

impl Python {
    pub(super) fn eval(&mut self, frame: &mut Frame, expression: &Expr) -> Outcome {
        let at = expression.span;
        self.work(1, at)?;
        Ok(match &expression.value {
            ExprKind::None => Value::None,
            ExprKind::Ellipsis => Value::Ellipsis,
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Int(value) => Value::Int(*value),
            ExprKind::Float(value) => Value::Float(*value),
            ExprKind::Text(text) => Value::Str(text.clone()),
            ExprKind::Formatted(pieces) => {
                let text = self.pieces(frame, pieces, at)?;
                self.new_str(text, at)?
            }
            ExprKind::Name(name, variable) => self.load(frame, *variable, name, at)?,
            ExprKind::Tuple(items) => {
                let items = self.items(frame, items)?;
                self.new_tuple(items, at)?
            }
            ExprKind::List(items) => {
                let items = self.items(frame, items)?;
                self.new_list(items, at)?
            }
            ExprKind::Set(items) => {
                let items = self.items(frame, items)?;
                self.new_set(items, false, at)?
            }
            ExprKind::Dict(pairs) => {
                let mut entries = Entries::new();
                let mut places = vec![];
                for (key, value) in pairs {
                    match key {
                        Some(key) => {
                            let place = key.span;
                            let key = self.eval(frame, key)?;
                            if let (true, Value::Str(name)) = (self.keeps_places, &key) {
                                places.push((name.clone(), [place, value.span]));
                            }
                            let value = self.eval(frame, value)?;
                            self.put(&mut entries, key, value, [place, at])?;
                        }
                        None => {
                            let place = value.span;
                            let more = self.eval(frame, value)?;
                            for (key, value) in self.mapping(&more, place)? {
                                self.put(&mut entries, key, value, [place, at])?;
                            }
                        }
                    }
                }
                let dict = Dict::of(entries);
                places.into_iter().for_each(|(name, at)| dict.place(&name, at));
                Value::Dict(dict)
            }
            ExprKind::Star(inner) => {
                return Err(self.error(
                    "SyntaxError",
                    inner.span,
                    "can't use starred expression here",
                ));
            }
            ExprKind::Comprehension(comprehension) => self.comprehend(frame, comprehension, at)?,
            ExprKind::Attribute(base, name) => {
                let base = self.eval(frame, base)?;
                self.get_attribute(&base, &name.value, name.span)?
            }
            ExprKind::Item(base, index) => {
                let base = self.eval(frame, base)?;
                let key = self.eval(frame, index)?;
                self.get_item(&base, &key, index.span)?
            }
            ExprKind::Slice(start, stop, step) => {
                let mut bounds = [const { Value::None }; 3];
                for (value, bound) in bounds.iter_mut().zip([start, stop, step]) {
                    if let Some(bound) = bound {
                        *value = self.eval(frame, bound)?;
                    }
                }
                let [start, stop, step] = bounds;
                Value::Slice(Rc::new(Slice { start, stop, step }))
            }
            ExprKind::Call(callee, arguments) => {
                if let ExprKind::Name(name, Variable::Global) = &callee.value
                    && &**name == "super"
                    && arguments.is_empty()
                {
                    return self.own_super(frame, at);
                }
                let callee = self.eval(frame, callee)?;
                let args = self.arguments(frame, arguments, at)?;
                self.call(&callee, args)?
            }
            ExprKind::Unary(operator, operand) => {
                let value = self.eval(frame, operand)?;
                match operator.value {
                    Unary::Not => Value::Bool(!self.truth(&value, operand.span)?),
                    operator => self.unary(operator, &value, at)?,
                }
            }
            ExprKind::Binary(operator, left, right) => {
                let left = self.eval(frame, left)?;
                let right = self.eval(frame, right)?;
                self.binary(operator.value, &left, &right, at)?
            }
            ExprKind::And(operands) | ExprKind::Or(operands) => {
                let stops_at = matches!(expression.value, ExprKind::Or(_));
                let mut value = Value::None;
                for (i, operand) in operands.iter().enumerate() {
                    value = self.eval(frame, operand)?;
                    if i + 1 < operands.len() && self.truth(&value, operand.span)? == stops_at {
                        break;
                    }
                }
                value
            }
            ExprKind::Compare(first, sides) => self.comparison(frame, first, sides, at)?,
            ExprKind::Conditional(test, value, other) => {
                let chosen = if self.condition(frame, test)? { value } else { other };
                self.eval(frame, chosen)?
            }
            ExprKind::Lambda(code) => self.make_function(frame, code)?,
            ExprKind::Yield(value) => {
                let value = match value {
                    Some(value) => self.eval(frame, value)?,
                    None => Value::None,
                };
                self.suspend(value, at)?
            }
            ExprKind::YieldFrom(values) => {
                let values = self.eval(frame, values)?;
                self.delegate(&values, at)?
            }
            ExprKind::Walrus(target, value) => {
                let value = self.eval(frame, value)?;
                self.assign(frame, target, value.clone())?;
                value
            }
        })
    }

    fn comparison(
        &mut self,
        frame: &mut Frame,
        first: &Expr,
        sides: &[(Spanned<Compare>, Expr)],
        at: Span,
    ) -> Outcome {
        let mut left = self.eval(frame, first)?;
        let mut result = Value::Bool(true);
        for (i, (operator, right)) in sides.iter().enumerate() {
            let place = if sides.len() == 1 { at } else { operator.span };
            let right = self.eval(frame, right)?;
            result = self.compare(operator.value, &left, &right, place)?;
            if i + 1 < sides.len() && !self.truth(&result, place)? {
                return Ok(result);
            }
            left = right;
        }
        Ok(result)
    }

    /// Expressions of a display, with `*` unpacked.
    fn items(&mut self, frame: &mut Frame, expressions: &[Expr]) -> Outcome<Vec<Value>> {
        let mut items = Vec::with_capacity(expressions.len());
        for expression in expressions {
            match &expression.value {
                ExprKind::Star(inner) => {
                    let values = self.eval(frame, inner)?;
                    let values = self.iterate(&values, inner.span)?;
                    self.room(values.len(), inner.span)?;
                    items.extend(values);
                }
                _ => items.push(self.eval(frame, expression)?),
            }
        }
        Ok(items)
    }

    pub(super) fn arguments(
        &mut self,
        frame: &mut Frame,
        arguments: &[Argument],
        at: Span,
    ) -> Outcome<Args> {
        let mut args =
            Args { positional: Vec::with_capacity(arguments.len()), keywords: vec![], span: at };
        for argument in arguments {
            match argument {
                Argument::Positional(value) => {
                    args.positional.push((self.eval(frame, value)?, value.span));
                }
                Argument::Keyword(name, value) => {
                    let span = value.span;
                    let value = self.eval(frame, value)?;
                    let (name, name_span) = (name.value.clone(), name.span);
                    self.add_keyword(&mut args, Keyword { name, name_span, value, span })?;
                }
                Argument::Star(values) => {
                    let span = values.span;
                    let values = self.eval(frame, values)?;
                    let values = self.iterate(&values, span)?;
                    self.room(values.len(), span)?;
                    args.positional.extend(values.into_iter().map(|value| (value, span)));
                }
                Argument::DoubleStar(values) => {
                    let span = values.span;
                    let values = self.eval(frame, values)?;
                    for (name, value) in self.mapping(&values, span)? {
                        let Value::Str(name) = name else {
                            return Err(self.type_error(span, "keywords must be strings"));
                        };
                        let place = match &values {
                            Value::Dict(dict) => dict.place_of(&name),
                            _ => None,
                        };
                        let [name_span, span] = place.unwrap_or([span; 2]);
                        let keyword = Keyword { name, name_span, value, span };
                        self.add_keyword(&mut args, keyword)?;
                    }
                }
            }
        }
        Ok(args)
    }

    fn add_keyword(&mut self, args: &mut Args, keyword: Keyword) -> Outcome<()> {
        self.work(1 + args.keywords.len() / 8, keyword.span)?;
        if args.keywords.iter().any(|known| known.name == keyword.name) {
            let message = format!("got multiple values for keyword argument '{}'", keyword.name);
            return Err(self.type_error(keyword.name_span, message));
        }
        args.keywords.push(keyword);
        Ok(())
    }

    fn pieces(&mut self, frame: &mut Frame, pieces: &[Piece], at: Span) -> Outcome<String> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(more) => text.push_str(more),
                Piece::Value(value, conversion, format) => {
                    let place = value.span;
                    let mut value = self.eval(frame, value)?;
                    value = self.converted(value, *conversion, place)?;
                    let format = self.pieces(frame, format, at)?;
                    text.push_str(&self.format(&value, &format, place)?);
                }
            }
            self.work(1 + text.len() / 64, at)?;
        }
        Ok(text)
    }

    /// A value after `!r`, `!s` or `!a`.
    pub fn converted(&mut self, value: Value, conversion: Option<char>, at: Span) -> Outcome {
        Ok(match conversion {
            None => value,
            Some('s') => self.str(&value, at)?.into(),
            Some(_) => self.repr(&value, at)?.into(),
        })
    }

    /// The value of a variable.
    pub(super) fn load(
        &mut self,
        frame: &Frame,
        variable: Variable,
        name: &str,
        at: Span,
    ) -> Outcome {
        match variable {
            Variable::Local(hops, slot) => match lookup(frame, hops, slot) {
                Some(value) => Ok(value),
                None if hops == 0 => {
                    let message = format!(
                        "cannot access local variable '{name}' where it is not associated with a value"
                    );
                    Err(self.error("UnboundLocalError", at, message))
                }
                None => {
                    let message = format!(
                        "cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
                    );
                    Err(self.error("NameError", at, message))
                }
            },
            Variable::Member(outer) => {
                let own = frame.names.as_ref().and_then(|names| names.borrow().get(name).cloned());
                match own.or_else(|| outer.and_then(|(hops, slot)| lookup(frame, hops, slot))) {
                    Some(value) => Ok(value),
                    None => self.global(frame, name, at),
                }
            }
            Variable::Global => self.global(frame, name, at),
        }
    }

    fn global(&mut self, frame: &Frame, name: &str, at: Span) -> Outcome {
        if let Some(value) = frame.module.get(name).or_else(|| self.builtins.get(name)) {
            return Ok(value);
        }
        if name.starts_with("__") && super::attributes::is_forbidden(name) {
            return Err(self.not_available(&format!("'{name}'"), at));
        }
        let error = self.error("NameError", at, format!("name '{name}' is not defined"));
        let mut known: Vec<String> =
            frame.module.names.borrow().keys().map(|k| k.to_string()).collect();
        known.extend(self.builtins.names.borrow().keys().map(|k| k.to_string()));
        if let Some((_, import)) = IMPORTS.iter().find(|(short, _)| *short == name) {
            return Err(error.help(format!("begin the file with `{import}`")));
        }
        let text = self.sources.file(at.file).text.clone();
        self.work(text.len(), at)?;
        if let Some(help) = meant(name, &text, at) {
            return Err(error.help(help));
        }
        known.extend(assigned(&text).map(str::to_owned));
        Err(self.advise(error, name, known))
    }

    fn comprehend(
        &mut self,
        frame: &mut Frame,
        comprehension: &Rc<Comprehension>,
        at: Span,
    ) -> Outcome {
        let Some(Clause::For(_, iterable)) = comprehension.clauses.first() else {
            return Ok(Value::None);
        };
        let place = iterable.span;
        let first = self.eval(frame, iterable)?;
        let first = self.iter(&first, place)?;
        let scope = Scope::new(comprehension.slots.len(), frame.scope.clone());
        let is_generator = comprehension.kind == ComprehensionKind::Generator;
        if is_generator {
            self.keep_scope(&scope, at)?;
        }
        let mut inner = Frame { scope: Some(scope), ..frame.clone() };
        if is_generator {
            return self.generator_expression(inner, comprehension.clone(), first, at);
        }
        let mut items = vec![];
        let mut entries = Entries::new();
        let mut state = super::generator::Clauses::new(first);
        while state.advance(self, &mut inner, comprehension, at)? {
            let element = self.eval(&mut inner, &comprehension.element)?;
            match &comprehension.value {
                Some(value) => {
                    let value = self.eval(&mut inner, value)?;
                    self.put(&mut entries, element, value, [at, at])?;
                }
                None => {
                    self.room(1, at)?;
                    items.push(element);
                }
            }
        }
        match comprehension.kind {
            ComprehensionKind::List => self.new_list(items, at),
            ComprehensionKind::Set => self.new_set(items, false, at),
            _ => Ok(Value::Dict(Dict::of(entries))),
        }
    }

    /// Sets an entry of a dict that is made, whose memory is paid for; with the places of the key and of the whole.
    fn put(
        &mut self,
        entries: &mut Entries,
        key: Value,
        value: Value,
        [place, at]: [Span; 2],
    ) -> Outcome<()> {
        let hashed = self.key(&key, place)?;
        self.room(4, at)?;
        insert(entries, hashed, key, value);
        Ok(())
    }

    /// A set of these items.
    pub fn new_set(&mut self, items: Vec<Value>, frozen: bool, at: Span) -> Outcome {
        let set = Set { entries: RefCell::default(), frozen };
        for item in items {
            self.room(4, at)?;
            let key = self.key(&item, at)?;
            set.entries.borrow_mut().entry(key).or_insert(item);
        }
        Ok(Value::Set(Rc::new(set)))
    }
}

/// Sets an entry; an old one keeps its key and its place.
pub fn insert(entries: &mut Entries, hashed: super::Key, key: Value, value: Value) {
    match entries.get_mut(&hashed) {
        Some((_, old)) => super::bury([std::mem::replace(old, value)]),
        None => drop(entries.insert(hashed, (key, value))),
    }
}

fn lookup(frame: &Frame, hops: u32, slot: u32) -> Option<Value> {
    frame.scope_at(hops)?.slots.borrow().get(slot as usize)?.clone()
}

/// Names that definitions take for granted, with the imports that give them.
const IMPORTS: [(&str, &str); 5] = [
    ("np", "import numpy as np"),
    ("tf", "import tensorflow as tf"),
    ("slim", "import tensorflow.contrib.slim as slim"),
    ("digits", "import utils as digits"),
    ("math", "import math"),
];

/// What is meant by a name that has no value, where its place or its letters tell: a constant in small letters, a member of
/// the class, or a text without quotes.
fn meant(name: &str, text: &str, at: Span) -> Option<String> {
    let constants = ["True", "False", "None"].into_iter();
    let mut constants = constants.chain(["null", "nil"].iter().map(|_| "None"));
    let spelt = ["true", "false", "none", "null", "nil"].iter().position(|&word| word == name);
    if let Some(constant) = spelt.and_then(|i| constants.nth(i)) {
        return Some(format!("Python writes `{constant}`"));
    }
    let before = text.get(..at.start as usize).unwrap_or("").trim_end();
    let indented = before.rsplit('\n').next().is_some_and(|line| line.starts_with([' ', '\t']));
    let given = ["x", "y", "nclasses", "input_shape", "is_training", "is_inference"];
    if indented && (given.contains(&name) || text.contains(&format!("def {name}(self"))) {
        return Some(format!("it belongs to the class: `self.{name}`"));
    }
    let is_text = ["scope=", "name="].iter().any(|key| before.ends_with(key));
    is_text.then(|| format!("a text stands in quotes: `'{name}'`"))
}

/// The names that lines of a text give values.
fn assigned(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let name = line.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        let rest = line[name.len()..].trim_start();
        (!name.is_empty() && rest.starts_with('=') && !rest.starts_with("==")).then_some(name)
    })
}

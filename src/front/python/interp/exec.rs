//! Runs statements.

use super::class::ClassCell;
use super::function::Function;
use super::{Args, Class, Dict, Module, Names, Outcome, Property, PyError, Python, Scope, Value};
use crate::front::python::ast::{
    self, Block, Expr, File, Handler, ParameterKind, Statement, StatementKind, Try, Variable,
};
use crate::front::unwinding::Kind;
use crate::source::Span;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// Where statements run.
#[derive(Clone)]
pub(super) struct Frame {
    /// The variables of the function or comprehension; `None` outside of them.
    pub scope: Option<Rc<Scope>>,
    /// The global variables.
    pub module: Rc<Module>,
    /// The names of the class whose body this is.
    pub names: Option<Rc<RefCell<Names>>>,
    /// The class around, for `super()`.
    pub class: Option<ClassCell>,
}

impl Frame {
    /// The scope so many functions outside of this one.
    pub(super) fn scope_at(&self, hops: u32) -> Option<&Rc<Scope>> {
        (0..hops).try_fold(self.scope.as_ref()?, |scope, _| scope.parent.as_ref())
    }
}

/// How a statement ends.
pub(super) enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
}

impl Python {
    /// Runs a file with the variables of a module; gives what an expression's file returns.
    pub(super) fn run_in(&mut self, module: &Rc<Module>, file: &File) -> Outcome {
        let mut frame = Frame { scope: None, module: module.clone(), names: None, class: None };
        match self.block(&mut frame, &file.body)? {
            Flow::Return(value) => Ok(value),
            _ => Ok(Value::None),
        }
    }

    pub(super) fn block(&mut self, frame: &mut Frame, block: &Block) -> Outcome<Flow> {
        for statement in block {
            match self.statement(frame, statement)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    pub(super) fn statement(&mut self, frame: &mut Frame, statement: &Statement) -> Outcome<Flow> {
        let at = statement.span;
        self.work(1, at)?;
        match &statement.value {
            StatementKind::Expression(value) => drop(self.eval(frame, value)?),
            StatementKind::Assign(targets, value) => {
                let value = self.eval(frame, value)?;
                for target in targets {
                    self.assign(frame, target, value.clone())?;
                }
            }
            StatementKind::Augment(target, operator, value) => {
                self.augment(frame, target, operator, value)?;
            }
            StatementKind::Annotate(target, value) => {
                if let Some(value) = value {
                    let value = self.eval(frame, value)?;
                    self.assign(frame, target, value)?;
                }
            }
            StatementKind::If(arms, otherwise) => {
                for (condition, body) in arms {
                    if self.condition(frame, condition)? {
                        return self.block(frame, body);
                    }
                }
                return self.block(frame, otherwise);
            }
            StatementKind::While(condition, body, otherwise) => {
                while self.condition(frame, condition)? {
                    self.work(1, at)?;
                    match self.block(frame, body)? {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => return Ok(Flow::Next),
                        flow => return Ok(flow),
                    }
                }
                return self.block(frame, otherwise);
            }
            StatementKind::For(target, iterable, body, otherwise) => {
                let values = self.eval(frame, iterable)?;
                let iter = self.iter(&values, iterable.span)?;
                while let Some(value) = self.next(&iter, iterable.span)? {
                    self.work(1, at)?;
                    self.assign(frame, target, value)?;
                    match self.block(frame, body)? {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => return Ok(Flow::Next),
                        flow => return Ok(flow),
                    }
                }
                return self.block(frame, otherwise);
            }
            StatementKind::With(items, body) => return self.with(frame, items, body),
            StatementKind::Try(parts) => return self.try_statement(frame, parts),
            StatementKind::Raise(value, cause) => {
                let Some(value) = value else {
                    return Err(match self.handling.last() {
                        Some(error) => error.clone(),
                        None => self.error("RuntimeError", at, "No active exception to reraise"),
                    });
                };
                let value = self.eval(frame, value)?;
                if let Some(cause) = cause {
                    self.eval(frame, cause)?;
                }
                return Err(self.raised(value, at)?);
            }
            StatementKind::Assert(condition, message) => {
                if !self.condition(frame, condition)? {
                    let message = match message {
                        Some(message) => Some(self.eval(frame, message)?),
                        None => None,
                    };
                    let class = Value::Class(self.builtin_class("AssertionError"));
                    let exception = self.call(&class, Args::new(message, at))?;
                    return Err(self.unwinding(exception, Kind::Raised, at));
                }
            }
            StatementKind::Return(value) => {
                let value = match value {
                    Some(value) => self.eval(frame, value)?,
                    None => Value::None,
                };
                return Ok(Flow::Return(value));
            }
            StatementKind::Function(target, code, decorators) => {
                let mut value = self.make_function(frame, code)?;
                value = self.decorate(frame, decorators, value)?;
                self.store(frame, *target, &code.name, value);
            }
            StatementKind::Class(class) => {
                let value = self.make_class(frame, class, at)?;
                let value = self.decorate(frame, &class.decorators, value)?;
                self.store(frame, class.target, &class.name.value, value);
            }
            StatementKind::Import(modules) => {
                for module in modules {
                    let value = self.import_path(&module.path, module.renamed)?;
                    self.store(frame, module.target, &module.name.value, value);
                }
            }
            StatementKind::ImportFrom(import) => self.import_from(frame, import, at)?,
            StatementKind::Delete(targets) => {
                for target in targets {
                    self.delete(frame, target)?;
                }
            }
            StatementKind::Print(print) => {
                let stream = match &print.stream {
                    Some(stream) => self.eval(frame, stream)?,
                    None => Value::None,
                };
                let mut texts = vec![];
                for value in &print.values {
                    let value = self.eval(frame, value)?;
                    texts.push(self.str(&value, at)?);
                }
                let end = if print.newline { "\n" } else { " " };
                self.print_to(&stream, texts.join(" ") + end, at)?;
            }
            StatementKind::Break => return Ok(Flow::Break),
            StatementKind::Continue => return Ok(Flow::Continue),
            StatementKind::Declare(..) | StatementKind::Pass => {}
        }
        Ok(Flow::Next)
    }

    pub(super) fn condition(&mut self, frame: &mut Frame, condition: &Expr) -> Outcome<bool> {
        let value = self.eval(frame, condition)?;
        self.truth(&value, condition.span)
    }

    fn with(
        &mut self,
        frame: &mut Frame,
        items: &[(Expr, Option<Expr>)],
        body: &Block,
    ) -> Outcome<Flow> {
        let mut managers = vec![];
        let mut result = items
            .iter()
            .try_for_each(|(item, target)| self.enter_with(frame, item, target, &mut managers))
            .and_then(|()| self.block(frame, body));
        for (manager, (item, _)) in managers.iter().zip(items).rev() {
            result = self.leave(manager, result, item.span);
        }
        result
    }

    /// Enters a manager, which is added to those that are to be left.
    fn enter_with(
        &mut self,
        frame: &mut Frame,
        item: &Expr,
        target: &Option<Expr>,
        managers: &mut Vec<Value>,
    ) -> Outcome<()> {
        let manager = self.eval(frame, item)?;
        let entered = self.enter(&manager, item.span)?;
        managers.push(manager);
        match target {
            Some(target) => self.assign(frame, target, entered),
            None => Ok(()),
        }
    }

    /// Leaves the manager of a body that ended so; what is made of the end.
    fn leave(&mut self, manager: &Value, result: Outcome<Flow>, at: Span) -> Outcome<Flow> {
        match result {
            Ok(flow) => self.exit(manager, None, at).map(|_| flow),
            Err(error) if !error.is_catchable() => Err(error),
            Err(error) => {
                self.handling.push(error.clone());
                let swallowed = self.exit(manager, Some(&error), at);
                self.handling.pop();
                if swallowed? { Ok(Flow::Next) } else { Err(error) }
            }
        }
    }

    fn try_statement(&mut self, frame: &mut Frame, parts: &Try) -> Outcome<Flow> {
        let mut result = self.block(frame, &parts.body);
        match result {
            Ok(Flow::Next) => result = self.block(frame, &parts.otherwise),
            Ok(_) => {}
            Err(error) if !error.is_catchable() => return Err(error),
            Err(error) => result = self.handle(frame, &parts.handlers, error),
        }
        if matches!(&result, Err(error) if !error.is_catchable()) {
            return result;
        }
        match self.block(frame, &parts.finally)? {
            Flow::Next => result,
            flow => Ok(flow),
        }
    }

    fn handle(&mut self, frame: &mut Frame, handlers: &[Handler], error: PyError) -> Outcome<Flow> {
        let Some(chosen) = self.handler_for(frame, handlers, &error)? else { return Err(error) };
        let handler = &handlers[chosen];
        self.handling.push(error);
        let result = self.block(frame, &handler.body);
        self.handling.pop();
        self.forget_caught(frame, handler);
        result
    }

    /// As in Python 3, the name of an exception is gone after its handler.
    fn forget_caught(&mut self, frame: &mut Frame, handler: &Handler) {
        if let Some(target) = handler.target.as_ref().filter(|t| self.is_three(t.span)) {
            let _ = self.delete(frame, target);
        }
    }

    /// Which handler takes an exception; it gets the exception under its name.
    fn handler_for(
        &mut self,
        frame: &mut Frame,
        handlers: &[Handler],
        error: &PyError,
    ) -> Outcome<Option<usize>> {
        for (i, handler) in handlers.iter().enumerate() {
            if let Some(class) = &handler.class {
                let at = class.span;
                let class = self.eval(frame, class)?;
                if !self.is_instance_of(error.value(), &class, at)? {
                    continue;
                }
            }
            if let Some(target) = &handler.target {
                self.assign(frame, target, error.value().clone())?;
            }
            return Ok(Some(i));
        }
        Ok(None)
    }

    pub(super) fn make_function(&mut self, frame: &mut Frame, code: &Rc<ast::Function>) -> Outcome {
        let mut defaults = vec![];
        for parameter in &code.parameters {
            defaults.push(match &parameter.default {
                Some(default) => Some(self.eval(frame, default)?),
                None => None,
            });
        }
        if let Some(scope) = frame.scope.clone() {
            self.keep_scope(&scope, code.span)?;
        }
        self.allocate(size_of::<Function>() + 32 * defaults.len(), code.span)?;
        let function = Function {
            code: code.clone(),
            defaults: RefCell::new(defaults),
            scope: frame.scope.clone(),
            module: frame.module.clone(),
            class: frame.class.clone(),
            names: RefCell::default(),
        };
        Ok(Value::Function(Rc::new(function)))
    }

    fn decorate(&mut self, frame: &mut Frame, decorators: &[Expr], value: Value) -> Outcome {
        // They are evaluated from the first to the last and applied from the last to the first.
        let mut functions = vec![];
        for decorator in decorators {
            functions.push((self.eval(frame, decorator)?, decorator.span));
        }
        let mut value = value;
        for (function, at) in functions.into_iter().rev() {
            value = self.call(&function, Args::new([value], at))?;
        }
        Ok(value)
    }

    fn make_class(&mut self, frame: &mut Frame, class: &ast::Class, at: Span) -> Outcome {
        let args = self.arguments(frame, &class.arguments, at)?;
        let mut bases = vec![];
        for (base, span) in args.positional {
            match base {
                Value::Class(base) => bases.push(base),
                // Such a class can be there, beside the net, and does nothing.
                Value::Native(native) if native.is_outside() => {}
                other => {
                    let message =
                        format!("a class cannot inherit from a '{}'", self.type_name(&other));
                    return Err(self.type_error(span, message));
                }
            }
        }
        if let Some(keyword) = args.keywords.iter().find(|k| &*k.name != "metaclass") {
            let message = format!("class keyword '{}' is not supported", keyword.name);
            return Err(self.type_error(keyword.name_span, message));
        }
        if bases.is_empty() {
            bases.push(self.types.object.clone());
        }
        let Some(ancestors) = self.ancestors(&bases, at)? else {
            let message = "Cannot create a consistent method resolution order (MRO) for bases";
            return Err(self.type_error(at, message));
        };
        let names: Rc<RefCell<Names>> = Rc::default();
        let cell: ClassCell = Rc::new(RefCell::new(Weak::new()));
        if let Some(doc) = &class.doc {
            names.borrow_mut().insert("__doc__".into(), doc.clone().into());
        }
        let mut inner = Frame {
            scope: frame.scope.clone(),
            module: frame.module.clone(),
            names: Some(names.clone()),
            class: Some(cell.clone()),
        };
        self.block(&mut inner, &class.body)?;
        let names = names.take();
        self.room(names.len() * 4, at)?;
        let made = Rc::new(Class {
            name: class.name.value.clone(),
            bases,
            ancestors,
            names: RefCell::new(names),
            construct: None,
            module: frame.module.name.clone(),
        });
        *cell.borrow_mut() = Rc::downgrade(&made);
        self.keep_class(&made);
        let hook = made
            .ancestors
            .iter()
            .find_map(|base| base.names.borrow().get("__init_subclass__").cloned());
        if let Some(hook @ Value::Function(_)) = hook {
            self.call(&hook, Args::new([Value::Class(made.clone())], at))?;
        }
        Ok(Value::Class(made))
    }

    /// The values of a call's parameters, in the slots of a new scope.
    pub(super) fn bind(&mut self, function: &Rc<Function>, args: Args) -> Outcome<Rc<Scope>> {
        let code = &function.code;
        let at = args.span;
        let scope = Scope::new(code.slots.len(), function.scope.clone());
        let mut slots = vec![None; code.slots.len()];
        let mut positional = args.positional.into_iter();
        let mut keywords = args.keywords;
        let given = positional.len();
        for (i, parameter) in code.parameters.iter().enumerate() {
            match parameter.kind {
                ParameterKind::Plain | ParameterKind::PositionOnly => {
                    slots[i] = positional.next().map(|(value, _)| value);
                }
                ParameterKind::Rest => {
                    let rest: Vec<_> = positional.by_ref().map(|(value, _)| value).collect();
                    slots[i] = Some(self.new_tuple(rest, at)?);
                }
                ParameterKind::KeywordOnly | ParameterKind::Keywords => {}
            }
        }
        if let Some((_, span)) = positional.next() {
            return Err(self.too_many(function, given, span));
        }
        let mut rest = vec![];
        for keyword in keywords.drain(..) {
            let by_name = |p: &ast::Parameter| {
                let named = matches!(p.kind, ParameterKind::Plain | ParameterKind::KeywordOnly);
                named && p.name.value == keyword.name
            };
            match code.parameters.iter().position(by_name) {
                Some(at) if slots[at].is_some() => {
                    let name = function.name();
                    let message =
                        format!("{name}() got multiple values for argument '{}'", keyword.name);
                    return Err(self.type_error(keyword.name_span, message));
                }
                Some(at) => slots[at] = Some(keyword.value),
                None => rest.push(keyword),
            }
        }
        let keeps = code.parameters.iter().position(|p| p.kind == ParameterKind::Keywords);
        match keeps {
            Some(at) => {
                let dict = Dict::new();
                for keyword in rest {
                    if self.keeps_places {
                        dict.place(&keyword.name, [keyword.name_span, keyword.span]);
                    }
                    dict.set_str(&keyword.name, keyword.value);
                }
                slots[at] = Some(Value::Dict(dict));
            }
            None => {
                if let Some(keyword) = rest.first() {
                    let names = code.parameters.iter().map(|p| p.name.value.to_string()).collect();
                    return Err(self.unexpected_keyword(&function.name(), keyword, names));
                }
            }
        }
        let defaults = function.defaults.borrow().clone();
        let mut missing = vec![];
        for (i, parameter) in code.parameters.iter().enumerate() {
            if slots[i].is_none() {
                slots[i] = defaults[i].clone();
            }
            if slots[i].is_none() {
                missing.push((parameter.kind, format!("'{}'", parameter.name.value)));
            }
        }
        if !missing.is_empty() {
            return Err(self.missing(function, missing, at));
        }
        *scope.slots.borrow_mut() = slots;
        Ok(scope)
    }

    fn too_many(&mut self, function: &Rc<Function>, given: usize, at: Span) -> PyError {
        let code = &function.code;
        let places: Vec<usize> = (0..code.parameters.len())
            .filter(|&i| {
                matches!(
                    code.parameters[i].kind,
                    ParameterKind::Plain | ParameterKind::PositionOnly
                )
            })
            .collect();
        let most = places.len();
        let defaults = function.defaults.borrow();
        let least = places.iter().filter(|&&i| defaults[i].is_none()).count();
        drop(defaults);
        let takes = if least < most { format!("from {least} to {most}") } else { most.to_string() };
        let plural = if takes == "1" { "" } else { "s" };
        let verb = if given == 1 { "was" } else { "were" };
        let name = function.name();
        let message =
            format!("{name}() takes {takes} positional argument{plural} but {given} {verb} given");
        let error = self.type_error(at, message);
        let first = code.parameters.first().map_or("", |first| &*first.name.value);
        let text = &self.sources.file(at.file).text;
        let before = text.get(..at.start as usize).unwrap_or("").trim_end_matches('(');
        match given == most + 1 && first != "self" && before.ends_with(&format!("self.{name}")) {
            true => error
                .help(format!("a method has the object before all else: `def {name}(self, ...)`")),
            false => error,
        }
    }

    fn missing(
        &mut self,
        function: &Rc<Function>,
        missing: Vec<(ParameterKind, String)>,
        at: Span,
    ) -> PyError {
        let (by_place, by_name): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|(kind, _)| *kind != ParameterKind::KeywordOnly);
        let (kind, missing) = match by_place.is_empty() {
            true => ("keyword-only", by_name),
            false => ("positional", by_place),
        };
        let names: Vec<String> = missing.into_iter().map(|(_, name)| name).collect();
        let count = names.len();
        let plural = if count == 1 { "" } else { "s" };
        let listed = match &names[..] {
            [one] => one.clone(),
            [first, second] => format!("{first} and {second}"),
            [most @ .., last] => format!("{}, and {last}", most.join(", ")),
            [] => String::new(),
        };
        let name = function.name();
        let message =
            format!("{name}() missing {count} required {kind} argument{plural}: {listed}");
        self.type_error(at, message)
    }

    /// Runs the body of a function in the scope that [`Python::bind`] made.
    pub(super) fn run_function(&mut self, function: &Rc<Function>, scope: Rc<Scope>) -> Outcome {
        let code = function.code.clone();
        let mut frame = Frame {
            scope: Some(scope),
            module: function.module.clone(),
            names: None,
            class: function.class.clone(),
        };
        for (i, parameter) in code.parameters.iter().enumerate() {
            if let Some(target) = &parameter.unpack {
                let value = self.load(&frame, Variable::Local(0, i as u32), ".", target.span)?;
                self.assign(&mut frame, target, value)?;
            }
        }
        if code.yields.is_some() {
            return self.generator(frame, code);
        }
        match self.block(&mut frame, &code.body)? {
            Flow::Return(value) => Ok(value),
            _ => Ok(Value::None),
        }
    }

    /// What a property, a static method or a class method is called through.
    pub(super) fn property_function(property: &Property) -> Value {
        match property {
            Property::Accessors(get, _) => get.clone(),
            Property::Static(function) | Property::OfClass(function) => function.clone(),
        }
    }
}

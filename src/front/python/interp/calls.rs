//! Calls: of functions, classes, objects; and what the calls in progress say about an error.

use super::exec::Frame;
use super::{Args, Class, Function, Instance, Method, Outcome, Property, PyError, Python, Value};
use crate::diag::Label;
use crate::source::Span;
use std::rc::Rc;

/// A call in progress, as errors see it.
pub(super) struct Active {
    /// What runs, for the trace; `None` for native functions.
    pub function: Option<Rc<Function>>,
    /// Where the call is written.
    pub span: Span,
}

/// Labels of a trace; the middle of a longer one is left out.
const TRACE_ENDS: usize = 12;
/// Steps that a trace is paid for with.
const TRACE_STEPS: usize = 100;

/// Steps that a call costs.
const CALL: usize = 4;

impl Python {
    /// `callee(args)`.
    pub fn call(&mut self, callee: &Value, args: Args) -> Outcome {
        let at = args.span;
        self.work(CALL + args.len() / 4, at)?;
        self.deeper(self.frames.len(), at)?;
        match callee {
            Value::Function(function) => {
                let scope = self.bind(function, args)?;
                self.frames.push(Active { function: Some(function.clone()), span: at });
                let result = self.run_function(function, scope);
                self.frames.pop();
                result
            }
            Value::Method(method) => {
                let args = args.prepend(method.object.clone());
                self.call(&method.function, args)
            }
            Value::NativeFunction(function) => {
                self.frames.push(Active { function: None, span: at });
                let result = (function.run)(self, args);
                self.frames.pop();
                result
            }
            Value::Class(class) => self.call_class(class, args),
            Value::Instance(_) => match self.find_special(callee, "__call__")? {
                Some(method) => self.call(&method, args),
                None => Err(self.not_callable(callee, at)),
            },
            Value::Native(native) => {
                self.frames.push(Active { function: None, span: at });
                let result = native.clone().call(self, args, at);
                self.frames.pop();
                result
            }
            Value::Property(property) => match &**property {
                Property::Static(function) => self.call(&function.clone(), args),
                _ => Err(self.not_callable(callee, at)),
            },
            other => Err(self.not_callable(other, at)),
        }
    }

    /// Pays for one more call within so many.
    #[inline]
    pub fn deeper(&mut self, calls: usize, at: Span) -> Outcome<()> {
        if !self.stack.has_paid_room() {
            self.pay_for_stack(at)?;
        }
        if self.limits.calls <= calls || !self.stack.has_paid_room() {
            // What it tells of the calls takes far longer than a call.
            self.work(TRACE_STEPS, at)?;
            return Err(self.error("RecursionError", at, "maximum recursion depth exceeded"));
        }
        Ok(())
    }

    fn not_callable(&mut self, value: &Value, at: Span) -> PyError {
        let name = self.type_name(value);
        let error = self.type_error(at, format!("'{name}' object is not callable"));
        match value {
            Value::Str(text) if ACTIVATIONS.contains(&&**text) => {
                error.help(format!("a text is no function: write `tf.nn.{text}`"))
            }
            _ => match self.property_called(at) {
                Err(limit) => limit,
                Ok(Some(name)) => {
                    error.help(format!("`{name}` is a property: without parentheses"))
                }
                Ok(None) => error,
            },
        }
    }

    /// The property of a model that a call such as `self.inference()` calls.
    fn property_called(&mut self, at: Span) -> Outcome<Option<String>> {
        let text = self.sources.file(at.file).text.clone();
        let call = text.get(at.range()).and_then(|call| call.strip_suffix("()")).unwrap_or("");
        let Some(name) = call.strip_prefix("self.") else { return Ok(None) };
        self.work(text.len(), at)?;
        let decorated = text.match_indices(&format!("def {name}(")).any(|(def, _)| {
            let above = text[..def].trim_end();
            above.ends_with("_property") || above.ends_with("@property")
        });
        Ok(decorated.then(|| call.to_owned()))
    }

    /// Calls a method of an object.
    pub fn call_method(&mut self, object: &Value, name: &str, args: Args) -> Outcome {
        let method = self.get_attribute(object, name, args.span)?;
        self.call(&method, args)
    }

    fn call_class(&mut self, class: &Rc<Class>, args: Args) -> Outcome {
        let at = args.span;
        let initializer = class.lookup("__init__");
        let own_new = class
            .lookup("__new__")
            .filter(|new| matches!(new, Value::Property(_) | Value::Function(_)));
        if let Some(new) = own_new {
            let function = match &new {
                Value::Property(property) => Self::property_function(property),
                other => other.clone(),
            };
            let object = self.call(&function, args.clone().prepend(Value::Class(class.clone())))?;
            if self.is_instance(&object, class)
                && let Some(initializer) = initializer
            {
                self.call(&initializer, args.prepend(object.clone()))?;
            }
            return Ok(object);
        }
        match class.constructor() {
            Some(construct) if class.construct.is_some() => construct(self, class, args),
            Some(construct) => {
                // The class is the definition's own and inherits from a built-in one.
                let own = initializer
                    .filter(|value| matches!(value, Value::Function(_) | Value::Property(_)));
                let is_exception = class.inherits(&self.builtin_class("BaseException"));
                let first =
                    if own.is_some() && !is_exception { Args::new([], at) } else { args.clone() };
                let made = match is_exception {
                    true => construct(self, class, Args { keywords: vec![], ..first })?,
                    false => construct(self, class, first)?,
                };
                let object = match made {
                    Value::Instance(instance) if Rc::ptr_eq(&instance.class, class) => {
                        Value::Instance(instance)
                    }
                    payload => Value::Instance(self.new_instance(class, Some(payload), at)?),
                };
                if let Some(own) = own {
                    self.call(&own, args.prepend(object.clone()))?;
                }
                Ok(object)
            }
            None => {
                let object = Value::Instance(self.new_instance(class, None, at)?);
                match initializer {
                    Some(initializer) => {
                        let result = self.call(&initializer, args.prepend(object.clone()))?;
                        if !result.is_none() {
                            let name = self.type_name(&result);
                            let message = format!("__init__() should return None, not '{name}'");
                            return Err(self.type_error(at, message));
                        }
                    }
                    None if !args.is_empty() => {
                        let message = format!("{}() takes no arguments", class.name);
                        return Err(self.type_error(at, message));
                    }
                    None => {}
                }
                Ok(object)
            }
        }
    }

    /// `super()` inside of a method.
    pub(super) fn own_super(&mut self, frame: &Frame, at: Span) -> Outcome {
        let class = frame.class.as_ref().and_then(|cell| cell.borrow().upgrade());
        // The first parameter of the method: the outermost function inside of the class.
        let first =
            frame.scope.as_ref().and_then(|scope| scope.slots.borrow().first().cloned().flatten());
        let is_method = self.frames.last().and_then(|active| active.function.as_ref());
        let has_parameter = is_method.is_some_and(|function| !function.code.parameters.is_empty());
        match (class, first) {
            (Some(class), Some(object)) if has_parameter => self.super_of(&class, object, at),
            _ => Err(self.error("RuntimeError", at, "super(): no arguments")),
        }
    }

    /// `super(class, object)`.
    pub fn super_of(&mut self, class: &Rc<Class>, object: Value, at: Span) -> Outcome {
        let start = match &object {
            Value::Instance(instance) => instance.class.clone(),
            Value::Class(class) => class.clone(),
            other => self.type_of(other),
        };
        if !start.inherits(class) {
            let message = "super(type, obj): obj must be an instance or subtype of type";
            return Err(self.type_error(at, message));
        }
        let mut order = vec![start.clone()];
        order.extend(start.ancestors.iter().cloned());
        let place = order.iter().position(|c| Rc::ptr_eq(c, class)).unwrap_or(0);
        let rest = order.split_off(place + 1);
        Ok(Value::native(super::attributes::Super { object, rest }))
    }

    /// A function as an attribute of an object: with the object as first argument.
    pub(super) fn bound(&mut self, value: Value, object: &Value, at: Span) -> Outcome {
        Ok(match &value {
            Value::Function(_) => method(value, object),
            Value::NativeFunction(function) if function.binds => method(value, object),
            Value::Property(property) => match &**property {
                Property::Static(function) => function.clone(),
                Property::OfClass(function) => {
                    let class = match object {
                        Value::Class(class) => class.clone(),
                        other => self.type_of(other),
                    };
                    method(function.clone(), &Value::Class(class))
                }
                Property::Accessors(get, _) => {
                    if get.is_none() {
                        return Err(self.error("AttributeError", at, "unreadable attribute"));
                    }
                    self.call(&get.clone(), Args::new([object.clone()], at))?
                }
            },
            _ => value,
        })
    }

    /// The innermost place of the definition that is being run, which may be called by the library.
    pub fn here(&self) -> Span {
        let spans = self.frames.iter().rev().map(|frame| frame.span);
        let mut outside = spans.filter(|span| !self.is_internal(*span) && *span != Span::nowhere());
        outside.next().unwrap_or(Span::nowhere())
    }

    /// The calls in progress, innermost first.
    pub fn trace(&self) -> Vec<Label> {
        let label = |frame: &Active| {
            let function = frame.function.as_ref()?;
            if self.is_internal(frame.span) || frame.span == Span::nowhere() {
                return None;
            }
            let text = match &*function.code.name {
                "<lambda>" => "in a lambda".into(),
                name => format!("in function '{name}'"),
            };
            Some(Label { span: frame.span, text })
        };
        let mut labels = vec![];
        let mut reached = self.frames.len();
        while 0 < reached && labels.len() < TRACE_ENDS {
            reached -= 1;
            labels.extend(label(&self.frames[reached]));
        }
        let outer: Vec<_> =
            self.frames[..reached].iter().filter_map(label).take(TRACE_ENDS).collect();
        labels.extend(outer.into_iter().rev());
        labels
    }

    /// The built-in value inside of an object whose class inherits from a built-in one; any other value is itself.
    pub fn inner(value: &Value) -> &Value {
        let mut value = value;
        while let Value::Instance(instance) = value
            && let Instance { payload: Some(payload), .. } = &**instance
        {
            value = payload;
        }
        value
    }
}

fn method(function: Value, object: &Value) -> Value {
    Value::Method(Rc::new(Method { function, object: object.clone() }))
}

/// Functions of `tf.nn` that are given to layers, and by mistake as texts.
const ACTIVATIONS: [&str; 8] =
    ["elu", "relu", "relu6", "sigmoid", "softmax", "softplus", "softsign", "tanh"];

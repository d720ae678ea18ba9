//! Attributes: of objects, classes, modules, built-in values.

use super::{
    Args, Class, Dict, Instance, Maybe, Native, Outcome, Property, PyError, Python, Value, bury,
};
use crate::source::Span;
use std::rc::Rc;

/// Ways into the inside of the interpreter, which a definition has no use for.
const FORBIDDEN: [&str; 20] = [
    "__globals__",
    "__builtins__",
    "__code__",
    "__closure__",
    "__subclasses__",
    "__mro__",
    "__bases__",
    "__base__",
    "__getattribute__",
    "__reduce__",
    "__reduce_ex__",
    "__import__",
    "__loader__",
    "__spec__",
    "func_globals",
    "func_code",
    "gi_frame",
    "f_globals",
    "f_locals",
    "mro",
];

pub(super) fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.contains(&name)
}

/// Whether a value is an object whose class has a method.
fn has_method(value: &Value, name: &str) -> bool {
    matches!(value, Value::Instance(instance) if instance.class.lookup(name).is_some())
}

/// What `super(…)` gives: the attributes of an object from the classes behind a class.
pub(super) struct Super {
    pub object: Value,
    pub rest: Vec<Rc<Class>>,
}

impl Native for Super {
    fn type_name(&self) -> String {
        "super".into()
    }

    fn get_attribute(self: Rc<Self>, py: &mut Python, name: &str, at: Span) -> Maybe {
        let found = self.rest.iter().find_map(|class| class.names.borrow().get(name).cloned());
        match found {
            Some(value) => py.bound(value, &self.object, at).map(Some),
            // Every class has an initializer.
            None if name == "__init__" => {
                Ok(Some(Value::function("__init__", |_, _| Ok(Value::None))))
            }
            None => Ok(None),
        }
    }
}

impl Drop for Super {
    fn drop(&mut self) {
        bury([std::mem::take(&mut self.object)]);
    }
}

impl Python {
    /// `value.name`; raises AttributeError.
    pub fn get_attribute(&mut self, value: &Value, name: &str, at: Span) -> Outcome {
        match self.find_attribute(value, name, at)? {
            Some(value) => Ok(value),
            None => Err(self.no_attribute(value, name, at)),
        }
    }

    fn no_attribute(&mut self, value: &Value, name: &str, at: Span) -> PyError {
        if is_forbidden(name) {
            return self.not_available(&format!("'{name}'"), at);
        }
        let subject = match value {
            Value::Class(class) => format!("type object '{}'", class.name),
            Value::Module(module) => format!("module '{}'", module.name),
            other => format!("'{}' object", self.type_name(other)),
        };
        let error =
            self.error("AttributeError", at, format!("{subject} has no attribute '{name}'"));
        let known = self.attribute_names(value);
        self.advise(error, name, known)
    }

    /// The names that a value has, for advice and `dir`.
    pub fn attribute_names(&mut self, value: &Value) -> Vec<String> {
        let mut names: Vec<String> = vec![];
        let mut class = None;
        match value {
            Value::Module(module) => {
                names.extend(module.names.borrow().keys().map(|name| name.to_string()));
            }
            Value::Instance(instance) => {
                names.extend(instance.own_names());
                class = Some(instance.class.clone());
            }
            Value::Class(own) => class = Some(own.clone()),
            Value::Native(native) => names = native.names(),
            other => class = Some(self.type_of(other)),
        }
        if let Some(class) = class {
            for class in std::iter::once(&class).chain(&class.ancestors) {
                names.extend(class.names.borrow().keys().map(|name| name.to_string()));
            }
        }
        names
    }

    /// `value.name`, or `None` where there is no such attribute.
    pub fn find_attribute(&mut self, value: &Value, name: &str, at: Span) -> Maybe {
        if is_forbidden(name) {
            return Ok(None);
        }
        match value {
            Value::Instance(instance) => self.instance_attribute(value, instance, name, at),
            Value::Class(class) => match (class.lookup(name), name) {
                (Some(value), _) => match &value {
                    Value::Property(property) => match &**property {
                        Property::Accessors(..) => Ok(Some(value)),
                        _ => self.bound(value, &Value::Class(class.clone()), at).map(Some),
                    },
                    found if has_method(found, "__get__") => {
                        self.described(found, Value::None, class, at).map(Some)
                    }
                    _ => Ok(Some(value)),
                },
                (None, "__name__" | "__qualname__") => Ok(Some(class.name.clone().into())),
                (None, "__module__") => Ok(Some(class.module.clone().into())),
                (None, "__dict__") => {
                    let names = class.names.borrow().clone();
                    self.allocate(64 * names.len(), at)?;
                    let dict = Dict::new();
                    names.into_iter().for_each(|(name, value)| dict.set_str(&name, value));
                    Ok(Some(Value::Dict(dict)))
                }
                (None, "__class__") => Ok(Some(Value::Class(self.types.type_.clone()))),
                _ => Ok(None),
            },
            Value::Module(module) => match (module.get(name), name) {
                (Some(value), _) => Ok(Some(value)),
                (None, "__name__") => Ok(Some(module.name.clone().into())),
                _ => Ok(None),
            },
            Value::Native(native) => {
                if let Some(value) = native.clone().get_attribute(self, name, at)? {
                    return Ok(Some(value));
                }
                match native.class(self) {
                    Some(_) if name == "__class__" => Ok(Some(Value::Class(self.type_of(value)))),
                    Some(class) => match class.lookup(name) {
                        Some(found) => self.bound(found, value, at).map(Some),
                        None => Ok(None),
                    },
                    None => Ok(None),
                }
            }
            Value::Function(function) => {
                if let Some(value) = function.names.borrow().get(name) {
                    return Ok(Some(value.clone()));
                }
                Ok(match name {
                    "__name__" | "__qualname__" | "func_name" => {
                        Some(function.code.name.clone().into())
                    }
                    "__doc__" => Some(function.code.doc.clone().map_or(Value::None, Value::from)),
                    "__module__" => Some(function.module.name.clone().into()),
                    "__dict__" => {
                        let dict = super::Dict::new();
                        for (name, value) in function.names.borrow().iter() {
                            dict.set_str(name, value.clone());
                        }
                        Some(Value::Dict(dict))
                    }
                    _ => None,
                })
            }
            Value::NativeFunction(function) => {
                if let Some(value) = function.names.borrow().get(name) {
                    return Ok(Some(value.clone()));
                }
                Ok(match name {
                    "__name__" | "__qualname__" => Some(function.name.as_ref().into()),
                    "__doc__" => Some(Value::None),
                    "__module__" => Some("builtins".into()),
                    _ => None,
                })
            }
            Value::Method(method) => match name {
                "__self__" | "im_self" => Ok(Some(method.object.clone())),
                "__func__" | "im_func" => Ok(Some(method.function.clone())),
                _ => self.find_attribute(&method.function.clone(), name, at),
            },
            Value::Property(property) => self.property_attribute(value, property, name),
            Value::Slice(slice) => Ok(match name {
                "start" => Some(slice.start.clone()),
                "stop" => Some(slice.stop.clone()),
                "step" => Some(slice.step.clone()),
                _ => self.of_type(value, name, at)?,
            }),
            Value::Range(range) => Ok(match name {
                "start" => Some(range.start.into()),
                "stop" => Some(range.stop.into()),
                "step" => Some(range.step.into()),
                _ => self.of_type(value, name, at)?,
            }),
            other => self.of_type(other, name, at),
        }
    }

    /// A method of a built-in value.
    fn of_type(&mut self, value: &Value, name: &str, at: Span) -> Maybe {
        let class = self.type_of(value);
        match class.lookup(name) {
            Some(found) => self.bound(found, value, at).map(Some),
            None if name == "__class__" => Ok(Some(Value::Class(class))),
            None if name == "__doc__" => Ok(Some(Value::None)),
            None => Ok(None),
        }
    }

    fn property_attribute(&mut self, value: &Value, property: &Rc<Property>, name: &str) -> Maybe {
        let Property::Accessors(get, set) = &**property else { return Ok(None) };
        let (get, set, whole) = (get.clone(), set.clone(), value.clone());
        Ok(match name {
            "fget" => Some(get),
            "fset" => Some(set),
            "setter" => Some(Value::function("setter", move |py, args| {
                let set = args.bind(py, "setter", &["function"])?.get("function");
                Ok(Value::Property(Rc::new(Property::Accessors(get.clone(), set))))
            })),
            "getter" => Some(Value::function("getter", move |py, args| {
                let get = args.bind(py, "getter", &["function"])?.get("function");
                Ok(Value::Property(Rc::new(Property::Accessors(get, set.clone()))))
            })),
            "deleter" => Some(Value::function("deleter", move |_, _| Ok(whole.clone()))),
            _ => None,
        })
    }

    /// What an object that stands in a class as an attribute, and has `__get__`, gives for an object of that class.
    fn described(&mut self, found: &Value, object: Value, class: &Rc<Class>, at: Span) -> Outcome {
        let get = self.get_attribute(found, "__get__", at)?;
        self.call(&get, Args::new([object, Value::Class(class.clone())], at))
    }

    fn instance_attribute(
        &mut self,
        value: &Value,
        instance: &Rc<Instance>,
        name: &str,
        at: Span,
    ) -> Maybe {
        let of_class = instance.class.lookup(name);
        if let Some(Value::Property(property)) = &of_class
            && let Property::Accessors(..) = &**property
        {
            return self.bound(Value::Property(property.clone()), value, at).map(Some);
        }
        let descriptor =
            |method: &str| of_class.as_ref().is_some_and(|found| has_method(found, method));
        if !descriptor("__set__")
            && let Some(own) = instance.get(name)
        {
            return Ok(Some(own));
        }
        if let Some(found) = of_class {
            return match has_method(&found, "__get__") {
                true => self.described(&found, value.clone(), &instance.class, at).map(Some),
                false => self.bound(found, value, at).map(Some),
            };
        }
        match name {
            "__class__" => return Ok(Some(Value::Class(instance.class.clone()))),
            "__dict__" => {
                self.room(instance.names.borrow().len().saturating_mul(4), at)?;
                return Ok(Some(Value::Dict(instance.as_dict())));
            }
            "__doc__" => return Ok(Some(Value::None)),
            _ => {}
        }
        match instance.class.lookup("__getattr__") {
            Some(hook) if !name.starts_with("__") || !name.ends_with("__") => {
                let hook = self.bound(hook, value, at)?;
                self.call(&hook, Args::new([Value::str(name)], at)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A special method such as `__len__`, which only classes of the definition and natives' classes have.
    pub(super) fn find_special(&mut self, value: &Value, name: &str) -> Maybe {
        let Value::Instance(instance) = value else { return Ok(None) };
        match instance.class.lookup(name) {
            // The methods of a built-in type act on the value inside.
            Some(Value::NativeFunction(_)) if instance.payload.is_some() => Ok(None),
            Some(Value::None) | None => Ok(None),
            Some(method) => self.bound(method, value, self.here()).map(Some),
        }
    }

    /// `object.name = value`.
    pub fn set_attribute(
        &mut self,
        object: &Value,
        name: &str,
        value: Value,
        at: Span,
    ) -> Outcome<()> {
        if let (Value::Instance(instance), "__dict__") = (object, name) {
            let Value::Dict(dict) = Python::inner(&value) else {
                let message = format!(
                    "__dict__ must be set to a dictionary, not a '{}'",
                    self.type_name(&value)
                );
                return Err(self.type_error(at, message));
            };
            instance.take_dict(dict.clone());
            return Ok(());
        }
        if is_forbidden(name) || matches!(name, "__class__" | "__dict__") {
            return Err(self.not_available(&format!("assignment to '{name}'"), at));
        }
        match object {
            Value::Instance(instance) => {
                if let Some(Value::Property(property)) = instance.class.lookup(name)
                    && let Property::Accessors(_, set) = &*property
                {
                    if set.is_none() {
                        let message = format!(
                            "property '{name}' of '{}' object has no setter",
                            instance.class.name
                        );
                        return Err(self.error("AttributeError", at, message));
                    }
                    self.call(&set.clone(), Args::new([object.clone(), value], at))?;
                    return Ok(());
                }
                if let Some(found) = instance.class.lookup(name)
                    && has_method(&found, "__set__")
                {
                    let set = self.get_attribute(&found, "__set__", at)?;
                    self.call(&set, Args::new([object.clone(), value], at))?;
                    return Ok(());
                }
                if let Some(hook @ (Value::Function(_) | Value::NativeFunction(_))) =
                    instance.class.lookup("__setattr__")
                {
                    let args = Args::new([object.clone(), Value::str(name), value], at);
                    self.call(&hook, args)?;
                    return Ok(());
                }
                self.set_plain(instance, name, value, at)?;
            }
            Value::Class(class) if !class.module.is_empty() => {
                self.room(4, at)?;
                class.set(name, value);
            }
            Value::Module(module) => {
                self.room(4, at)?;
                module.set(name, value);
            }
            Value::Function(function) => {
                self.room(4, at)?;
                if name == "__defaults__" || name == "func_defaults" {
                    return Err(self.not_available(&format!("assignment to '{name}'"), at));
                }
                let old = function.names.borrow_mut().insert(name.into(), value);
                bury(old);
            }
            Value::NativeFunction(function) => {
                let old = function.names.borrow_mut().insert(name.into(), value);
                bury(old);
            }
            Value::Native(native) => {
                if !native.clone().set_attribute(self, name, value, at)? {
                    return Err(self.no_attribute(object, name, at));
                }
            }
            other => {
                let type_name = self.type_name(other);
                let message = match other {
                    Value::Class(class) => {
                        format!("cannot set '{name}' attribute of immutable type '{}'", class.name)
                    }
                    _ => format!("'{type_name}' object has no attribute '{name}'"),
                };
                let class =
                    if matches!(other, Value::Class(_)) { "TypeError" } else { "AttributeError" };
                return Err(self.error(class, at, message));
            }
        }
        Ok(())
    }

    /// Sets an attribute of the object itself, past `__setattr__`.
    pub fn set_plain(
        &mut self,
        instance: &Rc<Instance>,
        name: &str,
        value: Value,
        at: Span,
    ) -> Outcome<()> {
        if instance.get(name).is_none() {
            self.room(4, at)?;
        }
        instance.set(name, value);
        Ok(())
    }

    /// `del object.name`.
    pub fn delete_attribute(&mut self, object: &Value, name: &str, at: Span) -> Outcome<()> {
        let removed = match object {
            Value::Instance(instance) => instance.remove(name),
            Value::Class(class) if !class.module.is_empty() => {
                class.names.borrow_mut().shift_remove(name)
            }
            Value::Module(module) => module.names.borrow_mut().shift_remove(name),
            _ => None,
        };
        match removed {
            Some(value) => bury([value]),
            None => return Err(self.no_attribute(object, name, at)),
        }
        Ok(())
    }
}

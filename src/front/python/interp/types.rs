//! The built-in classes, and which of them a value is of.

use super::{Class, Outcome, Property, Python, Value};
use crate::front::python::stdlib::construct;
use crate::source::Span;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The built-in classes.
#[allow(missing_docs, reason = "the names are those of Python")]
pub struct Types {
    pub object: Rc<Class>,
    pub type_: Rc<Class>,
    pub bool_: Rc<Class>,
    pub int: Rc<Class>,
    pub float: Rc<Class>,
    pub str: Rc<Class>,
    pub list: Rc<Class>,
    pub tuple: Rc<Class>,
    pub dict: Rc<Class>,
    pub set: Rc<Class>,
    pub frozenset: Rc<Class>,
    pub range: Rc<Class>,
    pub slice: Rc<Class>,
    pub property: Rc<Class>,
    pub static_method: Rc<Class>,
    pub class_method: Rc<Class>,
    /// All that have a name, exceptions as well.
    pub by_name: HashMap<&'static str, Rc<Class>>,
}

/// Exceptions with what they inherit from, in an order in which bases come first.
const EXCEPTIONS: [(&str, &str); 34] = [
    ("Exception", "BaseException"),
    ("KeyboardInterrupt", "BaseException"),
    ("SystemExit", "BaseException"),
    ("GeneratorExit", "BaseException"),
    ("ArithmeticError", "Exception"),
    ("FloatingPointError", "ArithmeticError"),
    ("OverflowError", "ArithmeticError"),
    ("ZeroDivisionError", "ArithmeticError"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("EOFError", "Exception"),
    ("ImportError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("LookupError", "Exception"),
    ("IndexError", "LookupError"),
    ("KeyError", "LookupError"),
    ("MemoryError", "Exception"),
    ("NameError", "Exception"),
    ("UnboundLocalError", "NameError"),
    ("OSError", "Exception"),
    ("RuntimeError", "Exception"),
    ("NotImplementedError", "RuntimeError"),
    ("RecursionError", "RuntimeError"),
    ("StopIteration", "Exception"),
    ("SyntaxError", "Exception"),
    ("TypeError", "Exception"),
    ("ValueError", "Exception"),
    ("UnicodeError", "ValueError"),
    ("Warning", "Exception"),
    ("DeprecationWarning", "Warning"),
    ("FutureWarning", "Warning"),
    ("RuntimeWarning", "Warning"),
    ("UserWarning", "Warning"),
    ("StandardError", "Exception"),
];

/// Types of values that cannot be made by calling their class.
const UNNAMED: [&str; 9] = [
    "NoneType",
    "ellipsis",
    "NotImplementedType",
    "function",
    "method",
    "builtin_function_or_method",
    "module",
    "iterator",
    "generator",
];

impl Types {
    pub(super) fn new() -> Self {
        let plain = |name: &str, bases: &[&Rc<Class>]| {
            let bases: Vec<Rc<Class>> = bases.iter().map(|&base| base.clone()).collect();
            let ancestors = super::linearize(&bases).unwrap_or_default();
            let names = RefCell::default();
            let (name, module, construct) = (name.into(), "".into(), None);
            Rc::new(Class { name, bases, ancestors, names, construct, module })
        };
        let object = plain("object", &[]);
        let int = Class::native("int", &[&object], construct::int);
        let of_object =
            |name: &str, construct: construct::Make| Class::native(name, &[&object], construct);
        let mut types = Types {
            type_: of_object("type", construct::type_),
            bool_: Class::native("bool", &[&int], construct::bool),
            float: of_object("float", construct::float),
            str: of_object("str", construct::str),
            list: of_object("list", construct::list),
            tuple: of_object("tuple", construct::tuple),
            dict: of_object("dict", construct::dict),
            set: of_object("set", construct::set),
            frozenset: of_object("frozenset", construct::frozenset),
            range: of_object("range", construct::range),
            slice: of_object("slice", construct::slice),
            property: of_object("property", construct::property),
            static_method: of_object("staticmethod", construct::static_method),
            class_method: of_object("classmethod", construct::class_method),
            by_name: HashMap::new(),
            int,
            object: object.clone(),
        };
        types.by_name.insert("BaseException", of_object("BaseException", construct::exception));
        for (name, base) in EXCEPTIONS {
            let base = types.by_name[base].clone();
            types.by_name.insert(name, Class::native(name, &[&base], construct::exception));
        }
        for name in UNNAMED {
            types.by_name.insert(name, plain(name, &[&object]));
        }
        for class in types.callable() {
            // The names are those of constants, which live as long as the program.
            let known =
                ["object", "type", "bool", "int", "float", "str", "list", "tuple", "dict", "set"];
            if let Some(name) = known.into_iter().find(|name| **name == *class.name) {
                types.by_name.insert(name, class);
            }
        }
        types
    }

    /// The classes that a definition knows by their own names, without exceptions.
    pub fn callable(&self) -> Vec<Rc<Class>> {
        [
            &self.object,
            &self.type_,
            &self.bool_,
            &self.int,
            &self.float,
            &self.str,
            &self.list,
            &self.tuple,
            &self.dict,
            &self.set,
            &self.frozenset,
            &self.range,
            &self.slice,
            &self.property,
            &self.static_method,
            &self.class_method,
        ]
        .map(Rc::clone)
        .to_vec()
    }

    /// The exceptions.
    pub fn exceptions(&self) -> Vec<Rc<Class>> {
        let base = self.by_name["BaseException"].clone();
        let inherit = |class: &&Rc<Class>| class.inherits(&base);
        self.by_name.values().filter(inherit).cloned().collect()
    }
}

impl Python {
    /// A builtin class by its name, such as `ValueError` or `object`.
    pub fn builtin_class(&self, name: &str) -> Rc<Class> {
        self.types.by_name.get(name).unwrap_or(&self.types.by_name["Exception"]).clone()
    }

    /// `type(value)`.
    pub fn type_of(&mut self, value: &Value) -> Rc<Class> {
        let types = self.types.clone();
        let named = |name: &str| types.by_name[name].clone();
        match value {
            Value::None => named("NoneType"),
            Value::Ellipsis => named("ellipsis"),
            Value::NotImplemented => named("NotImplementedType"),
            Value::Bool(_) => types.bool_.clone(),
            Value::Int(_) => types.int.clone(),
            Value::Float(_) => types.float.clone(),
            Value::Str(_) => types.str.clone(),
            Value::List(_) => types.list.clone(),
            Value::Tuple(_) => types.tuple.clone(),
            Value::Dict(dict) => match super::DictKind::class_name(&dict.kind) {
                Some(name) => self.stdlib_class(name).unwrap_or(types.dict.clone()),
                None => types.dict.clone(),
            },
            Value::Set(set) if set.frozen => types.frozenset.clone(),
            Value::Set(_) => types.set.clone(),
            Value::Range(_) => types.range.clone(),
            Value::Slice(_) => types.slice.clone(),
            Value::Function(_) => named("function"),
            Value::Method(_) => named("method"),
            Value::NativeFunction(_) => named("builtin_function_or_method"),
            Value::Class(_) => types.type_.clone(),
            Value::Instance(instance) => instance.class.clone(),
            Value::Module(_) => named("module"),
            Value::Iter(iter) if iter.name == "generator" => named("generator"),
            Value::Iter(_) => named("iterator"),
            Value::Property(property) => match &**property {
                Property::Accessors(..) => types.property.clone(),
                Property::Static(_) => types.static_method.clone(),
                Property::OfClass(_) => types.class_method.clone(),
            },
            Value::Native(native) => match native.class(self) {
                Some(class) => class,
                None => types.object.clone(),
            },
        }
    }

    /// A class of the module `collections`.
    fn stdlib_class(&self, name: &str) -> Option<Rc<Class>> {
        let Some(Value::Module(module)) = self.modules.get("collections") else { return None };
        match module.get(name) {
            Some(Value::Class(class)) => Some(class),
            _ => None,
        }
    }

    /// The name of the value's type.
    pub fn type_name(&mut self, value: &Value) -> String {
        match value {
            Value::Iter(iter) => iter.name.to_owned(),
            Value::Native(native) => native.type_name(),
            other => self.type_of(other).name.to_string(),
        }
    }

    /// `isinstance(value, class)`.
    pub fn is_instance(&mut self, value: &Value, class: &Rc<Class>) -> bool {
        self.type_of(value).inherits(class)
    }

    /// `isinstance(value, classes)`, where `classes` may be a tuple.
    pub fn is_instance_of(&mut self, value: &Value, classes: &Value, at: Span) -> Outcome<bool> {
        if let Value::Class(class) = classes
            && let Some(is) = self.is_abstractly(value, class, at)?
        {
            return Ok(is);
        }
        let class = self.type_of(value);
        self.inherits_of(&class, classes, at, "isinstance() arg 2 must be a type or tuple of types")
    }

    /// Whether a class inherits from another, or from one of a tuple.
    pub fn inherits_of(
        &mut self,
        class: &Rc<Class>,
        classes: &Value,
        at: Span,
        complaint: &str,
    ) -> Outcome<bool> {
        match classes {
            Value::Class(other) => Ok(class.inherits(other)),
            Value::Tuple(items) => {
                for item in items.clone().iter() {
                    self.work(1, at)?;
                    self.deeper(self.frames.len(), at)?;
                    if self.inherits_of(class, item, at, complaint)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Native(native) => match native.class(self) {
                Some(other) => Ok(class.inherits(&other)),
                None => Ok(false),
            },
            // A function of the library that stands for a class, such as `tf.Variable`.
            Value::NativeFunction(maker) if maker.name.contains('.') => {
                Ok(maker.name.rsplit('.').next() == Some(&*class.name))
            }
            _ => Err(self.type_error(at, complaint)),
        }
    }
}

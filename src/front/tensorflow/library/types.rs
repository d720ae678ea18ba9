//! Types of elements as values of the language, and which of them go together.

use std::rc::Rc;

use super::TensorValue;
use crate::front::python::ast::Compare;
use crate::front::python::interp::{Maybe, Native, Outcome, Python, Value};
use crate::front::tensorflow::graph::{Binary, Kind};
use crate::source::Span;

/// A type of elements, `tf.float32`.
pub struct DataType(pub &'static str, pub Kind);

/// What is said where types do not go together.
pub(super) const CASTS: &str = "types are never changed on the way: `tf.to_float(x)` makes float32";

/// What is wrong with the types of two arguments: TensorFlow converts numbers of Python to that of the tensor beside them,
/// and nothing else.
pub(super) fn mixed(function: Binary, given: [&Value; 2]) -> Option<String> {
    let kinds = given.map(|value| value.as_native::<TensorValue>().map(|tensor| tensor.0.kind));
    let name = |kind: Kind| data_type_name(kind);
    let logical = matches!(function, Binary::And | Binary::Or);
    if let Some(kind) = kinds.into_iter().flatten().find(|&kind| logical && kind != Kind::Bool) {
        return Some(format!("truth values are needed, not {}", name(kind)));
    }
    match (kinds, given) {
        ([Some(a), Some(b)], _) if a != b => {
            Some(format!("{} and {} do not go together", name(a), name(b)))
        }
        ([Some(kind), None], [_, Value::Float(number)])
        | ([None, Some(kind)], [Value::Float(number), _])
            if kind != Kind::Float && function != Binary::Divide =>
        {
            Some(format!("{number:?} is no number of the type {}", name(kind)))
        }
        _ => None,
    }
}

impl Native for DataType {
    fn type_name(&self) -> String {
        "DType".to_owned()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        Ok(match name {
            "name" => Some(self.0.into()),
            "base_dtype" | "as_numpy_dtype" => Some(Value::Native(self.clone())),
            "is_floating" => Some((self.1 == Kind::Float).into()),
            "is_integer" => Some((self.1 == Kind::Int).into()),
            _ => None,
        })
    }

    fn compare(
        self: Rc<Self>,
        _py: &mut Python,
        operator: Compare,
        other: &Value,
        _at: Span,
    ) -> Maybe {
        let Some(other) = other.as_native::<DataType>() else { return Ok(None) };
        Ok(match operator {
            Compare::Equal => Some((self.0 == other.0).into()),
            Compare::NotEqual => Some((self.0 != other.0).into()),
            _ => None,
        })
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(format!("tf.{}", self.0))
    }
}

/// The name of the type of elements of a kind.
pub(super) fn data_type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Float => "float32",
        Kind::Int => "int64",
        Kind::Bool => "bool",
    }
}

/// The type of elements of a kind.
pub(super) fn data_type(kind: Kind) -> Value {
    Value::native(DataType(data_type_name(kind), kind))
}

/// The kind that a type argument means; numbers without one.
pub fn kind_of(value: &Value) -> Option<Kind> {
    if let Some(data_type) = value.as_native::<DataType>() {
        return Some(data_type.1);
    }
    let name = value.as_str()?;
    TYPES.iter().find(|(path, _)| path.ends_with(&format!(".{name}"))).map(|(_, kind)| *kind)
}

const TYPES: [(&str, Kind); 13] = [
    ("tf.float16", Kind::Float),
    ("tf.float32", Kind::Float),
    ("tf.float64", Kind::Float),
    ("tf.half", Kind::Float),
    ("tf.double", Kind::Float),
    ("tf.int8", Kind::Int),
    ("tf.int16", Kind::Int),
    ("tf.int32", Kind::Int),
    ("tf.int64", Kind::Int),
    ("tf.uint8", Kind::Int),
    ("tf.uint16", Kind::Int),
    ("tf.bool", Kind::Bool),
    ("tf.string", Kind::Int),
];

/// The names of types, and of what else is no function.
pub fn constants() -> Vec<(&'static str, Value)> {
    let types = TYPES.iter().map(|&(path, kind)| {
        let name = path.strip_prefix("tf.").unwrap_or(path);
        (path, Value::native(DataType(name, kind)))
    });
    types.collect()
}

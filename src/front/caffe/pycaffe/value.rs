//! What a field of a message holds: a number, a text or a word of an enumeration.

use std::rc::Rc;

use crate::front::caffe::schema::Kind;
use crate::front::caffe::tree;
use crate::front::python::ast::Compare;
use crate::front::python::interp::{Maybe, Native, Outcome, Python, Value};
use crate::source::Span;

/// A word of an enumeration that only forks have.
pub struct Word(pub Rc<str>);

impl Native for Word {
    fn type_name(&self) -> String {
        "int".to_owned()
    }

    fn compare(
        self: Rc<Self>,
        _py: &mut Python,
        operator: Compare,
        other: &Value,
        _at: Span,
    ) -> Maybe {
        let same = other.as_native::<Word>().is_some_and(|other| other.0 == self.0);
        Ok(match operator {
            Compare::Equal => Some(same.into()),
            Compare::NotEqual => Some((!same).into()),
            _ => None,
        })
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(self.0.to_string())
    }
}

/// A value that a field can hold: a number, a text or a word, of an enumeration its number.
pub fn scalar(py: &mut Python, kind: Option<Kind>, value: &Value, at: Span) -> Outcome {
    let value = Python::inner(value);
    Ok(match (value, kind) {
        (Value::Str(word), Some(Kind::Words(words, first))) => {
            match words.split('|').position(|known| known == &**word) {
                Some(place) => Value::Int(first + place as i64),
                None => Value::native(Word(word.clone())),
            }
        }
        (Value::Int(0 | 1), Some(Kind::Bool)) => Value::Bool(value.as_int() == Some(1)),
        (Value::Bool(truth), Some(Kind::Whole | Kind::Float)) => Value::Int(i64::from(*truth)),
        (Value::Int(n), Some(Kind::Float)) => Value::Float(*n as f64),
        (Value::Float(x), Some(Kind::Float) | None) => Value::Float(single(*x)),
        (Value::Str(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_), _) => value.clone(),
        (Value::Native(native), _) if value.as_native::<Word>().is_some() => {
            Value::Native(native.clone())
        }
        (other, _) => {
            let expected = match kind {
                Some(Kind::Whole | Kind::Words(..)) => "int",
                Some(Kind::Float) => "int, float",
                Some(Kind::Bool) => "bool, int",
                Some(Kind::Text) => "str",
                Some(Kind::Message(_)) => "a message",
                None => "int, float, str",
            };
            let mut shown: String = py.repr(other, at)?;
            if 60 < shown.len() {
                shown = shown.chars().take(50).chain("...".chars()).collect();
            }
            let got = py.type_name(other);
            let message = format!("{shown} has type {got}, but expected one of: {expected}");
            let error = py.type_error(at, message);
            return Err(match other {
                Value::Tuple(_) => error.help("pycaffe takes lists: write `[...]`"),
                _ => error,
            });
        }
    })
}

/// The shortest number that is the same in single precision.
fn single(value: f64) -> f64 {
    let single = value as f32;
    if single.is_finite() { single.to_string().parse().unwrap_or(value) } else { value }
}

/// A value of a field as it is written.
pub fn written(kind: Option<Kind>, value: &Value) -> tree::ValueKind {
    if let Some(word) = value.as_native::<Word>() {
        return tree::ValueKind::Ident(word.0.to_string());
    }
    match (value, kind) {
        (Value::Int(n), Some(Kind::Words(words, first))) => {
            let place = n.checked_sub(first).and_then(|place| usize::try_from(place).ok());
            match place.and_then(|place| words.split('|').nth(place)) {
                Some(word) => tree::ValueKind::Ident(word.to_owned()),
                None => tree::ValueKind::Integer(i128::from(*n)),
            }
        }
        (Value::Bool(truth), _) => tree::ValueKind::Ident(truth.to_string()),
        (Value::Int(n), _) => tree::ValueKind::Integer(i128::from(*n)),
        (Value::Float(x), _) => tree::ValueKind::Float(*x),
        (Value::Str(text), _) => tree::ValueKind::Str(text.to_string()),
        _ => tree::ValueKind::Ident("none".to_owned()),
    }
}

/// What a field without a value gives.
pub fn default(message: &str, name: &str, kind: Option<Kind>) -> Value {
    match (kind, name) {
        (Some(Kind::Text), "lr_policy") => "".into(),
        (Some(Kind::Text), "type") if message == "filler" => "constant".into(),
        (Some(Kind::Text), "type") if message == "solver" => "SGD".into(),
        (Some(Kind::Text), _) => "".into(),
        (Some(Kind::Bool), "bias_term") => (message != "scale_param").into(),
        (Some(Kind::Bool), _) => false.into(),
        (Some(Kind::Float), "lr_mult" | "decay_mult" | "scale" | "alpha" | "power") => 1.0.into(),
        (Some(Kind::Float), "dropout_ratio") => 0.5.into(),
        (Some(Kind::Float), _) => 0.0.into(),
        (Some(Kind::Words(_, first)), _) => Value::Int(first),
        (_, "group" | "axis" | "num_axes" | "local_size" | "prefetch") => Value::Int(1),
        _ => Value::Int(0),
    }
}

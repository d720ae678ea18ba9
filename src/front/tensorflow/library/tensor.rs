//! Tensors, their shapes and types as values of the language.

use std::rc::Rc;

use super::arguments::{to_tensor, to_whole, to_wholes};
use super::types::{CASTS, data_type, mixed};
use super::{State, with_graph};
use crate::diag::{self, Diagnostic};
use crate::front::python::ast::{Binary as Operator, Compare, Unary};
use crate::front::python::interp::{Args, Class, Maybe, Native, Outcome, Python, Value};
use crate::front::tensorflow::graph::{self, Binary, Graph, Kind, MOST_LISTED, Source, Tensor};
use crate::layers::abs_val::AbsVal;
use crate::layers::power::Power;
use crate::source::Span;

/// A tensor.
pub struct TensorValue(pub Tensor);

/// A shape, `tensor.get_shape()`.
pub struct TensorShape(pub Vec<usize>);

/// An extent of a shape.
pub struct Dimension(pub usize);

/// `tensor.op`.
struct Operation(Tensor);

/// The classes that tensors and variables say they have.
struct Classes([Rc<Class>; 2]);

/// The class of tensors or of variables.
pub fn class(py: &mut Python, name: &str) -> Option<Rc<Class>> {
    let classes = py.state(|py| {
        let object = py.types.object.clone();
        Classes(["Tensor", "Variable"].map(|name| {
            Class::native(name, &[&object], move |py, _, args| {
                Err(py.type_error(args.span, format!("a {name} is made by functions of tf alone")))
            })
        }))
    });
    classes.0.iter().find(|class| &*class.name == name).cloned()
}

/// The library's state, which is there whenever tensors are.
pub(super) fn state(py: &mut Python) -> Rc<State> {
    py.state(|_| unreachable!("tensors are made by the library"))
}

/// Whether a value says itself what functions of the library make of it (`masks.py`).
pub(super) fn answers_calls(value: &Value) -> bool {
    matches!(value, Value::Instance(instance) if instance.class.lookup(ANSWER).is_some())
}

/// The method that says it, of the function's name, the arguments and those with keywords.
pub(super) const ANSWER: &str = "__tf_called__";

/// Pays for the numbers of a tensor, of so many bytes each if they are kept, and for reading them.
pub(super) fn pay_for(py: &mut Python, tensor: &Tensor, bytes: usize, at: Span) -> Outcome<()> {
    let (kept, read) = match &tensor.source {
        Source::Numbers(values) => (values.len(), values.len()),
        Source::Uniform(_) if tensor.count() <= MOST_LISTED => (0, tensor.count()),
        _ => (0, 0),
    };
    py.allocate(kept * bytes, at)?;
    py.work(read / 128, at)
}

/// A function of two values, one of which is a tensor.
fn operate(
    py: &mut Python,
    function: Binary,
    tensor: &Tensor,
    other: &Value,
    reflected: bool,
    at: Span,
) -> Maybe {
    if other.is_none() || matches!(other, Value::Str(_)) || answers_calls(other) {
        return Ok(None);
    }
    let state = state(py);
    let name = format!("tf.{}", function.name());
    let own = Value::native(TensorValue(tensor.clone()));
    if let Some(why) = mixed(function, [&own, other]) {
        let d = Diagnostic::new(&diag::E0811, at, format!("{name}: {why}"));
        return Err(py.complaint(d.help(CASTS)));
    }
    let other = to_tensor(py, &state, other, at)?;
    let nodes = state.graph.borrow().nodes.len();
    py.work(10 + nodes, at)?;
    pay_for(py, tensor, size_of::<f32>(), at)?;
    let result = with_graph(py, &state, at, &name, |graph| match reflected {
        true => graph.binary(function, &other, tensor),
        false => graph.binary(function, tensor, &other),
    })?;
    pay_for(py, &result, size_of::<f64>(), at)?;
    Ok(Some(Value::native(TensorValue(result))))
}

impl Native for TensorValue {
    fn type_name(&self) -> String {
        if Graph::is_variable(&self.0).is_some() { "Variable".into() } else { "Tensor".into() }
    }

    fn class(&self, py: &mut Python) -> Option<Rc<Class>> {
        class(py, &self.type_name())
    }

    fn get_attribute(self: Rc<Self>, py: &mut Python, name: &str, at: Span) -> Maybe {
        let tensor = &self.0;
        let own = |what: &'static str, run: fn(&mut Python, &Rc<Self>, Args) -> Outcome| {
            let held = self.clone();
            Value::function(what, move |py, args| run(py, &held, args))
        };
        Ok(Some(match name {
            "name" => format!("{}:0", tensor.name).into(),
            "op" => Value::native(Operation(tensor.clone())),
            "shape" => Value::native(TensorShape(tensor.dims.clone())),
            "dtype" => data_type(tensor.kind),
            "get_shape" => {
                own("get_shape", |_, held, _| Ok(Value::native(TensorShape(held.0.dims.clone()))))
            }
            "set_shape" => own("set_shape", |py, held, args| {
                let shape = args.bind(py, "set_shape", &["shape"])?;
                let (value, at) = (shape.get("shape"), shape.span_of("shape"));
                let told = to_wholes(py, &value, at)?;
                let fits = told.len() == held.0.rank()
                    && told.iter().zip(&held.0.dims).all(|(&t, &d)| t < 0 || t == d as i64);
                if fits {
                    return Ok(Value::None);
                }
                let have = graph::shown(&held.0.dims);
                Err(py.value_error(at, format!("the tensor has the shape {have}")))
            }),
            "__abs__" => own("__abs__", |py, held, args| {
                let state = state(py);
                let result =
                    with_graph(py, &state, args.span, "tf.abs", |graph| absolute(graph, &held.0))?;
                Ok(Value::native(TensorValue(result)))
            }),
            "value" | "read_value" | "initialized_value" => {
                own("value", |_, held, _| Ok(Value::native(TensorValue(held.0.clone()))))
            }
            "eval" => {
                let message = "a tensor has no value before the network runs";
                return Err(py.complaint(Diagnostic::new(&diag::E0811, at, message)));
            }
            "graph" | "device" | "initializer" => Value::None,
            "assign" | "assign_add" | "assign_sub" | "scatter_add" | "scatter_sub"
            | "scatter_update"
                if Graph::is_variable(tensor).is_some() =>
            {
                let tf = py.import("tensorflow", at)?;
                let function = py.get_attribute(&tf, name, at)?;
                let held = Value::Native(self.clone());
                Value::function("assign", move |py, args: Args| {
                    py.call(&function, args.prepend(held.clone()))
                })
            }
            "aliases" => {
                let own = Value::Native(self.clone()).identity();
                let state = state(py);
                let outputs = state.outputs.borrow();
                let named = outputs.iter().filter(|(output, _)| output.identity() == own);
                let names: Vec<Value> = named.map(|(_, name)| name.as_str().into()).collect();
                if names.is_empty() {
                    return Ok(None);
                }
                Value::list(names)
            }
            _ => return Ok(None),
        }))
    }

    fn call(self: Rc<Self>, py: &mut Python, _args: Args, at: Span) -> Outcome {
        let error = py.type_error(at, format!("'{}' object is not callable", self.type_name()));
        Err(error.help("properties such as `self.inference` are written without parentheses"))
    }

    fn binary(
        self: Rc<Self>,
        py: &mut Python,
        operator: Operator,
        other: &Value,
        reflected: bool,
        at: Span,
    ) -> Maybe {
        let function = match operator {
            Operator::Add => Binary::Add,
            Operator::Subtract => Binary::Subtract,
            Operator::Multiply => Binary::Multiply,
            Operator::Divide | Operator::OldDivide => Binary::Divide,
            Operator::FloorDivide => Binary::FloorDivide,
            Operator::Modulo => Binary::Remainder,
            Operator::Power => Binary::Power,
            Operator::BitAnd => Binary::And,
            Operator::BitOr => Binary::Or,
            Operator::BitXor if self.0.kind == Kind::Bool => Binary::Unequal,
            Operator::MatrixMultiply => {
                let state = state(py);
                let other = to_tensor(py, &state, other, at)?;
                let product = with_graph(py, &state, at, "tf.matmul", |graph| {
                    let (a, b) = if reflected { (&other, &self.0) } else { (&self.0, &other) };
                    graph.matmul(a, b, "MatMul", [false, false])
                })?;
                return Ok(Some(Value::native(TensorValue(product))));
            }
            _ => return Ok(None),
        };
        operate(py, function, &self.0, other, reflected, at)
    }

    fn unary(self: Rc<Self>, py: &mut Python, operator: Unary, at: Span) -> Maybe {
        let state = state(py);
        let tensor = match operator {
            Unary::Minus => with_graph(py, &state, at, "tf.negative", |graph| {
                graph.scaled(&self.0, "Neg", -1.0)
            })?,
            Unary::Plus => self.0.clone(),
            Unary::Invert => with_graph(py, &state, at, "tf.logical_not", |graph| {
                let layer = Power { scale: -1.0, shift: 1.0, ..Power::default() };
                graph.power(&self.0, "LogicalNot", layer)
            })?,
            _ => return Ok(None),
        };
        Ok(Some(Value::native(TensorValue(tensor))))
    }

    fn compare(
        self: Rc<Self>,
        py: &mut Python,
        operator: Compare,
        other: &Value,
        at: Span,
    ) -> Maybe {
        let function = match operator {
            Compare::Less => Binary::Less,
            Compare::LessEqual => Binary::AtMost,
            Compare::Greater => Binary::Greater,
            Compare::GreaterEqual => Binary::AtLeast,
            // Equality is identity in TensorFlow 1, but of numbers that are known.
            Compare::Equal | Compare::NotEqual => {
                let (Some(a), Some(b)) = (self.0.uniform(), other.as_f64()) else {
                    return Ok(None);
                };
                return Ok(Some(
                    (self.0.rank() == 0 && (a == b) == (operator == Compare::Equal)).into(),
                ));
            }
            _ => return Ok(None),
        };
        operate(py, function, &self.0, other, false, at)
    }

    fn get_item(self: Rc<Self>, py: &mut Python, key: &Value, at: Span) -> Outcome {
        let keys = key.as_items().unwrap_or_else(|| vec![key.clone()]);
        let tensor = part(py, &self.0, &keys, at)?;
        Ok(Value::native(TensorValue(tensor)))
    }

    fn iterate(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<Vec<Value>> {
        let d = Diagnostic::new(&diag::E0811, at, "a tensor cannot be iterated over");
        let d = d.help("`tf.unstack(x)` takes it apart along its first axis");
        Err(py.complaint_of("TypeError", d))
    }

    fn truth(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<bool> {
        if let Some(number) = self.0.uniform().filter(|_| self.0.count() == 1) {
            return Ok(number != 0.0);
        }
        let message = "a condition on a tensor, whose value is known only when the network runs";
        let d = Diagnostic::new(&diag::E0811, at, message);
        Err(py.complaint(d.help(
            "`if t is not None:` asks whether it is there; `tf.where` chooses element by element",
        )))
    }

    fn to_int(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<Option<i64>> {
        Ok(self.0.uniform().filter(|_| self.0.count() == 1).map(|number| number as i64))
    }

    fn to_float(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<Option<f64>> {
        Ok(self.0.uniform().filter(|_| self.0.count() == 1))
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        let shape = graph::shown(&self.0.dims);
        Ok(format!("<{} '{}:0' shape={shape}>", self.type_name(), self.0.name))
    }
}

/// `tensor[keys]`.
fn part(py: &mut Python, tensor: &Tensor, keys: &[Value], at: Span) -> Outcome<Tensor> {
    let state = state(py);
    let consumes = |key: &&Value| !matches!(key, Value::None | Value::Ellipsis);
    let named = keys.iter().filter(consumes).count();
    if tensor.rank() < named {
        let message = format!("{named} indices for a tensor of {} axes", tensor.rank());
        return Err(py.error("IndexError", at, message));
    }
    let (mut result, mut axis) = (tensor.clone(), 0);
    let mut add = |py: &mut Python,
                   work: &dyn Fn(&mut Graph, &Tensor) -> graph::Outcome<Tensor>| {
        result = with_graph(py, &state, at, "tf.strided_slice", |graph| work(graph, &result))?;
        Ok(())
    };
    for key in keys {
        let extent = tensor_extent(tensor, keys, key, axis);
        match key {
            Value::Ellipsis => axis += tensor.rank() - named,
            Value::None => {
                add(py, &|graph, t| graph.expand_dims(t, axis as i64))?;
                axis += 1;
            }
            Value::Slice(slice) => {
                let bound = |py: &mut Python, value: &Value| match value {
                    Value::None => Ok(None),
                    value => to_whole(py, value, at).map(Some),
                };
                let step = bound(py, &slice.step)?.unwrap_or(1);
                let (start, stop) = (bound(py, &slice.start)?, bound(py, &slice.stop)?);
                if step == 0 {
                    return Err(py.value_error(at, "slice step cannot be zero"));
                }
                let Some(extent) = extent else { continue };
                let (start, count) = stretch(extent, start, stop, step);
                add(py, &|graph, t| graph.slice(t, axis, start, count, step))?;
                axis += 1;
            }
            index => {
                let index = to_whole(py, index, at)?;
                let Some(extent) = extent else { continue };
                let place = if index < 0 { index + extent as i64 } else { index };
                if !(0..extent as i64).contains(&place) {
                    let message = format!("index {index} is out of range for an axis of {extent}");
                    return Err(py.error("IndexError", at, message));
                }
                let place = place as usize;
                add(py, &|graph, t| {
                    let one = graph.slice(t, axis, place, 1, 1)?;
                    graph.squeeze(&one, &[axis as i64])
                })?;
            }
        }
    }
    Ok(result)
}

/// The extent of the axis that a key is about.
fn tensor_extent(tensor: &Tensor, keys: &[Value], key: &Value, _axis: usize) -> Option<usize> {
    let consumes = |key: &Value| !matches!(key, Value::None | Value::Ellipsis);
    let at = keys.iter().position(|other| std::ptr::eq(other, key))?;
    let named = keys.iter().filter(|key| consumes(key)).count();
    let before = keys[..at].iter().filter(|key| consumes(key)).count();
    let skipped = keys[..at].iter().any(|key| matches!(key, Value::Ellipsis));
    let axis = before + if skipped { tensor.rank() - named } else { 0 };
    tensor.dims.get(axis).copied()
}

/// The first element and the number of elements of a slice of an axis.
fn stretch(extent: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> (usize, usize) {
    let n = extent as i64;
    let counted = |i: i64| if i < 0 { i + n } else { i };
    let (low, high) = if 0 < step { (0, n) } else { (-1, n - 1) };
    let first = start.map_or(if 0 < step { 0 } else { n - 1 }, |i| counted(i).clamp(low, high));
    let end = stop.map_or(if 0 < step { n } else { -1 }, |i| counted(i).clamp(low, high));
    let distance = if 0 < step { end - first } else { first - end };
    let step = step.unsigned_abs() as i64;
    let count = (distance.max(0) + step - 1) / step;
    (first.max(0) as usize, count as usize)
}

impl Native for Operation {
    fn type_name(&self) -> String {
        "Operation".to_owned()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        Ok(match name {
            "name" => Some((&*self.0.name).into()),
            "outputs" => Some(Value::list([Value::native(TensorValue(self.0.clone()))])),
            _ => None,
        })
    }
}

impl Native for TensorShape {
    fn type_name(&self) -> String {
        "TensorShape".to_owned()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        let dims = self.0.clone();
        let own =
            |name: &'static str, value: Value| Value::function(name, move |_, _| Ok(value.clone()));
        let list = |dims: &[usize]| Value::list(dims.iter().map(|&extent| extent.into()));
        Ok(Some(match name {
            "as_list" => Value::function("as_list", move |_, _| {
                Ok(Value::list(dims.iter().map(|&extent| extent.into())))
            }),
            "ndims" | "rank" => dims.len().into(),
            "dims" => Value::list(dims.iter().map(|&extent| Value::native(Dimension(extent)))),
            "num_elements" => own("num_elements", dims.iter().product::<usize>().into()),
            "is_fully_defined" => own("is_fully_defined", true.into()),
            "assert_is_compatible_with" | "assert_has_rank" | "assert_is_fully_defined" => {
                own("assert_has_rank", Value::None)
            }
            "with_rank" | "with_rank_at_least" | "with_rank_at_most" | "merge_with" => {
                own("with_rank", Value::Native(self.clone()))
            }
            "as_proto" => own("as_proto", list(&dims)),
            "concatenate" => Value::function("concatenate", move |py, args: Args| {
                let bound = args.bind(py, "concatenate", &["other"])?;
                let more = to_wholes(py, &bound.get("other"), bound.span_of("other"))?;
                let more = more.into_iter().filter_map(|extent| usize::try_from(extent).ok());
                Ok(Value::native(TensorShape(dims.iter().copied().chain(more).collect())))
            }),
            _ => return Ok(None),
        }))
    }

    fn get_item(self: Rc<Self>, py: &mut Python, key: &Value, at: Span) -> Outcome {
        let extents = Value::list(self.0.iter().map(|&extent| extent.into()));
        let found = py.get_item(&extents, key, at)?;
        if let Some(items) = found.as_items() {
            let dims = items.iter().filter_map(Value::as_int).map(|extent| extent as usize);
            return Ok(Value::native(TensorShape(dims.collect())));
        }
        Ok(Value::native(Dimension(found.as_int().unwrap_or(0) as usize)))
    }

    fn iterate(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<Vec<Value>> {
        Ok(self.0.iter().map(|&extent| Value::native(Dimension(extent))).collect())
    }

    fn len(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<usize> {
        Ok(self.0.len())
    }

    fn compare(
        self: Rc<Self>,
        py: &mut Python,
        operator: Compare,
        other: &Value,
        at: Span,
    ) -> Maybe {
        let wanted = match operator {
            Compare::Equal => true,
            Compare::NotEqual => false,
            _ => return Ok(None),
        };
        if !matches!(other, Value::List(_) | Value::Tuple(_) | Value::Native(_)) {
            return Ok(None);
        }
        let other = to_wholes(py, other, at)?;
        let same = other.iter().copied().eq(self.0.iter().map(|&extent| extent as i64));
        Ok(Some((same == wanted).into()))
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(graph::shown(&self.0))
    }
}

impl Dimension {
    /// What a number or a dimension is in arithmetic.
    fn number(value: &Value) -> Option<Value> {
        match value.as_native::<Dimension>() {
            Some(dimension) => Some(dimension.0.into()),
            None => value.as_f64().map(|_| value.clone()),
        }
    }
}

impl Native for Dimension {
    fn type_name(&self) -> String {
        "Dimension".to_owned()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        Ok((name == "value").then(|| self.0.into()))
    }

    fn binary(
        self: Rc<Self>,
        py: &mut Python,
        operator: Operator,
        other: &Value,
        reflected: bool,
        at: Span,
    ) -> Maybe {
        let Some(other) = Dimension::number(other) else { return Ok(None) };
        // Dimensions divide to whole numbers.
        let operator = match operator {
            Operator::Divide | Operator::OldDivide => Operator::FloorDivide,
            other => other,
        };
        let own: Value = self.0.into();
        let result = match reflected {
            true => py.binary(operator, &other, &own, at)?,
            false => py.binary(operator, &own, &other, at)?,
        };
        Ok(Some(match result {
            Value::Int(extent) if 0 <= extent => Value::native(Dimension(extent as usize)),
            other => other,
        }))
    }

    fn compare(
        self: Rc<Self>,
        py: &mut Python,
        operator: Compare,
        other: &Value,
        at: Span,
    ) -> Maybe {
        let Some(other) = Dimension::number(other) else { return Ok(None) };
        py.compare(operator, &self.0.into(), &other, at).map(Some)
    }

    fn to_int(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<Option<i64>> {
        Ok(Some(self.0 as i64))
    }

    fn to_float(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome<Option<f64>> {
        Ok(Some(self.0 as f64))
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(self.0.to_string())
    }
}

/// |x|, which operators have too.
pub fn absolute(graph: &mut Graph, x: &Tensor) -> graph::Outcome<Tensor> {
    match x.map(x.kind, f64::abs) {
        Some(known) => Ok(known),
        None => {
            let sizes = graph.unary(x, "Abs", AbsVal::default())?;
            Ok(Tensor { kind: x.kind, ..sizes })
        }
    }
}

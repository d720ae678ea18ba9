//! Arguments of calls as tensors, shapes and numbers.

use super::tensor::{Dimension, TensorShape, TensorValue, pay_for};
use super::types::{CASTS, data_type_name};
use super::{Call, State, with_graph};
use crate::front::python::interp::{Outcome, Python, Value};
use crate::front::tensorflow::graph::{Kind, MOST_ELEMENTS, Tensor};
use crate::source::Span;

/// A value as a tensor.
pub fn to_tensor(py: &mut Python, state: &State, value: &Value, at: Span) -> Outcome<Tensor> {
    if let Some(tensor) = value.as_native::<TensorValue>() {
        // A net that reads listed numbers keeps them.
        pay_for(py, &tensor.0, size_of::<f32>(), at)?;
        return Ok(tensor.0.clone());
    }
    if let Some(shape) = value.as_native::<TensorShape>() {
        let values = shape.0.iter().map(|&extent| extent as f64).collect();
        return Ok(Tensor::numbers(values, vec![shape.0.len()], Kind::Int));
    }
    if let Some(dimension) = value.as_native::<Dimension>() {
        return Ok(Tensor::number(dimension.0 as f64, Kind::Int));
    }
    match value {
        Value::Bool(truth) => Ok(Tensor::number(f64::from(u8::from(*truth)), Kind::Bool)),
        Value::Int(number) => Ok(Tensor::number(*number as f64, Kind::Int)),
        Value::Float(number) => Ok(Tensor::number(*number, Kind::Float)),
        Value::List(_) | Value::Tuple(_) | Value::Range(_) => {
            let mut known = Known::default();
            if known.add(py, value, 0, at)? {
                let kind = known.kind.unwrap_or(Kind::Float);
                return Ok(Tensor::numbers(known.values, known.dims, kind));
            }
            let items = py.iterate(value, at)?;
            py.work(items.len(), at)?;
            let parts = items
                .iter()
                .map(|item| to_tensor(py, state, item, at))
                .collect::<Outcome<Vec<_>>>()?;
            if parts.is_empty() {
                return Ok(Tensor::numbers(vec![], vec![0], Kind::Float));
            }
            with_graph(py, state, at, "tf.stack", |graph| graph.stack(&parts, 0))
        }
        Value::Instance(array) if &*array.class.name == "ndarray" => {
            let mut known = Known::default();
            known.add(py, &array.get("_data").unwrap_or_default(), 0, at)?;
            let dims = to_dims(py, &array.get("shape").unwrap_or_default(), at)?;
            if dims.iter().product::<usize>() != known.values.len() {
                return Err(py.type_error(at, "an array of numbers is needed here"));
            }
            Ok(Tensor::numbers(known.values, dims, known.kind.unwrap_or(Kind::Float)))
        }
        other => {
            let kind = py.type_name(other);
            Err(py.type_error(at, format!("a tensor is needed here, not '{kind}'")))
        }
    }
}

/// Numbers in lists within lists of one length, row by row.
#[derive(Default)]
struct Known {
    values: Vec<f64>,
    dims: Vec<usize>,
    kind: Option<Kind>,
}

/// Lists within each other that are read as numbers.
const MOST_AXES: usize = 8;

impl Known {
    /// Adds a value that lies `depth` lists deep; false if it is no number and no list of such, or lists differ in length.
    fn add(&mut self, py: &mut Python, value: &Value, depth: usize, at: Span) -> Outcome<bool> {
        let (number, kind) = match value {
            Value::Bool(truth) => (f64::from(u8::from(*truth)), Kind::Bool),
            Value::Int(number) => (*number as f64, Kind::Int),
            Value::Float(number) => (*number, Kind::Float),
            Value::List(_) | Value::Tuple(_) | Value::Range(_) if depth < MOST_AXES => {
                let items = py.iterate(value, at)?;
                py.work(items.len(), at)?;
                if self.dims.len() == depth && self.values.is_empty() {
                    self.dims.push(items.len());
                } else if self.dims.get(depth) != Some(&items.len()) {
                    return Ok(false);
                }
                for item in &items {
                    if !self.add(py, item, depth + 1, at)? {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            _ => return Ok(false),
        };
        if self.dims.len() != depth {
            return Ok(false);
        }
        py.allocate(size_of::<f64>(), at)?;
        self.values.push(number);
        self.kind = Some(match self.kind {
            Some(Kind::Float) => Kind::Float,
            Some(Kind::Int) if kind == Kind::Bool => Kind::Int,
            Some(Kind::Int) | Some(Kind::Bool) | None => kind,
        });
        Ok(true)
    }
}

/// The list of the numbers of an array of numpy.
fn array(value: &Value) -> Option<Value> {
    match value {
        Value::Instance(array) if &*array.class.name == "ndarray" => array.get("_data"),
        _ => None,
    }
}

/// A value as a whole number that is known now.
pub fn to_whole(py: &mut Python, value: &Value, at: Span) -> Outcome<i64> {
    if let Some(tensor) = value.as_native::<TensorValue>() {
        let known = tensor.0.uniform().filter(|_| tensor.0.count() == 1);
        return match known {
            Some(number) => Ok(number as i64),
            None => Err(py.value_error(
                at,
                "a whole number that is known beforehand is needed here, not a tensor",
            )),
        };
    }
    if let Some(values) = array(value)
        && let Some([one]) = values.as_items().as_deref()
    {
        return to_whole(py, one, at);
    }
    match py.to_index(value, at)? {
        Some(number) => Ok(number),
        None => match value.as_f64() {
            Some(number) if number.fract() == 0.0 => Ok(number as i64),
            _ => {
                let kind = py.type_name(value);
                Err(py.type_error(at, format!("a whole number is needed here, not '{kind}'")))
            }
        },
    }
}

/// A value as whole numbers: a list of them, a shape, or a tensor whose numbers are known.
pub fn to_wholes(py: &mut Python, value: &Value, at: Span) -> Outcome<Vec<i64>> {
    if let Some(tensor) = value.as_native::<TensorValue>() {
        return match tensor.0.known() {
            Some(numbers) => Ok(numbers.into_iter().map(|number| number as i64).collect()),
            None => Err(py.value_error(
                at,
                "numbers that are known beforehand are needed here, not a tensor",
            )),
        };
    }
    if let Some(shape) = value.as_native::<TensorShape>() {
        return Ok(shape.0.iter().map(|&extent| extent as i64).collect());
    }
    let listed = array(value);
    let value = listed.as_ref().unwrap_or(value);
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Range(_) => {
            let items = py.iterate(value, at)?;
            py.work(items.len(), at)?;
            items
                .iter()
                .map(|item| if item.is_none() { Ok(-1) } else { to_whole(py, item, at) })
                .collect()
        }
        one => Ok(vec![to_whole(py, one, at)?]),
    }
}

/// A value as extents.
pub fn to_dims(py: &mut Python, value: &Value, at: Span) -> Outcome<Vec<usize>> {
    let mut dims = vec![];
    for extent in to_wholes(py, value, at)? {
        match usize::try_from(extent) {
            Ok(extent) => dims.push(extent),
            Err(_) => return Err(py.value_error(at, format!("an extent cannot be {extent}"))),
        }
    }
    let count = crate::ty::Shape(dims.clone()).checked_count();
    match count {
        Some(count) if count <= MOST_ELEMENTS => Ok(dims),
        _ => Err(py.value_error(at, "these are too many elements")),
    }
}

impl Call<'_> {
    /// Whether an argument is given and not None.
    pub fn has(&self, name: &str) -> bool {
        self.bound.some(name).is_some()
    }

    /// An argument as a tensor.
    pub fn tensor(&mut self, name: &str) -> Outcome<Tensor> {
        let (value, at) = (self.bound.get(name), self.bound.span_of(name));
        to_tensor(self.py, &self.state.clone(), &value, at)
    }

    /// An argument as a tensor, which must be of floating point if it is one already.
    pub fn floats(&mut self, name: &str) -> Outcome<Tensor> {
        let tensor = self.tensor(name)?;
        let given = self.bound.get(name);
        if tensor.kind != Kind::Float && given.as_native::<TensorValue>().is_some() {
            let kind = data_type_name(tensor.kind);
            return Err(self.fault(format!("`{name}` must be float32, not {kind}"), CASTS));
        }
        Ok(tensor)
    }

    /// An argument as a tensor of whole numbers.
    pub fn whole_numbers(&mut self, name: &str) -> Outcome<Tensor> {
        let tensor = self.tensor(name)?;
        if tensor.kind == Kind::Int {
            return Ok(tensor);
        }
        let kind = data_type_name(tensor.kind);
        let help = "`tf.to_int32(x)` makes whole numbers";
        Err(self.fault(format!("`{name}` must be whole numbers, not {kind}"), help))
    }

    /// An argument as a list of tensors.
    pub fn tensors(&mut self, name: &str) -> Outcome<Vec<Tensor>> {
        let (value, at) = (self.bound.get(name), self.bound.span_of(name));
        if value.as_native::<TensorValue>().is_some() {
            let tensor = self.tensor(name)?;
            return self.graph(|graph| {
                if tensor.rank() == 0 { Ok(vec![tensor]) } else { graph.unstack(&tensor, 0) }
            });
        }
        let items = self.py.iterate(&value, at)?;
        let state = self.state.clone();
        items.iter().map(|item| to_tensor(self.py, &state, item, at)).collect()
    }

    /// An argument as whole numbers; `None` if it is not given.
    pub fn wholes(&mut self, name: &str) -> Outcome<Option<Vec<i64>>> {
        let at = self.bound.span_of(name);
        match self.bound.some(name) {
            Some(value) => to_wholes(self.py, &value, at).map(Some),
            None => Ok(None),
        }
    }

    /// An argument as one whole number.
    pub fn whole(&mut self, name: &str, default: i64) -> Outcome<i64> {
        let at = self.bound.span_of(name);
        match self.bound.some(name) {
            Some(value) => to_whole(self.py, &value, at),
            None => Ok(default),
        }
    }

    /// The channels that a layer is to give.
    pub fn outputs(&mut self) -> Outcome<usize> {
        let outputs = usize::try_from(self.whole("num_outputs", 0)?).ok().filter(|&n| 0 < n);
        let help = "it is the number of channels of the result, as in slim.conv2d(x, 64, 3)";
        outputs.ok_or_else(|| self.fault("`num_outputs` must be above 0", help))
    }

    /// An argument as extents.
    pub fn dims(&mut self, name: &str) -> Outcome<Vec<usize>> {
        let (value, at) = (self.bound.get(name), self.bound.span_of(name));
        to_dims(self.py, &value, at)
    }

    /// An argument as a number that is known now.
    pub fn float(&mut self, name: &str, default: f64) -> Outcome<f64> {
        let Some(value) = self.bound.some(name) else { return Ok(default) };
        if let Some(tensor) = value.as_native::<TensorValue>() {
            let at = self.bound.span_of(name);
            return match tensor.0.uniform() {
                Some(number) => Ok(number),
                None => Err(self.py.value_error(
                    at,
                    format!("`{name}` must be a number that is known beforehand"),
                )),
            };
        }
        self.bound.float_or(self.py, name, default)
    }

    /// An argument as a truth value that is known now.
    pub fn truth(&mut self, name: &str, default: bool) -> Outcome<bool> {
        let Some(value) = self.bound.some(name) else { return Ok(default) };
        let at = self.bound.span_of(name);
        if let Some(tensor) = value.as_native::<TensorValue>()
            && let Some(number) = tensor.0.uniform()
        {
            return Ok(number != 0.0);
        }
        self.py.truth(&value, at)
    }

    /// An argument as text.
    pub fn text(&mut self, name: &str) -> Outcome<Option<String>> {
        Ok(self.bound.text(self.py, name)?.map(|text| text.to_string()))
    }

    /// The name of the operation, or what it is called without one.
    pub fn name(&mut self, default: &str) -> Outcome<String> {
        let name = match self.text("name")? {
            Some(name) if !name.is_empty() => name,
            _ => default.to_owned(),
        };
        Ok(name.trim_end_matches('/').to_owned())
    }

    /// One number for both axes of a window, or one for each.
    pub fn pair(&mut self, name: &str, default: usize) -> Outcome<[usize; 2]> {
        let Some(values) = self.wholes(name)? else { return Ok([default; 2]) };
        let at = self.bound.span_of(name);
        let pair = match values[..] {
            [one] => Some([one, one]),
            [high, wide] => Some([high, wide]),
            _ => None,
        };
        let pair =
            pair.and_then(|[h, w]| Some([usize::try_from(h).ok()?, usize::try_from(w).ok()?]));
        pair.ok_or_else(|| {
            let message =
                format!("`{name}` must be one number, or two for height and width, not {values:?}");
            self.py.value_error(at, message)
        })
    }

    /// The middle two of four numbers, as `tf.nn` has windows and strides; the others must be 1. Two numbers are the middle
    /// ones, and one is both.
    pub fn middle(&mut self, name: &str) -> Outcome<[usize; 2]> {
        let values = self.wholes(name)?.unwrap_or_default();
        let at = self.bound.span_of(name);
        let first = self.bound.has_parameter("data_format") && self.channels_first()?;
        match values[..] {
            [h, w] if 0 < h && 0 < w => Ok([h as usize, w as usize]),
            [1, h, w, 1] if 0 < h && 0 < w && !first => Ok([h as usize, w as usize]),
            [1, 1, h, w] if 0 < h && 0 < w && first => Ok([h as usize, w as usize]),
            [both] if 0 < both => Ok([both as usize; 2]),
            _ => {
                let form = if first { "[1, 1, height, width]" } else { "[1, height, width, 1]" };
                let message = format!("`{name}` must be {form}, not {values:?}");
                Err(self.py.value_error(at, message))
            }
        }
    }

    /// Whether `data_format` has the channels before the pixels.
    pub fn channels_first(&mut self) -> Outcome<bool> {
        match self.text("data_format")?.as_deref() {
            Some("NCHW" | "channels_first") => Ok(true),
            _ => self.channels_last().map(|()| false),
        }
    }

    /// Images with the channels last, which they have before the pixels if `first`.
    pub fn lying(&mut self, images: Tensor, first: bool) -> Outcome<Tensor> {
        match images.rank() {
            4 if first => self.graph(|graph| graph.transpose(&images, Some(&[0, 2, 3, 1]))),
            _ => Ok(images),
        }
    }

    /// Images with the channels before the pixels again.
    pub fn back(&mut self, images: Tensor, first: bool) -> Outcome<Tensor> {
        match images.rank() {
            4 if first => self.graph(|graph| graph.transpose(&images, Some(&[0, 3, 1, 2]))),
            _ => Ok(images),
        }
    }

    /// `data_format` must be that of images with the channels last.
    pub fn channels_last(&mut self) -> Outcome<()> {
        match self.text("data_format")?.as_deref() {
            None | Some("NHWC" | "channels_last") => Ok(()),
            Some(other) => {
                let message = format!("`data_format` {other} is not known, only NHWC");
                Err(self.fault(message, "images are [batch, height, width, channels]"))
            }
        }
    }
}

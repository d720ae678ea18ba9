//! `tf.*` that makes tensors, moves their elements, and takes them apart.

use super::arguments::to_whole;
use super::tensor::{TensorShape, TensorValue};
use super::types::kind_of;
use super::{Call, Function};
use crate::front::python::interp::{Args, Outcome, Slice, Value};
use crate::front::tensorflow::graph::{self, Border, Graph, Kind, MOST_LISTED, Source, Tensor};
use crate::layers::power::Power;
use crate::spec::Filler;

const RANDOM: &[&str] = &["shape", "mean?", "stddev?", "dtype?", "seed?", "name?"];
const LIKE: &[&str] = &["tensor", "dtype?", "name?", "optimize?"];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(&["tf.constant"], &["value", "dtype?", "shape?", "name?", "verify_shape?"], |c| {
        let value = c.tensor("value")?;
        let kind = kind_of(&c.bound.get("dtype")).unwrap_or(value.kind);
        if !c.has("shape") {
            return c.give(Tensor { kind, ..value });
        }
        let dims = c.dims("shape")?;
        let count: usize = dims.iter().product();
        let source = match (&value.source, value.known()) {
            (Source::Uniform(number), _) => Source::Uniform(*number),
            (_, Some(mut values))
                if !values.is_empty() && values.len() <= count && count <= MOST_LISTED =>
            {
                let last = values[values.len() - 1];
                values.resize(count, last);
                Source::Numbers(values.into())
            }
            _ => return Err(c.fault(
                "the numbers do not fill the shape, or it is too large",
                "give one number for all elements, or no more numbers than the shape has elements",
            )),
        };
        c.give(Tensor { source, dims, kind, ..value })
    }),
    Function(&["tf.zeros"], &["shape", "dtype?", "name?"], |c| c.filled(0.0)),
    Function(&["tf.ones"], &["shape", "dtype?", "name?"], |c| c.filled(1.0)),
    Function(&["tf.fill"], &["dims", "value", "name?"], |c| {
        let (dims, value) = (c.dims("dims")?, c.tensor("value")?);
        match value.source {
            Source::Uniform(_) => c.give(Tensor { dims, ..value }),
            _ => Err(c.fault(
                "`value` must be one number that is known beforehand",
                "for one that the network computes, multiply it with tf.ones(dims)",
            )),
        }
    }),
    Function(&["tf.zeros_like"], LIKE, |c| c.like(0.0)),
    Function(&["tf.ones_like"], LIKE, |c| c.like(1.0)),
    Function(&["tf.range"], &["start", "limit?", "delta?", "dtype?", "name?"], |c| {
        let first = c.float("start", 0.0)?;
        let (start, limit) = match c.has("limit") {
            true => (first, c.float("limit", 0.0)?),
            false => (0.0, first),
        };
        let step = c.float("delta", 1.0)?;
        let count = ((limit - start) / step).ceil().max(0.0);
        if step == 0.0 || 1e7 < count {
            return Err(c.fault(
                "these are too many numbers",
                "`delta` must not be 0, and there are 10,000,000 numbers at most",
            ));
        }
        let values: Vec<f64> = (0..count as usize).map(|i| start + step * i as f64).collect();
        let n = values.len();
        let float = |name: &str| matches!(c.bound.get(name), Value::Float(_));
        let kind = match kind_of(&c.bound.get("dtype")) {
            Some(kind) => kind,
            None if ["start", "limit", "delta"].into_iter().any(float) => Kind::Float,
            None => Kind::Int,
        };
        c.give(Tensor::numbers(values, vec![n], kind))
    }),
    Function(&["tf.random_normal", "tf.random.normal"], RANDOM, |c| {
        let (mean, std) = (c.float("mean", 0.0)?, c.float("stddev", 1.0)?);
        c.random(Filler::Gaussian { mean, std, sparse: None })
    }),
    Function(&["tf.truncated_normal", "tf.random.truncated_normal"], RANDOM, |c| {
        let (mean, std) = (c.float("mean", 0.0)?, c.float("stddev", 1.0)?);
        c.random(Filler::TruncatedNormal { mean, std })
    }),
    Function(
        &["tf.random_uniform", "tf.random.uniform"],
        &["shape", "minval?", "maxval?", "dtype?", "seed?", "name?"],
        |c| {
            let (low, high) = (c.float("minval", 0.0)?, c.float("maxval", 1.0)?);
            if kind_of(&c.bound.get("dtype")) == Some(Kind::Int) {
                let help = "`tf.to_int32(tf.random_uniform(shape, 0, 10))` draws some";
                return Err(c.fault("whole numbers are not drawn", help));
            }
            c.random(Filler::Uniform(low, high))
        },
    ),
    Function(&["tf.shape"], &["input", "name?", "out_type?"], |c| {
        let x = c.tensor("input")?;
        let values = x.dims.iter().map(|&extent| extent as f64).collect();
        c.give(Tensor::numbers(values, vec![x.rank()], Kind::Int))
    }),
    Function(&["tf.size"], &["input", "name?", "out_type?"], |c| {
        let x = c.tensor("input")?;
        c.give(Tensor::number(x.count() as f64, Kind::Int))
    }),
    Function(&["tf.rank"], &["input", "name?"], |c| {
        let x = c.tensor("input")?;
        c.give(Tensor::number(x.rank() as f64, Kind::Int))
    }),
    Function(&["tf.TensorShape"], &["dims"], |c| Ok(Value::native(TensorShape(c.dims("dims")?)))),
    Function(&["tf.reshape"], &["tensor", "shape", "name?"], |c| {
        let (x, dims) = (c.tensor("tensor")?, c.wholes("shape")?.unwrap_or_default());
        c.gives(|graph| graph.reshape(&x, &dims))
    }),
    Function(&["tf.transpose"], &["a", "perm?", "name?", "conjugate?"], |c| {
        let (x, perm) = (c.tensor("a")?, c.wholes("perm")?);
        c.gives(|graph| graph.transpose(&x, perm.as_deref()))
    }),
    Function(&["tf.expand_dims"], &["input", "axis?", "name?", "dim?"], |c| {
        let x = c.tensor("input")?;
        // A list of one axis is such an axis, as in PointNet.
        let asked = match c.wholes("axis")? {
            Some(axes) => Some(axes),
            None => c.wholes("dim")?,
        };
        let axis = match asked.as_deref() {
            Some([axis]) => *axis,
            None => -1,
            Some(_) => {
                return Err(
                    c.fault("`axis` must be a single value", "write one axis for each call")
                );
            }
        };
        c.gives(|graph| graph.expand_dims(&x, axis))
    }),
    Function(&["tf.squeeze"], &["input", "axis?", "name?", "squeeze_dims?"], |c| {
        let x = c.tensor("input")?;
        let axes = match c.wholes("axis")? {
            Some(axes) => axes,
            None => c.wholes("squeeze_dims")?.unwrap_or_default(),
        };
        c.gives(|graph| graph.squeeze(&x, &axes))
    }),
    Function(&["tf.concat"], &["values?", "axis?", "name?", "concat_dim?"], |c| {
        // Before TensorFlow 1.0 the axis came first.
        let (first, second) = if c.bound.get("values").as_int().is_some() {
            ("axis", "values")
        } else {
            ("values", "axis")
        };
        let parts = c.tensors(first)?;
        let axis = if c.has(second) { c.whole(second, 0)? } else { c.whole("concat_dim", 0)? };
        c.gives(|graph| graph.concat(&parts, axis))
    }),
    Function(&["tf.stack", "tf.pack", "tf.parallel_stack"], &["values", "axis?", "name?"], |c| {
        let (parts, axis) = (c.tensors("values")?, c.whole("axis", 0)?);
        c.gives(|graph| graph.stack(&parts, axis))
    }),
    Function(&["tf.unstack", "tf.unpack"], &["value", "num?", "axis?", "name?"], |c| {
        let (x, axis) = (c.tensor("value")?, c.whole("axis", 0)?);
        let parts = c.graph(|graph| graph.unstack(&x, axis))?;
        let told = c.whole("num", parts.len() as i64)?;
        if told != parts.len() as i64 {
            let have = parts.len();
            return Err(c.fault(
                format!("`num` is {told}, and axis {axis} has {have} elements"),
                "leave `num` out; the axis comes third, `tf.unstack(x, axis=1)`",
            ));
        }
        c.give_all(parts)
    }),
    Function(
        &["tf.split"],
        &["value?", "num_or_size_splits?", "axis?", "num?", "name?", "num_split?", "split_dim?"],
        split,
    ),
    Function(&["tf.slice"], &["input_", "begin", "size", "name?"], |c| {
        let x = c.tensor("input_")?;
        let (begin, size) =
            (c.wholes("begin")?.unwrap_or_default(), c.wholes("size")?.unwrap_or_default());
        if begin.len() != x.rank() || size.len() != x.rank() {
            return Err(c.fault(
                format!(
                    "`begin` and `size` have a number for each axis, and `input_` has {} axes",
                    x.rank()
                ),
                "a size of -1 takes all that follows",
            ));
        }
        let mut result = x;
        for (axis, (&begin, &size)) in begin.iter().zip(&size).enumerate() {
            let start = usize::try_from(begin).unwrap_or(usize::MAX);
            let rest = result.dims[axis].saturating_sub(start);
            let count = usize::try_from(size).unwrap_or(rest);
            result = c.graph(|graph| graph.slice(&result, axis, start, count, 1))?;
        }
        c.give(result)
    }),
    Function(
        &["tf.strided_slice"],
        &[
            "input_",
            "begin",
            "end",
            "strides?",
            "begin_mask?",
            "end_mask?",
            "ellipsis_mask?",
            "new_axis_mask?",
            "shrink_axis_mask?",
            "name?",
        ],
        strided_slice,
    ),
    Function(
        &["tf.gather"],
        &["params", "indices", "validate_indices?", "name?", "axis?", "batch_dims?"],
        |c| {
            let (x, axis) = (c.tensor("params")?, c.whole("axis", 0)?);
            let indices = c.tensor("indices")?;
            if c.whole("batch_dims", 0)? != 0 || axis != 0 && indices.known().is_none() {
                let along = super::written::member(c.py, "tf", "gathered_along", c.span)?;
                let given =
                    ["params", "indices", "axis", "batch_dims"].map(|name| c.bound.get(name));
                let [x, indices, axis, batch] = given;
                let batch = if batch.is_none() { Value::Int(0) } else { batch };
                return c.py.call(
                    &along.unwrap_or_default(),
                    Args::new([x, indices, axis, batch], c.span),
                );
            }
            if axis == 0 && indices.known().is_none() {
                return c.looked_up(&indices, "params", "Gather");
            }
            let places = c.wholes("indices")?.unwrap_or_default();
            c.gives(|graph| {
                let axis = x.axis(axis)?;
                let places =
                    places.iter().map(|&place| usize::try_from(place).unwrap_or(usize::MAX));
                let picked = graph.pick(&x, axis, places.collect(), "Gather")?;
                if indices.rank() == 1 {
                    return Ok(picked);
                }
                // The axes of the indices stand where the axis was.
                let dims = [&x.dims[..axis], &indices.dims[..], &x.dims[axis + 1..]].concat();
                let dims: Vec<i64> = dims.into_iter().map(|extent| extent as i64).collect();
                graph.reshape(&picked, &dims)
            })
        },
    ),
    // What `tf.scatter_nd` is written with.
    Function(&["tf.scattered_rows"], &["updates", "places", "rows"], |c| {
        let (updates, places) = (c.tensor("updates")?, c.whole_numbers("places")?);
        let rows = usize::try_from(c.whole("rows", 0)?).unwrap_or(0);
        c.gives(|graph| graph.scattered(&updates, &places, rows))
    }),
    Function(
        &["tf.nn.embedding_lookup"],
        &["params", "ids", "partition_strategy?", "name?", "validate_indices?", "max_norm?"],
        |c| {
            let indices = c.tensor("ids")?;
            let name = c.name("embedding_lookup")?;
            let (tables, way) = (c.bound.get("params"), c.bound.get("partition_strategy"));
            let several = tables.as_items().is_some_and(|tables| 1 < tables.len());
            let rows = match several {
                true => {
                    let join = super::written::member(c.py, "tf.nn", "rows_of_tables", c.span)?;
                    let ids = Value::native(TensorValue(indices.clone()));
                    let way = if way.is_none() { "mod".into() } else { way };
                    let args = Args::new([tables, ids, way], c.span);
                    c.py.call(&join.unwrap_or_default(), args)?
                }
                false => c.looked_up(&indices, "params", &name)?,
            };
            let Some(norm) = c.bound.some("max_norm") else { return Ok(rows) };
            // Each row is clipped by itself.
            let clip = super::written::member(c.py, "tf", "clip_by_norm", c.span)?;
            let last = Value::list([indices.rank().into()]);
            c.py.call(&clip.unwrap_or_default(), Args::new([rows, norm, last], c.span))
        },
    ),
    Function(&["tf.reverse", "tf.reverse_v2"], &["tensor", "axis?", "name?", "dims?"], |c| {
        let x = c.tensor("tensor")?;
        let name = if c.has("axis") { "axis" } else { "dims" };
        let given = c.bound.get(name);
        let mut axes = c.wholes(name)?.unwrap_or_default();
        // Before TensorFlow 1.0 there was a truth value for each axis.
        let truths = given
            .as_items()
            .is_some_and(|all| !all.is_empty() && all.iter().all(|v| matches!(v, Value::Bool(_))));
        if truths {
            let set = axes.iter().enumerate().filter(|(_, set)| **set != 0);
            axes = set.map(|(axis, _)| axis as i64).collect();
        }
        c.gives(|graph| graph.reverse(&x, &axes))
    }),
    Function(&["tf.tile"], &["input", "multiples", "name?"], |c| {
        let (x, multiples) = (c.tensor("input")?, c.dims("multiples")?);
        c.gives(|graph| graph.tile(&x, &multiples))
    }),
    Function(&["tf.pad"], &["tensor", "paddings", "mode?", "name?", "constant_values?"], |c| {
        let x = c.tensor("tensor")?;
        let paddings = c.tensor("paddings")?;
        let numbers = paddings.known().unwrap_or_default();
        if paddings.dims.last() != Some(&2) || numbers.iter().any(|n| !(0.0..=1e9).contains(n)) {
            return Err(c.fault(
                "`paddings` must be a pair for each axis, such as [[0, 0], [1, 1], [1, 1], [0, 0]]",
                "",
            ));
        }
        let pairs: Vec<[usize; 2]> =
            numbers.chunks(2).map(|p| [p[0] as usize, p[1] as usize]).collect();
        let mode = c.text("mode")?.unwrap_or("CONSTANT".to_owned());
        let border = match mode.to_uppercase().as_str() {
            "CONSTANT" => Border::Value(c.float("constant_values", 0.0)?),
            "REFLECT" => Border::Reflect,
            "SYMMETRIC" => Border::Symmetric,
            _ => {
                let help = "CONSTANT, REFLECT or SYMMETRIC";
                return Err(c.fault(format!("`mode` {mode} is not known"), help));
            }
        };
        c.gives(|graph| graph.pad(&x, &pairs, border))
    }),
    Function(
        &["tf.one_hot"],
        &["indices", "depth", "on_value?", "off_value?", "axis?", "dtype?", "name?"],
        |c| {
            let (labels, depth, name) =
                (c.whole_numbers("indices")?, c.whole("depth", 0)?, c.name("one_hot")?);
            let classes = usize::try_from(depth).unwrap_or(0);
            let axis = c.whole("axis", -1)?;
            let result = c.graph(|graph| {
                let rows = graph.one_hot(&labels, classes, &name)?;
                let last = labels.rank();
                let place = rows.axis(axis)?;
                if place == last {
                    return Ok(rows);
                }
                let mut perm: Vec<i64> = (0..last as i64).collect();
                perm.insert(place, last as i64);
                graph.transpose(&rows, Some(&perm))
            })?;
            let kind = kind_of(&c.bound.get("dtype")).unwrap_or(Kind::Float);
            c.on_and_off(Tensor { kind, ..result })
        },
    ),
];

/// `tf.strided_slice`, whose masks say by their bits which numbers are not meant as they are.
fn strided_slice(c: &mut Call) -> Outcome {
    let x = c.tensor("input_")?;
    let (begin, end) =
        (c.wholes("begin")?.unwrap_or_default(), c.wholes("end")?.unwrap_or_default());
    let steps = c.wholes("strides")?.unwrap_or(vec![1; begin.len()]);
    if begin.len() != end.len() || steps.len() != end.len() || 63 < end.len() {
        return Err(c.fault(
            "`begin`, `end` and `strides` must be of one length",
            "they have a number for each axis; or write x[:, 0:14]",
        ));
    }
    let mut mask = |name: &str| c.whole(name, 0);
    let (open, endless) = (mask("begin_mask")?, mask("end_mask")?);
    let (ellipsis, new, shrunk) =
        (mask("ellipsis_mask")?, mask("new_axis_mask")?, mask("shrink_axis_mask")?);
    let mut keys = vec![];
    for (i, ((&begin, &end), &step)) in begin.iter().zip(&end).zip(&steps).enumerate() {
        let set = |mask: i64| mask >> i & 1 == 1;
        let unless = |absent: bool, number: i64| if absent { Value::None } else { number.into() };
        keys.push(match () {
            () if set(ellipsis) => Value::Ellipsis,
            () if set(new) => Value::None,
            () if set(shrunk) => begin.into(),
            () => Value::Slice(std::rc::Rc::new(Slice {
                start: unless(set(open), begin),
                stop: unless(set(endless), end),
                step: step.into(),
            })),
        });
    }
    let (value, at) = (Value::native(TensorValue(x)), c.span);
    c.py.get_item(&value, &Value::tuple(keys), at)
}

fn split(c: &mut Call) -> Outcome {
    // Before TensorFlow 1.0: axis, number, value.
    let old = c.bound.get("value").as_int().is_some() || c.has("split_dim");
    let third = c.bound.get("axis");
    let (value, count, axis) = match old && third.as_native::<TensorValue>().is_some() {
        true => {
            let at = c.bound.span_of("value");
            let axis = to_whole(c.py, &c.bound.get("value"), at)?;
            (c.tensor("axis")?, "num_or_size_splits", axis)
        }
        false if c.has("split_dim") => (c.tensor("value")?, "num_split", c.whole("split_dim", 0)?),
        false => (c.tensor("value")?, "num_or_size_splits", c.whole("axis", 0)?),
    };
    let given = c.wholes(count)?.unwrap_or_default();
    let single = c.bound.get(count).as_items().is_none() && given.len() == 1;
    let parts = c.graph(|graph| {
        let place = value.axis(axis)?;
        let extent = value.dims[place];
        let mut extents: Vec<usize> = vec![];
        if single {
            let n = usize::try_from(given[0]).unwrap_or(0);
            if n == 0 || !extent.is_multiple_of(n) || extent < n {
                let shape = graph::shown(&value.dims);
                let message = format!(
                    "axis {axis} of {shape} has {extent} elements, which {n} parts do not divide"
                );
                return Err(graph::Fault::new(message));
            }
            extents.resize(n, extent / n);
        } else {
            let told: usize = given.iter().filter_map(|&n| usize::try_from(n).ok()).sum();
            let of = |&n: &i64| usize::try_from(n).unwrap_or(extent.saturating_sub(told));
            extents.extend(given.iter().map(of));
        }
        graph.split(&value, axis, &extents)
    })?;
    c.give_all(parts)
}

impl Call<'_> {
    /// The rows of the tensor that an argument is.
    fn looked_up(&mut self, places: &Tensor, table: &str, name: &str) -> Outcome {
        let table = self.tensor(table)?;
        self.gives(|graph| match (table.rank(), Graph::is_variable(&table)) {
            (2, Some(variable)) => graph.embedding(variable, places, name),
            _ => graph.looked_up(&table, places, name),
        })
    }

    /// Ones and zeros as `on_value` and `off_value`.
    pub(super) fn on_and_off(&mut self, ones: Tensor) -> Outcome {
        let (on, off) = (self.float("on_value", 1.0)?, self.float("off_value", 0.0)?);
        if (on, off) == (1.0, 0.0) {
            return self.give(ones);
        }
        let layer = Power { scale: on - off, shift: off, ..Power::default() };
        let result = self.graph(|graph| graph.power(&ones, "one_hot", layer))?;
        self.give(Tensor { kind: ones.kind, ..result })
    }

    fn filled(&mut self, value: f64) -> Outcome {
        let dims = self.dims("shape")?;
        let kind = kind_of(&self.bound.get("dtype")).unwrap_or(Kind::Float);
        self.give(Tensor { dims, ..Tensor::number(value, kind) })
    }

    fn like(&mut self, value: f64) -> Outcome {
        let x = self.tensor("tensor")?;
        let kind = kind_of(&self.bound.get("dtype")).unwrap_or(x.kind);
        self.give(Tensor { dims: x.dims, ..Tensor::number(value, kind) })
    }

    fn random(&mut self, filler: Filler) -> Outcome {
        let dims = self.dims("shape")?;
        self.gives(|graph| Ok(graph.random(filler, dims)))
    }
}

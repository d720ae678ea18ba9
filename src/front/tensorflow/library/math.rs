//! `tf.*` over elements and over axes.

use super::tensor::{TensorValue, absolute};
use super::types::{CASTS, kind_of, mixed};
use super::{Call, Function};
use crate::front::python::interp::{Args, Outcome, Value};
use crate::front::tensorflow::graph::{Binary, Kind, Reduction, Tensor, shown};
use crate::layers::Layer;
use crate::layers::element_function::{ElementFunction, Function as Of};
use crate::layers::exp::Exp;
use crate::layers::log::Log;
use crate::layers::power::Power;
use crate::layers::sqrt::Sqrt;

const ONE: &[&str] = &["x", "name?"];
const TWO: &[&str] = &["x", "y", "name?"];
const REDUCE: &[&str] =
    &["input_tensor", "axis?", "keep_dims?", "name?", "reduction_indices?", "keepdims?"];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(&["tf.add", "tf.math.add"], TWO, |c| c.two(Binary::Add)),
    Function(&["tf.subtract", "tf.sub", "tf.math.subtract"], TWO, |c| c.two(Binary::Subtract)),
    Function(
        &["tf.multiply", "tf.mul", "tf.math.multiply", "tf.scalar_mul", "tf.math.scalar_mul"],
        TWO,
        |c| c.two(Binary::Multiply),
    ),
    Function(
        &["tf.divide", "tf.truediv", "tf.realdiv", "tf.math.divide", "tf.math.truediv"],
        TWO,
        |c| c.two(Binary::Divide),
    ),
    Function(&["tf.div"], TWO, |c| {
        let (a, b) = (c.tensor("x")?, c.tensor("y")?);
        let whole = a.kind == Kind::Int && b.kind == Kind::Int;
        c.two(if whole { Binary::FloorDivide } else { Binary::Divide })
    }),
    Function(&["tf.floordiv", "tf.floor_div", "tf.math.floordiv"], TWO, |c| {
        c.two(Binary::FloorDivide)
    }),
    Function(&["tf.mod", "tf.floormod", "tf.math.mod", "tf.math.floormod"], TWO, |c| {
        c.two(Binary::Remainder)
    }),
    Function(&["tf.pow", "tf.math.pow"], TWO, |c| c.two(Binary::Power)),
    Function(&["tf.maximum", "tf.math.maximum"], TWO, |c| c.two(Binary::Maximum)),
    Function(&["tf.minimum", "tf.math.minimum"], TWO, |c| c.two(Binary::Minimum)),
    Function(&["tf.squared_difference", "tf.math.squared_difference"], TWO, |c| {
        c.two(Binary::SquaredDifference)
    }),
    Function(&["tf.equal", "tf.math.equal"], TWO, |c| c.two(Binary::Equal)),
    Function(&["tf.not_equal", "tf.math.not_equal"], TWO, |c| c.two(Binary::Unequal)),
    Function(&["tf.less", "tf.math.less"], TWO, |c| c.two(Binary::Less)),
    Function(&["tf.less_equal", "tf.math.less_equal"], TWO, |c| c.two(Binary::AtMost)),
    Function(&["tf.greater", "tf.math.greater"], TWO, |c| c.two(Binary::Greater)),
    Function(&["tf.greater_equal", "tf.math.greater_equal"], TWO, |c| c.two(Binary::AtLeast)),
    Function(&["tf.logical_and", "tf.math.logical_and"], TWO, |c| c.two(Binary::And)),
    Function(&["tf.logical_or", "tf.math.logical_or"], TWO, |c| c.two(Binary::Or)),
    Function(&["tf.logical_not", "tf.math.logical_not"], ONE, |c| {
        c.power("LogicalNot", Power { scale: -1.0, shift: 1.0, ..Power::default() })
    }),
    Function(&["tf.negative", "tf.neg", "tf.math.negative"], ONE, |c| {
        c.power("Neg", Power { scale: -1.0, ..Power::default() })
    }),
    Function(&["tf.square", "tf.math.square"], ONE, |c| {
        c.power("Square", Power { power: 2.0, ..Power::default() })
    }),
    Function(&["tf.rsqrt", "tf.math.rsqrt"], ONE, |c| {
        c.power("Rsqrt", Power { power: -0.5, ..Power::default() })
    }),
    Function(&["tf.reciprocal", "tf.inv", "tf.math.reciprocal"], ONE, |c| {
        c.power("Inv", Power { power: -1.0, ..Power::default() })
    }),
    Function(&["tf.sqrt", "tf.math.sqrt"], ONE, |c| c.one("Sqrt", Sqrt {}, f64::sqrt)),
    Function(&["tf.exp", "tf.math.exp"], ONE, |c| c.one("Exp", Exp::default(), f64::exp)),
    Function(&["tf.log", "tf.math.log"], ONE, |c| c.one("Log", Log::default(), f64::ln)),
    Function(&["tf.log1p", "tf.math.log1p"], ONE, |c| {
        c.one("Log1p", of(Of::LogOfOneMore), f64::ln_1p)
    }),
    Function(&["tf.abs", "tf.math.abs"], ONE, |c| {
        let x = c.tensor("x")?;
        c.gives(|graph| absolute(graph, &x))
    }),
    Function(&["tf.sign", "tf.math.sign"], ONE, |c| {
        let (x, name) = (c.tensor("x")?, c.name("Sign")?);
        let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
        let result = match x.map(x.kind, sign) {
            Some(known) => known,
            None => c.graph(|graph| graph.unary(&x, &name, of(Of::Sign)))?,
        };
        c.give(Tensor { kind: x.kind, ..result })
    }),
    Function(&["tf.floor", "tf.math.floor"], ONE, |c| c.one("Floor", of(Of::Floor), f64::floor)),
    Function(&["tf.ceil", "tf.math.ceil"], ONE, |c| c.one("Ceil", of(Of::Ceiling), f64::ceil)),
    Function(&["tf.tan", "tf.math.tan"], ONE, |c| c.one("Tan", of(Of::Tangent), f64::tan)),
    Function(&["tf.sinh", "tf.math.sinh"], ONE, |c| {
        c.one("Sinh", of(Of::HyperbolicSine), f64::sinh)
    }),
    Function(&["tf.cosh", "tf.math.cosh"], ONE, |c| {
        c.one("Cosh", of(Of::HyperbolicCosine), f64::cosh)
    }),
    Function(&["tf.asin", "tf.math.asin"], ONE, |c| c.one("Asin", of(Of::ArcSine), f64::asin)),
    Function(&["tf.acos", "tf.math.acos"], ONE, |c| c.one("Acos", of(Of::ArcCosine), f64::acos)),
    Function(&["tf.atan", "tf.math.atan"], ONE, |c| c.one("Atan", of(Of::ArcTangent), f64::atan)),
    Function(&["tf.asinh", "tf.math.asinh"], ONE, |c| c.one("Asinh", of(Of::AreaSine), f64::asinh)),
    Function(&["tf.atan2", "tf.math.atan2"], &["y", "x", "name?"], |c| {
        let (y, x) = (c.floats("y")?, c.floats("x")?);
        c.gives(|graph| graph.binary(Binary::Angle, &y, &x))
    }),
    Function(&["tf.erf", "tf.math.erf"], ONE, |c| c.special("Erf", Of::Error)),
    Function(&["tf.lgamma", "tf.math.lgamma"], ONE, |c| c.special("Lgamma", Of::LogGamma)),
    Function(&["tf.digamma", "tf.math.digamma"], ONE, |c| c.special("Digamma", Of::Digamma)),
    Function(&["tf.sin", "tf.math.sin"], ONE, |c| c.one("Sin", of(Of::Sine), f64::sin)),
    Function(&["tf.cos", "tf.math.cos"], ONE, |c| c.one("Cos", of(Of::Cosine), f64::cos)),
    Function(
        &["tf.contrib.util.constant_value", "tf.get_static_value"],
        &["tensor", "partial?"],
        |c| {
            let x = c.tensor("tensor")?;
            Ok(match (x.rank(), x.uniform()) {
                (0, Some(number)) => match x.kind {
                    Kind::Bool => (number != 0.0).into(),
                    Kind::Int => (number as i64).into(),
                    Kind::Float => Value::Float(number),
                },
                _ => Value::None,
            })
        },
    ),
    Function(&["tf.identity"], &["input", "name?"], |c| {
        let x = c.tensor("input")?;
        c.give(x)
    }),
    Function(
        &["tf.check_numerics", "tf.debugging.check_numerics"],
        &["tensor", "message?", "name?"],
        |c| {
            let x = c.tensor("tensor")?;
            c.give(x)
        },
    ),
    Function(&["tf.convert_to_tensor"], &["value", "dtype?", "name?", "preferred_dtype?"], |c| {
        let x = c.tensor("value")?;
        let kind = kind_of(&c.bound.get("dtype")).unwrap_or(x.kind);
        c.gives(|graph| graph.cast(&x, kind))
    }),
    // Nobody gives it another value.
    Function(&["tf.placeholder_with_default"], &["input", "shape", "name?"], |c| {
        let x = c.tensor("input")?;
        c.bound.get("shape");
        c.give(x)
    }),
    Function(&["tf.named_tensor"], &["name"], |c| {
        let name = c.text("name")?.unwrap_or_default();
        let plain = name.strip_suffix(":0").unwrap_or(&name).to_owned();
        let found = c.state.graph.borrow().named(&plain);
        match found {
            Some(tensor) => c.give(tensor),
            None => Err(c.py.error(
                "KeyError",
                c.span,
                format!("The name '{name}' refers to a Tensor which does not exist."),
            )),
        }
    }),
    Function(&["tf.verify_tensor_all_finite"], &["t", "msg", "name?"], |c| {
        let x = c.tensor("t")?;
        c.bound.ignore();
        c.give(x)
    }),
    Function(
        &["tf.Print"],
        &["input_", "data?", "message?", "first_n?", "summarize?", "name?"],
        |c| {
            let x = c.tensor("input_")?;
            c.give(x)
        },
    ),
    Function(&["tf.cast", "tf.dtypes.cast"], &["x", "dtype", "name?"], |c| {
        let at = c.bound.span_of("dtype");
        match kind_of(&c.bound.get("dtype")) {
            Some(kind) => c.cast(kind),
            None => Err(c.py.type_error(at, "`dtype` must be a type such as tf.float32")),
        }
    }),
    Function(&["tf.to_float", "tf.to_double", "tf.to_bfloat16"], ONE, |c| c.cast(Kind::Float)),
    Function(&["tf.to_int32", "tf.to_int64"], ONE, |c| c.cast(Kind::Int)),
    Function(&["tf.clip_by_value"], &["t", "clip_value_min", "clip_value_max", "name?"], |c| {
        let (x, low, high) =
            (c.tensor("t")?, c.tensor("clip_value_min")?, c.tensor("clip_value_max")?);
        c.gives(|graph| {
            let below = graph.binary(Binary::Minimum, &x, &high)?;
            graph.binary(Binary::Maximum, &below, &low)
        })
    }),
    Function(&["tf.add_n", "tf.math.add_n"], &["inputs", "name?"], |c| {
        let parts = c.tensors("inputs")?;
        let Some((first, rest)) = parts.split_first() else {
            return Err(c.fault("there is nothing to add", "give a list of one tensor or more"));
        };
        if let Some(other) = rest.iter().find(|other| other.dims != first.dims) {
            let help = "`a + b` repeats the smaller one";
            let (a, b) = (shown(&first.dims), shown(&other.dims));
            let message = format!("the shapes {a} and {b} differ");
            return c.graph(|graph| Err(graph.differ(message, [first, other], help)));
        }
        c.gives(|graph| {
            let mut sum = first.clone();
            for part in rest {
                sum = graph.binary(Binary::Add, &sum, part)?;
            }
            Ok(sum)
        })
    }),
    Function(&["tf.where", "tf.select"], &["condition", "x?", "y?", "name?"], |c| {
        match (c.has("x"), c.has("y")) {
            (true, true) => {}
            (false, false) => {
                let places = super::written::member(c.py, "tf", "places_where", c.span)?;
                let condition = c.bound.get("condition");
                let args = Args::new([condition], c.span);
                return c.py.call(&places.unwrap_or_default(), args);
            }
            _ => {
                return Err(c.fault(
                    "`x` and `y` must both be given, or neither",
                    "`tf.where(x > 0, x, tf.zeros_like(x))` chooses, `tf.where(x > 0)` gives places",
                ));
            }
        }
        let (condition, a, b) = (c.tensor("condition")?, c.tensor("x")?, c.tensor("y")?);
        if condition.kind != Kind::Bool {
            let help = "a comparison gives such: `tf.where(x > 0, x, y)`";
            return Err(c.fault("`condition` must be of truth values", help));
        }
        if a.dims != b.dims {
            let help = "`tf.zeros_like(x)` is zeros of the shape of x";
            let (of_a, of_b) = (shown(&a.dims), shown(&b.dims));
            let message = format!("`x` is {of_a} and `y` {of_b}, and they must have one shape");
            return c.graph(|graph| Err(graph.differ(message, [&a, &b], help)));
        }
        c.gives(|graph| graph.choose(&condition, &a, &b))
    }),
    Function(&["tf.reduce_sum", "tf.math.reduce_sum"], REDUCE, |c| c.reduce(Reduction::Sum)),
    Function(&["tf.reduce_mean", "tf.math.reduce_mean"], REDUCE, |c| c.reduce(Reduction::Mean)),
    Function(&["tf.reduce_max", "tf.math.reduce_max", "tf.reduce_any"], REDUCE, |c| {
        c.reduce(Reduction::Largest)
    }),
    Function(&["tf.reduce_min", "tf.math.reduce_min", "tf.reduce_all"], REDUCE, |c| {
        c.reduce(Reduction::Smallest)
    }),
    Function(
        &["tf.norm", "tf.linalg.norm"],
        &["tensor", "ord?", "axis?", "keep_dims?", "name?", "keepdims?"],
        |c| {
            let x = c.tensor("tensor")?;
            let axes = c.wholes("axis")?;
            let keep = c.truth("keep_dims", false)? || c.truth("keepdims", false)?;
            let order = match c.bound.some("ord") {
                Some(Value::Str(word)) if matches!(&*word, "euclidean" | "fro") => 2.0,
                _ => c.float("ord", 2.0)?,
            };
            let of_matrix = axes.as_ref().is_some_and(|axes| axes.len() == 2);
            if order.is_nan()
                || order <= 0.0
                || of_matrix && c.bound.some("ord").is_some_and(|o| o.as_str().is_none())
            {
                return Err(c.fault(
                    format!("`ord` {order} is not known here"),
                    "'euclidean', or for vectors 1, 2, np.inf and other numbers above 0",
                ));
            }
            c.gives(|graph| {
                if order == 2.0 {
                    let squares =
                        graph.power(&x, "Square", Power { power: 2.0, ..Power::default() })?;
                    let sums =
                        graph.reduce(&squares, Reduction::Sum, axes.as_deref(), keep, None)?;
                    return graph.unary(&sums, "norm", Sqrt {});
                }
                let sizes = absolute(graph, &x)?;
                if order == f64::INFINITY {
                    return graph.reduce(&sizes, Reduction::Largest, axes.as_deref(), keep, None);
                }
                let powers =
                    graph.power(&sizes, "Pow", Power { power: order, ..Power::default() })?;
                let sums = graph.reduce(&powers, Reduction::Sum, axes.as_deref(), keep, None)?;
                graph.power(&sums, "norm", Power { power: 1.0 / order, ..Power::default() })
            })
        },
    ),
    Function(
        &["tf.argmax", "tf.arg_max", "tf.math.argmax"],
        &["input", "axis?", "name?", "dimension?", "output_type?"],
        |c| {
            let x = c.tensor("input")?;
            let axis = c.whole("dimension", 0)?;
            let (axis, name) = (c.whole("axis", axis)?, c.name("ArgMax")?);
            c.gives(|graph| graph.arg_max(&x, axis, &name))
        },
    ),
    Function(&["tf.matmul", "tf.linalg.matmul", "tf.batch_matmul"], MATMUL, |c| {
        let (a, b, name) = (c.tensor("a")?, c.tensor("b")?, c.name("MatMul")?);
        // Of real numbers the adjoint is the transpose.
        let transposed = [
            c.truth("transpose_a", false)? | c.truth("adjoint_a", false)?,
            c.truth("transpose_b", false)? | c.truth("adjoint_b", false)?,
        ];
        let result = c.graph(|graph| graph.matmul(&a, &b, &name, transposed))?;
        let whole = a.kind == Kind::Int && b.kind == Kind::Int;
        c.give(Tensor { kind: if whole { Kind::Int } else { Kind::Float }, ..result })
    }),
    Function(&["tf.gradients"], GRADIENTS, gradients),
    Function(&["tf.stop_gradient"], &["input", "name?"], |c| {
        let x = c.tensor("input")?;
        let result = c.graph(|graph| graph.stop_gradient(&x))?;
        c.give(result)
    }),
];

const GRADIENTS: &[&str] = &[
    "ys",
    "xs",
    "grad_ys?",
    "name?",
    "colocate_gradients_with_ops?",
    "gate_gradients?",
    "aggregation_method?",
    "stop_gradients?",
];

/// The tensor or the tensors of an argument.
fn one_or_several(c: &mut Call, name: &str) -> Outcome<Vec<Tensor>> {
    match c.bound.get(name).as_native::<TensorValue>() {
        Some(_) => Ok(vec![c.tensor(name)?]),
        None => c.tensors(name),
    }
}

/// One gradient for each of `xs`, `None` where none of `ys` is computed from it.
fn gradients(c: &mut Call) -> Outcome {
    if c.has("stop_gradients") {
        return Err(c.fault(
            "`stop_gradients` is not known to cortado",
            "`tf.stop_gradient(t)` keeps the gradient from a tensor",
        ));
    }
    let (ys, xs) = (one_or_several(c, "ys")?, one_or_several(c, "xs")?);
    let weights = if c.has("grad_ys") { one_or_several(c, "grad_ys")? } else { vec![] };
    if !weights.is_empty() && weights.len() != ys.len() {
        let (have, want) = (weights.len(), ys.len());
        return Err(c.fault(
            format!("`grad_ys` has {have} tensors, and `ys` {want}"),
            "give one gradient for each of `ys`, of its shape, or leave `grad_ys` out",
        ));
    }
    for name in ["colocate_gradients_with_ops", "gate_gradients", "aggregation_method"] {
        c.bound.get(name);
    }
    let mut found = vec![];
    for x in &xs {
        let gradient = c.graph(|graph| graph.gradient(&ys, &weights, x))?;
        found.push(gradient.map_or(Value::None, |tensor| Value::native(TensorValue(tensor))));
    }
    Ok(Value::list(found))
}

const MATMUL: &[&str] = &[
    "a",
    "b",
    "transpose_a?",
    "transpose_b?",
    "adjoint_a?",
    "adjoint_b?",
    "a_is_sparse?",
    "b_is_sparse?",
    "name?",
];

/// A function of elements without another argument.
fn of(function: Of) -> ElementFunction {
    ElementFunction { function, ..ElementFunction::default() }
}

impl Call<'_> {
    fn two(&mut self, function: Binary) -> Outcome {
        let (a, b) = (self.tensor("x")?, self.tensor("y")?);
        let given = [self.bound.get("x"), self.bound.get("y")];
        if let Some(why) = mixed(function, [&given[0], &given[1]]) {
            return Err(self.fault(why, CASTS));
        }
        self.gives(|graph| graph.binary(function, &a, &b))
    }

    /// A function of the elements of `x`, or of its numbers where these are known.
    pub(super) fn one(
        &mut self,
        name: &str,
        layer: impl Into<Layer>,
        known: fn(f64) -> f64,
    ) -> Outcome {
        let (x, name) = (self.floats("x")?, self.name(name)?);
        if let Some(result) = x.map(Kind::Float, known) {
            return self.give(result);
        }
        let layer = layer.into();
        self.gives(|graph| graph.unary(&x, &name, layer))
    }

    /// A function of elements whose values are not worked out beforehand.
    fn special(&mut self, name: &str, function: Of) -> Outcome {
        let (x, name) = (self.floats("x")?, self.name(name)?);
        self.gives(|graph| graph.unary(&x, &name, of(function)))
    }

    fn power(&mut self, name: &str, layer: Power) -> Outcome {
        let (x, name) = (self.tensor("x")?, self.name(name)?);
        self.gives(|graph| graph.power(&x, &name, layer))
    }

    fn cast(&mut self, kind: Kind) -> Outcome {
        let x = self.tensor("x")?;
        self.gives(|graph| graph.cast(&x, kind))
    }

    fn reduce(&mut self, what: Reduction) -> Outcome {
        let x = self.tensor("input_tensor")?;
        let axes = match self.wholes("axis")? {
            Some(axes) => Some(axes),
            None => self.wholes("reduction_indices")?,
        };
        let keep = self.truth("keep_dims", false)? || self.truth("keepdims", false)?;
        let name = self.text("name")?;
        self.gives(|graph| graph.reduce(&x, what, axes.as_deref(), keep, name.as_deref()))
    }
}

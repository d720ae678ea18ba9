//! Initialisers and regularisers.

use std::rc::Rc;

use super::arguments::{to_dims, to_tensor};
use super::tensor::{TensorValue, pay_for, state};
use super::{Call, Function, with_graph};
use crate::front::python::interp::{Args, Native, Outcome, Python, Value};
use crate::front::tensorflow::graph::{self, Fault, MOST_LISTED, Source, Tensor};
use crate::source::Span;
use crate::spec::Filler;

/// The fan that scales random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fan {
    In,
    Out,
    Average,
}

/// How a variable gets its first values.
#[derive(Clone, Debug)]
pub enum Initializer {
    /// The same number everywhere, or these numbers.
    Constant(Tensor),
    /// By this filler.
    Filled(Filler),
    /// This number on the diagonal of a matrix.
    Diagonal(f64),
    /// Random numbers of the variance `scale / fan`.
    Scaled {
        /// The factor.
        scale: f64,
        /// The fan, of TensorFlow's layout.
        fan: FanOf,
        /// How they are distributed.
        law: Law,
    },
}

/// How random numbers of a variance are distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// All within the bounds alike.
    Uniform,
    /// Normal.
    Normal,
    /// Normal and cut at two deviations, drawn with the variance times this, which the cut makes less.
    Cut(f64),
}

/// What is left within two deviations has the variance wanted: slim's number, and TensorFlow's (1.15, init_ops.py).
const SLIM_CUT: Law = Law::Cut(1.3);
const CUT: Law = Law::Cut(1.0 / (0.879_625_661_034_239_8 * 0.879_625_661_034_239_8));

/// Which fan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOf(Fan);

impl Initializer {
    /// All the same.
    pub fn constant(value: f64) -> Self {
        Initializer::Constant(Tensor::number(value, graph::Kind::Float))
    }

    /// Glorot and Bengio 2010, uniform: what variables without an initialiser get.
    pub fn glorot() -> Self {
        Initializer::Scaled { scale: 1.0, fan: FanOf(Fan::Average), law: Law::Uniform }
    }

    /// The first values of a variable of this shape; numbers that do not fill it are repeated at the end.
    fn values(&self, dims: &[usize]) -> Result<Source, Fault> {
        Ok(match self {
            Initializer::Constant(tensor) => match &tensor.source {
                Source::Numbers(values) => {
                    let (count, have) = (dims.iter().product(), values.len());
                    if count < have {
                        let message = format!("{have} numbers for a variable of {count} elements");
                        return Err(Fault::new(message));
                    }
                    if MOST_LISTED < count {
                        return Err(Fault::new("these are too many numbers to be written out"));
                    }
                    let mut values = values.to_vec();
                    let last = values.last().copied().unwrap_or(0.0);
                    values.resize(count, last);
                    Source::Numbers(values.into())
                }
                source => source.clone(),
            },
            Initializer::Filled(filler) => Source::Random(*filler, 0),
            Initializer::Diagonal(value) => {
                let columns = dims.last().copied().unwrap_or(1).max(1);
                let count: usize = dims.iter().product();
                let on = |i: usize| if i / columns == i % columns { *value } else { 0.0 };
                Source::Numbers((0..count).map(on).collect())
            }
            Initializer::Scaled { scale, fan, law } => {
                let n = match dims {
                    [] => 1.0,
                    [one] => *one as f64,
                    [field @ .., inputs, outputs] => {
                        let field = field.iter().product::<usize>() as f64;
                        let (inputs, outputs) = (*inputs as f64 * field, *outputs as f64 * field);
                        match fan.0 {
                            Fan::In => inputs,
                            Fan::Out => outputs,
                            Fan::Average => (inputs + outputs) / 2.0,
                        }
                    }
                };
                let variance = scale / n.max(1.0);
                Source::Random(
                    match law {
                        Law::Uniform => {
                            let bound = (3.0 * variance).sqrt();
                            Filler::Uniform(-bound, bound)
                        }
                        Law::Normal => {
                            Filler::Gaussian { mean: 0.0, std: variance.sqrt(), sparse: None }
                        }
                        Law::Cut(more) => {
                            Filler::TruncatedNormal { mean: 0.0, std: (more * variance).sqrt() }
                        }
                    },
                    0,
                )
            }
        })
    }
}

/// The first values that an initialiser gives, of the library or of the definition; what is listed is paid for.
pub(super) fn first_values(
    c: &mut Call,
    initializer: Option<Value>,
    dims: &[usize],
    at: Span,
) -> Outcome<Source> {
    let source = values_of(c, initializer, dims, at)?;
    if let Source::Numbers(values) = &source {
        c.py.allocate(values.len() * size_of::<f64>(), at)?;
    }
    Ok(source)
}

fn values_of(
    c: &mut Call,
    initializer: Option<Value>,
    dims: &[usize],
    at: Span,
) -> Outcome<Source> {
    let Some(value) = initializer else { return c.graph(|_| Initializer::glorot().values(dims)) };
    if let Some(initializer) = value.as_native::<Initializer>() {
        return c.graph(|_| initializer.values(dims));
    }
    let state = c.state.clone();
    if let Ok(tensor) = to_tensor(c.py, &state, &value, at) {
        if tensor.dims == dims || tensor.uniform().is_some() {
            return Ok(tensor.source);
        }
        let why = super::scopes::differ(&tensor.dims, dims);
        return Err(c.fault(format!("the first values have the shape {why}"), ""));
    }
    let shape = Value::list(dims.iter().map(|&extent| extent.into()));
    let made = c.py.call(&value, Args::new([shape], at))?;
    if made.as_native::<Initializer>().is_some() {
        // The class of an initialiser, such as `tf.zeros_initializer`, which is made here.
        return values_of(c, Some(made), dims, at);
    }
    let tensor = to_tensor(c.py, &state, &made, at)?;
    if tensor.dims != dims {
        let why = super::scopes::differ(&tensor.dims, dims);
        return Err(c.fault(format!("the initialiser gives the shape {why}"), ""));
    }
    Ok(tensor.source)
}

impl Native for Initializer {
    fn type_name(&self) -> String {
        "Initializer".to_owned()
    }

    fn call(self: Rc<Self>, py: &mut Python, args: Args, at: Span) -> Outcome {
        let bound = args.bind(py, "initializer", &["shape", "dtype?", "partition_info?"])?;
        let dims = to_dims(py, &bound.get("shape"), bound.span_of("shape"))?;
        let state = state(py);
        let tensor = with_graph(py, &state, bound.span_of("shape"), "initializer", |graph| {
            Ok(match self.values(&dims)? {
                Source::Random(filler, _) => graph.random(filler, dims),
                source => Tensor { source, dims, ..Tensor::number(0.0, graph::Kind::Float) },
            })
        })?;
        pay_for(py, &tensor, size_of::<f64>(), at)?;
        Ok(Value::native(TensorValue(tensor)))
    }
}

/// A penalty on the size of weights.
pub struct Regularizer {
    /// The factor of half the sum of squares.
    pub l2: f64,
}

impl Native for Regularizer {
    fn type_name(&self) -> String {
        "regularizer".to_owned()
    }

    fn call(self: Rc<Self>, py: &mut Python, args: Args, at: Span) -> Outcome {
        let bound = args.bind(py, "regularizer", &["weights"])?;
        let state = state(py);
        let weights = to_tensor(py, &state, &bound.get("weights"), at)?;
        let loss = with_graph(py, &state, at, "slim.l2_regularizer", |graph| {
            graph.l2(&weights, "l2_regularizer", self.l2)
        })?;
        Ok(Value::native(TensorValue(loss)))
    }
}

/// The scale of a regulariser.
pub(super) fn regularizer_of(value: &Value) -> Option<f64> {
    value.as_native::<Regularizer>().map(|regularizer| regularizer.l2)
}

const DTYPE: &[&str] = &["seed?", "dtype?"];
const NORMAL: &[&str] = &["mean?", "stddev?", "seed?", "dtype?"];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(
        &[
            "tf.zeros_initializer",
            "tf.initializers.zeros",
            "tf.keras.initializers.zeros",
            "tf.keras.initializers.Zeros",
        ],
        &["dtype?"],
        |_| give(Initializer::constant(0.0)),
    ),
    Function(
        &[
            "tf.ones_initializer",
            "tf.initializers.ones",
            "tf.keras.initializers.ones",
            "tf.keras.initializers.Ones",
        ],
        &["dtype?"],
        |_| give(Initializer::constant(1.0)),
    ),
    Function(
        &[
            "tf.constant_initializer",
            "tf.initializers.constant",
            "tf.keras.initializers.constant",
            "tf.keras.initializers.Constant",
        ],
        &["value?", "dtype?", "verify_shape?"],
        |c| {
            if !c.has("value") {
                return give(Initializer::constant(0.0));
            }
            let value = c.tensor("value")?;
            if value.known().is_none() {
                return Err(c.fault("the numbers must be known beforehand", "give a number or a list of numbers, and not a tensor that the network computes"));
            }
            give(Initializer::Constant(value))
        },
    ),
    Function(&["tf.random_uniform_initializer", "tf.initializers.random_uniform"], BOUNDS, |c| {
        uniform(c, [0.0, 1.0])
    }),
    Function(
        &["tf.keras.initializers.RandomUniform", "tf.keras.initializers.random_uniform"],
        BOUNDS,
        |c| uniform(c, [-0.05, 0.05]),
    ),
    Function(&["tf.random_normal_initializer", "tf.initializers.random_normal"], NORMAL, |c| {
        normal(c, 1.0)
    }),
    Function(
        &["tf.keras.initializers.RandomNormal", "tf.keras.initializers.random_normal"],
        NORMAL,
        |c| normal(c, 0.05),
    ),
    Function(
        &["tf.truncated_normal_initializer", "tf.initializers.truncated_normal"],
        NORMAL,
        |c| truncated(c, 1.0),
    ),
    Function(
        &["tf.keras.initializers.TruncatedNormal", "tf.keras.initializers.truncated_normal"],
        NORMAL,
        |c| truncated(c, 0.05),
    ),
    Function(
        &["tf.contrib.layers.xavier_initializer", "slim.xavier_initializer"],
        &["uniform?", "seed?", "dtype?"],
        |c| {
            let law = if c.truth("uniform", true)? { Law::Uniform } else { SLIM_CUT };
            give(Initializer::Scaled { scale: 1.0, fan: FanOf(Fan::Average), law })
        },
    ),
    Function(
        &["tf.contrib.layers.variance_scaling_initializer", "slim.variance_scaling_initializer"],
        &["factor?", "mode?", "uniform?", "seed?", "dtype?"],
        |c| {
            let scale = c.float("factor", 2.0)?;
            let mode = c.text("mode")?.unwrap_or("FAN_IN".to_owned());
            let law = if c.truth("uniform", false)? { Law::Uniform } else { SLIM_CUT };
            scaled(c, scale, &mode, law)
        },
    ),
    Function(
        &[
            "tf.variance_scaling_initializer",
            "tf.initializers.variance_scaling",
            "tf.keras.initializers.VarianceScaling",
        ],
        &["scale?", "mode?", "distribution?", "seed?", "dtype?"],
        |c| {
            let scale = c.float("scale", 1.0)?;
            let mode = c.text("mode")?.unwrap_or("fan_in".to_owned());
            let law = match c.text("distribution")?.as_deref() {
                None | Some("normal" | "truncated_normal") => CUT,
                Some("uniform") => Law::Uniform,
                Some("untruncated_normal") => Law::Normal,
                Some(other) => {
                    let message = format!("`distribution` {other} is not known");
                    let help = "truncated_normal, untruncated_normal or uniform";
                    return Err(c.fault(message, help));
                }
            };
            scaled(c, scale, &mode, law)
        },
    ),
    Function(
        &["tf.uniform_unit_scaling_initializer", "tf.initializers.uniform_unit_scaling"],
        &["factor?", "seed?", "dtype?"],
        |c| {
            // Uniform within factor * sqrt(3 / inputs).
            let factor = c.float("factor", 1.0)?;
            scaled(c, factor * factor, "FAN_IN", Law::Uniform)
        },
    ),
    Function(
        &[
            "tf.glorot_uniform_initializer",
            "tf.initializers.glorot_uniform",
            "tf.keras.initializers.glorot_uniform",
        ],
        DTYPE,
        |_| give(Initializer::glorot()),
    ),
    Function(
        &[
            "tf.glorot_normal_initializer",
            "tf.initializers.glorot_normal",
            "tf.keras.initializers.glorot_normal",
        ],
        DTYPE,
        |_| give(Initializer::Scaled { scale: 1.0, fan: FanOf(Fan::Average), law: CUT }),
    ),
    Function(&["tf.initializers.he_normal", "tf.keras.initializers.he_normal"], DTYPE, |_| {
        give(Initializer::Scaled { scale: 2.0, fan: FanOf(Fan::In), law: CUT })
    }),
    Function(&["tf.initializers.he_uniform", "tf.keras.initializers.he_uniform"], DTYPE, |_| {
        give(Initializer::Scaled { scale: 2.0, fan: FanOf(Fan::In), law: Law::Uniform })
    }),
    Function(
        &["tf.initializers.lecun_normal", "tf.keras.initializers.lecun_normal"],
        DTYPE,
        |_| give(Initializer::Scaled { scale: 1.0, fan: FanOf(Fan::In), law: CUT }),
    ),
    Function(
        &["tf.initializers.lecun_uniform", "tf.keras.initializers.lecun_uniform"],
        DTYPE,
        |_| give(Initializer::Scaled { scale: 1.0, fan: FanOf(Fan::In), law: Law::Uniform }),
    ),
    Function(
        &[
            "tf.orthogonal_initializer",
            "tf.initializers.orthogonal",
            "tf.keras.initializers.Orthogonal",
            "tf.keras.initializers.orthogonal",
        ],
        &["gain?", "seed?", "dtype?"],
        |c| {
            let gain = c.float("gain", 1.0)?;
            give(Initializer::Filled(Filler::Orthogonal(gain)))
        },
    ),
    Function(
        &[
            "tf.initializers.identity",
            "tf.keras.initializers.Identity",
            "tf.keras.initializers.identity",
        ],
        &["gain?", "dtype?"],
        |c| {
            let gain = c.float("gain", 1.0)?;
            give(Initializer::Diagonal(gain))
        },
    ),
    Function(&["slim.l2_regularizer", "tf.contrib.layers.l2_regularizer"], PENALTY, |c| {
        let scale = c.float("scale", 0.0)?;
        penalty(c, scale)
    }),
    // Without the half that the others have.
    Function(&["tf.keras.regularizers.l2"], &["l?"], |c| {
        let scale = 2.0 * c.float("l", 0.01)?;
        penalty(c, scale)
    }),
];

const BOUNDS: &[&str] = &["minval?", "maxval?", "seed?", "dtype?"];

/// Random numbers within bounds, which a library has its own defaults of.
fn uniform(c: &mut Call, [low, high]: [f64; 2]) -> Outcome {
    let (low, high) = (c.float("minval", low)?, c.float("maxval", high)?);
    give(Initializer::Filled(Filler::Uniform(low, high)))
}

fn normal(c: &mut Call, std: f64) -> Outcome {
    let (mean, std) = (c.float("mean", 0.0)?, c.float("stddev", std)?);
    give(Initializer::Filled(Filler::Gaussian { mean, std, sparse: None }))
}

fn truncated(c: &mut Call, std: f64) -> Outcome {
    let (mean, std) = (c.float("mean", 0.0)?, c.float("stddev", std)?);
    give(Initializer::Filled(Filler::TruncatedNormal { mean, std }))
}

const PENALTY: &[&str] = &["scale", "scope?"];

fn penalty(c: &mut Call, scale: f64) -> Outcome {
    if scale < 0.0 || scale.is_nan() {
        return Err(
            c.fault(format!("the scale must not be negative, {scale}"), "0.0005 is a usual one")
        );
    }
    Ok(super::scopes::regularizer(scale))
}

fn give(initializer: Initializer) -> Outcome {
    Ok(Value::native(initializer))
}

fn scaled(c: &mut Call, scale: f64, mode: &str, law: Law) -> Outcome {
    let fan = match mode.to_uppercase().as_str() {
        "FAN_IN" => Fan::In,
        "FAN_OUT" => Fan::Out,
        "FAN_AVG" => Fan::Average,
        _ => {
            return Err(
                c.fault(format!("`mode` {mode} is not known"), "FAN_IN, FAN_OUT or FAN_AVG")
            );
        }
    };
    if scale <= 0.0 || scale.is_nan() {
        return Err(c.fault(
            format!("the scale must be above 0, not {scale}"),
            "1 keeps the size of what goes through, 2 is for layers before a ReLU",
        ));
    }
    give(Initializer::Scaled { scale, fan: FanOf(fan), law })
}

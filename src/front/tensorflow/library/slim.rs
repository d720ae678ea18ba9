//! `slim.*`, which is `tf.contrib.layers` too: layers that make their own variables.

use super::initial::Initializer;
use super::scopes::{keywords_of, reuse_of};
use super::tensor::TensorValue;
use super::{Call, Function};
use crate::front::python::interp::{Args, Outcome, Value};
use crate::front::tensorflow::graph::{self, Graph, Normalisation, Padding, Tensor, Window};
use crate::layers::relu::Relu;

/// The parameters that layers with variables end with.
const OF_VARIABLES: [&str; 12] = [
    "activation_fn?",
    "normalizer_fn?",
    "normalizer_params?",
    "weights_initializer?",
    "weights_regularizer?",
    "biases_initializer?",
    "biases_regularizer?",
    "reuse?",
    "variables_collections?",
    "outputs_collections?",
    "trainable?",
    "scope?",
];

/// Parameters of a layer, and those of its variables.
const fn with_variables<const N: usize>(own: &[&'static str]) -> [&'static str; N] {
    let mut all = [""; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < own.len() { own[at] } else { OF_VARIABLES[at - own.len()] };
        at += 1;
    }
    assert!(N == own.len() + OF_VARIABLES.len());
    all
}

const CONV: &[&str] = &with_variables::<19>(&[
    "inputs",
    "num_outputs",
    "kernel_size",
    "stride?",
    "padding?",
    "data_format?",
    "rate?",
]);

const TRANSPOSE: &[&str] = &with_variables::<18>(&[
    "inputs",
    "num_outputs",
    "kernel_size",
    "stride?",
    "padding?",
    "data_format?",
]);

const SEPARABLE: &[&str] = &{
    let all = with_variables::<20>(&[
        "inputs",
        "num_outputs",
        "kernel_size",
        "depth_multiplier?",
        "stride?",
        "padding?",
        "data_format?",
        "rate?",
    ]);
    let mut with_pointwise = ["pointwise_initializer?"; 21];
    with_pointwise.split_at_mut(20).0.copy_from_slice(&all);
    with_pointwise
};

const CONNECTED: &[&str] = &with_variables::<14>(&["inputs", "num_outputs"]);

const POOL: &[&str] = &[
    "inputs",
    "kernel_size",
    "stride?",
    "padding?",
    "data_format?",
    "outputs_collections?",
    "scope?",
];

const BATCH_NORM: &[&str] = &[
    "inputs",
    "decay?",
    "center?",
    "scale?",
    "epsilon?",
    "activation_fn?",
    "param_initializers?",
    "param_regularizers?",
    "updates_collections?",
    "is_training?",
    "reuse?",
    "variables_collections?",
    "outputs_collections?",
    "trainable?",
    "batch_weights?",
    "fused?",
    "data_format?",
    "zero_debias_moving_mean?",
    "scope?",
    "renorm?",
    "renorm_clipping?",
    "renorm_decay?",
];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(
        &[
            "slim.conv2d",
            "slim.convolution2d",
            "tf.contrib.layers.conv2d",
            "tf.contrib.layers.convolution2d",
        ],
        CONV,
        |c| c.conv("Conv", Shape::Convolution),
    ),
    Function(&["slim.convolution", "tf.contrib.layers.convolution"], CONV, |c| {
        let rank = c.tensor("inputs")?.rank();
        c.conv_along("Conv", Shape::Convolution, if rank == 5 { 3 } else { rank.clamp(3, 4) - 2 })
    }),
    Function(
        &[
            "slim.conv1d",
            "slim.convolution1d",
            "tf.contrib.layers.conv1d",
            "tf.contrib.layers.convolution1d",
        ],
        CONV,
        |c| c.conv_along("Conv", Shape::Convolution, 1),
    ),
    Function(
        &[
            "slim.conv3d",
            "slim.convolution3d",
            "tf.contrib.layers.conv3d",
            "tf.contrib.layers.convolution3d",
        ],
        CONV,
        |c| c.conv_along("Conv", Shape::Convolution, 3),
    ),
    Function(
        &[
            "slim.conv3d_transpose",
            "slim.convolution3d_transpose",
            "tf.contrib.layers.conv3d_transpose",
            "tf.contrib.layers.convolution3d_transpose",
        ],
        TRANSPOSE,
        |c| c.conv_along("Conv3d_transpose", Shape::Transpose, 3),
    ),
    Function(
        &[
            "slim.conv2d_transpose",
            "slim.convolution2d_transpose",
            "tf.contrib.layers.conv2d_transpose",
            "tf.contrib.layers.convolution2d_transpose",
        ],
        TRANSPOSE,
        |c| c.conv("Conv2d_transpose", Shape::Transpose),
    ),
    Function(
        &[
            "slim.separable_conv2d",
            "slim.separable_convolution2d",
            "tf.contrib.layers.separable_conv2d",
        ],
        SEPARABLE,
        |c| c.conv("SeparableConv2d", Shape::Separable),
    ),
    Function(
        &["slim.fully_connected", "tf.contrib.layers.fully_connected"],
        CONNECTED,
        fully_connected,
    ),
    Function(&["slim.max_pool2d", "tf.contrib.layers.max_pool2d"], POOL, |c| {
        c.slim_pool("MaxPool2D", false)
    }),
    Function(&["slim.avg_pool2d", "tf.contrib.layers.avg_pool2d"], POOL, |c| {
        c.slim_pool("AvgPool2D", true)
    }),
    Function(&["slim.batch_norm", "tf.contrib.layers.batch_norm"], BATCH_NORM, batch_norm),
    Function(
        &["slim.dropout", "tf.contrib.layers.dropout"],
        &[
            "inputs",
            "keep_prob?",
            "noise_shape?",
            "is_training?",
            "outputs_collections?",
            "scope?",
            "seed?",
        ],
        |c| {
            let x = c.tensor("inputs")?;
            let (keep, training) = (c.float("keep_prob", 0.5)?, c.truth("is_training", true)?);
            let name = c.text("scope")?.unwrap_or("Dropout".to_owned());
            let result = match training {
                true => c.dropped(&x, &name, keep)?,
                // What is not dropped is not scaled either, whatever the probability.
                false => {
                    let _ = c.bound.get("noise_shape");
                    c.graph(|graph| graph.dropout(&x, &name, 1.0, false))?
                }
            };
            c.collected_by_name(Value::native(TensorValue(result)), &name)
        },
    ),
    Function(
        &["slim.flatten", "tf.contrib.layers.flatten"],
        &["inputs", "outputs_collections?", "scope?"],
        |c| {
            let x = c.tensor("inputs")?;
            let Some(&batch) = x.dims.first() else {
                return Err(c.fault(
                    "a tensor without axes cannot be flattened",
                    "it is a single number; flatten what it was computed from",
                ));
            };
            let result = c.graph(|graph| graph.reshape(&x, &[batch as i64, -1]))?;
            let name = c.text("scope")?.unwrap_or("Flatten".to_owned());
            c.collected_by_name(Value::native(TensorValue(result)), &name)
        },
    ),
    Function(
        &["slim.one_hot_encoding", "tf.contrib.layers.one_hot_encoding"],
        &["labels", "num_classes", "on_value?", "off_value?", "outputs_collections?", "scope?"],
        |c| {
            let (labels, n) = (c.whole_numbers("labels")?, c.whole("num_classes", 0)?);
            let n = usize::try_from(n).unwrap_or(0);
            let hot = c.graph(|graph| graph.one_hot(&labels, n, "one_hot"))?;
            let result = c.on_and_off(hot)?;
            let name = c.text("scope")?.unwrap_or("OneHotEncoding".to_owned());
            c.collected_by_name(result, &name)
        },
    ),
    Function(&["slim.softmax", "tf.contrib.layers.softmax"], &["logits", "scope?"], |c| {
        let x = c.tensor("logits")?;
        c.gives(|graph| graph.softmax(&x, -1, "softmax"))
    }),
    Function(
        &["slim.bias_add", "tf.contrib.layers.bias_add"],
        &[
            "inputs",
            "activation_fn?",
            "initializer?",
            "regularizer?",
            "reuse?",
            "variables_collections?",
            "outputs_collections?",
            "trainable?",
            "data_format?",
            "scope?",
        ],
        |c| {
            let x = c.tensor("inputs")?;
            c.channels_last()?;
            c.in_scope("BiasAdd", |c| {
                let last = x.dims.last().copied().unwrap_or(0);
                let biases = c.make(
                    "biases",
                    vec![last],
                    "initializer",
                    "regularizer",
                    Initializer::constant(0.0),
                )?;
                let y = c.graph(|graph| graph.biased(&x, &biases, ""))?;
                c.activated(y, false)
            })
        },
    ),
];

/// Which convolution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Convolution,
    Transpose,
    Separable,
}

fn fully_connected(c: &mut Call) -> Outcome {
    let x = c.floats("inputs")?;
    let outputs = c.outputs()?;
    if x.rank() < 2 {
        return Err(c.fault("a batch of vectors is needed", "`tf.reshape(x, [-1, features])`"));
    }
    c.in_scope("fully_connected", |c| {
        let inputs = x.dims.last().copied().unwrap_or(0);
        let weights = c.make(
            "weights",
            vec![inputs, outputs],
            "weights_initializer",
            "weights_regularizer",
            Initializer::glorot(),
        )?;
        let y = c.graph(|graph| graph.connected_with(&x, "", &weights))?;
        let y = c.normalised(y)?;
        c.activated(y, true)
    })
}

fn batch_norm(c: &mut Call) -> Outcome {
    let x = c.floats("inputs")?;
    let channels = x.dims.last().copied().unwrap_or(0);
    let (center, scale) = (c.truth("center", true)?, c.truth("scale", false)?);
    let follows = c.truth("trainable", true)?;
    let decay = c.float("decay", 0.999)?;
    let debias = c.truth("zero_debias_moving_mean", false)?;
    let epsilon = c.float("epsilon", 0.001)?;
    let (is_training, fused) = (c.truth("is_training", true)?, c.truth("fused", true)?);
    let renorm = c.truth("renorm", false)?;
    let updates = c.bound.get("updates_collections");
    let elsewhere = c.bound.is_given("updates_collections")
        && updates.as_str().is_none_or(|name| &**name != "update_ops");
    // slim computes by the layer of `tf.layers`, which leaves the moments of what is not trained as they are and has penalties of
    // its variables, or else by code of its own, which does neither.
    let by_layer = !debias && !elsewhere && (renorm || x.rank() != 2 || !fused);
    let decay = if follows || !by_layer { decay } else { 1.0 };
    let how_to_renorm = ["renorm_clipping", "renorm_decay"].map(|name| c.bound.get(name));
    let first = c.channels_first()?;
    let x = c.lying(x, first)?;
    let channels = x.dims.last().copied().unwrap_or(channels);
    let initial = c.bound.get("param_initializers");
    let given = c.bound.get("param_regularizers");
    let penalties = if by_layer { given } else { Value::None };
    if renorm {
        if debias || elsewhere {
            let message =
                "`renorm` is not there with `updates_collections` or `zero_debias_moving_mean`";
            return Err(c.fault(message, "leave these out"));
        }
        return c.in_scope("BatchNorm", |c| {
            let moving = c.py.import("tensorflow.python.training.moving_averages", c.span)?;
            let function = c.py.get_attribute(&moving, "renormalized", c.span)?;
            let [clipping, renorm_decay] = how_to_renorm;
            let args = Args::new([Value::native(TensorValue(x))], c.span)
                .keyword("momentum", decay)
                .keyword("epsilon", epsilon)
                .keyword("center", center)
                .keyword("scale", scale)
                .keyword("initializers", initial)
                .keyword("regularizers", penalties)
                .keyword("training", is_training)
                .keyword("trainable", follows)
                .keyword("clipping", clipping)
                .keyword("renorm_momentum", renorm_decay);
            let y = c.py.call(&function, args)?;
            let y = super::arguments::to_tensor(c.py, &c.state.clone(), &y, c.span)?;
            let y = c.back(y, first)?;
            c.activated(y, false)
        });
    }
    c.in_scope("BatchNorm", |c| {
        let make = |c: &mut Call, name: &str, value: f64, learned: bool| {
            let given = match &initial {
                Value::Dict(dict) => dict.get_str(name),
                _ => None,
            };
            let given = given.unwrap_or_else(|| Value::native(Initializer::constant(value)));
            let penalty = match &penalties {
                Value::Dict(dict) => dict.get_str(name).unwrap_or_default(),
                _ => Value::None,
            };
            c.make_vector(name, channels, given, penalty, learned && follows)
        };
        let beta = if center { Some(make(c, "beta", 0.0, true)?) } else { None };
        let gamma = if scale { Some(make(c, "gamma", 1.0, true)?) } else { None };
        let moving = [make(c, "moving_mean", 0.0, false)?, make(c, "moving_variance", 1.0, false)?];
        let debiased = match debias && is_training && decay < 1.0 {
            true => Some(debiasing(c, channels)?),
            false => None,
        };
        let how =
            Normalisation { gamma, beta, moving, debiased, decay, epsilon, is_training, fused };
        let y = c.graph(|graph| graph.batch_norm(&x, "", how))?;
        let y = c.back(y, first)?;
        c.activated(y, false)
    })
}

/// The variables of a moving mean that begins with what the first batches show: the mean as it would be from 0, and the number
/// of updates. Their scope is named for the moving mean inside of the scope that it is in.
fn debiasing(c: &mut Call, channels: usize) -> Outcome<[usize; 2]> {
    let scope = c.state.graph.borrow().in_scope("moving_mean");
    c.graph(|graph| graph.enter(Some(&scope), None, None))?;
    let zero = || Value::native(Initializer::constant(0.0));
    let mut make = |name: &str, dims: Vec<usize>| {
        let tensor = c.make_by(name, dims, zero(), Value::None, false)?;
        c.as_it_is(&tensor)
    };
    let made =
        make("biased", vec![channels]).and_then(|biased| Ok([biased, make("local_step", vec![])?]));
    c.state.graph.borrow_mut().leave();
    made
}

impl Call<'_> {
    /// Does something in a variable scope of the layer's: `scope`, or a fresh one.
    pub(super) fn in_scope(
        &mut self,
        default: &str,
        work: impl FnOnce(&mut Self) -> Outcome,
    ) -> Outcome {
        let reuse = reuse_of(self)?;
        let scope = self.text("scope")?;
        self.graph(|graph| graph.enter(scope.as_deref(), Some(default), reuse))?;
        let result = work(self);
        self.state.graph.borrow_mut().leave();
        result
    }

    pub(super) fn conv(&mut self, default: &str, shape: Shape) -> Outcome {
        let x = self.floats("inputs")?;
        let outputs = match shape == Shape::Separable && !self.has("num_outputs") {
            true => 0,
            false => self.outputs()?,
        };
        let kernel = self.pair("kernel_size", 1)?;
        let stride = self.pair("stride", 1)?;
        let rate = if shape == Shape::Transpose { [1, 1] } else { self.pair("rate", 1)? };
        let padding = self.padding(Padding::Same)?;
        let first = self.channels_first()?;
        if x.rank() != 4 {
            let shape = graph::shown(&x.dims);
            return Err(self.fault(
                format!("images of 4 axes are needed, batch, height, width, channels, not {shape}"),
                "bring them into that shape with `tf.reshape`",
            ));
        }
        let x = self.lying(x, first)?;
        let channels = x.dims[3];
        let window = Window { kernel, stride, rate, padding };
        if stride != [1, 1] && rate != [1, 1] {
            return Err(self.fault(
                "strides > 1 not supported in conjunction with dilation_rate > 1",
                "leave `stride` or `rate` out",
            ));
        }
        self.in_scope(default, |c| {
            let [h, w] = kernel;
            let make = |c: &mut Call, name: &str, dims: Vec<usize>| {
                let glorot = Initializer::glorot();
                c.make(name, dims, "weights_initializer", "weights_regularizer", glorot)
            };
            let y = match shape {
                Shape::Convolution => {
                    let weights = make(c, "weights", vec![h, w, channels, outputs])?;
                    c.graph(|graph| graph.convolution_with(&x, "", &weights, window, false))?
                }
                Shape::Transpose => {
                    let weights = make(c, "weights", vec![h, w, outputs, channels])?;
                    c.graph(|graph| match Graph::is_variable(&weights) {
                        Some(weights) => graph.deconvolution(&x, "", weights, window, None),
                        None => graph.deconvolution_by(&x, "", &weights, window, None),
                    })?
                }
                Shape::Separable => {
                    let many = usize::try_from(c.whole("depth_multiplier", 1)?).unwrap_or(1);
                    let depthwise = make(c, "depthwise_weights", vec![h, w, channels, many])?;
                    let name = if outputs == 0 { "" } else { "depthwise" };
                    let y = c.graph(|graph| {
                        graph.convolution_with(&x, name, &depthwise, window, true)
                    })?;
                    if outputs == 0 {
                        y
                    } else {
                        let wide = vec![1, 1, channels.saturating_mul(many), outputs];
                        let own = if c.has("pointwise_initializer") {
                            "pointwise_initializer"
                        } else {
                            "weights_initializer"
                        };
                        let glorot = Initializer::glorot();
                        let pointwise =
                            c.make("pointwise_weights", wide, own, "weights_regularizer", glorot)?;
                        let one = Window { kernel: [1, 1], stride: [1, 1], rate: [1, 1], padding };
                        c.graph(|graph| graph.convolution_with(&y, "", &pointwise, one, false))?
                    }
                }
            };
            let y = c.normalised_lying(y, first)?;
            c.activated(y, true)
        })
    }

    /// The result with its normalisation, or else its bias.
    pub(super) fn normalised(&mut self, y: Tensor) -> Outcome<Tensor> {
        self.normalised_lying(y, false)
    }

    /// The same, with the channels before the pixels from then on if `first`.
    fn normalised_lying(&mut self, y: Tensor, first: bool) -> Outcome<Tensor> {
        let at = self.bound.span_of("normalizer_fn");
        if let Some(normalizer) = self.bound.some("normalizer_fn") {
            let y = self.back(y, first)?;
            let mut args = Args::new([Value::native(TensorValue(y))], at);
            if let Some(Value::Dict(params)) = self.bound.some("normalizer_params") {
                args.keywords = keywords_of(&params, at);
            }
            let made = self.py.call(&normalizer, args)?;
            return super::arguments::to_tensor(self.py, &self.state.clone(), &made, at);
        }
        if self.bound.is_given("biases_initializer") && !self.has("biases_initializer") {
            return self.back(y, first);
        }
        let last = y.dims.last().copied().unwrap_or(0);
        let zero = Initializer::constant(0.0);
        let biases =
            self.make("biases", vec![last], "biases_initializer", "biases_regularizer", zero)?;
        let y = self.graph(|graph| graph.biased(&y, &biases, "BiasAdd"))?;
        self.back(y, first)
    }

    /// The result with its activation, a ReLU by default if the layer has one by default.
    pub(super) fn activated(&mut self, y: Tensor, relu: bool) -> Outcome {
        if let Some(activation) = self.bound.some("activation_fn") {
            let at = self.bound.span_of("activation_fn");
            let y = self.py.call(&activation, Args::new([Value::native(TensorValue(y))], at))?;
            return self.collected(y);
        }
        if relu && !self.bound.is_given("activation_fn") {
            let y = self.graph(|graph| {
                graph.function = "tf.nn.relu".to_owned();
                graph.unary(&y, "Relu", Relu::default())
            })?;
            return self.collected(Value::native(TensorValue(y)));
        }
        self.collected(Value::native(TensorValue(y)))
    }

    /// The result, which joins the collections that are named for it under the name of the open scope.
    fn collected(&mut self, y: Value) -> Outcome {
        let scope = self.state.graph.borrow().scope().borrow().name.clone();
        self.collected_as(y, scope)
    }

    /// The same, of a layer without variables, which opens a scope of names alone.
    fn collected_by_name(&mut self, y: Value, name: &str) -> Outcome {
        let whole = self.state.graph.borrow().in_scope(name);
        self.collected_as(y, whole)
    }

    fn collected_as(&mut self, y: Value, alias: String) -> Outcome {
        let collections = self.bound.get("outputs_collections");
        if !collections.is_none() {
            self.state.outputs.borrow_mut().push((y.clone(), alias));
        }
        self.collect(&collections, &y)?;
        Ok(y)
    }

    fn slim_pool(&mut self, default: &str, mean: bool) -> Outcome {
        let x = self.tensor("inputs")?;
        let first = self.channels_first()?;
        let x = self.lying(x, first)?;
        let (kernel, stride) = (self.pair("kernel_size", 2)?, self.pair("stride", 2)?);
        let padding = self.padding(Padding::Valid)?;
        let name = self.text("scope")?.unwrap_or(default.to_owned());
        let window = Window { kernel, stride, rate: [1, 1], padding };
        let result = self.graph(|graph| graph.pool(&x, &name, mean, window))?;
        let result = self.back(result, first)?;
        self.collected_by_name(Value::native(TensorValue(result)), &name)
    }
}

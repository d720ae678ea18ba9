//! `tf.nn.*`.

use super::{Call, Function};
use crate::front::python::interp::{Outcome, Value};
use crate::front::tensorflow::graph::{
    self, Binary, Border, Graph, Kind, Padding, Reduction, Source, Tensor, Window,
};
use crate::layers::Layer;
use crate::layers::bnll::Bnll;
use crate::layers::elu::Elu;
use crate::layers::power::Power;
use crate::layers::relu::Relu;
use crate::layers::relu6::Relu6;
use crate::layers::sigmoid::Sigmoid;
use crate::layers::soft_sign::SoftSign;
use crate::layers::tanh::Tanh;

const FEATURES: &[&str] = &["features", "name?"];
const ENTROPY: &[&str] = &["logits?", "labels?", "dim?", "name?", "_sentinel?"];
const ENTROPY_V2: &[&str] = &["labels", "logits", "axis?", "name?", "dim?"];
const CONNECTED: &[&str] = &["x", "weights", "biases", "name?"];
const SOFTMAX: &[&str] = &["logits", "dim?", "name?", "axis?"];
const POOL: &[&str] = &["value?", "ksize", "strides", "padding", "data_format?", "name?", "input?"];
const POOL_PLACES: &[&str] = &[
    "input",
    "ksize",
    "strides",
    "padding",
    "Targmax?",
    "name?",
    "data_format?",
    "include_batch_in_index?",
];
const CONV: &[&str] = &[
    "input",
    "filter?",
    "strides?",
    "padding?",
    "use_cudnn_on_gpu?",
    "data_format?",
    "dilations?",
    "name?",
    "filters?",
];

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(&["tf.nn.relu"], FEATURES, |c| c.activation("Relu", Relu::default())),
    Function(&["tf.nn.relu6"], FEATURES, |c| c.activation("Relu6", Relu6::default())),
    Function(&["tf.nn.elu"], FEATURES, |c| c.activation("Elu", Elu::default())),
    Function(&["tf.nn.softplus", "tf.math.softplus"], FEATURES, |c| {
        c.activation("Softplus", Bnll {})
    }),
    Function(&["tf.nn.softsign", "tf.math.softsign"], FEATURES, |c| {
        c.activation("Softsign", SoftSign {})
    }),
    Function(&["tf.nn.tanh", "tf.tanh", "tf.math.tanh"], &["x", "name?"], |c| {
        c.one("Tanh", Tanh {}, f64::tanh)
    }),
    Function(&["tf.nn.sigmoid", "tf.sigmoid", "tf.math.sigmoid"], &["x", "name?"], |c| {
        c.one("Sigmoid", Sigmoid {}, |x| 1.0 / (1.0 + (-x).exp()))
    }),
    Function(&["tf.nn.leaky_relu"], &["features", "alpha?", "name?"], |c| {
        let slope = c.float("alpha", 0.2)?;
        c.activation("LeakyRelu", Relu { negative_slope: slope })
    }),
    Function(&["tf.nn.crelu"], FEATURES, |c| {
        let x = c.tensor("features")?;
        c.gives(|graph| {
            let negative = graph.scaled(&x, "Neg", -1.0)?;
            let both = graph.concat(&[x, negative], -1)?;
            graph.unary(&both, "CRelu", Relu::default())
        })
    }),
    Function(&["tf.nn.softmax", "tf.math.softmax"], SOFTMAX, |c| {
        let x = c.floats("logits")?;
        let dim = c.whole("dim", -1)?;
        let (axis, name) = (c.whole("axis", dim)?, c.name("Softmax")?);
        c.gives(|graph| graph.softmax(&x, axis, &name))
    }),
    Function(&["tf.nn.log_softmax", "tf.math.log_softmax"], SOFTMAX, |c| {
        let x = c.floats("logits")?;
        let dim = c.whole("dim", -1)?;
        let (axis, name) = (c.whole("axis", dim)?, c.name("LogSoftmax")?);
        c.gives(|graph| graph.log_softmax(&x, axis, &name))
    }),
    Function(&["tf.nn.conv2d"], CONV, |c| c.convolution(false)),
    Function(
        &["tf.nn.depthwise_conv2d", "tf.nn.depthwise_conv2d_native"],
        &[
            "input",
            "filter",
            "strides?",
            "padding?",
            "rate?",
            "name?",
            "data_format?",
            "dilations?",
        ],
        |c| c.convolution(true),
    ),
    Function(&["tf.nn.atrous_conv2d"], &["value", "filters", "rate", "padding", "name?"], |c| {
        let (x, filter) = (c.tensor("value")?, c.tensor("filters")?);
        let (rate, padding) = (c.pair("rate", 1)?, c.padding(Padding::Valid)?);
        let name = c.name("convolution")?;
        let window = Window { kernel: [1, 1], stride: [1, 1], rate, padding };
        c.convolved("filters", &filter, |graph, weights| match weights {
            Some(weights) => graph.convolution(&x, &name, weights, window, false),
            None => graph.convolution_with(&x, &name, &filter, window, false),
        })
    }),
    Function(
        &["tf.nn.conv2d_transpose"],
        &["value", "filter", "output_shape", "strides", "padding?", "data_format?", "name?"],
        |c| {
            let x = c.tensor("value")?;
            let filter = c.tensor("filter")?;
            let shape = c.wholes("output_shape")?.unwrap_or_default();
            c.channels_last()?;
            let (stride, padding) = (c.middle("strides")?, c.padding(Padding::Same)?);
            let name = c.name("conv2d_transpose")?;
            let extents = match shape[..] {
                [_, h, w, _] => usize::try_from(h).ok().zip(usize::try_from(w).ok()),
                _ => None,
            };
            let Some((h, w)) = extents else {
                return Err(c.fault(
                    format!(
                        "`output_shape` must be [batch, height, width, channels], not {shape:?}"
                    ),
                    "",
                ));
            };
            if let (Some(&channels), Some(&told)) = (filter.dims.get(2), shape.last())
                && 0 <= told
                && told != channels as i64
            {
                return Err(c.fault(
                    format!("`output_shape` has {told} channels, and the filter gives {channels}"),
                    "a filter of `tf.nn.conv2d_transpose` is [height, width, channels out, channels in]",
                ));
            }
            let window = Window { kernel: [1, 1], stride, rate: [1, 1], padding };
            let extents = Some([h, w]);
            c.convolved("filter", &filter, |graph, weights| match weights {
                Some(weights) => graph.deconvolution(&x, &name, weights, window, extents),
                None => graph.deconvolution_by(&x, &name, &filter, window, extents),
            })
        },
    ),
    Function(&["tf.nn.bias_add"], &["value", "bias", "data_format?", "name?"], |c| {
        let (x, bias, name) = (c.tensor("value")?, c.tensor("bias")?, c.name("BiasAdd")?);
        let first = c.channels_first()?;
        let x = c.lying(x, first)?;
        if bias.rank() != 1 || bias.dims.last() != x.dims.last() {
            let (have, want) = (graph::shown(&bias.dims), x.dims.last().copied().unwrap_or(0));
            return Err(c.fault(
                format!("the bias is {have}, and the last axis has {want} elements"),
                &format!("a bias has one number for each channel: a variable of shape [{want}]"),
            ));
        }
        let result = c.graph(|graph| graph.biased(&x, &bias, &name))?;
        let result = c.back(result, first)?;
        c.give(result)
    }),
    Function(&["tf.nn.xw_plus_b"], CONNECTED, |c| c.connected(false)),
    Function(&["tf.nn.relu_layer"], CONNECTED, |c| c.connected(true)),
    Function(&["tf.nn.max_pool"], POOL, |c| c.pool(false)),
    Function(&["tf.nn.avg_pool"], POOL, |c| c.pool(true)),
    Function(&["tf.nn.max_pool_with_argmax"], POOL_PLACES, |c| {
        let x = c.tensor("input")?;
        c.channels_last()?;
        let (kernel, stride) = (c.middle("ksize")?, c.middle("strides")?);
        let padding = c.padding(Padding::Valid)?;
        let name = c.name("MaxPoolWithArgmax")?;
        let whole_batch = c.truth("include_batch_in_index", false)?;
        let _ = c.bound.get("Targmax");
        let window = Window { kernel, stride, rate: [1, 1], padding };
        let [y, mut places] = c.graph(|graph| graph.pool_with_places(&x, &name, window))?;
        if whole_batch {
            let image: usize = x.dims[1..].iter().product();
            let starts = (0..x.dims[0]).map(|number| (number * image) as f64).collect();
            let starts = Tensor::numbers(starts, vec![x.dims[0], 1, 1, 1], Kind::Int);
            places = c.graph(|graph| graph.binary(Binary::Add, &places, &starts))?;
        }
        Ok(Value::tuple([c.give(y)?, Value::native(super::tensor::TensorValue(places))]))
    }),
    Function(
        &["tf.nn.lrn", "tf.nn.local_response_normalization"],
        &["input", "depth_radius?", "bias?", "alpha?", "beta?", "name?"],
        |c| {
            let x = c.tensor("input")?;
            let radius = usize::try_from(c.whole("depth_radius", 5)?).unwrap_or(0);
            let numbers = [c.float("bias", 1.0)?, c.float("alpha", 1.0)?, c.float("beta", 0.5)?];
            c.gives(|graph| graph.lrn(&x, radius, numbers))
        },
    ),
    Function(
        &["tf.nn.dropout"],
        &["x", "keep_prob?", "noise_shape?", "seed?", "name?", "rate?"],
        |c| {
            let x = c.tensor("x")?;
            if !c.has("rate") && !c.has("keep_prob") {
                return Err(c.fault(
                    "how much is dropped is not said",
                    "tf.nn.dropout(x, keep_prob=0.5) keeps half of the elements",
                ));
            }
            let keep = if c.has("rate") {
                1.0 - c.float("rate", 0.0)?
            } else {
                c.float("keep_prob", 1.0)?
            };
            let name = c.name("dropout")?;
            let result = c.dropped(&x, &name, keep)?;
            c.give(result)
        },
    ),
    Function(&["tf.nn.sparse_softmax_cross_entropy_with_logits"], ENTROPY, |c| {
        let (logits, labels, name) =
            (c.floats("logits")?, c.whole_numbers("labels")?, c.name("CrossEntropy")?);
        c.gives(|graph| graph.sparse_cross_entropy(&logits, &labels, &name))
    }),
    Function(&["tf.nn.softmax_cross_entropy_with_logits"], ENTROPY, |c| c.cross_entropy(false)),
    Function(&["tf.nn.softmax_cross_entropy_with_logits_v2"], ENTROPY_V2, |c| {
        c.cross_entropy(true)
    }),
    Function(&["tf.nn.sigmoid_cross_entropy_with_logits"], ENTROPY, |c| {
        let (logits, labels, name) =
            (c.floats("logits")?, c.floats("labels")?, c.name("logistic_loss")?);
        c.gives(|graph| graph.sigmoid_cross_entropy(&logits, &labels, &name))
    }),
    Function(&["tf.nn.l2_loss"], &["t", "name?"], |c| {
        let (x, name) = (c.tensor("t")?, c.name("L2Loss")?);
        c.gives(|graph| graph.l2(&x, &name, 1.0))
    }),
    Function(
        &["tf.nn.l2_normalize", "tf.math.l2_normalize"],
        &["x", "dim?", "epsilon?", "name?", "axis?"],
        |c| {
            let x = c.tensor("x")?;
            let axes = match c.wholes("dim")? {
                Some(axes) => Some(axes),
                None => c.wholes("axis")?,
            };
            let epsilon = c.float("epsilon", 1e-12)?;
            c.gives(|graph| {
                let squares =
                    graph.power(&x, "Square", Power { power: 2.0, ..Power::default() })?;
                let sums = graph.reduce(&squares, Reduction::Sum, axes.as_deref(), true, None)?;
                let least = Tensor::number(epsilon, Kind::Float);
                let sums = graph.binary(Binary::Maximum, &sums, &least)?;
                let factor =
                    graph.power(&sums, "Rsqrt", Power { power: -0.5, ..Power::default() })?;
                graph.binary(Binary::Multiply, &x, &factor)
            })
        },
    ),
    Function(
        &["tf.nn.moments"],
        &["x", "axes", "shift?", "name?", "keep_dims?", "keepdims?"],
        |c| {
            let (x, axes) = (c.tensor("x")?, c.wholes("axes")?);
            let keep = c.truth("keep_dims", false)? || c.truth("keepdims", false)?;
            let name = c.name("moments")?;
            let (mean, variance) = c.graph(|graph| {
                let mean =
                    graph.reduce(&x, Reduction::Mean, axes.as_deref(), true, Some("mean"))?;
                let squares = graph.binary(Binary::SquaredDifference, &x, &mean)?;
                let variance = graph.reduce(
                    &squares,
                    Reduction::Mean,
                    axes.as_deref(),
                    keep,
                    Some("variance"),
                )?;
                let axes = axes.unwrap_or_default();
                let mean = if keep { mean } else { graph.squeeze(&mean, &axes)? };
                graph.enter_name(&name);
                let names = if keep { ["mean", "variance"] } else { ["Squeeze", "Squeeze_1"] };
                let named = (graph.renamed(mean, names[0]), graph.renamed(variance, names[1]));
                graph.leave_name();
                Ok(named)
            })?;
            Ok(Value::tuple([mean, variance].map(|t| Value::native(super::tensor::TensorValue(t)))))
        },
    ),
    Function(
        &["tf.nn.batch_normalization"],
        &["x", "mean", "variance", "offset", "scale", "variance_epsilon", "name?"],
        |c| {
            let (x, mean, variance) = (c.tensor("x")?, c.tensor("mean")?, c.tensor("variance")?);
            let epsilon = c.float("variance_epsilon", 0.0)?;
            let scale = if c.has("scale") { Some(c.tensor("scale")?) } else { None };
            let offset = if c.has("offset") { Some(c.tensor("offset")?) } else { None };
            c.gives(|graph| {
                let layer = Power { power: -0.5, shift: epsilon, ..Power::default() };
                let mut factor = graph.power(&variance, "Rsqrt", layer)?;
                if let Some(scale) = scale {
                    factor = graph.binary(Binary::Multiply, &factor, &scale)?;
                }
                let centred = graph.binary(Binary::Subtract, &x, &mean)?;
                let scaled = graph.binary(Binary::Multiply, &centred, &factor)?;
                match offset {
                    Some(offset) => graph.binary(Binary::Add, &scaled, &offset),
                    None => Ok(scaled),
                }
            })
        },
    ),
];

impl Call<'_> {
    /// An activation of `features`.
    fn activation(&mut self, name: &str, layer: impl Into<Layer>) -> Outcome {
        let (x, name) = (self.tensor("features")?, self.name(name)?);
        let layer = layer.into();
        self.gives(|graph| graph.unary(&x, &name, layer))
    }

    /// An argument that has two names.
    fn either(&mut self, name: &str, other: &str) -> Outcome<Tensor> {
        let chosen = if self.has(name) || !self.has(other) { name } else { other };
        if !self.has(chosen) {
            return Err(self.fault(format!("missing required argument: '{name}'"), ""));
        }
        self.tensor(chosen)
    }

    /// A tensor of which elements are dropped, those together that share an element of a tensor of the shape `noise_shape`.
    pub(super) fn dropped(&mut self, x: &Tensor, name: &str, keep: f64) -> Outcome<Tensor> {
        let Some(shape) = self.wholes("noise_shape")? else {
            return self.graph(|graph| graph.dropout(x, name, keep, true));
        };
        let extents = shape.iter().zip(&x.dims);
        let dims: Vec<usize> =
            extents.map(|(&asked, &own)| usize::try_from(asked).unwrap_or(own)).collect();
        let fits = dims.iter().zip(&x.dims).all(|(asked, own)| *asked == 1 || asked == own);
        if shape.len() != x.rank() || !fits {
            let (have, want) = (graph::shown(&dims), graph::shown(&x.dims));
            let message = format!("`noise_shape` is {have}, and the tensor {want}");
            return Err(self.fault(message, "each of its extents is that of the tensor, or 1"));
        }
        if keep == 1.0 || dims == x.dims {
            return self.graph(|graph| graph.dropout(x, name, keep, true));
        }
        let ones = Tensor { dims, ..Tensor::number(1.0, Kind::Float) };
        self.graph(|graph| {
            let kept = graph.dropout(&ones, name, keep, true)?;
            graph.binary(Binary::Multiply, x, &kept)
        })
    }

    fn connected(&mut self, relu: bool) -> Outcome {
        let (x, w, b) = (self.tensor("x")?, self.tensor("weights")?, self.tensor("biases")?);
        let name = self.name("xw_plus_b")?;
        self.gives(|graph| {
            let product = graph.matmul(&x, &w, "MatMul", [false, false])?;
            let sum = graph.binary(Binary::Add, &product, &b)?;
            if relu { graph.unary(&sum, &name, Relu::default()) } else { Ok(sum) }
        })
    }

    fn cross_entropy(&mut self, to_labels: bool) -> Outcome {
        // Labels of another type become floats, as in TensorFlow.
        let (logits, labels) = (self.floats("logits")?, self.tensor("labels")?);
        let mut dim = self.whole("dim", -1)?;
        if to_labels {
            dim = self.whole("axis", dim)?;
        }
        let name = self.name("CrossEntropy")?;
        self.gives(|graph| graph.cross_entropy(&logits, &labels, dim, to_labels, &name))
    }

    /// An argument that must be a variable; numbers that are known become one that is not trained.
    pub(super) fn variable(&mut self, name: &str) -> Outcome<usize> {
        let tensor = self.tensor(name)?;
        if let Some(variable) = Graph::is_variable(&tensor) {
            return Ok(variable);
        }
        if matches!(tensor.source, Source::Uniform(_) | Source::Numbers(_)) {
            let dims = tensor.dims.clone();
            return self.graph(|graph| {
                Ok(graph.new_variable(graph::Asked {
                    name: "Const",
                    dims,
                    kind: tensor.kind,
                    initial: tensor.source,
                    trainable: false,
                    regularizer: None,
                }))
            });
        }
        let message =
            format!("`{name}` must be a variable as it is, not what is computed from one");
        Err(self.fault(message, "make it with `tf.get_variable` or `tf.Variable`"))
    }

    /// `padding`.
    pub(super) fn padding(&mut self, default: Padding) -> Outcome<Padding> {
        match self.text("padding")? {
            None => Ok(default),
            Some(word) => match word.to_uppercase().as_str() {
                "SAME" => Ok(Padding::Same),
                "VALID" => Ok(Padding::Valid),
                _ => {
                    let at = self.bound.span_of("padding");
                    Err(self
                        .py
                        .value_error(at, format!("`padding` is 'SAME' or 'VALID', not '{word}'")))
                }
            },
        }
    }

    fn convolution(&mut self, depthwise: bool) -> Outcome {
        let mut x = self.tensor("input")?;
        let filter =
            if depthwise { self.tensor("filter")? } else { self.either("filter", "filters")? };
        let first = self.channels_first()?;
        let stride = self.middle("strides")?;
        let padding = match self.bound.get("padding") {
            Value::List(_) | Value::Tuple(_) => {
                let widths = self.tensor("padding")?.known().unwrap_or_default();
                let pairs: Vec<[usize; 2]> = widths
                    .chunks_exact(2)
                    .map(|pair| [pair[0] as usize, pair[1] as usize])
                    .collect();
                x = self.graph(|graph| graph.pad(&x, &pairs, Border::Value(0.0)))?;
                Padding::Valid
            }
            _ => self.padding(Padding::Valid)?,
        };
        x = self.lying(x, first)?;
        let rate = match depthwise {
            true if self.has("dilations") => self.pair("dilations", 1)?,
            true => self.pair("rate", 1)?,
            false if self.has("dilations") => self.middle("dilations")?,
            false => [1, 1],
        };
        if depthwise && stride != [1, 1] && rate != [1, 1] {
            return Err(self.fault(
                "`strides` and `rate` are both above 1",
                "TensorFlow computes no strided convolution with holes here: leave one of them at 1",
            ));
        }
        let name = self.name(if depthwise { "depthwise" } else { "Conv2D" })?;
        let window = Window { kernel: [1, 1], stride, rate, padding };
        self.convolved("filter", &filter, |graph, weights| {
            let y = match weights {
                Some(weights) => graph.convolution(&x, &name, weights, window, depthwise)?,
                None => graph.convolution_with(&x, &name, &filter, window, depthwise)?,
            };
            if first { graph.transpose(&y, Some(&[0, 3, 1, 2])) } else { Ok(y) }
        })
    }

    /// Convolves with the variable that an argument is or becomes, or else with what it is computed as.
    fn convolved(
        &mut self,
        argument: &str,
        filter: &Tensor,
        work: impl FnOnce(&mut Graph, Option<usize>) -> graph::Outcome<Tensor>,
    ) -> Outcome {
        let computed = matches!(filter.source, Source::Blob { .. } | Source::Random(..));
        let weights = if computed { None } else { Some(self.variable(argument)?) };
        self.gives(|graph| work(graph, weights))
    }

    fn pool(&mut self, mean: bool) -> Outcome {
        let x = self.either("value", "input")?;
        let first = self.channels_first()?;
        let x = self.lying(x, first)?;
        let (kernel, stride) = (self.middle("ksize")?, self.middle("strides")?);
        let padding = self.padding(Padding::Valid)?;
        let name = self.name(if mean { "AvgPool" } else { "MaxPool" })?;
        let window = Window { kernel, stride, rate: [1, 1], padding };
        let result = self.graph(|graph| graph.pool(&x, &name, mean, window))?;
        let result = self.back(result, first)?;
        self.give(result)
    }
}

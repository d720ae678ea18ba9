//! What of `tf` and `slim` is written in the language itself, over the functions of the tables: `tf.layers`, losses, cells of
//! recurrent nets. A text is read when it is first asked for.

use crate::front::tensorflow::interp::{Outcome, Python, Value};
use crate::source::Span;

/// Modules and their texts.
const MODULES: &[(&str, &str)] = &[
    ("tensorflow.layers", include_str!("layers.py")),
    ("tensorflow.losses", include_str!("losses.py")),
    ("tensorflow.contrib.slim.losses", include_str!("slim_losses.py")),
    (COMPOSED, include_str!("composed.py")),
    (ARRAYS, include_str!("arrays.py")),
    (CONTROL, include_str!("control.py")),
    (SEGMENTS, include_str!("segments.py")),
    (MASKS, include_str!("masks.py")),
    (VOLUMES, include_str!("volumes.py")),
    ("tensorflow.image", include_str!("image.py")),
    (MOVING, include_str!("moving.py")),
    (METRIC, include_str!("metric_learning.py")),
    (COLOURS, include_str!("colours.py")),
    (MATRICES, include_str!("matrices.py")),
    (WINDOWS, include_str!("windows.py")),
    ("tensorflow.nn.rnn_cell", include_str!("rnn.py")),
    ("tensorflow.contrib.slim.utils", include_str!("slim_utils.py")),
    ("tensorflow.contrib.rnn", RNN),
    ("tensorflow.models.rnn.rnn_cell", RNN),
    ("tensorflow.python.ops.rnn_cell", RNN),
    ("tensorflow.python.ops.rnn", RNN),
    (LAYERS_OF_KERAS, include_str!("keras_layers.py")),
    ("tensorflow.keras.layers", include_str!("keras_shapes.py")),
    (MODELS, include_str!("keras_models.py")),
    ("tensorflow.keras.backend", include_str!("keras_backend.py")),
    ("tensorflow.keras.losses", include_str!("keras_losses.py")),
    ("tensorflow.keras.activations", ACTIVATIONS),
    (PENALTIES, include_str!("keras_penalties.py")),
    ("tensorflow.app.flags", include_str!("flags.py")),
    (ESTIMATOR, include_str!("estimator.py")),
    (OPTIMIZERS, include_str!("optimizers.py")),
    ("tensorflow.contrib.losses", "from tensorflow.contrib.slim.losses import *\n"),
];

/// Modules of functions for several namespaces.
const COMPOSED: &str = "tensorflow.composed";
const ARRAYS: &str = "tensorflow.arrays";
const CONTROL: &str = "tensorflow.control";
const SEGMENTS: &str = "tensorflow.segments";
const MASKS: &str = "tensorflow.masks";
const VOLUMES: &str = "tensorflow.volumes";
const MOVING: &str = "tensorflow.python.training.moving_averages";
const METRIC: &str = "tensorflow.contrib.losses.metric_learning";
const COLOURS: &str = "tensorflow.colours";
const MATRICES: &str = "tensorflow.matrices";
const WINDOWS: &str = "tensorflow.windows";

const LAYERS_OF_KERAS: &str = "tensorflow.keras.base_layers";
const MODELS: &str = "tensorflow.keras.models";
const PENALTIES: &str = "tensorflow.keras.penalties";
const OPTIMIZERS: &str = "tensorflow.optimizers";
const ESTIMATOR: &str = "tensorflow.estimators";
const ACTIVATIONS: &str = "from tensorflow.keras.base_layers import _ACTIVATIONS, _activation\n\
    relu, sigmoid, tanh, elu, selu = tf.nn.relu, tf.sigmoid, tf.tanh, tf.nn.elu, tf.nn.selu\n\
    softmax, softplus, softsign = tf.nn.softmax, tf.nn.softplus, tf.nn.softsign\n\
    linear, hard_sigmoid = _ACTIVATIONS['linear'], _ACTIVATIONS['hard_sigmoid']\n\
    exponential, swish, get = tf.exp, _ACTIVATIONS['swish'], _activation\n";

/// What the package `keras` and TensorFlow's own paths call the modules of `tf.keras`.
const OF_KERAS: &[(&str, &[&str])] = &[
    (
        "layers",
        &[
            "layers",
            "layers.core",
            "layers.convolutional",
            "layers.pooling",
            "layers.normalization",
            "layers.merge",
            "layers.advanced_activations",
            "layers.embeddings",
            "layers.noise",
            "layers.wrappers",
            "engine",
            "engine.topology",
            "engine.base_layer",
        ],
    ),
    ("models", &["models", "engine.training"]),
    ("backend", &["backend"]),
    ("losses", &["losses", "objectives"]),
    ("activations", &["activations"]),
];

const RNN: &str = "from tensorflow.nn.rnn_cell import *\n";

/// What namespaces have from them: the namespace, its member, the module, and the function that it is if it is not the
/// module itself.
const MEMBERS: &[(&str, &str, &str, Option<&str>)] = &[
    ("tf", "layers", "tensorflow.layers", None),
    ("tf", "losses", "tensorflow.losses", None),
    ("slim", "losses", "tensorflow.contrib.slim.losses", None),
    ("tf.contrib", "losses", "tensorflow.contrib.slim.losses", None),
    ("tf", "rnn", "tensorflow.nn.rnn_cell", None),
    ("tf", "rnn_cell", "tensorflow.nn.rnn_cell", None),
    ("tf.nn", "rnn_cell", "tensorflow.nn.rnn_cell", None),
    ("tf.contrib", "rnn", "tensorflow.nn.rnn_cell", None),
    ("tf.nn", "rnn", "tensorflow.nn.rnn_cell", Some("static_rnn")),
    ("tf.nn", "static_rnn", "tensorflow.nn.rnn_cell", Some("static_rnn")),
    ("tf.nn", "dynamic_rnn", "tensorflow.nn.rnn_cell", Some("dynamic_rnn")),
    (
        "tf.nn",
        "bidirectional_dynamic_rnn",
        "tensorflow.nn.rnn_cell",
        Some("bidirectional_dynamic_rnn"),
    ),
    (
        "tf.nn",
        "static_bidirectional_rnn",
        "tensorflow.nn.rnn_cell",
        Some("static_bidirectional_rnn"),
    ),
    ("slim", "utils", "tensorflow.contrib.slim.utils", None),
    ("slim", "nets", "tf_slim.nets", None),
    ("slim", "nets", "tf_slim.nets", None),
    ("tf", "image", "tensorflow.image", None),
    ("tf.train", "moving_averages", MOVING, None),
    ("tf", "moving_averages", MOVING, None),
    ("slim", "max_pool3d", VOLUMES, Some("slim_max_pool3d")),
    ("slim", "avg_pool3d", VOLUMES, Some("slim_avg_pool3d")),
    ("tf.contrib.layers", "max_pool3d", VOLUMES, Some("slim_max_pool3d")),
    ("tf.contrib.layers", "avg_pool3d", VOLUMES, Some("slim_avg_pool3d")),
    ("tf", "lin_space", COMPOSED, Some("linspace")),
    ("tf", "tuple", CONTROL, Some("tuple_")),
    ("tf.logging", "debug", CONTROL, Some("nothing")),
    ("tf.logging", "error", CONTROL, Some("nothing")),
    ("tf.logging", "fatal", CONTROL, Some("nothing")),
    ("tf.logging", "info", CONTROL, Some("nothing")),
    ("tf.logging", "log", CONTROL, Some("nothing")),
    ("tf.logging", "set_verbosity", CONTROL, Some("nothing")),
    ("tf.logging", "warn", CONTROL, Some("nothing")),
    ("tf.logging", "warning", CONTROL, Some("nothing")),
    ("slim", "summarize_activation", COMPOSED, Some("summarize")),
    ("slim", "summarize_activations", COMPOSED, Some("summarize")),
    ("slim", "summarize_collection", COMPOSED, Some("summarize")),
    ("slim", "summarize_tensor", COMPOSED, Some("summarize")),
    ("slim", "summarize_tensors", COMPOSED, Some("summarize")),
    ("tf.contrib.layers", "summarize_activation", COMPOSED, Some("summarize")),
    ("tf.contrib.layers", "summarize_activations", COMPOSED, Some("summarize")),
    ("tf.contrib.layers", "summarize_collection", COMPOSED, Some("summarize")),
    ("tf.contrib.layers", "summarize_tensor", COMPOSED, Some("summarize")),
    ("tf.contrib.layers", "summarize_tensors", COMPOSED, Some("summarize")),
    ("tf.linalg", "adjoint", MATRICES, Some("adjoint_")),
    ("slim.losses", "metric_learning", METRIC, None),
    ("tf.contrib.layers", "utils", "tensorflow.contrib.slim.utils", None),
    ("tf.keras", "layers", "tensorflow.keras.layers", None),
    ("tf.keras", "models", MODELS, None),
    ("tf.keras", "backend", "tensorflow.keras.backend", None),
    ("tf.keras", "losses", "tensorflow.keras.losses", None),
    ("tf.keras", "activations", "tensorflow.keras.activations", None),
    ("tf.keras", "Input", LAYERS_OF_KERAS, Some("Input")),
    ("tf.keras", "Model", MODELS, Some("Model")),
    ("tf.keras", "Sequential", MODELS, Some("Sequential")),
    ("tf", "flags", "tensorflow.app.flags", None),
    ("tf.app", "flags", "tensorflow.app.flags", None),
    ("tf.estimator", "ModeKeys", ESTIMATOR, Some("ModeKeys")),
    ("tf.estimator", "EstimatorSpec", ESTIMATOR, Some("EstimatorSpec")),
    ("tf.contrib.learn", "ModeKeys", ESTIMATOR, Some("ModeKeys")),
    ("tf.contrib.training", "HParams", ESTIMATOR, Some("HParams")),
];

/// Functions that namespaces have under their own names: the namespace, the module, and the functions.
const FUNCTIONS: &[(&str, &str, &[&str])] = &[
    (
        "tf",
        COMPOSED,
        &[
            "accumulate_n",
            "acosh",
            "argmin",
            "atanh",
            "bincount",
            "clip_by_average_norm",
            "clip_by_global_norm",
            "clip_by_norm",
            "count_nonzero",
            "div_no_nan",
            "ensure_shape",
            "erfc",
            "expm1",
            "global_norm",
            "is_finite",
            "is_inf",
            "is_nan",
            "linspace",
            "log_sigmoid",
            "logical_xor",
            "make_template",
            "reduce_logsumexp",
            "rint",
            "round",
            "searchsorted",
            "truncatediv",
            "truncatemod",
            "unravel_index",
            "where_v2",
        ],
    ),
    (
        "tf",
        CONTROL,
        &[
            "RegisterGradient",
            "TensorArray",
            "case",
            "cond",
            "custom_gradient",
            "foldl",
            "foldr",
            "get_default_graph",
            "group",
            "identity_n",
            "is_tensor",
            "map_fn",
            "scan",
            "shape_n",
            "switch_case",
            "while_loop",
        ],
    ),
    ("tf.contrib.framework", CONTROL, &["is_tensor"]),
    (
        "tf.train",
        OPTIMIZERS,
        &[
            "AdadeltaOptimizer",
            "AdagradDAOptimizer",
            "AdagradOptimizer",
            "AdamOptimizer",
            "FtrlOptimizer",
            "GradientDescentOptimizer",
            "MomentumOptimizer",
            "Optimizer",
            "ProximalAdagradOptimizer",
            "ProximalGradientDescentOptimizer",
            "RMSPropOptimizer",
            "create_global_step",
            "exponential_decay",
            "get_global_step",
            "get_or_create_global_step",
        ],
    ),
    ("tf.keras.regularizers", PENALTIES, &["l1", "l1_l2"]),
    (
        "tf.metrics",
        ESTIMATOR,
        &[
            "accuracy",
            "mean",
            "mean_absolute_error",
            "mean_squared_error",
            "root_mean_squared_error",
        ],
    ),
    ("slim", CONTROL, &["scale_gradient"]),
    ("tf.contrib.layers", CONTROL, &["scale_gradient"]),
    ("tf", MOVING, &["scatter_add", "scatter_sub", "scatter_update"]),
    ("tf.train", MOVING, &["ExponentialMovingAverage"]),
    ("tf", MATRICES, &["cholesky", "matrix_determinant", "matrix_inverse", "matrix_solve"]),
    (
        "tf.nn",
        WINDOWS,
        &[
            "atrous_conv2d_transpose",
            "avg_pool1d",
            "avg_pool2d",
            "conv1d_transpose",
            "dilation2d",
            "erosion2d",
            "max_pool1d",
            "max_pool2d",
        ],
    ),
    ("slim", WINDOWS, SLIDING),
    ("tf.contrib.layers", WINDOWS, SLIDING),
    (
        "slim",
        COMPOSED,
        &[
            "filter_variables",
            "get_unique_variable",
            "get_variables_by_suffix",
            "get_variables_to_restore",
        ],
    ),
    (
        "tf.contrib.framework",
        COMPOSED,
        &[
            "filter_variables",
            "get_unique_variable",
            "get_variables_by_name",
            "get_variables_by_suffix",
            "get_variables_to_restore",
        ],
    ),
    ("tf", SEGMENTS, SEGMENTED),
    ("tf.math", SEGMENTS, SEGMENTED),
    ("tf", MASKS, &["boolean_mask", "places_where"]),
    ("tf.nn", VOLUMES, &["avg_pool3d", "conv3d", "conv3d_transpose", "max_pool3d"]),
    (
        "tf.math",
        COMPOSED,
        &[
            "acosh",
            "argmin",
            "atanh",
            "count_nonzero",
            "divide_no_nan",
            "erfc",
            "expm1",
            "is_finite",
            "is_inf",
            "is_nan",
            "accumulate_n",
            "bincount",
            "log_sigmoid",
            "logical_xor",
            "multiply_no_nan",
            "polyval",
            "reduce_all",
            "reduce_any",
            "reduce_euclidean_norm",
            "xdivy",
            "xlog1py",
            "reciprocal_no_nan",
            "reduce_logsumexp",
            "reduce_std",
            "reduce_variance",
            "rint",
            "round",
            "xlogy",
            "zero_fraction",
        ],
    ),
    (
        "tf.nn",
        COMPOSED,
        &[
            "batch_norm_with_global_normalization",
            "conv1d",
            "conv2d_backprop_input",
            "convolution",
            "fused_batch_norm",
            "log_poisson_loss",
            "normalize_moments",
            "pool",
            "selu",
            "separable_conv2d",
            "silu",
            "sufficient_statistics",
            "swish",
            "weighted_cross_entropy_with_logits",
            "weighted_moments",
            "zero_fraction",
        ],
    ),
    ("slim", COMPOSED, &["get_variables_by_name", "linear", "repeat", "stack"]),
    (
        "tf.contrib.layers",
        COMPOSED,
        &["embed_sequence", "linear", "relu", "relu6", "repeat", "stack"],
    ),
    ("slim", COMPOSED, LAYERS),
    ("tf.contrib.layers", COMPOSED, LAYERS),
    (
        "tf",
        ARRAYS,
        &[
            "argsort",
            "batch_gather",
            "batch_to_space",
            "batch_to_space_nd",
            "broadcast_to",
            "confusion_matrix",
            "cross",
            "cumprod",
            "cumsum",
            "depth_to_space",
            "diag",
            "diag_part",
            "dynamic_partition",
            "dynamic_stitch",
            "einsum",
            "extract_image_patches",
            "eye",
            "gather_nd",
            "invert_permutation",
            "matrix_band_part",
            "matrix_diag",
            "matrix_diag_part",
            "matrix_set_diag",
            "matrix_transpose",
            "meshgrid",
            "reduce_prod",
            "repeat",
            "reverse_sequence",
            "roll",
            "scatter_nd",
            "sequence_mask",
            "sort",
            "sparse_to_dense",
            "space_to_batch",
            "space_to_batch_nd",
            "space_to_depth",
            "tensor_scatter_add",
            "tensor_scatter_nd_add",
            "tensor_scatter_nd_sub",
            "tensor_scatter_nd_update",
            "tensor_scatter_sub",
            "tensor_scatter_update",
            "tensordot",
            "trace",
        ],
    ),
    (
        "tf.manip",
        ARRAYS,
        &["batch_to_space_nd", "gather_nd", "roll", "scatter_nd", "space_to_batch_nd"],
    ),
    (
        "tf.image",
        COLOURS,
        &[
            "adjust_hue",
            "adjust_saturation",
            "convert_image_dtype",
            "hsv_to_rgb",
            "random_brightness",
            "random_contrast",
            "random_flip_left_right",
            "random_flip_up_down",
            "random_hue",
            "random_saturation",
            "resize_area",
            "resize_image_with_pad",
            "resize_with_crop_or_pad",
            "rgb_to_hsv",
            "rgb_to_yiq",
            "rgb_to_yuv",
            "rot90",
            "ssim",
            "ssim_multiscale",
            "transpose",
            "yiq_to_rgb",
            "yuv_to_rgb",
        ],
    ),
    (
        "tf.math",
        ARRAYS,
        &[
            "confusion_matrix",
            "cumprod",
            "cumsum",
            "in_top_k",
            "invert_permutation",
            "reduce_prod",
            "top_k",
        ],
    ),
    (
        "tf.linalg",
        ARRAYS,
        &["cross", "einsum", "eye", "matrix_transpose", "tensordot", "trace", "transpose"],
    ),
    (
        "tf.linalg",
        MATRICES,
        &[
            "band_part",
            "cholesky",
            "det",
            "diag",
            "diag_part",
            "global_norm",
            "inv",
            "l2_normalize",
            "matvec",
            "normalize",
            "set_diag",
            "solve",
        ],
    ),
    ("tf.nn", ARRAYS, &["depth_to_space", "in_top_k", "space_to_depth", "top_k"]),
];

/// Sums and the like of rows that belong together.
const SEGMENTED: &[&str] = &[
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "sparse_segment_mean",
    "sparse_segment_sum",
    "unsorted_segment_max",
    "unsorted_segment_mean",
    "unsorted_segment_min",
    "unsorted_segment_prod",
    "unsorted_segment_sum",
];

/// Windows that slim and tf.contrib.layers both have.
const SLIDING: &[&str] = &[
    "conv2d_in_plane",
    "convolution2d_in_plane",
    "images_to_sequence",
    "pool",
    "sequence_to_images",
];

/// What slim and tf.contrib.layers both have.
const LAYERS: &[&str] = &[
    "apply_regularization",
    "group_norm",
    "instance_norm",
    "l1_l2_regularizer",
    "l1_regularizer",
    "layer_norm",
    "maxout",
    "poincare_normalize",
    "spatial_softmax",
    "sum_regularizer",
    "unit_norm",
];

/// The modules that are written here, and not by another name.
pub(super) fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    MODULES.iter().copied().filter(|(_, text)| !text.starts_with("from tensorflow"))
}

/// The names of a function of a module: those that namespaces give it, else that of the module with its own.
pub(super) fn names(module: &str, function: &str) -> Vec<String> {
    let members = MEMBERS.iter().filter(|member| member.2 == module && member.3 == Some(function));
    let lists = FUNCTIONS.iter().filter(|list| list.1 == module && list.2.contains(&function));
    let listed = lists.map(|list| format!("{}.{function}", list.0));
    let members = members.map(|(path, name, ..)| format!("{path}.{name}"));
    let names: Vec<String> = listed.chain(members).collect();
    if !names.is_empty() {
        return names;
    }
    let path = module.replacen("tensorflow.", "tf.", 1).replacen("tf.contrib.slim", "slim", 1);
    vec![format!("{path}.{function}")]
}

/// Makes the modules known.
pub(super) fn install(py: &mut Python) {
    for (name, text) in MODULES {
        py.add_text(name, text);
    }
    py.add_text("absl.flags", "from tensorflow.app.flags import *\n");
    for (module, names) in OF_KERAS {
        for (name, package) in
            names.iter().flat_map(|name| [(name, "keras"), (name, "tensorflow.python.keras")])
        {
            py.add_copy(&format!("{package}.{name}"), &format!("tensorflow.keras.{module}"));
        }
    }
    super::nets::install(py);
}

/// A member of a namespace that is written in the language.
pub(super) fn member(py: &mut Python, path: &str, name: &str, at: Span) -> Outcome<Option<Value>> {
    let found = MEMBERS.iter().find(|member| member.0 == path && member.1 == name);
    let found = found.map(|member| (member.2, member.3));
    let listed = || {
        let list = FUNCTIONS.iter().find(|list| list.0 == path && list.2.contains(&name))?;
        Some((list.1, Some(name)))
    };
    let Some((module, function)) = found.or_else(listed) else { return Ok(None) };
    let module = py.import(module, at)?;
    match function {
        Some(function) => py.get_attribute(&module, function, at).map(Some),
        None => Ok(Some(module)),
    }
}

/// The members of a namespace that are written in the language.
pub(super) fn members(path: &str) -> impl Iterator<Item = &'static str> {
    let listed = FUNCTIONS.iter().filter(move |list| list.0 == path).flat_map(|list| list.2);
    MEMBERS
        .iter()
        .filter(move |member| member.0 == path)
        .map(|member| member.1)
        .chain(listed.copied())
}

//! What of `tf` and `slim` is written in the language itself, over the functions of the tables: `tf.layers`, losses, cells of
//! recurrent nets. A text is read when it is first asked for.

use crate::front::python::interp::{Maybe, Python};
use crate::source::Span;

/// Modules and their texts.
const MODULES: &[(&str, &str)] = &[
    ("tensorflow.layers", include_str!("layers.py")),
    ("tensorflow.losses", include_str!("losses.py")),
    ("tensorflow.contrib.slim.losses", include_str!("slim_losses.py")),
    ("tensorflow.composed", include_str!("composed.py")),
    ("tensorflow.arrays", include_str!("arrays.py")),
    ("tensorflow.gathers", include_str!("gathers.py")),
    ("tensorflow.control", include_str!("control.py")),
    ("tensorflow.segments", include_str!("segments.py")),
    ("tensorflow.masks", include_str!("masks.py")),
    ("tensorflow.volumes", include_str!("volumes.py")),
    ("tensorflow.image", include_str!("image.py")),
    ("tensorflow.python.training.moving_averages", include_str!("moving.py")),
    ("tensorflow.contrib.losses.metric_learning", include_str!("metric_learning.py")),
    ("tensorflow.colours", include_str!("colours.py")),
    ("tensorflow.matrices", include_str!("matrices.py")),
    ("tensorflow.windows", include_str!("windows.py")),
    ("tensorflow.nn.rnn_cell", include_str!("rnn.py")),
    ("tensorflow.contrib.slim.utils", include_str!("slim_utils.py")),
    ("tensorflow.contrib.rnn", RNN),
    ("tensorflow.models.rnn.rnn_cell", RNN),
    ("tensorflow.python.ops.rnn_cell", RNN),
    ("tensorflow.python.ops.rnn", RNN),
    ("tensorflow.keras.base_layers", include_str!("keras_layers.py")),
    ("tensorflow.keras.recurrent_layers", include_str!("keras_recurrent.py")),
    ("tensorflow.keras.layers", include_str!("keras_shapes.py")),
    ("tensorflow.keras.models", include_str!("keras_models.py")),
    ("tensorflow.keras.backend", include_str!("keras_backend.py")),
    ("tensorflow.keras.losses", include_str!("keras_losses.py")),
    ("tensorflow.keras.constraints", include_str!("keras_constraints.py")),
    ("tensorflow.keras.activations", ACTIVATIONS),
    ("tensorflow.keras.penalties", include_str!("keras_penalties.py")),
    ("tensorflow.app.flags", include_str!("flags.py")),
    ("tensorflow.estimators", include_str!("estimator.py")),
    ("tensorflow.optimizers", include_str!("optimizers.py")),
    ("tensorflow.contrib.losses", "from tensorflow.contrib.slim.losses import *\n"),
];

const ACTIVATIONS: &str = "from tensorflow.keras.base_layers import _ACTIVATIONS, _activation\n\
    relu, sigmoid, tanh, elu, selu = tf.nn.relu, tf.sigmoid, tf.tanh, tf.nn.elu, tf.nn.selu\n\
    softmax, softplus, softsign = tf.nn.softmax, tf.nn.softplus, tf.nn.softsign\n\
    linear, hard_sigmoid = _ACTIVATIONS['linear'], _ACTIVATIONS['hard_sigmoid']\n\
    exponential, swish, get = tf.exp, _ACTIVATIONS['swish'], _activation\n";

/// What the package `keras` and TensorFlow's own paths call the modules of `tf.keras`.
const OF_KERAS: &[(&str, &str)] = &[
    (
        "layers",
        "layers layers.core layers.convolutional layers.pooling layers.normalization layers.merge \
         layers.advanced_activations layers.embeddings layers.noise layers.recurrent layers.wrappers engine \
         engine.topology engine.base_layer",
    ),
    ("models", "models engine.training"),
    ("backend", "backend"),
    ("losses", "losses objectives"),
    ("activations", "activations"),
    ("constraints", "constraints"),
];

const RNN: &str = "from tensorflow.nn.rnn_cell import *\n";

/// What namespaces have from them, as `namespaces < module: names;`, where `a=b` is the function `b` by another name, and `a=`
/// is the module itself.
const NAMES: &str = include_str!("written.txt");

/// What a namespace has from a module.
struct Member {
    space: &'static str,
    name: &'static str,
    module: &'static str,
    /// The name of the function in the module; empty for the module itself.
    function: &'static str,
}

fn all() -> impl Iterator<Item = Member> {
    let lists = NAMES.split(';').filter_map(|list| {
        let (spaces, rest) = list.split_once(" < ")?;
        let (module, names) = rest.split_once(':')?;
        Some((spaces, module, names))
    });
    lists.flat_map(|(spaces, module, names)| {
        spaces.split_whitespace().flat_map(move |space| {
            names.split_whitespace().map(move |name| {
                let (name, function) = name.split_once('=').unwrap_or((name, name));
                Member { space, name, module, function }
            })
        })
    })
}

/// The modules that are written here, and not by another name.
pub(super) fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    MODULES.iter().copied().filter(|(_, text)| !text.starts_with("from tensorflow"))
}

/// The names of a function of a module: those that namespaces give it, else that of the module with its own.
pub(super) fn names(module: &str, function: &str) -> Vec<String> {
    let members = all().filter(|member| member.module == module && member.function == function);
    let names: Vec<String> =
        members.map(|member| format!("{}.{}", member.space, member.name)).collect();
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
    py.add_text("absl", "app, flags, logging = tf.app, tf.app.flags, tf.logging\n");
    py.add_text("absl.flags", "from tensorflow.app.flags import *\n");
    for (module, names) in OF_KERAS {
        for (name, package) in
            names.split(' ').flat_map(|name| [(name, "keras"), (name, "tensorflow.python.keras")])
        {
            py.add_copy(&format!("{package}.{name}"), &format!("tensorflow.keras.{module}"));
        }
    }
    for part in ["base", "convolutional", "core", "layers", "normalization", "pooling"] {
        py.add_copy(&format!("tensorflow.python.layers.{part}"), "tensorflow.layers");
    }
    py.add_copy("tensorflow.python.layers", "tensorflow.layers");
    super::nets::install(py);
}

/// A member of a namespace that is written in the language.
pub(super) fn member(py: &mut Python, path: &str, name: &str, at: Span) -> Maybe {
    let Some(found) = all().find(|member| member.space == path && member.name == name) else {
        return Ok(None);
    };
    let module = py.import(found.module, at)?;
    match found.function {
        "" => Ok(Some(module)),
        function => py.get_attribute(&module, function, at).map(Some),
    }
}

/// The namespaces that have something that is written in the language, and are no modules that are written as a whole.
pub(super) fn spaces() -> impl Iterator<Item = &'static str> {
    let modules: Vec<String> = all()
        .filter(|member| member.function.is_empty())
        .map(|member| format!("{}.{}", member.space, member.name))
        .collect();
    all().map(|member| member.space).filter(move |space| !modules.iter().any(|m| m == space))
}

/// The members of a namespace that are written in the language.
pub(super) fn members(path: &str) -> impl Iterator<Item = &'static str> {
    all().filter(move |member| member.space == path).map(|member| member.name)
}

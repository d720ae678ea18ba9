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
    ("tensorflow.nn.rnn_cell", include_str!("rnn.py")),
    ("tensorflow.contrib.slim.utils", include_str!("slim_utils.py")),
    ("tensorflow.contrib.rnn", RNN),
    ("tensorflow.models.rnn.rnn_cell", RNN),
    ("tensorflow.python.ops.rnn_cell", RNN),
    ("tensorflow.python.ops.rnn", RNN),
    ("tensorflow.contrib.losses", "from tensorflow.contrib.slim.losses import *\n"),
];

/// A module of functions for several namespaces.
const COMPOSED: &str = "tensorflow.composed";

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
    ("slim", "utils", "tensorflow.contrib.slim.utils", None),
    ("tf", "argmin", COMPOSED, Some("argmin")),
    ("tf", "reduce_logsumexp", COMPOSED, Some("reduce_logsumexp")),
    ("tf", "count_nonzero", COMPOSED, Some("count_nonzero")),
    ("tf", "linspace", COMPOSED, Some("linspace")),
    ("tf", "lin_space", COMPOSED, Some("linspace")),
    ("tf.nn", "selu", COMPOSED, Some("selu")),
    ("tf.nn", "swish", COMPOSED, Some("swish")),
    ("tf.nn", "separable_conv2d", COMPOSED, Some("separable_conv2d")),
    (
        "tf.nn",
        "weighted_cross_entropy_with_logits",
        COMPOSED,
        Some("weighted_cross_entropy_with_logits"),
    ),
    ("slim", "l1_regularizer", COMPOSED, Some("l1_regularizer")),
    ("slim", "get_variables_by_name", COMPOSED, Some("get_variables_by_name")),
    ("slim", "unit_norm", COMPOSED, Some("unit_norm")),
    ("slim", "layer_norm", COMPOSED, Some("layer_norm")),
    ("slim", "instance_norm", COMPOSED, Some("instance_norm")),
    ("tf.contrib.layers", "l1_regularizer", COMPOSED, Some("l1_regularizer")),
    ("tf.contrib.layers", "layer_norm", COMPOSED, Some("layer_norm")),
    ("tf.contrib.layers", "instance_norm", COMPOSED, Some("instance_norm")),
    ("tf.contrib.layers", "unit_norm", COMPOSED, Some("unit_norm")),
    ("tf.contrib.layers", "utils", "tensorflow.contrib.slim.utils", None),
];

/// The modules that are written here, and not by another name.
pub(super) fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    MODULES.iter().copied().filter(|(_, text)| !text.starts_with("from tensorflow"))
}

/// The names of a function of a module: those that namespaces give it, else that of the module with its own.
pub(super) fn names(module: &str, function: &str) -> Vec<String> {
    let members = MEMBERS.iter().filter(|member| member.2 == module && member.3 == Some(function));
    let names: Vec<String> = members.map(|(path, name, ..)| format!("{path}.{name}")).collect();
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
}

/// A member of a namespace that is written in the language.
pub(super) fn member(py: &mut Python, path: &str, name: &str, at: Span) -> Outcome<Option<Value>> {
    let found = MEMBERS.iter().find(|member| member.0 == path && member.1 == name);
    let Some(&(_, _, module, function)) = found else { return Ok(None) };
    let module = py.import(module, at)?;
    match function {
        Some(function) => py.get_attribute(&module, function, at).map(Some),
        None => Ok(Some(module)),
    }
}

/// The members of a namespace that are written in the language.
pub(super) fn members(path: &str) -> impl Iterator<Item = &'static str> {
    MEMBERS.iter().filter(move |member| member.0 == path).map(|member| member.1)
}

//! What of `tf` and `slim` is written in the language itself, over the functions of the tables: `tf.layers`, losses, cells of
//! recurrent nets. A text is read when it is first asked for.

use crate::front::tensorflow::interp::{Outcome, Python, Value};
use crate::source::Span;

/// Modules and their texts.
const MODULES: &[(&str, &str)] = &[
    ("tensorflow.layers", include_str!("layers.py")),
    ("tensorflow.losses", include_str!("losses.py")),
    ("tensorflow.contrib.slim.losses", include_str!("slim_losses.py")),
    ("tensorflow.nn.rnn_cell", include_str!("rnn.py")),
    ("tensorflow.contrib.slim.utils", include_str!("slim_utils.py")),
    ("tensorflow.contrib.rnn", RNN),
    ("tensorflow.models.rnn.rnn_cell", RNN),
    ("tensorflow.python.ops.rnn_cell", RNN),
    ("tensorflow.python.ops.rnn", RNN),
    ("tensorflow.contrib.losses", "from tensorflow.contrib.slim.losses import *\n"),
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
    ("slim", "utils", "tensorflow.contrib.slim.utils", None),
    ("tf.contrib.layers", "utils", "tensorflow.contrib.slim.utils", None),
];

/// The modules that are written here, and not by another name.
pub(super) fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    MODULES.iter().copied().filter(|(_, text)| !text.starts_with("from tensorflow"))
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

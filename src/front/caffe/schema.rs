//! The fields of Caffe's messages with their types and in their order, to check what nobody reads: a file with a wrong
//! word in a message that its layer ignores is refused by Caffe all the same.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::forks;
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic};
use crate::source::{Span, Spanned};
use crate::spec::{Field, Reading, Record, Value, meant, near_word};

/// Messages and their fields in the order of the field numbers of Caffe 1.0: `name:type`, with `*` behind the name of a
/// repeated field. Types are `count`, `int`, `float`, `bool`, `text`, the words of an enumeration (the first has the number
/// 0, or 1 behind `+`), or a message. A name without a type is that of a message which is checked by itself. The windows of
/// Pooling may be repeated in forks for volumes.
const MESSAGES: &[(&str, &str)] = &[
    ("accuracy_param", "top_k:count axis:int ignore_label:int"),
    ("argmax_param", "out_max_val:bool top_k:count axis:int"),
    ("batch_norm_param", "use_global_stats:bool moving_average_fraction:float eps:float"),
    ("bias_param", "axis:int num_axes:int filler:filler"),
    (
        "blob",
        "num:int channels:int height:int width:int data*:float diff*:float shape:shape double_data*:float \
         double_diff*:float",
    ),
    ("clip_param", "min:float max:float"),
    ("concat_param", "concat_dim:count axis:int"),
    ("contrastive_loss_param", "margin:float legacy_version:bool"),
    (
        "convolution_param",
        "num_output:count bias_term:bool pad*:count kernel_size*:count group:count stride*:count weight_filler:filler \
         bias_filler:filler pad_h:count pad_w:count kernel_h:count kernel_w:count stride_h:count stride_w:count \
         engine:DEFAULT|CAFFE|CUDNN|MKL2017|MKLDNN axis:int force_nd_im2col:bool dilation*:count",
    ),
    ("crop_param", "axis:int offset*:count"),
    (
        "data_param",
        "source:text scale:float mean_file:text batch_size:count crop_size:count mirror:bool rand_skip:count \
         backend:LEVELDB|LMDB force_encoded_color:bool prefetch:count",
    ),
    ("dropout_param", "dropout_ratio:float"),
    (
        "dummy_data_param",
        "data_filler*:filler num*:count channels*:count height*:count width*:count shape*:shape",
    ),
    ("eltwise_param", "operation:PROD|SUM|MAX coeff*:float stable_prod_grad:bool"),
    ("elu_param", "alpha:float"),
    (
        "embed_param",
        "num_output:count input_dim:count bias_term:bool weight_filler:filler bias_filler:filler",
    ),
    ("exclude", RULE),
    ("exp_param", "base:float scale:float shift:float"),
    (
        "filler",
        "type:text value:float min:float max:float mean:float std:float sparse:int \
         variance_norm:FAN_IN|FAN_OUT|AVERAGE",
    ),
    ("flatten_param", "axis:int end_axis:int"),
    ("hdf5_data_param", "source:text batch_size:count shuffle:bool"),
    ("hdf5_output_param", "file_name:text"),
    ("hinge_loss_param", "norm:+L1|L2"),
    (
        "image_data_param",
        "source:text scale:float mean_file:text batch_size:count crop_size:count mirror:bool rand_skip:count \
         shuffle:bool new_height:count new_width:count is_color:bool root_folder:text",
    ),
    ("include", RULE),
    ("infogain_loss_param", "source:text axis:int"),
    (
        "inner_product_param",
        "num_output:count bias_term:bool weight_filler:filler bias_filler:filler axis:int transpose:bool",
    ),
    ("input_param", "shape*:shape"),
    (
        "layer",
        "name:text type:text bottom*:text top*:text loss_weight*:float param*:param blobs*:blob include*:include \
         exclude*:exclude phase:TRAIN|TEST propagate_down*:bool transform_param loss_param accuracy_param \
         argmax_param concat_param contrastive_loss_param convolution_param data_param dropout_param dummy_data_param \
         eltwise_param exp_param hdf5_data_param hdf5_output_param hinge_loss_param image_data_param \
         infogain_loss_param inner_product_param lrn_param memory_data_param mvn_param pooling_param power_param \
         relu_param sigmoid_param softmax_param slice_param tanh_param threshold_param window_data_param python_param \
         prelu_param spp_param reshape_param log_param flatten_param reduction_param embed_param tile_param \
         batch_norm_param elu_param bias_param scale_param input_param crop_param parameter_param recurrent_param \
         swish_param clip_param",
    ),
    ("log_param", "base:float scale:float shift:float"),
    ("loss_param", "ignore_label:int normalize:bool normalization:FULL|VALID|BATCH_SIZE|NONE"),
    (
        "lrn_param",
        "local_size:count alpha:float beta:float norm_region:ACROSS_CHANNELS|WITHIN_CHANNEL k:float \
         engine:DEFAULT|CAFFE|CUDNN|MKL2017|MKLDNN",
    ),
    ("memory_data_param", "batch_size:count channels:count height:count width:count"),
    ("mvn_param", "normalize_variance:bool across_channels:bool eps:float"),
    (
        "net",
        "name:text layers input*:text input_dim*:int force_backward:bool state:state debug_info:bool \
         input_shape*:shape layer",
    ),
    ("param", "name:text share_mode:STRICT|PERMISSIVE lr_mult:float decay_mult:float"),
    ("parameter_param", "shape:shape"),
    (
        "pooling_param",
        "pool:MAX|AVE|STOCHASTIC kernel_size*:count stride*:count pad*:count kernel_h:count kernel_w:count \
         stride_h:count stride_w:count pad_h:count pad_w:count engine:DEFAULT|CAFFE|CUDNN|MKL2017|MKLDNN \
         global_pooling:bool round_mode:CEIL|FLOOR",
    ),
    ("power_param", "power:float scale:float shift:float"),
    ("prelu_param", "filler:filler channel_shared:bool"),
    ("python_param", "module:text layer:text param_str:text share_in_parallel:bool"),
    (
        "recurrent_param",
        "num_output:count weight_filler:filler bias_filler:filler debug_info:bool expose_hidden:bool",
    ),
    ("reduction_param", "operation:+SUM|ASUM|SUMSQ|MEAN axis:int coeff:float"),
    ("relu_param", "negative_slope:float engine:DEFAULT|CAFFE|CUDNN|MKL2017|MKLDNN"),
    ("reshape_param", "shape:shape axis:int num_axes:int"),
    ("scale_param", "axis:int num_axes:int filler:filler bias_term:bool bias_filler:filler"),
    ("shape", "dim*:int"),
    ("sigmoid_param", "engine:DEFAULT|CAFFE|CUDNN|MKL2017|MKLDNN"),
    ("slice_param", "slice_dim:count slice_point*:count axis:int"),
    ("softmax_param", "engine:DEFAULT|CAFFE|CUDNN|MKL2017|MKLDNN axis:int"),
    (
        "solver",
        "train_net:text test_net*:text test_iter*:int test_interval:int base_lr:float display:int max_iter:int \
         lr_policy:text gamma:float power:float momentum:float weight_decay:float stepsize:int snapshot:int \
         snapshot_prefix:text snapshot_diff:bool solver_mode:CPU|GPU device_id:int test_compute_loss:bool \
         random_seed:int train_net_param test_net_param debug_info:bool net:text net_param train_state:state \
         test_state*:state snapshot_after_train:bool regularization_type:text \
         solver_type:SGD|NESTEROV|ADAGRAD|RMSPROP|ADADELTA|ADAM delta:float test_initialization:bool average_loss:int \
         stepvalue*:int clip_gradients:float iter_size:int snapshot_format:HDF5|BINARYPROTO rms_decay:float \
         momentum2:float type:text layer_wise_reduce:bool weights*:text",
    ),
    (
        "spp_param",
        "pyramid_height:count pool:MAX|AVE|STOCHASTIC engine:DEFAULT|CAFFE|CUDNN|MKL2017|MKLDNN",
    ),
    ("state", "phase:TRAIN|TEST level:int stage*:text"),
    ("swish_param", "beta:float"),
    ("tanh_param", "engine:DEFAULT|CAFFE|CUDNN|MKL2017|MKLDNN"),
    ("threshold_param", "threshold:float"),
    ("tile_param", "axis:int tiles:int"),
    (
        "transform_param",
        "scale:float mirror:bool crop_size:count mean_file:text mean_value*:float force_color:bool force_gray:bool",
    ),
    (
        "window_data_param",
        "source:text scale:float mean_file:text batch_size:count crop_size:count mirror:bool fg_threshold:float \
         bg_threshold:float fg_fraction:float context_pad:count crop_mode:text cache_images:bool root_folder:text",
    ),
];

/// Words of enumerations that forks have more than Caffe; layers that do not know them say so.
const WORDS_OF_FORKS: [(&str, &str); 1] = [("normalization", "PRE_FIXED")];

/// NetStateRule.
const RULE: &str = "phase:TRAIN|TEST min_level:int max_level:int stage*:text not_stage*:text";

/// The names of a message's fields in the order of their numbers; none if Caffe has no message of this name.
pub(super) fn names(message: &str) -> impl Iterator<Item = &'static str> + use<> {
    declared(message).iter().map(|field| field.name)
}

/// What the value of a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number.
    Whole,
    /// A number in single precision.
    Float,
    /// `true` or `false`.
    Bool,
    /// A text.
    Text,
    /// A word of an enumeration: its words behind each other with `|` between them, and the number of the first.
    Words(&'static str, i64),
    /// A message, by the name that it has here.
    Message(&'static str),
}

/// What a field of a message holds and whether it may hold several; `None` where Caffe's message has no such field.
pub(super) fn field(message: &str, name: &str) -> Option<(Kind, bool)> {
    // The field without a type is that of a message which is checked by itself.
    let field = declared(message).iter().find(|field| field.name == name)?;
    let several = ["layer", "layers", "test_net_param"].contains(&name);
    let kind = match field.kind {
        "" if name.ends_with("net_param") => Kind::Message("net"),
        "" => Kind::Message(field.name),
        "count" | "int" => Kind::Whole,
        "float" => Kind::Float,
        "bool" => Kind::Bool,
        "text" => Kind::Text,
        message if is_message(message) => Kind::Message(message),
        words => Kind::Words(words.trim_start_matches('+'), i64::from(words.starts_with('+'))),
    };
    // Windows of Pooling are repeated in forks only.
    Some((kind, field.repeated && message != "pooling_param" || several))
}

/// The number of a word of one of the enumerations of a message.
pub(super) fn number_of(message: &str, word: &str) -> Option<i64> {
    declared(message).iter().find_map(|field| match self::field(message, field.name)?.0 {
        Kind::Words(words, first) => {
            let place = words.split('|').position(|known| known == word)?;
            Some(first + place as i64)
        }
        _ => None,
    })
}

/// All words of the enumerations of a message.
pub(super) fn words(message: &str) -> impl Iterator<Item = &'static str> {
    declared(message)
        .iter()
        .filter(|field| field.kind.contains('|'))
        .flat_map(|field| field.kind.trim_start_matches('+').split('|'))
}

/// Whether Caffe has a message of this name.
pub(super) fn has_message(name: &str) -> bool {
    is_message(name)
}

/// A field of a message.
struct Declared {
    name: &'static str,
    /// What its value is; empty if that is not checked.
    kind: &'static str,
    repeated: bool,
}

/// The fields of every message by its name.
static DECLARED: LazyLock<HashMap<&str, Vec<Declared>>> = LazyLock::new(|| {
    let field = |field: &'static str| {
        let (name, kind) = field.split_once(':').unwrap_or((field, ""));
        Declared { name: name.trim_end_matches('*'), kind, repeated: name.ends_with('*') }
    };
    MESSAGES.iter().map(|(name, fields)| (*name, fields.split(' ').map(field).collect())).collect()
});

fn declared(message: &str) -> &'static [Declared] {
    DECLARED.get(message).map_or(&[], Vec::as_slice)
}

fn is_message(kind: &str) -> bool {
    DECLARED.contains_key(kind)
}

/// The messages of parameters: a layer may carry any of them, read or not.
pub(super) fn parameter_messages() -> impl Iterator<Item = &'static str> {
    names("layer").filter(|name| name.ends_with("_param"))
}

/// Checks a layer and its messages, except for what its reader has complained about and for a message that is `misnamed`.
/// Fields that Caffe does not have are left to the readers and to [`forks`](super::forks).
pub(super) fn check(layer: &Record, misnamed: Option<Span>, reading: &Reading) {
    check_message(layer, "layer", false, reading);
    let messages =
        layer.fields.iter().filter(|f| parameter_messages().any(|name| name == f.key.value));
    for Field { key, value } in messages.filter(|f| Some(f.key.span) != misnamed) {
        match &value.value {
            Value::Record(message) => {
                let unread = !reading.was_opened(&key.value);
                check_message(message, &key.value, unread, reading);
            }
            _ if reading.has_complained(value.span) => {}
            _ => {
                let message = format!("`{}` must be a message in braces", key.value);
                let d = Diagnostic::new(&diag::E0303, value.span, message);
                reading.report(d.here("expected a message in braces"));
            }
        }
    }
}

/// Checks a solver, its nets apart.
pub(super) fn check_solver(solver: &Record, reading: &Reading) {
    check_message(solver, "solver", false, reading);
}

/// Whether a field of a message is a text.
pub(super) fn is_text(message: &str, key: &str) -> bool {
    declared(message).iter().any(|field| field.name == key && field.kind == "text")
}

/// Checks a message; of one that is `unread` also whether it has only fields that there are.
fn check_message(record: &Record, message: &str, unread: bool, reading: &Reading) {
    if !is_message(message) {
        return;
    }
    // One of each name that may stand once.
    let mut seen: Vec<&Field> = vec![];
    for field in &record.fields {
        let key = field.key.value.as_str();
        let mut known = declared(message).iter().filter(|field| field.name == key);
        let Some(&Declared { kind, repeated, .. }) = known.find(|field| !field.kind.is_empty())
        else {
            if unread && !forks::knows(message, key) {
                let text = format!("`{message}` has no field named `{key}`");
                let d = Diagnostic::new(&diag::E0301, field.key.span, text).here("unknown field");
                reading.report(match nearest(key, names(message)) {
                    Some(near) => d.edit(format!("did you mean `{near}`?"), field.key.span, near),
                    None => d,
                });
            }
            continue;
        };
        if reading.has_complained(field.key.span.to(field.value.span)) {
            continue;
        }
        if !repeated {
            if let Some(first) = seen.iter().find(|other| other.key.value == key) {
                let text = format!("`{key}` is given more than once");
                let d = Diagnostic::new(&diag::E0302, field.key.span, text).here("given again");
                reading.report(d.label(first.key.span, "first given here"));
                continue;
            }
            seen.push(field);
        }
        match &field.value.value {
            Value::List(list) if repeated => {
                list.iter().for_each(|value| check_value(value, key, kind, unread, reading));
            }
            _ => check_value(&field.value, key, kind, unread, reading),
        }
    }
}

fn check_value(value: &Spanned<Value>, key: &str, kind: &str, unread: bool, reading: &Reading) {
    let words = || kind.trim_start_matches('+').split('|');
    let first = i64::from(kind.starts_with('+'));
    if let Value::Record(inner) = &value.value
        && is_message(kind)
    {
        return check_message(inner, kind, unread, reading);
    }
    let (fits, expected): (bool, String) = match (kind, &value.value) {
        ("count", Value::Int(n)) => (u32::try_from(*n).is_ok(), "a whole number, 0 or more".into()),
        ("count", _) => (false, "a whole number, 0 or more".into()),
        ("int", value) => (matches!(value, Value::Int(_)), "a whole number".into()),
        ("float", Value::Int(_) | Value::Float(_)) => return,
        ("float", Value::Word(w)) => {
            let known = ["inf", "infinity", "nan"].iter().any(|k| w.eq_ignore_ascii_case(k));
            (known, "a number".into())
        }
        ("float", _) => (false, "a number".into()),
        ("bool", Value::Bool(_) | Value::Int(0 | 1)) => return,
        ("bool", Value::Word(w)) => {
            let known = ["true", "t", "True", "false", "f", "False"].contains(&w.as_str());
            (known, "true or false".into())
        }
        ("bool", _) => (false, "true or false".into()),
        ("text", value) => (matches!(value, Value::Str(_)), "text in quotes".into()),
        _ if is_message(kind) => (false, "a message in braces".into()),
        (_, Value::Word(w)) => {
            let of_fork = WORDS_OF_FORKS.contains(&(key, w.as_str()));
            (of_fork || words().any(|word| word == w), list(words()))
        }
        (_, Value::Int(n)) => {
            let place = n.checked_sub(first).and_then(|n| usize::try_from(n).ok());
            (place.is_some_and(|n| n < words().count()), list(words()))
        }
        _ => (false, list(words())),
    };
    if !fits {
        let message = format!("`{key}` must be {expected}");
        let d = Diagnostic::new(&diag::E0303, value.span, message);
        let d = d.here(format!("expected {expected}"));
        let word = match &value.value {
            Value::Str(w) | Value::Word(w) if kind.contains('|') => near_word(w, words()),
            _ => None,
        };
        reading.report(match (word, meant(key, &expected, &value.value), &value.value) {
            (Some(word), _, Value::Str(w)) if word == w => {
                d.edit("without quotes", value.span, word)
            }
            (Some(word), _, _) => d.edit(format!("did you mean `{word}`?"), value.span, word),
            (None, Some((help, text)), _) => d.edit(help, value.span, text),
            (None, None, _) => d,
        });
    }
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_parameters_has_its_fields_here() {
        let listed: Vec<&str> = MESSAGES.iter().map(|(name, _)| *name).collect();
        let missing: Vec<_> = parameter_messages().filter(|name| !listed.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(listed.is_sorted());
    }
}

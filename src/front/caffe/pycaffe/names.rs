//! The names that messages have in `caffe_pb2`, and the messages that types of layers read.

use crate::front::caffe::{fork_types, schema};
use crate::layers::Layer;
use crate::source::Span;
use crate::spec::{Args, Dialect, Reading, Record};

/// Classes of `caffe_pb2` that are not called after the field that holds them.
const CLASSES: [(&str, &str); 13] = [
    ("BlobProto", "blob"),
    ("BlobShape", "shape"),
    ("FillerParameter", "filler"),
    ("LayerParameter", "layer"),
    ("NetParameter", "net"),
    ("NetState", "state"),
    ("NetStateRule", "include"),
    ("ParamSpec", "param"),
    ("SolverParameter", "solver"),
    ("TransformationParameter", "transform_param"),
    ("V1LayerParameter", "layers"),
    ("NormalizeParameter", "norm_param"),
    ("Phase", "state"),
];

/// A name without what tells its forms apart: `ROIPooling` and `roi_pooling`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

/// The name that a message has in the schema, of a class of `caffe_pb2`; `None` for what is no message.
pub fn message_of(class: &str) -> Option<String> {
    if let Some((_, message)) = CLASSES.iter().find(|(known, _)| *known == class) {
        return Some((*message).to_owned());
    }
    let stem = class.strip_suffix("Parameter").filter(|stem| !stem.is_empty())?;
    let known = schema::parameter_messages().chain(fork_types::MESSAGES.iter().copied());
    let found = known
        .into_iter()
        .find(|name| name.strip_suffix("_param").is_some_and(|name| plain(name) == plain(stem)));
    Some(found.map_or_else(|| snake(stem) + "_param", str::to_owned))
}

/// `PriorBox` as `prior_box`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before = false;
    for c in name.chars() {
        if c.is_uppercase() && before {
            out.push('_');
        }
        before = c.is_lowercase() || c.is_ascii_digit();
        out.extend(c.to_lowercase());
    }
    out
}

/// The name of the class of a message.
pub fn class_of(message: &str) -> String {
    if let Some((class, _)) = CLASSES.iter().find(|(_, known)| *known == message) {
        return (*class).to_owned();
    }
    let stem = message.strip_suffix("_param").unwrap_or(message);
    let types = Layer::spellings(Dialect::Caffe).map(|spelling| spelling.name);
    let own = types.into_iter().find(|name| plain(name) == plain(stem));
    let camel = || {
        let parts = stem.split('_').map(|part| {
            let (first, rest) = part.split_at(part.len().min(1));
            first.to_uppercase() + rest
        });
        parts.collect::<String>()
    };
    own.map_or_else(camel, str::to_owned) + "Parameter"
}

/// The message in which pycaffe puts arguments of a layer of this type that have no message of their own. A fork's own
/// `caffe.proto` decides for its types; here what the layer reads does.
pub fn message_of_type(type_name: &str) -> Option<String> {
    let own = |known: &&str| {
        known.strip_suffix("_param").is_some_and(|stem| {
            plain(stem) == plain(type_name) && class_of(known) == format!("{type_name}Parameter")
        })
    };
    if let Some(name) = schema::parameter_messages().find(own) {
        return Some(name.to_owned());
    }
    // Caffe's own types without such a message have none.
    if OF_CAFFE_WITHOUT.contains(&type_name) {
        return None;
    }
    let spelling = Layer::resolve(Dialect::Caffe, type_name)?;
    let reading = Reading::new(Dialect::Caffe);
    let nothing = Record { fields: vec![], span: Span::nowhere() };
    (spelling.read)(&Args::new(&reading, &nothing, Span::nowhere()));
    let asked = |name: &&str| reading.was_asked(name);
    let known = fork_types::MESSAGES.iter().copied();
    let named = message_of(&format!("{type_name}Parameter"));
    named.filter(|name| asked(&name.as_str())).or_else(|| {
        let mut read = known.filter(asked).filter(|name| !SHARED.contains(name));
        read.next().map(str::to_owned)
    })
}

/// Messages that many types read beside their own.
const SHARED: [&str; 2] = ["transform_param", "loss_param"];

/// Types of Caffe 1.0 whose parameters are in a message of another name, for which pycaffe takes no short form.
const OF_CAFFE_WITHOUT: [&str; 14] = [
    "AbsVal",
    "BNLL",
    "BatchReindex",
    "Deconvolution",
    "EuclideanLoss",
    "Filter",
    "Im2col",
    "LSTM",
    "MultinomialLogisticLoss",
    "RNN",
    "SigmoidCrossEntropyLoss",
    "Silence",
    "SoftmaxWithLoss",
    "Split",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_types_find_their_messages() {
        for (class, message) in [
            ("ConvolutionParameter", "convolution_param"),
            ("LRNParameter", "lrn_param"),
            ("HDF5DataParameter", "hdf5_data_param"),
            ("ArgMaxParameter", "argmax_param"),
            ("PriorBoxParameter", "prior_box_param"),
            ("NetStateRule", "include"),
        ] {
            assert_eq!(message_of(class).as_deref(), Some(message));
        }
        for (name, message) in [
            ("Convolution", Some("convolution_param")),
            ("ReLU", Some("relu_param")),
            ("SPP", Some("spp_param")),
            ("PReLU", Some("prelu_param")),
            ("TanH", Some("tanh_param")),
            ("HDF5Output", Some("hdf5_output_param")),
            ("Relu", None),
            ("Deconvolution", None),
            ("SoftmaxWithLoss", None),
            ("PriorBox", Some("prior_box_param")),
            ("Normalize", Some("norm_param")),
        ] {
            assert_eq!(message_of_type(name).as_deref(), message, "{name}");
        }
        assert_eq!(class_of("mvn_param"), "MVNParameter");
        assert_eq!(class_of("net"), "NetParameter");
    }
}

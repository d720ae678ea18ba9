//! Says of a layer type that is not in the vocabulary which fork of Caffe it belongs to and what can be written instead, or
//! which type was mistyped.

use super::fork_types::{INSTEAD, TYPES};
use super::legacy::v1;
use super::schema::names;
use crate::diag::nearest::{distance, nearest};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::layers::Layer;
use crate::source::Span;
use crate::spec::Dialect;

/// The fork that has a layer of this type, in its spelling or in that of the old `layers` (`IMAGE_SEG_DATA`).
pub(super) fn origin(type_name: &str) -> Option<&'static str> {
    let name = plain(type_name);
    let has = |types: &[&str]| types.iter().any(|known| plain(known) == name);
    TYPES.iter().find(|(_, types)| has(types)).map(|(fork, _)| *fork)
}

/// What to write instead of a layer of this type, if there is something like it.
fn instead(type_name: &str) -> Option<&'static str> {
    let name = plain(type_name);
    INSTEAD.iter().find(|(known, _)| plain(known) == name).map(|(_, instead)| *instead)
}

/// The type that a fork's old `layers` call `INTERP`, if there is such a layer here.
pub(super) fn modern(old: &str) -> Option<&'static str> {
    let name = plain(old);
    Layer::spellings(Dialect::Caffe).map(|s| s.name).find(|known| plain(known) == name)
}

/// The layer whose name was mistyped, if it can be no other one. Layers of forks have names that are near to those of
/// others and mean something else (DiceLoss, DePooling, RReLU, PoolingND, BatchRenorm), so the name must begin alike, have
/// the same digits and about the same length, and only long ones may differ in two letters.
pub(super) fn mistyped(written: &str) -> Option<&'static str> {
    if let Some(name) = modern(written).or_else(|| v1::modern(&plain(written))) {
        return Some(name);
    }
    // NVIDIA's library is an engine here, no layer.
    let own = written.strip_prefix("CuDNN").filter(|rest| !rest.is_empty()).unwrap_or(written);
    let digits = |name: &str| -> String { name.chars().filter(char::is_ascii_digit).collect() };
    let first = |name: &str| name.chars().next().map(|c| c.to_ascii_lowercase());
    let letters = |name: &str| {
        let mut letters: Vec<char> = name.to_lowercase().chars().collect();
        letters.sort_unstable();
        letters
    };
    let near = |known: &str| {
        let alike = first(own) == first(known) && own.len().abs_diff(known.len()) <= 1;
        if !alike || digits(own) != digits(known) {
            return None;
        }
        let far = distance(own, known);
        let enough = match own.len().min(known.len()) {
            0..5 => far <= 1 && letters(own) == letters(known),
            5..8 => far <= 1,
            _ => far <= 2,
        };
        enough.then_some(far)
    };
    let spellings = || Layer::spellings(Dialect::Caffe).map(|s| s.name);
    spellings()
        .filter_map(|name| Some((near(name)?, name)))
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
        .or_else(|| spellings().find(|name| name.strip_suffix("Loss") == Some(written)))
}

/// What layers are called in PyTorch, Keras and TensorFlow, with how Caffe says it.
const OF_OTHERS: [(&[&str], &str); 17] = [
    (&["Linear", "Dense", "FullyConnected", "FC"], "a layer of all inputs is `InnerProduct`"),
    (&["Conv", "Conv1d", "Conv2d", "Conv3d", "SpatialConvolution"], "it is `Convolution`"),
    (
        &["ConvTranspose", "ConvTranspose2d", "Conv2DTranspose", "SpatialFullConvolution"],
        "it is `Deconvolution`",
    ),
    (
        &["MaxPool", "MaxPool2d", "MaxPooling", "MaxPooling2D", "SpatialMaxPooling"],
        "it is `Pooling` with `pooling_param { pool: MAX kernel_size: 2 stride: 2 }`",
    ),
    (
        &[
            "AvgPool",
            "AvgPool2d",
            "AveragePooling",
            "AveragePooling2D",
            "AvgPooling",
            "MeanPooling",
        ],
        "it is `Pooling` with `pooling_param { pool: AVE kernel_size: 2 stride: 2 }`",
    ),
    (
        &["GlobalAveragePooling", "GlobalAveragePooling2D", "AdaptiveAvgPool2d", "GlobalAvgPool"],
        "it is `Pooling` with `pooling_param { pool: AVE global_pooling: true }`",
    ),
    (
        &["BatchNorm2d", "BatchNorm1d", "BatchNormalization"],
        "it is `BatchNorm` with a `Scale` behind it, whose `scale_param` has `bias_term: true`",
    ),
    (
        &["CrossEntropyLoss", "CrossEntropy", "CategoricalCrossentropy", "SoftmaxCrossEntropy"],
        "the loss of scores and labels is `SoftmaxWithLoss`",
    ),
    (
        &["MSELoss", "MeanSquaredError", "MSE"],
        "it is `EuclideanLoss`, which is half the sum by the batch size",
    ),
    (
        &["BCEWithLogitsLoss", "BCELoss", "BinaryCrossentropy"],
        "it is `SigmoidCrossEntropyLoss`, of numbers before the sigmoid",
    ),
    (&["LeakyReLU", "LeakyRelu"], "it is `ReLU` with `relu_param { negative_slope: 0.1 }`"),
    (
        &["Add", "Sum", "CAddTable", "ElementwiseAdd"],
        "it is `Eltwise`, whose operation is SUM if nothing is said",
    ),
    (&["Mul", "Multiply", "CMulTable"], "it is `Eltwise` with `eltwise_param { operation: PROD }`"),
    (&["Cat", "Concatenate", "JoinTable"], "it is `Concat`"),
    (&["View", "Unflatten"], "it is `Reshape` or `Flatten`"),
    (&["LogSoftmax", "LogSoftMax"], "it is `Softmax` with a `Log` behind it"),
    (
        &["UpSampling2D", "UpsamplingBilinear2d"],
        "it is `Deconvolution` with a bilinear filler, or `Interp`",
    ),
];

/// How Caffe says what is a layer elsewhere.
pub(super) fn of_others(written: &str) -> Option<&'static str> {
    let same = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(written));
    OF_OTHERS.iter().find(|(names, _)| same(names)).map(|(_, help)| *help)
}

/// A name without what distinguishes the old spelling of types from the modern one.
fn plain(name: &str) -> String {
    name.chars().filter(|&c| c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether an unknown layer type may carry this field: any, unless it looks like one that every layer has.
pub(super) fn may_have(key: &str) -> bool {
    let common = names("layer").filter(|name| !name.ends_with("_param"));
    key.ends_with("_param") || nearest(key, common).is_none()
}

/// Layers of one type that nobody knows.
#[derive(Debug)]
pub(super) struct Stranger {
    /// The type as written.
    pub type_name: String,
    /// Where it is written.
    pub span: Span,
    /// The name of the layer.
    pub layer: String,
}

/// One complaint for each unknown type, at its first layer.
pub(super) fn report(strangers: &[Stranger], diagnostics: &mut Diagnostics) {
    let mut groups: Vec<(&Stranger, Vec<&str>)> = vec![];
    let mut places = std::collections::HashMap::new();
    for stranger in strangers {
        let at = *places.entry(stranger.type_name.as_str()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, others)) => others.push(&stranger.layer),
            None => groups.push((stranger, vec![])),
        }
    }
    for (first, others) in groups {
        let mut d = super::lower::unknown_type(&first.type_name, first.span);
        match &others[..] {
            [] => {}
            [other] => d = d.note(format!("layer `{other}` has this type as well")),
            [other, rest @ ..] => {
                let (n, s) = (rest.len(), if rest.len() == 1 { "" } else { "s" });
                d = d.note(format!("layer `{other}` and {n} more layer{s} have this type as well"));
            }
        }
        diagnostics.report(d);
    }
}

/// The complaint about a type of a fork.
pub(super) fn complaint(written: &str, span: Span) -> Option<Diagnostic> {
    let fork = origin(written)?;
    let message = format!("unknown layer type `{written}`");
    let d = Diagnostic::new(&diag::E0201, span, message).here("not a layer of Caffe 1.0");
    let d = d.note(format!("`{written}` is a layer of {fork}, which cortado does not run"));
    let d = d.note("the rest of the net is checked, except for shapes that depend on this layer");
    Some(instead(written).into_iter().fold(d, Diagnostic::help))
}

#[cfg(test)]
mod tests {
    use super::mistyped;

    #[test]
    fn other_layers_are_no_mistypings() {
        let forks = "DiceLoss AngleLoss VarLoss MMDLoss EuclideanLossHeatmap Unpooling DePooling NdPooling GlobalPooling \
            NdConvolution RReLU CReLU PELU HSwish Mean Dice Reorganize SoftmaxCrossEntropyLoss \
            WeightedSoftmaxWithLoss SoftmaxWithFocalLoss MyImageData BoxData L1LossFlow L2Loss BatchRenorm \
            BNN SELU Bn2";
        for name in forks.split_whitespace() {
            assert_eq!(mistyped(name), None, "{name}");
        }
    }

    #[test]
    fn mistypings_are_found() {
        let pairs = [
            ("CuDNNBatchNorm", "BatchNorm"),
            ("Relu6", "ReLU6"),
            ("Convolutoin", "Convolution"),
            ("Covolution", "Convolution"),
            ("InnerProducts", "InnerProduct"),
            ("Inner_Product", "InnerProduct"),
            ("SoftmaxLoss", "SoftmaxWithLoss"),
            ("SoftmaxWithLos", "SoftmaxWithLoss"),
            ("Poolign", "Pooling"),
            ("Tnah", "TanH"),
            ("Contrastive", "ContrastiveLoss"),
        ];
        for (written, meant) in pairs {
            assert_eq!(mistyped(written), Some(meant), "{written}");
        }
    }
}

//! Turns a layer in the form of 2014 (`type: CONVOLUTION`, `blobs_lr: 1`) into one in the modern form.

use super::build::block;
use super::{DATA_PARAMS, MOVED};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::front::caffe::strangers;
use crate::front::caffe::tree::{Message, ValueKind};

/// The types of V1LayerParameter in the order of their numbers, which protobuf takes as well, and their modern names.
const TYPES: [(&str, &str); 40] = [
    ("NONE", ""),
    ("ACCURACY", "Accuracy"),
    ("BNLL", "BNLL"),
    ("CONCAT", "Concat"),
    ("CONVOLUTION", "Convolution"),
    ("DATA", "Data"),
    ("DROPOUT", "Dropout"),
    ("EUCLIDEAN_LOSS", "EuclideanLoss"),
    ("FLATTEN", "Flatten"),
    ("HDF5_DATA", "HDF5Data"),
    ("HDF5_OUTPUT", "HDF5Output"),
    ("IM2COL", "Im2col"),
    ("IMAGE_DATA", "ImageData"),
    ("INFOGAIN_LOSS", "InfogainLoss"),
    ("INNER_PRODUCT", "InnerProduct"),
    ("LRN", "LRN"),
    ("MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"),
    ("POOLING", "Pooling"),
    ("RELU", "ReLU"),
    ("SIGMOID", "Sigmoid"),
    ("SOFTMAX", "Softmax"),
    ("SOFTMAX_LOSS", "SoftmaxWithLoss"),
    ("SPLIT", "Split"),
    ("TANH", "TanH"),
    ("WINDOW_DATA", "WindowData"),
    ("ELTWISE", "Eltwise"),
    ("POWER", "Power"),
    ("SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"),
    ("HINGE_LOSS", "HingeLoss"),
    ("MEMORY_DATA", "MemoryData"),
    ("ARGMAX", "ArgMax"),
    ("THRESHOLD", "Threshold"),
    ("DUMMY_DATA", "DummyData"),
    ("SLICE", "Slice"),
    ("MVN", "MVN"),
    ("ABSVAL", "AbsVal"),
    ("SILENCE", "Silence"),
    ("CONTRASTIVE_LOSS", "ContrastiveLoss"),
    ("EXP", "Exp"),
    ("DECONVOLUTION", "Deconvolution"),
];

/// The data layers and their messages, of which transformations are moved.
const DATA_TYPES: [(&str, &str); 3] =
    [("DATA", DATA_PARAMS[0]), ("IMAGE_DATA", DATA_PARAMS[1]), ("WINDOW_DATA", DATA_PARAMS[2])];

/// The repeated fields that run parallel to the parameters, and their names within `param`.
pub(in crate::front::caffe) const PARAMS: [(&str, &str); 3] =
    [("blob_share_mode", "share_mode"), ("blobs_lr", "lr_mult"), ("weight_decay", "decay_mult")];

/// The modern name of a type that is written without underscores, `softmaxloss`.
pub(in crate::front::caffe) fn modern(plain: &str) -> Option<&'static str> {
    let same = |old: &str| old.replace('_', "").eq_ignore_ascii_case(plain);
    TYPES.iter().find(|(old, modern)| !modern.is_empty() && same(old)).map(|(_, modern)| *modern)
}

/// The type that has this number, and its modern name.
fn by_number(number: i128) -> Option<&'static (&'static str, &'static str)> {
    TYPES.get(usize::try_from(number).ok()?)
}

/// The modern name of the type that has this number.
pub(super) fn numbered(number: i32) -> Option<&'static str> {
    by_number(number.into()).map(|(_, modern)| *modern)
}

/// The modern name of a type.
pub(super) fn named(old: &str) -> Option<&'static str> {
    TYPES.iter().find(|(name, _)| *name == old).map(|(_, modern)| *modern)
}

pub(super) fn upgrade(layer: &mut Message) {
    for field in layer.fields.iter_mut().filter(|field| field.name.value == "type") {
        if let ValueKind::Integer(number) = field.value.kind
            && let Some((name, _)) = by_number(number)
        {
            field.value.kind = ValueKind::Ident((*name).to_string());
        }
    }
    move_transformations(layer);
    let mut params: Vec<Message> = vec![];
    for (old, new) in [("param", "name")].into_iter().chain(PARAMS) {
        layer.split_lists(old);
        for (i, field) in layer.take(old).into_iter().enumerate() {
            if let ValueKind::Message(_) = field.value.kind {
                layer.fields.push(field);
                continue;
            }
            while params.len() <= i {
                params.push(Message { fields: vec![], span: field.span });
            }
            let mut field = field;
            field.name.value = new.to_string();
            params[i].fields.push(field);
        }
    }
    let params = params.into_iter().map(|param| block("param", param.fields, param.span));
    layer.fields.extend(params);
    for field in layer.fields.iter_mut().filter(|field| field.name.value == "type") {
        if let ValueKind::Ident(old) = &field.value.kind {
            let modern = named(old).or_else(|| strangers::modern(old)).unwrap_or(old);
            field.value.kind = ValueKind::Str(modern.to_string());
        }
    }
}

/// Complains about a layer of a type that no layer of 2014 has, at which Caffe's own tool ends.
pub(super) fn check_type(layer: &Message, diagnostics: &mut Diagnostics) {
    let Some(field) = layer.last("type") else { return };
    let ValueKind::Ident(kind) = &field.value.kind else { return };
    let known = || TYPES.iter().map(|(old, _)| *old);
    if known().any(|old| old == kind) || strangers::modern(kind).is_some() {
        return;
    }
    let message = format!("no layer in the old form of 2014 has the type `{kind}`");
    let d = Diagnostic::new(&diag::E0201, field.value.span, message);
    diagnostics.report(match nearest(kind, known()) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d,
    });
}

/// `scale`, `mean_file`, `crop_size` and `mirror` of a data layer go to `transform_param`.
fn move_transformations(layer: &mut Message) {
    let data = DATA_TYPES.iter().find(|(name, _)| layer.text("type") == Some(name));
    let Some((_, param)) = data else { return };
    let mut moved = vec![];
    for field in layer.fields.iter_mut().filter(|field| field.name.value == *param) {
        if let ValueKind::Message(inner) = &mut field.value.kind {
            moved.extend(MOVED.iter().flat_map(|name| inner.take(name)));
        }
    }
    for field in moved {
        layer.add_within("transform_param", field);
    }
}

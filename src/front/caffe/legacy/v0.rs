//! Turns layers in the form of 2013 (`layers { layer { type: "conv" kernelsize: 3 } bottom: "data" }`) into
//! those of 2014.

use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::front::caffe::tree::{Field, Message, ValueKind};
use std::collections::HashMap;

/// The types of V0LayerParameter and those of V1LayerParameter.
const TYPES: [(&str, &str); 24] = [
    ("accuracy", "ACCURACY"),
    ("bnll", "BNLL"),
    ("concat", "CONCAT"),
    ("conv", "CONVOLUTION"),
    ("data", "DATA"),
    ("dropout", "DROPOUT"),
    ("euclidean_loss", "EUCLIDEAN_LOSS"),
    ("flatten", "FLATTEN"),
    ("hdf5_data", "HDF5_DATA"),
    ("hdf5_output", "HDF5_OUTPUT"),
    ("im2col", "IM2COL"),
    ("images", "IMAGE_DATA"),
    ("infogain_loss", "INFOGAIN_LOSS"),
    ("innerproduct", "INNER_PRODUCT"),
    ("lrn", "LRN"),
    ("multinomial_logistic_loss", "MULTINOMIAL_LOGISTIC_LOSS"),
    ("pool", "POOLING"),
    ("relu", "RELU"),
    ("sigmoid", "SIGMOID"),
    ("softmax", "SOFTMAX"),
    ("softmax_loss", "SOFTMAX_LOSS"),
    ("split", "SPLIT"),
    ("tanh", "TANH"),
    ("window_data", "WINDOW_DATA"),
];

/// Where the parameters of each type went.
const PARAMS: [(&str, &str); 11] = [
    ("conv", "convolution_param"),
    ("innerproduct", "inner_product_param"),
    ("pool", "pooling_param"),
    ("dropout", "dropout_param"),
    ("lrn", "lrn_param"),
    ("data", "data_param"),
    ("hdf5_data", "hdf5_data_param"),
    ("images", "image_data_param"),
    ("window_data", "window_data_param"),
    ("infogain_loss", "infogain_loss_param"),
    ("concat", "concat_param"),
];

/// Flat fields, their modern names and the types that have them.
const FIELDS: [(&str, &str, &[&str]); 26] = [
    ("num_output", "num_output", &["conv", "innerproduct"]),
    ("biasterm", "bias_term", &["conv", "innerproduct"]),
    ("weight_filler", "weight_filler", &["conv", "innerproduct"]),
    ("bias_filler", "bias_filler", &["conv", "innerproduct"]),
    ("pad", "pad", &["conv", "pool"]),
    ("kernelsize", "kernel_size", &["conv", "pool"]),
    ("group", "group", &["conv"]),
    ("stride", "stride", &["conv", "pool"]),
    ("pool", "pool", &["pool"]),
    ("dropout_ratio", "dropout_ratio", &["dropout"]),
    ("local_size", "local_size", &["lrn"]),
    ("alpha", "alpha", &["lrn"]),
    ("beta", "beta", &["lrn"]),
    ("k", "k", &["lrn"]),
    ("source", "source", &["data", "hdf5_data", "images", "window_data", "infogain_loss"]),
    ("batchsize", "batch_size", &["data", "hdf5_data", "images", "window_data"]),
    ("rand_skip", "rand_skip", &["data", "images"]),
    ("shuffle_images", "shuffle", &["images"]),
    ("new_height", "new_height", &["images"]),
    ("new_width", "new_width", &["images"]),
    ("concat_dim", "concat_dim", &["concat"]),
    ("det_fg_threshold", "fg_threshold", &["window_data"]),
    ("det_bg_threshold", "bg_threshold", &["window_data"]),
    ("det_fg_fraction", "fg_fraction", &["window_data"]),
    ("det_context_pad", "context_pad", &["window_data"]),
    ("det_crop_mode", "crop_mode", &["window_data"]),
];

/// Further fields of V0LayerParameter; Caffe 1.0 reads past the first two.
const OTHERS: [&str; 3] = ["new_num", "new_channels", HDF5_OUTPUT];
const HDF5_OUTPUT: &str = "hdf5_output_param";

/// Fields that every type may have and that went to `transform_param`.
const TRANSFORM: [(&str, &str); 4] = [
    ("scale", "scale"),
    ("meanfile", "mean_file"),
    ("cropsize", "crop_size"),
    ("mirror", "mirror"),
];

/// Fields that stay as they are.
const KEPT: [&str; 4] = ["name", "blobs", "blobs_lr", "weight_decay"];

/// The name of a type in the form of 2014.
pub(super) fn named(kind: &str) -> Option<&'static str> {
    TYPES.iter().find(|(old, _)| *old == kind).map(|(_, new)| *new)
}

/// True if some layer of the net is in this form.
pub(super) fn is_in(net: &Message) -> bool {
    net.fields.iter().filter_map(layer_of).any(|layer| layer.last("layer").is_some())
}

pub(super) fn upgrade(net: &mut Message, diagnostics: &mut Diagnostics) {
    if !is_in(net) {
        return;
    }
    fold_padding(net, diagnostics);
    for field in net.fields.iter_mut().filter(|field| field.name.value == "layers") {
        if let ValueKind::Message(connection) = &mut field.value.kind {
            let mut inner = connection.take("layer");
            if !inner.is_empty() {
                drop_outer(connection, diagnostics);
            }
            if let Some(ValueKind::Message(layer)) = inner.pop().map(|field| field.value.kind) {
                upgrade_layer(connection, layer, diagnostics);
            }
        }
    }
}

/// Leaves out what Caffe does not take over: of the message around `layer` it keeps the names of blobs only.
fn drop_outer(connection: &mut Message, diagnostics: &mut Diagnostics) {
    for field in connection.fields.extract_if(.., |f| OUTER.contains(&f.name.value.as_str())) {
        let message = format!("`{}` beside a `layer` of 2013 has no effect", field.name.value);
        let d = Diagnostic::new(&diag::W0621, field.span, message).here("left out, as Caffe does");
        diagnostics.report(d.help("remove it, or write the layer in the modern form"));
    }
}

/// Fields of the form of 2014 that may stand beside a `layer` of 2013.
const OUTER: [&str; 10] = [
    "name",
    "type",
    "include",
    "exclude",
    "loss_weight",
    "blobs",
    "blobs_lr",
    "weight_decay",
    "param",
    "blob_share_mode",
];

fn layer_of(field: &Field) -> Option<&Message> {
    match &field.value.kind {
        ValueKind::Message(layer) if field.name.value == "layers" => Some(layer),
        _ => None,
    }
}

/// The type of a V0 layer.
fn type_of(connection: &Message) -> &str {
    connection.message("layer").and_then(|layer| layer.text("type")).unwrap_or("")
}

/// Gives the padding of a layer that only pads to the convolution or pooling that reads it.
fn fold_padding(net: &mut Message, diagnostics: &mut Diagnostics) {
    // What a padding layer reads and its padding, by its top; a later layer may write the name again.
    let mut padded: HashMap<String, (Field, Option<Field>)> = HashMap::new();
    let is_short =
        |field: &&Field| matches!(field.value.kind, ValueKind::Str(_) | ValueKind::Integer(_));
    for field in net.fields.iter_mut().filter(|field| field.name.value == "layers") {
        let ValueKind::Message(connection) = &mut field.value.kind else { continue };
        ["bottom", "top"].iter().for_each(|name| connection.split_lists(name));
        let kind = type_of(connection).to_string();
        let mut pad = None;
        for bottom in connection.fields.iter_mut().filter(|field| field.name.value == "bottom") {
            let ValueKind::Str(name) = &bottom.value.kind else { continue };
            let Some((source, amount)) = padded.get(name) else { continue };
            if kind != "conv" && kind != "pool" {
                let message = format!("a `{kind}` layer cannot read a padding layer");
                diagnostics.report(
                    Diagnostic::new(&diag::E0213, bottom.span, message)
                        .label(source.span, "the padding layer")
                        .help("only `conv` and `pool` take its padding over"),
                );
            }
            bottom.value.kind = source.value.kind.clone();
            pad = amount.clone();
        }
        for top in connection.fields.iter().filter(|field| field.name.value == "top") {
            let ValueKind::Str(name) = &top.value.kind else { continue };
            let source = connection.last("bottom").filter(is_short).filter(|_| kind == "padding");
            match (source, connection.message("layer")) {
                (Some(source), Some(layer)) => {
                    let amount = layer.last("pad").filter(is_short).cloned();
                    padded.insert(name.clone(), (source.clone(), amount));
                }
                _ => _ = padded.remove(name),
            }
        }
        if let Some(pad) = pad.filter(|_| kind == "conv" || kind == "pool") {
            connection.add_within("layer", pad);
        }
    }
    net.fields.retain(|field| layer_of(field).is_none_or(|layer| type_of(layer) != "padding"));
}

/// Distributes the flat fields of `layer` over the messages of `connection`.
fn upgrade_layer(connection: &mut Message, layer: Message, diagnostics: &mut Diagnostics) {
    let kind = layer.text("type").unwrap_or("").to_string();
    let own = PARAMS.iter().find(|(name, _)| *name == kind).map(|(_, param)| *param);
    for mut field in layer.fields {
        let name = field.name.value.clone();
        if name == "type" {
            if let Some(modern) = named(&kind) {
                field.value.kind = ValueKind::Ident(modern.to_string());
            }
            connection.fields.push(field);
        } else if KEPT.contains(&name.as_str()) || (name == HDF5_OUTPUT && kind == "hdf5_output") {
            connection.fields.push(field);
        } else if let Some((_, modern)) = TRANSFORM.iter().find(|(old, _)| *old == name) {
            field.name.value = modern.to_string();
            connection.add_within("transform_param", field);
        } else if let (Some(modern), Some(param)) = (modern_name(&name, &kind), own) {
            field.name.value = modern.to_string();
            if let ("new_height" | "new_width", ValueKind::Integer(n)) =
                (modern, &mut field.value.kind)
                && let Ok(signed) = i32::try_from(*n)
            {
                // An int32 then, a uint32 now, into which Caffe assigns it.
                *n = i128::from(signed as u32);
            }
            connection.add_within(param, field);
        } else if named(&kind).is_some() {
            // Of a type that nobody knows it is said that nobody knows it, and nothing of its fields.
            let message = format!("in the old form of 2013 a `{kind}` layer has no field `{name}`");
            let of_others =
                FIELDS.iter().any(|(field, ..)| *field == name) || OTHERS.contains(&name.as_str());
            let diagnostic = match of_others {
                true => Diagnostic::new(&diag::W0621, field.name.span, message)
                    .here("left out, as Caffe does")
                    .help("remove it"),
                false => Diagnostic::new(&diag::E0210, field.name.span, message).here("left out"),
            };
            diagnostics.report(diagnostic);
        }
    }
}

/// Complains about a layer of a type that no layer of 2013 has, at which Caffe's own tool ends.
pub(super) fn check_type(layer: &Message, diagnostics: &mut Diagnostics) {
    let Some(field) = layer.last("type") else { return };
    let (ValueKind::Str(kind) | ValueKind::Ident(kind)) = &field.value.kind else { return };
    let known = || TYPES.iter().map(|(old, _)| *old).chain(["padding"]);
    if known().any(|old| old == kind) {
        return;
    }
    let message = format!("no layer in the old form of 2013 has the type `{kind}`");
    let d = Diagnostic::new(&diag::E0201, field.value.span, message);
    diagnostics.report(match nearest(kind, known()) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d,
    });
}

fn modern_name(name: &str, kind: &str) -> Option<&'static str> {
    let field = FIELDS.iter().find(|(old, _, kinds)| *old == name && kinds.contains(&kind));
    field.map(|(_, modern, _)| *modern)
}

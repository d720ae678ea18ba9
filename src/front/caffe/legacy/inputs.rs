//! Turns `input`, `input_dim` and `input_shape` of a net into an Input layer at its front.

use super::build::{block, printed_between, scalar};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::front::caffe::tree::{Field, Message, ValueKind};

const FIELDS: [&str; 3] = ["input", "input_dim", "input_shape"];

pub(super) fn upgrade(net: &mut Message, diagnostics: &mut Diagnostics) {
    FIELDS.iter().for_each(|name| net.split_lists(name));
    let is_input = |field: &Field| FIELDS.contains(&field.name.value.as_str());
    let Some(span) = net.range_of(is_input) else { return };
    let inputs = net.take("input");
    let dims = net.take("input_dim");
    let shapes = net.take("input_shape");
    let (per_input, what, given) = match shapes.is_empty() {
        true => (4, "input_dim", dims.len()),
        false => (1, "input_shape", shapes.len()),
    };
    let needed = inputs.len() * per_input;
    if given != needed {
        let place = inputs.first().or(dims.first()).or(shapes.first()).map_or(span, |f| f.span);
        let s = if inputs.len() == 1 { "" } else { "s" };
        let message =
            format!("{} input{s} need {needed} `{what}`, there are {given}", inputs.len());
        let d = Diagnostic::new(&diag::E0207, place, message);
        diagnostics.report(match per_input {
            1 => d.help("give an `input_shape` for each input, or none"),
            _ => d.help("they are the batch, channels, rows and columns: 1, 3, 224, 224 for one colour image"),
        });
    }
    if inputs.is_empty() {
        return;
    }
    let shape = |i: usize, input: &Field| match shapes.is_empty() {
        true => {
            let own = dims.iter().skip(4 * i).take(4);
            let dims = own.map(|dim| scalar("dim", dim.value.kind.clone(), dim.span)).collect();
            Some(block("shape", dims, input.span))
        }
        false => shapes.get(i).map(|shape| {
            let mut shape = shape.clone();
            shape.name.value = "shape".to_string();
            shape
        }),
    };
    let shapes = inputs.iter().enumerate().filter_map(|(i, input)| shape(i, input)).collect();
    let mut fields = vec![
        scalar("name", ValueKind::Str("input".to_string()), span),
        scalar("type", ValueKind::Str("Input".to_string()), span),
    ];
    for mut input in inputs {
        input.name.value = "top".to_string();
        fields.push(input);
    }
    fields.push(block("input_param", shapes, span));
    let is_layer = |field: &Field| field.name.value == "layer";
    let front = net.fields.iter().position(is_layer).unwrap_or(net.fields.len());
    net.fields.insert(front, block("layer", fields, span));
    let message = "`input` fields of the net are the old form of an Input layer";
    diagnostics.report(Diagnostic::new(&diag::W0613, span, message).edit(
        "an Input layer says the same",
        span,
        printed_between(net, span),
    ));
}

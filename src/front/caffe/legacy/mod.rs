//! Turns definitions written for any earlier Caffe into the modern form, with a warning for each kind of
//! outdated writing whose help holds the modern text.
//!
//! The upgrades are those of Caffe's own tools and come in their order: V0 layers (2013, `layers { layer {
//! type: "conv" } }`), transformations in `data_param`, V1 layers (2014, `layers { type: CONVOLUTION }`),
//! `input` fields, multipliers of BatchNorm, and `solver_type`. Fields keep the spans they were written at.

mod build;
mod inputs;
pub mod order;
mod v0;
pub(super) mod v1;

use super::tree::{Field, Message, ValueKind};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::source::Span;
use build::{block, is_true_zero, printed_between, scalar};

/// A NetParameter in the modern form.
pub fn upgrade_net(mut net: Message, diagnostics: &mut Diagnostics) -> Message {
    upgrade_layers(&mut net, diagnostics);
    inputs::upgrade(&mut net, diagnostics);
    let mut overruled = vec![];
    for field in net.fields.iter_mut().filter(|field| field.name.value == "layer") {
        if let ValueKind::Message(layer) = &mut field.value.kind {
            overruled.extend(upgrade_batch_norm(layer));
            report_ignored_transformations(layer, diagnostics);
        }
    }
    report_overruled(overruled, diagnostics);
    net
}

/// The modern name of a layer's type in a binary file of 2014, where types are numbers.
pub fn type_of_number(number: i32) -> Option<&'static str> {
    v1::numbered(number)
}

/// The modern name of a layer's type in a binary file of 2013, such as `conv`.
pub fn type_of_word(word: &str) -> Option<&'static str> {
    v0::named(word).and_then(v1::named)
}

/// Complains about layers in an old form whose types have no modern names, so that the net has no modern form. To
/// [`upgrade_net`] they are layers like all others.
pub fn check_types(net: &Message, diagnostics: &mut Diagnostics) {
    for field in &net.fields {
        let values = match &field.value.kind {
            ValueKind::List(values) => values.as_slice(),
            _ => std::slice::from_ref(&field.value),
        };
        for value in values {
            match (&value.kind, field.name.value.as_str()) {
                (ValueKind::Message(layer), "layers") => match layer.message("layer") {
                    Some(inner) => v0::check_type(inner, diagnostics),
                    None => v1::check_type(layer, diagnostics),
                },
                (ValueKind::Message(net), name) if NETS.contains(&name) => {
                    check_types(net, diagnostics);
                }
                _ => {}
            }
        }
    }
}

/// The fields of a solver that are nets.
const NETS: [&str; 3] = ["net_param", "train_net_param", "test_net_param"];

/// A SolverParameter in the modern form: `type: "Adam"` for `solver_type: ADAM`, and the nets inside it.
pub fn upgrade_solver(mut solver: Message, diagnostics: &mut Diagnostics) -> Message {
    for field in &mut solver.fields {
        if NETS.contains(&field.name.value.as_str())
            && let ValueKind::Message(net) = &mut field.value.kind
        {
            let empty = Message { fields: vec![], span: net.span };
            *net = upgrade_net(std::mem::replace(net, empty), diagnostics);
        }
    }
    let modern = solver.last("type").map(|field| field.span);
    for field in solver.fields.iter_mut().filter(|field| field.name.value == "solver_type") {
        if let Some(span) = modern {
            let message = "`solver_type` and `type` exclude each other";
            diagnostics.report(
                Diagnostic::new(&diag::E0212, field.span, message)
                    .here("the old form")
                    .label(span, "the modern form")
                    .help("remove one of them"),
            );
            continue;
        }
        let known = match &field.value.kind {
            ValueKind::Ident(old) => SOLVERS.iter().find(|(name, _)| name == old),
            ValueKind::Integer(n) => usize::try_from(*n).ok().and_then(|n| SOLVERS.get(n)),
            _ => None,
        };
        let Some((_, modern)) = known else { continue };
        diagnostics.report(
            Diagnostic::new(&diag::W0615, field.span, "`solver_type` is the old form of `type`")
                .edit(
                    "the type of a solver is a string now",
                    field.span,
                    format!("type: \"{modern}\""),
                ),
        );
        field.name.value = "type".to_string();
        field.value.kind = ValueKind::Str(modern.to_string());
    }
    if modern.is_some() {
        solver.fields.retain(|field| field.name.value != "solver_type");
    }
    solver
}

/// The words of `solver_type` in the order of their numbers, which protobuf takes as well, and the modern names.
const SOLVERS: [(&str, &str); 6] = [
    ("SGD", "SGD"),
    ("NESTEROV", "Nesterov"),
    ("ADAGRAD", "AdaGrad"),
    ("RMSPROP", "RMSProp"),
    ("ADADELTA", "AdaDelta"),
    ("ADAM", "Adam"),
];

/// Replaces `layers` by `layer` fields.
fn upgrade_layers(net: &mut Message, diagnostics: &mut Diagnostics) {
    let is_old = |field: &Field| field.name.value == "layers";
    net.split_lists("layers");
    let Some(first_old) = net.fields.iter().find(|field| is_old(field)) else { return };
    let place = first_old.name.span;
    if let Some(modern) = net.last("layer") {
        let d = Diagnostic::new(&diag::E0211, place, "the net has both `layers` and `layer`");
        let d = d.here("the old form").label(modern.name.span, "the modern form");
        let typed = |field: &Field| match &field.value.kind {
            ValueKind::Message(layer) => layer
                .last("type")
                .is_some_and(|written| matches!(written.value.kind, ValueKind::Str(_))),
            _ => false,
        };
        // A modern layer by another word is a slip, and no layer of 2014.
        if net.fields.iter().filter(|field| is_old(field)).all(typed) {
            diagnostics.report(d.edit("write `layer`", place, "layer"));
            net.fields.iter_mut().filter(|field| is_old(field)).for_each(|field| {
                field.name.value = "layer".to_string();
            });
            return;
        }
        diagnostics
            .report(d.help("Caffe refuses such a net; write every layer in the modern form"));
    }
    let count = net.fields.iter().filter(|field| is_old(field)).count();
    let range = net.range_of(is_old);
    let generation = if v0::is_in(net) { "2013" } else { "2014" };
    v0::upgrade(net, diagnostics);
    for field in net.fields.iter_mut().filter(|field| is_old(field)) {
        field.name.value = "layer".to_string();
        if let ValueKind::Message(layer) = &mut field.value.kind {
            v1::upgrade(layer);
            order::sort(layer, "layer");
        }
    }
    let Some(span) = range else { return };
    let message = match count {
        1 => format!("this layer is in the old form of {generation}, `layers`"),
        _ => {
            format!("the {count} layers of this net are in the old form of {generation}, `layers`")
        }
    };
    diagnostics.report(Diagnostic::new(&diag::W0611, place, message).edit(
        "in the modern form",
        span,
        printed_between(net, span),
    ));
}

/// BatchNorm keeps its statistics out of the solver's hands by zero multipliers. Gives the place of the multipliers and what
/// holds instead, if a rate of learning was another; the decay of what does not learn is nothing.
fn upgrade_batch_norm(layer: &mut Message) -> Option<(Span, String)> {
    if layer.text("type") != Some("BatchNorm") {
        return None;
    }
    layer.split_lists("param");
    let is_param = |field: &Field| field.name.value == "param";
    if layer.fields.iter().filter(|field| is_param(field)).count() != 3 {
        return None;
    }
    let span = layer.range_of(is_param)?;
    let mut changed = false;
    for field in layer.fields.iter_mut().filter(|field| is_param(field)) {
        let at = field.value.span;
        let ValueKind::Message(param) = &mut field.value.kind else { continue };
        changed |= !param.last("lr_mult").is_some_and(|field| is_true_zero(&field.value.kind));
        for name in ["lr_mult", "decay_mult"] {
            param.fields.retain(|field| field.name.value != name);
            param.fields.push(scalar(name, ValueKind::Integer(0), at));
        }
    }
    changed.then(|| (span, printed_between(layer, span)))
}

/// One complaint about all BatchNorm layers whose multipliers do not hold.
fn report_overruled(overruled: Vec<(Span, String)>, diagnostics: &mut Diagnostics) {
    let others = overruled.len().saturating_sub(1);
    let Some((span, holds)) = overruled.into_iter().next() else { return };
    let message = "a BatchNorm layer's three parameters are not learnt";
    let d = Diagnostic::new(&diag::W0614, span, message)
        .here("Caffe sets these multipliers to 0 without a word");
    diagnostics.report(match others {
        0 => d.edit("write what holds", span, holds),
        1 => d.note("so it is with another layer").help(ZEROS),
        n => d.note(format!("so it is with {n} other layers")).help(ZEROS),
    });
}

const ZEROS: &str = "write `param { lr_mult: 0 }` three times, or leave the multipliers out";

/// The fields that once stood where `transform_param` is now. Only in `layers` does Caffe move them.
const MOVED: [&str; 4] = ["scale", "mean_file", "crop_size", "mirror"];
const DATA_PARAMS: [&str; 3] = ["data_param", "image_data_param", "window_data_param"];

fn report_ignored_transformations(layer: &Message, diagnostics: &mut Diagnostics) {
    // Of the data layers of forks nothing is known.
    if !matches!(layer.text("type"), Some("Data" | "ImageData" | "WindowData")) {
        return;
    }
    for data in layer.fields.iter().filter(|f| DATA_PARAMS.contains(&f.name.value.as_str())) {
        let ValueKind::Message(inner) = &data.value.kind else { continue };
        for field in inner.fields.iter().filter(|f| MOVED.contains(&f.name.value.as_str())) {
            let (name, outer) = (&field.name.value, &data.name.value);
            // Caffe's WindowData still reads this one here.
            if name == "scale" && outer == DATA_PARAMS[2] {
                continue;
            }
            let message = format!("`{name}` in `{outer}` has no effect");
            diagnostics.report(
                Diagnostic::new(&diag::W0612, field.span, message)
                    .here("Caffe reads it only in the old `layers`")
                    .help(format!(
                        "move it into a `transform_param {{ {name}: ... }}` of the layer"
                    )),
            );
        }
    }
}

impl Message {
    /// The field of this name that counts: the last one.
    fn last(&self, name: &str) -> Option<&Field> {
        self.fields.iter().rfind(|field| field.name.value == name)
    }

    /// The string or identifier a field is set to.
    fn text(&self, name: &str) -> Option<&str> {
        match &self.last(name)?.value.kind {
            ValueKind::Str(text) | ValueKind::Ident(text) => Some(text),
            _ => None,
        }
    }

    /// The message that a field is set to.
    fn message(&self, name: &str) -> Option<&Message> {
        match &self.last(name)?.value.kind {
            ValueKind::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Takes all fields of this name out.
    fn take(&mut self, name: &str) -> Vec<Field> {
        self.fields.extract_if(.., |field| field.name.value == name).collect()
    }

    /// Replaces `name: [a, b]` by `name: a name: b`.
    fn split_lists(&mut self, name: &str) {
        let mut fields = vec![];
        for mut field in std::mem::take(&mut self.fields) {
            match field.value.kind {
                ValueKind::List(values) if field.name.value == name => {
                    fields.extend(values.into_iter().map(|value| Field {
                        name: field.name.clone(),
                        span: value.span,
                        value,
                    }));
                }
                kind => {
                    field.value.kind = kind;
                    fields.push(field);
                }
            }
        }
        self.fields = fields;
    }

    /// From the first to the last field with a property.
    fn range_of(&self, property: impl Fn(&Field) -> bool) -> Option<Span> {
        self.fields.iter().filter(|field| property(field)).map(|field| field.span).reduce(Span::to)
    }

    /// Adds a field to the last message of a name, which is made if it is missing.
    fn add_within(&mut self, name: &str, field: Field) {
        let last = self.fields.iter_mut().rfind(|field| field.name.value == name);
        match last.map(|field| &mut field.value.kind) {
            Some(ValueKind::Message(message)) => {
                message.fields.retain(|old| old.name.value != field.name.value);
                message.fields.push(field);
            }
            _ => {
                let span = field.span;
                self.fields.push(block(name, vec![field], span));
            }
        }
    }
}

#[cfg(test)]
mod tests;

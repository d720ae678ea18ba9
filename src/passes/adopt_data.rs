//! Gives a definition what DIGITS adds to it: one without data layers its data, `data` at every stage, `label` where the
//! net is trained or validated (everywhere, if the definition knows no stages); and the number of classes to layers
//! without one.

use std::collections::HashSet;

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Definition, NetState, Node, Rule};
use crate::layers::Layer;
use crate::layers::input::Input;
use crate::layers::unknown::Unknown;
use crate::source::{Span, Spanned};
use crate::spec::Value;

/// Sets the number of outputs to that of the classes where it is not written.
pub fn adopt_classes(definition: &mut Definition, classes: usize) {
    for node in &mut definition.nodes {
        if let Layer::InnerProduct(layer) = &mut node.layer
            && layer.of_classes
        {
            (layer.num_output, layer.of_classes) = (classes, false);
        }
    }
}

/// Complains where the number of outputs is not written and nobody will fill it in: only DIGITS does so, whose definitions
/// are told by their stages.
pub fn need_outputs(definition: &mut Definition, diagnostics: &mut Diagnostics) {
    if !definition.awaits_classes() || definition.names_stages() {
        return;
    }
    for node in &mut definition.nodes {
        if !matches!(&node.layer, Layer::InnerProduct(layer) if layer.of_classes) {
            continue;
        }
        let message = node.args.fields.iter().find(|f| f.key.value == "inner_product_param");
        let span = message.map_or(node.type_name.span, |field| match &field.value.value {
            Value::Record(inner) => inner.span,
            _ => field.value.span,
        });
        if !diagnostics.unreadable_within(span) {
            let d = Diagnostic::new(&diag::E0305, span, "`num_output` is missing")
                .here("`num_output` must be set here")
                .help("where it is to be the number of classes, as in DIGITS, say --classes 10");
            diagnostics.report(d);
        }
        node.layer = Unknown { type_name: node.type_name.value.clone() }.into();
    }
}

/// Adds an input for each of `data` and `label` that some layer reads, in front of all layers; in a definition that
/// has data layers of its own, only for what those do not give. One that names its inputs and knows no stages is none of
/// DIGITS', and what it does not produce is not there. Returns the names.
pub fn adopt_data(definition: &mut Definition) -> Vec<String> {
    let staged = definition.names_stages();
    if !staged && definition.nodes.iter().any(|node| node.layer.is_input()) {
        return vec![];
    }
    let mut produced = HashSet::new();
    let mut adopted: Vec<Spanned<String>> = vec![];
    for node in &definition.nodes {
        for bottom in &node.bottoms {
            let name = bottom.value.as_str();
            let known = produced.contains(name) || adopted.iter().any(|a| a.value == name);
            if !known && matches!(name, "data" | "label") && !produced_later(definition, name) {
                adopted.push(bottom.clone());
            }
        }
        produced.extend(node.tops.iter().map(|top| top.value.as_str()));
    }
    let mut names: Vec<String> = adopted.iter().map(|name| name.value.clone()).collect();
    let mut inputs: Vec<Node> = adopted.into_iter().map(|name| input(name, staged)).collect();
    if let Some(data) = deployed(definition) {
        names.push(data.tops[0].value.clone());
        inputs.push(data);
    }
    definition.nodes.splice(0..0, inputs);
    names
}

/// The input `data` of the deploy stage, to which DIGITS gives one whatever data layers the other stages have.
fn deployed(definition: &Definition) -> Option<Node> {
    let state = NetState::named("deploy")?;
    if !definition.stages().contains(&state) {
        return None;
    }
    let data = |name: &&Spanned<String>| name.value == "data";
    let exists = |node: &&Node| node.exists(&state);
    let given = |node: &Node| node.tops.iter().any(|top| data(&top));
    let mut read = None;
    for node in definition.nodes.iter().filter(exists) {
        read = read.or_else(|| node.bottoms.iter().find(data));
        if read.is_none() && given(node) {
            return None;
        }
    }
    let elsewhere = |node: &Node| node.layer.is_input() && given(node);
    let read = read.filter(|_| definition.nodes.iter().any(elsewhere))?;
    let deploy = Rule { stages: state.stages, ..not_deployed(read.span) };
    Some(Node { include: vec![deploy], exclude: vec![], ..input(read.clone(), false) })
}

/// A name that the definition itself produces, if only in place or further down, is not DIGITS' to give.
fn produced_later(definition: &Definition, name: &str) -> bool {
    let gives = |node: &Node| {
        let in_place = node.bottoms.iter().any(|b| b.value == name);
        node.tops.iter().any(|top| top.value == name) && !in_place
    };
    definition.nodes.iter().any(gives)
}

/// An input whose place is where it is first read.
fn input(name: Spanned<String>, staged: bool) -> Node {
    let span = name.span;
    let exclude = match name.value.as_str() {
        "label" if staged => vec![not_deployed(span)],
        _ => vec![],
    };
    let tops = std::slice::from_ref(&name.value);
    let layer = Input { shapes: vec![] }.into();
    Node { exclude, ..Node::new(&name.value, layer, "Input", &[], tops, span) }
}

fn not_deployed(span: Span) -> Rule {
    Rule { stages: vec!["deploy".into()], ..Rule::everywhere(span) }
}

//! Gives a definition without data layers its data, as DIGITS adds them: `data` at every stage, `label` where the
//! net is trained or validated (everywhere, if the definition knows no stages).

use std::collections::HashSet;

use crate::ir::{Definition, Node, Rule};
use crate::layers::input::Input;
use crate::source::{Span, Spanned};
use crate::spec::Record;

/// Adds an input for each of `data` and `label` that some layer reads, in front of all layers; in a definition that
/// has data layers of its own, only for what those do not give. Returns their names.
pub fn adopt_data(definition: &mut Definition) -> Vec<String> {
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
    let names = adopted.iter().map(|name| name.value.clone()).collect();
    let staged = names_stages(definition);
    let inputs: Vec<Node> = adopted.into_iter().map(|name| input(name, staged)).collect();
    definition.nodes.splice(0..0, inputs);
    names
}

/// A name that the definition itself produces, if only in place or further down, is not DIGITS' to give.
fn produced_later(definition: &Definition, name: &str) -> bool {
    let gives = |node: &Node| {
        let in_place = node.bottoms.iter().any(|b| b.value == name);
        node.tops.iter().any(|top| top.value == name) && !in_place
    };
    definition.nodes.iter().any(gives)
}

/// Whether a rule of the definition names a stage; definitions from before DIGITS had stages do not, and their label
/// is simply there.
fn names_stages(definition: &Definition) -> bool {
    let mut rules = definition.nodes.iter().flat_map(|n| n.include.iter().chain(&n.exclude));
    rules.any(|rule| !rule.stages.is_empty() || !rule.not_stages.is_empty())
}

/// An input whose place is where it is first read.
fn input(name: Spanned<String>, staged: bool) -> Node {
    let span = name.span;
    let exclude = match name.value.as_str() {
        "label" if staged => vec![not_deployed(span)],
        _ => vec![],
    };
    Node {
        name: name.clone(),
        layer: Input::default().into(),
        type_name: Spanned::new("Input".into(), span),
        bottoms: vec![],
        tops: vec![name],
        loss_weights: vec![],
        params: vec![],
        include: vec![],
        exclude,
        propagate_down: vec![],
        phase: None,
        args: Record { fields: vec![], span },
        span,
    }
}

fn not_deployed(span: Span) -> Rule {
    Rule {
        phase: None,
        min_level: None,
        max_level: None,
        stages: vec!["deploy".into()],
        not_stages: vec![],
        span,
    }
}

//! Makes the net that is left when only images are given: no labels, no losses, no databases.

use std::collections::HashSet;

use crate::ir::{Definition, NetState, Node};
use crate::layers::Layer;
use crate::layers::input::Input;
use crate::spec::Phase;

/// The definition and the state for inference. A definition with DIGITS' deploy stage has its own; from any other, what
/// needs a label is taken out at the TEST phase, but for the labels among the inputs that are given.
pub fn deploy(definition: &Definition, given: &[&str]) -> (Definition, NetState) {
    let stages = definition.stages();
    if let Some(state) = stages.into_iter().find(|s| s.label() == "deploy") {
        return (definition.clone(), state);
    }
    let state = NetState::phase(Phase::Test);
    let mut missing: HashSet<String> = HashSet::new();
    let mut kept: Vec<Node> = vec![];
    for node in definition.nodes.iter().filter(|node| node.exists(&state)) {
        let mut node = node.clone();
        node.include.clear();
        node.exclude.clear();
        if node.layer.is_input() {
            let mut labels = labels(&node);
            labels.retain(|label| !given.contains(&label.as_str()));
            missing.extend(labels.iter().cloned());
            if let Layer::Input(input) = &mut node.layer
                && input.shapes.len() == node.tops.len()
            {
                let mut tops = node.tops.iter();
                input.shapes.retain(|_| tops.next().is_some_and(|t| !labels.contains(&t.value)));
            }
            node.tops.retain(|top| !labels.contains(&top.value));
            if !matches!(node.layer, Layer::Input(_)) {
                node.layer = Input::default().into();
            }
            if !node.tops.is_empty() {
                kept.push(node);
            }
            continue;
        }
        if node.bottoms.iter().any(|bottom| missing.contains(&bottom.value)) {
            let own = |top: &str| node.bottoms.iter().any(|b| b.value == top);
            missing.extend(node.tops.iter().map(|t| t.value.clone()).filter(|t| !own(t)));
            continue;
        }
        kept.push(node);
    }
    (Definition { nodes: kept, ..definition.clone() }, state)
}

/// The tops of an input that are labels. Only what is read from a database has a label in second place.
fn labels(node: &Node) -> Vec<String> {
    let data = matches!(node.layer, Layer::Data(_));
    let names = node.tops.iter().map(|top| &top.value).enumerate();
    names
        .filter(|&(i, name)| is_label(name, if data { i } else { 0 }))
        .map(|(_, name)| name.clone())
        .collect()
}

/// Whether an input is a label, by its name or because it stands second among those that records are read for.
pub fn is_label(name: &str, position: usize) -> bool {
    name == "sim" || name.contains("label") || position == 1 && name != "data"
}

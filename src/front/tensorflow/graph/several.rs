//! Several losses, each of which changes variables of its own, as those of adversarial nets do (Goodfellow et al. 2014).
//!
//! Gradients of all losses are added up. What a loss reads that another one must not change is therefore computed once
//! more for it, with these variables frozen; it shares them, and everything that holds none.

use std::collections::{HashMap, HashSet};

use super::windows::second;
use super::{Graph, Source, Tensor, Use};
use crate::ir::Node;
use crate::layers::Layer;

/// A loss and the names of the variables that it changes; all without them.
pub type Loss = (String, Option<Vec<String>>);

impl Graph {
    /// The blobs of the losses once each reaches only its own variables.
    pub fn apart(&mut self, losses: &[Loss]) -> Vec<String> {
        if losses.len() < 2 || losses.iter().all(|(_, variables)| variables.is_none()) {
            return losses.iter().map(|(blob, _)| blob.clone()).collect();
        }
        let original = std::mem::take(&mut self.nodes);
        let mut first: HashMap<String, String> = HashMap::new();
        let mut made: HashMap<(usize, Vec<bool>, Vec<String>), String> = HashMap::new();
        let mut blobs = vec![];
        for (loss, variables) in losses {
            let needed = ancestors(&original, loss);
            let mut own: HashMap<String, String> = HashMap::new();
            for (i, node) in original.iter().enumerate().filter(|(i, _)| needed.contains(i)) {
                let keeps =
                    |name: &str| variables.as_ref().is_some_and(|v| !v.iter().any(|v| v == name));
                let frozen =
                    node.params.iter().map(|p| p.name.as_ref().is_some_and(|n| keeps(&n.value)));
                let frozen: Vec<bool> = frozen.collect();
                let bottoms =
                    node.bottoms.iter().map(|b| own.get(&b.value).unwrap_or(&b.value).clone());
                let bottoms: Vec<String> = bottoms.collect();
                let key = (i, frozen.clone(), bottoms.clone());
                let top = match made.get(&key) {
                    Some(top) => top.clone(),
                    None => {
                        let top = self.variant(node, &frozen, &bottoms, &first);
                        made.insert(key, top.clone());
                        top
                    }
                };
                let blob = node.tops[0].value.clone();
                first.entry(blob.clone()).or_insert_with(|| top.clone());
                if 1 < node.tops.len() {
                    own.insert(second(&blob), second(&top));
                }
                own.insert(blob, top);
            }
            blobs.push(own.get(loss).unwrap_or(loss).clone());
        }
        let reached = |node: &Node| first.contains_key(&node.tops[0].value);
        self.nodes.extend(original.into_iter().filter(|node| !reached(node)));
        blobs
    }

    /// Adds a node as a loss needs it; the first of its kind keeps its name.
    fn variant(
        &mut self,
        node: &Node,
        frozen: &[bool],
        bottoms: &[String],
        first: &HashMap<String, String>,
    ) -> String {
        let mut node = node.clone();
        for (param, &frozen) in node.params.iter_mut().zip(frozen) {
            param.frozen = frozen;
        }
        for (bottom, name) in node.bottoms.iter_mut().zip(bottoms) {
            bottom.value.clone_from(name);
        }
        if first.contains_key(&node.tops[0].value) {
            // Moving moments follow a batch once, however often it is computed.
            if let Layer::BatchNormalization(layer) = &mut node.layer {
                layer.momentum = 0.0;
            }
            let (old, same) = (node.name.value.clone(), node.name.value == node.tops[0].value);
            node.name.value = self.unique_whole(&old);
            let top =
                if same { node.name.value.clone() } else { self.unique_whole(&node.tops[0].value) };
            if let Some(shape) = self.shapes.get(&node.tops[0].value).cloned() {
                self.shapes.insert(top.clone(), shape);
            }
            if self.images.contains(&node.tops[0].value) {
                self.images.insert(top.clone());
            }
            if let [_, places] = &mut node.tops[..] {
                places.value = second(&top);
                if let Some(shape) = self.shapes.get(&top).cloned() {
                    self.shapes.insert(places.value.clone(), shape);
                    self.images.insert(places.value.clone());
                }
            }
            node.tops[0].value = top;
            let uses = self.uses.iter().filter(|used| used.node == old);
            let again: Vec<Use> =
                uses.map(|used| Use { node: node.name.value.clone(), ..used.clone() }).collect();
            self.uses.extend(again);
        }
        let top = node.tops[0].value.clone();
        self.nodes.push(node);
        top
    }
}

impl Graph {
    /// The variables that a loss has a gradient for: those from which it is computed on a way that no gradient is kept from.
    pub fn reaches(&self, loss: &Tensor) -> Vec<usize> {
        let mut found = vec![];
        let mut wanted: HashSet<&str> = HashSet::new();
        match &loss.source {
            Source::Blob { blob, .. } => {
                wanted.insert(blob);
            }
            Source::Variable(variable) => found.push(*variable),
            _ => {}
        }
        for node in self.nodes.iter().rev() {
            let goes_on = node.tops.iter().any(|top| wanted.contains(top.value.as_str()));
            if !goes_on || matches!(node.layer, Layer::StopGradient(_)) {
                continue;
            }
            wanted.extend(node.bottoms.iter().map(|bottom| bottom.value.as_str()));
            let users = self.uses.iter().filter(|used| used.node == node.name.value);
            found.extend(users.map(|used| used.variable));
        }
        found
    }
}

/// The nodes that a blob needs.
fn ancestors(nodes: &[Node], blob: &str) -> HashSet<usize> {
    let mut wanted: HashSet<&str> = HashSet::from([blob]);
    let mut found = HashSet::new();
    for (i, node) in nodes.iter().enumerate().rev() {
        if node.tops.iter().any(|top| wanted.contains(top.value.as_str())) {
            found.insert(i);
            wanted.extend(node.bottoms.iter().map(|bottom| bottom.value.as_str()));
        }
    }
    found
}

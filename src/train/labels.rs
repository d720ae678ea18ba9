//! Which labels the losses of a net understand.

use crate::ir::{Port, TypedNet};
use crate::layers::Layer;
use crate::layers::label_map::LabelMap;
use crate::spec::LabelRange;

/// What the layers that read an input as labels of classes demand of them.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    layer: String,
    /// What happens to a label on its way to the layer.
    maps: Vec<LabelMap>,
    range: LabelRange,
}

impl Labels {
    /// What a typed net demands of an input; nothing if it reads no labels there.
    pub fn of(typed: &TypedNet, input: &str) -> Self {
        let mut labels = Labels::default();
        for (index, node) in typed.net.nodes().filter(|(_, node)| node.layer.is_input()) {
            if let Some(top) = node.tops.iter().position(|top| top.value == input) {
                labels.follow(typed, Port { node: index, top }, &[]);
            }
        }
        labels
    }

    fn follow(&mut self, typed: &TypedNet, port: Port, maps: &[LabelMap]) {
        for (index, bottom) in typed.net.readers(port) {
            let node = &typed.net.graph[index];
            if let Layer::LabelMap(map) = &node.layer {
                let maps = [maps, std::slice::from_ref(map)].concat();
                self.follow(typed, Port { node: index, top: 0 }, &maps);
                continue;
            }
            if moves(&node.layer) {
                for top in 0..node.tops.len() {
                    self.follow(typed, Port { node: index, top }, maps);
                }
                continue;
            }
            let shapes = typed.net.bottoms(index).into_iter().map(|port| typed.shape(port?));
            let shapes: Option<Vec<_>> = shapes.map(|shape| shape.cloned()).collect();
            let range = shapes.and_then(|shapes| node.layer.ops().labels(&shapes));
            if let Some(range) = range.filter(|range| range.bottom == bottom) {
                let layer = node.name.value.clone();
                self.rules.push(Rule { layer, maps: maps.to_vec(), range });
            }
        }
    }

    /// Whether nothing is demanded.
    pub fn is_free(&self) -> bool {
        self.rules.is_empty()
    }

    /// Why a number is no label, as a sentence about a layer.
    pub fn complaint(&self, label: f32) -> Option<String> {
        let wrong = self.rules.iter().find(|rule| {
            let seen = rule.maps.iter().fold(f64::from(label), |label, map| map.of(label));
            !rule.range.has(seen as f32)
        })?;
        let LabelRange { first, last, .. } = wrong.range;
        let knows = format!("layer `{}` knows the classes {first} to {last}", wrong.layer);
        let classes = last - first + 1;
        let is_next = wrong.maps.is_empty() && f64::from(label) == (last + 1) as f64;
        Some(match is_next {
            true => format!(
                "{knows}, and classes count from {first}: give the layer before it {} outputs, or lower the labels",
                classes + 1
            ),
            false => knows,
        })
    }

    /// Some numbers that are labels of classes, from the lowest on.
    pub fn some(&self) -> Vec<f32> {
        if self.is_free() {
            return vec![];
        }
        let numbers = (-1..MOST_TRIED).map(|n| n as f32);
        numbers.filter(|&n| self.complaint(n).is_none()).collect()
    }
}

/// Whether a layer's tops are numbers of its bottom, each as it is.
pub fn moves(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::Select(_)
            | Layer::Narrow(_)
            | Layer::Slice(_)
            | Layer::Split(_)
            | Layer::Flatten(_)
            | Layer::Reshape(_)
            | Layer::Identity(_)
    )
}

/// Numbers that are tried, at most.
const MOST_TRIED: i32 = 1000;

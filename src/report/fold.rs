//! Turns a large diagram into a smaller one in which each cluster is one box.

use super::diagram::{Category, Diagram, Edge, Node};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Diagrams with fewer boxes are drawn in full unless asked otherwise.
pub const LARGE: usize = 300;

/// Whether clusters become single boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// From [`LARGE`] boxes on.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The diagram itself, or one with its clusters collapsed.
pub fn folded(diagram: &Diagram, fold: Fold) -> Cow<'_, Diagram> {
    let wanted = match fold {
        Fold::Auto => LARGE <= diagram.nodes.len(),
        Fold::Always => true,
        Fold::Never => false,
    };
    if wanted && !diagram.clusters.is_empty() {
        Cow::Owned(collapse(diagram))
    } else {
        Cow::Borrowed(diagram)
    }
}

/// Replaces the members of each cluster by one box; edges inside disappear, edges across are joined.
fn collapse(diagram: &Diagram) -> Diagram {
    let mut cluster_of: Vec<Option<usize>> = vec![None; diagram.nodes.len()];
    for (index, cluster) in diagram.clusters.iter().enumerate() {
        for &node in &cluster.members {
            if let Some(slot) = cluster_of.get_mut(node) {
                slot.get_or_insert(index);
            }
        }
    }
    let mut nodes = vec![];
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut new_index = vec![0; diagram.nodes.len()];
    for (index, node) in diagram.nodes.iter().enumerate() {
        let Some(cluster) = cluster_of[index] else {
            new_index[index] = nodes.len();
            nodes.push(node.clone());
            continue;
        };
        new_index[index] = *place.entry(cluster).or_insert_with(|| {
            let members: Vec<&Node> = (0..diagram.nodes.len())
                .filter(|&other| cluster_of[other] == Some(cluster))
                .map(|other| &diagram.nodes[other])
                .collect();
            nodes.push(summary(&diagram.clusters[cluster].title, &members));
            nodes.len() - 1
        });
    }
    let edges = joined(diagram, &cluster_of, &new_index);
    Diagram { nodes, edges, clusters: vec![], ..diagram.clone() }
}

/// Edges between the new boxes: one for each blob and consumer, with ports numbered anew for clusters.
fn joined(diagram: &Diagram, cluster_of: &[Option<usize>], new_index: &[usize]) -> Vec<Edge> {
    let mut outputs: HashMap<(usize, usize, usize), usize> = HashMap::new();
    let mut inputs: HashMap<(usize, usize, usize), usize> = HashMap::new();
    let mut used: HashMap<(usize, bool), usize> = HashMap::new();
    let mut edges = vec![];
    for edge in &diagram.edges {
        let ends = (new_index.get(edge.from), new_index.get(edge.to));
        let (Some(&from), Some(&to)) = ends else { continue };
        let (whole_from, whole_to) = (cluster_of[edge.from], cluster_of[edge.to]);
        if whole_from.is_some() && whole_from == whole_to {
            continue;
        }
        let mut edge = edge.clone();
        let blob = (edge.from, edge.from_port);
        if whole_to.is_some() {
            let before = inputs.len();
            let next = used.entry((to, true)).or_default();
            edge.to_port = *inputs.entry((to, blob.0, blob.1)).or_insert(*next);
            if inputs.len() == before {
                continue;
            }
            *next += 1;
        }
        if whole_from.is_some() {
            let before = outputs.len();
            let next = used.entry((from, false)).or_default();
            edge.from_port = *outputs.entry((from, blob.0, blob.1)).or_insert(*next);
            *next += usize::from(before < outputs.len());
        }
        (edge.from, edge.to) = (from, to);
        edges.push(edge);
    }
    edges
}

/// One box that stands for many: its colour is that of most members, its lines count them by type.
fn summary(title: &str, members: &[&Node]) -> Node {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut categories: BTreeMap<Category, usize> = BTreeMap::new();
    for node in members {
        *kinds.entry(&node.kind).or_default() += 1;
        *categories.entry(node.category).or_default() += 1;
    }
    let most =
        categories.iter().max_by_key(|&(category, count)| (*count, std::cmp::Reverse(*category)));
    let category = most.map_or(Category::Unknown, |(&category, _)| category);
    let mut node = Node::new(title, format!("{} layers", members.len()), category);
    node.details = kinds.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
    node.parameters = members.iter().flat_map(|node| node.parameters.iter().cloned()).collect();
    node.problem = members.iter().filter_map(|node| node.problem).max();
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_cluster_becomes_one_box_with_its_outer_edges() {
        let net = sample::googlenet();
        let small = folded(&net, Fold::Always);
        let inside: usize = net.clusters.iter().map(|cluster| cluster.members.len()).sum();
        assert_eq!(small.nodes.len(), net.nodes.len() - inside + net.clusters.len());
        // Blocks follow each other in a chain, so one edge enters each box but the first.
        assert_eq!(small.edges.len(), small.nodes.len() - 1);
        assert!(
            small.nodes.iter().any(|node| node.details.contains(&"6 × Convolution".to_string()))
        );
        assert_eq!(folded(&net, Fold::Auto).nodes.len(), net.nodes.len());
    }
}

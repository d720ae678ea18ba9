//! Finds the blocks of a net whose names say nothing of them: what lies between two boxes that everything passes through, such as
//! the branches of a residual unit with the sum that ends them.

use crate::report::diagram::{Category, Cluster, Diagram};

/// Blocks of fewer boxes are not worth a box of their own.
const SMALLEST: usize = 3;

/// The blocks, if there are several of them, each with the name of the box that ends it. None has more than half of the net, as the
/// inside of a U would.
pub(super) fn blocks(diagram: &Diagram) -> Vec<Cluster> {
    let inner = |node: &usize| {
        let category = diagram.nodes[*node].category;
        !matches!(category, Category::Data | Category::Loss | Category::Metric)
    };
    let order: Vec<usize> = in_order(diagram).into_iter().filter(inner).collect();
    let mut place: Vec<Option<usize>> = vec![None; diagram.nodes.len()];
    for (at, &node) in order.iter().enumerate() {
        place[node] = Some(at);
    }
    // How far the edges from a box go, and so past which boxes data go round.
    let mut reach: Vec<usize> = (0..order.len()).collect();
    for edge in &diagram.edges {
        let ends = (place.get(edge.from), place.get(edge.to));
        if let (Some(&Some(from)), Some(&Some(to))) = ends {
            reach[from] = reach[from].max(to);
        }
    }
    let mut found = vec![];
    let (mut furthest, mut start) = (0, 0);
    for (at, reach) in reach.into_iter().enumerate() {
        if furthest <= at {
            // Nothing goes round this one.
            let members = &order[start..=at];
            if SMALLEST <= members.len() && members.len() <= order.len() / 2 {
                let title = diagram.nodes[order[at]].name.clone();
                found.push(Cluster { title, members: members.to_vec() });
            }
            start = at + 1;
        }
        furthest = furthest.max(reach);
    }
    if found.len() < 2 { vec![] } else { found }
}

/// The boxes so that each comes after those it reads; what is in a circle is left out.
pub(super) fn in_order(diagram: &Diagram) -> Vec<usize> {
    let count = diagram.nodes.len();
    let mut graph = petgraph::graph::DiGraph::<(), ()>::new();
    let places: Vec<_> = (0..count).map(|_| graph.add_node(())).collect();
    for edge in diagram.edges.iter().filter(|edge| edge.from < count && edge.to < count) {
        graph.update_edge(places[edge.from], places[edge.to], ());
    }
    // Boxes are mostly in this order already, which is then kept.
    let sorted = diagram.edges.iter().all(|edge| edge.from < edge.to);
    match sorted {
        true => (0..count).collect(),
        false => petgraph::algo::toposort(&graph, None)
            .map(|order| order.into_iter().map(petgraph::graph::NodeIndex::index).collect())
            .unwrap_or_default(),
    }
}

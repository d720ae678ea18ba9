//! One stage of a definition as a graph.

use std::sync::Arc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::{NetState, Node, Rewriting};

/// An output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port {
    /// The node.
    pub node: NodeIndex,
    /// Which of its tops.
    pub top: usize,
}

/// A blob on its way from a top to a bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Which top it leaves.
    pub top: usize,
    /// Which bottom it enters.
    pub bottom: usize,
}

/// One stage of a definition, wired.
#[derive(Clone, Debug)]
pub struct Net {
    /// The net's name; may be empty.
    pub name: String,
    /// The stage.
    pub state: NetState,
    /// Gradients for all inputs that can have one.
    pub force_backward: bool,
    /// What becomes of gradients before they are applied, in training.
    pub rewriting: Option<Arc<Rewriting>>,
    /// What becomes of parameters after they are changed, in training.
    pub constraints: Option<Arc<Rewriting>>,
    /// Nodes in source order; edges carry ports.
    pub graph: DiGraph<Node, Edge>,
    /// Tops that no layer reads, sorted by name as Caffe sorts them.
    pub outputs: Vec<Port>,
}

impl Net {
    /// The nodes, in source order, which is an order of execution.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeIndex, &Node)> {
        self.graph.node_indices().map(|i| (i, &self.graph[i]))
    }

    /// What each bottom of a node reads, by bottom; `None` where the name is unknown. The only way to
    /// ask: petgraph's own order of neighbours is not the order of arguments.
    pub fn bottoms(&self, node: NodeIndex) -> Vec<Option<Port>> {
        let mut ports = vec![None; self.graph[node].bottoms.len()];
        for edge in self.graph.edges_directed(node, Direction::Incoming) {
            let Edge { top, bottom } = *edge.weight();
            ports[bottom] = Some(Port { node: edge.source(), top });
        }
        ports
    }

    /// The name of a blob.
    pub fn blob(&self, port: Port) -> &str {
        &self.graph[port.node].tops[port.top].value
    }

    /// Whether a top bears the name of the bottom of the same position.
    pub fn in_place(&self, port: Port) -> bool {
        let node = &self.graph[port.node];
        let bottom = node.bottoms.get(port.top);
        bottom.is_some_and(|b| b.value == node.tops[port.top].value)
    }

    /// The readers of a top, in source order: node and bottom.
    pub fn readers(&self, port: Port) -> Vec<(NodeIndex, usize)> {
        let edges = self.graph.edges_directed(port.node, Direction::Outgoing);
        let mut readers: Vec<_> = edges
            .filter(|e| e.weight().top == port.top)
            .map(|e| (e.target(), e.weight().bottom))
            .collect();
        readers.sort();
        readers
    }

    /// Checks the invariants of the module's documentation.
    pub fn verify(&self) -> Result<(), String> {
        for edge in self.graph.edge_references() {
            if edge.target() <= edge.source() {
                return Err(format!("{:?} does not go forward", edge.weight()));
            }
            let (from, to) = (&self.graph[edge.source()], &self.graph[edge.target()]);
            if from.tops.len() <= edge.weight().top || to.bottoms.len() <= edge.weight().bottom {
                return Err(format!("{:?} ends at no port", edge.weight()));
            }
        }
        for (index, node) in self.nodes() {
            let incoming = self.graph.edges_directed(index, Direction::Incoming).count();
            let wired = self.bottoms(index).iter().flatten().count();
            if incoming != wired {
                return Err(format!("a bottom of `{}` has two sources", node.name.value));
            }
        }
        Ok(())
    }
}

//! What the backward pass of training reaches: where gradients begin, which blobs they come through, and which parameters
//! learn from them.
//!
//! What has a gradient is read off the program that training runs; why something has none, off the net.

use petgraph::graph::NodeIndex;

use super::lower::{Backward, Lowered, lower, ready};
use crate::error::Result;
use crate::ir::{Becomes, Place, Port, TypedNet};
use crate::spec::Environment;

/// The backward pass of a net.
#[derive(Clone, Debug, PartialEq)]
pub struct BackwardPass {
    /// The tops where it begins, with the weight of each in the loss.
    pub starts: Vec<(Port, f32)>,
    /// What becomes of it at every bottom, by node.
    pub flows: Vec<Vec<Flow>>,
    /// What it means for every variable.
    pub learning: Vec<Learning>,
}

/// What becomes of the backward pass at a bottom of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It goes on to the layer that gives the blob.
    Passes,
    /// It comes to the layer and ends there.
    Ends(End),
    /// It does not come to the layer.
    Absent,
}

/// Why the backward pass does not go on through a bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The layer has no gradient for it: labels, indices, what is held constant.
    NoGradient,
    /// The definition says `propagate_down: false`.
    PropagateDown,
    /// Nothing before it learns.
    NothingLearns,
}

/// What the backward pass means for a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learning {
    /// The solver changes it by its gradient.
    Learns,
    /// It is no parameter of the solver's: a statistic that its layer keeps, a constant.
    Kept,
    /// Its `lr_mult` is 0.
    NoRate,
    /// The definition leaves it out of what it applies gradients to.
    LeftOut,
    /// Its layers give it no gradient, as the definition says.
    Frozen,
    /// No gradient comes to the layers that use it.
    Unreached,
}

impl BackwardPass {
    /// The backward pass of a net without errors.
    ///
    /// # Errors
    /// See [`ready`].
    pub fn of(typed: &TypedNet, env: &Environment) -> Result<Self> {
        ready(typed)?;
        let lowered = lower(typed, env, Backward::Parameters);
        let weight = |port: Port| typed.loss_weights[port.node.index()][port.top];
        let starts = lowered.starts.iter().map(|&port| (port, weight(port))).collect();
        let flows = flows(typed, &lowered);
        let learning = (0..typed.variables.len()).map(|at| learning(typed, &lowered, at));
        Ok(BackwardPass { starts, flows, learning: learning.collect() })
    }

    /// Whether a variable learns.
    pub fn learns(&self, variable: usize) -> bool {
        self.learning[variable] == Learning::Learns
    }
}

fn flows(typed: &TypedNet, lowered: &Lowered) -> Vec<Vec<Flow>> {
    let net = &typed.net;
    let mut arrives: Vec<Vec<bool>> = net.nodes().map(|(_, n)| vec![false; n.tops.len()]).collect();
    for port in &lowered.starts {
        arrives[port.node.index()][port.top] = true;
    }
    let mut flows = vec![vec![]; net.graph.node_count()];
    let order: Vec<NodeIndex> = net.graph.node_indices().collect();
    for index in order.into_iter().rev() {
        let node = &net.graph[index];
        let arrived = arrives[index.index()].contains(&true);
        let bottoms = net.bottoms(index).into_iter().enumerate();
        let each = bottoms.map(|(bottom, port)| {
            let Some(port) = port.filter(|_| arrived) else { return Flow::Absent };
            if !node.layer.differentiable(bottom, node.bottoms.len()) {
                return Flow::Ends(End::NoGradient);
            }
            if node.propagate_down.get(bottom) == Some(&false) && !net.force_backward {
                return Flow::Ends(End::PropagateDown);
            }
            match lowered.blob_gradients.contains_key(&port) {
                true => {
                    arrives[port.node.index()][port.top] = true;
                    Flow::Passes
                }
                false => Flow::Ends(End::NothingLearns),
            }
        });
        flows[index.index()] = each.collect();
    }
    flows
}

fn learning(typed: &TypedNet, lowered: &Lowered, at: usize) -> Learning {
    let variable = &typed.variables[at];
    let place = |&(node, position): &(NodeIndex, usize)| -> Place {
        (typed.net.graph[node].name.value.clone(), position)
    };
    let left_out = || {
        let changes = typed.net.rewriting.iter().flat_map(|rewriting| &rewriting.changes);
        let mut nothing = changes.filter(|change| change.becomes == Becomes::Nothing);
        nothing.any(|change| variable.users.iter().any(|user| place(user) == change.parameter))
    };
    let frozen = |&(node, position): &(NodeIndex, usize)| {
        typed.net.graph[node].params.get(position).is_some_and(|spec| spec.frozen)
    };
    match () {
        _ if !variable.learned => Learning::Kept,
        _ if variable.lr_mult == 0.0 => Learning::NoRate,
        _ if left_out() => Learning::LeftOut,
        _ if lowered.gradients[at].is_some() => Learning::Learns,
        _ if variable.users.iter().all(frozen) => Learning::Frozen,
        _ => Learning::Unreached,
    }
}

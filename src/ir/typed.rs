//! A net with the shape of every blob and the owner of every parameter.

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;

use super::{Net, Port};
use crate::program::VarId;
use crate::spec::{Filler, Signature};
use crate::ty::Shape;

/// A parameter or state: one variable with one gradient, whoever uses it.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name it is shared by, if it has one.
    pub name: Option<String>,
    /// `weight`, `bias`.
    pub role: &'static str,
    /// Extents, as the owner sees it.
    pub shape: Shape,
    /// First values.
    pub filler: Filler,
    /// First values that win over the filler, in row-major order.
    pub values: Option<std::sync::Arc<[f32]>>,
    /// Factor of the learning rate.
    pub lr_mult: f32,
    /// Factor of the weight decay.
    pub decay_mult: f32,
    /// Whether the solver may change it.
    pub learned: bool,
    /// Whether it is no blob of the original framework; see [`ParamDecl::private`](crate::spec::ParamDecl).
    pub private: bool,
    /// Its users as (node, position among the node's parameters); the first is the owner.
    pub users: Vec<(NodeIndex, usize)>,
}

/// A net after type inference. Complete only if no error was reported.
#[derive(Clone, Debug)]
pub struct TypedNet {
    /// The net.
    pub net: Net,
    /// Shapes by node; `None` where they could not be known.
    pub signatures: Vec<Option<Signature>>,
    /// Shapes that were told of single tops of nodes without a signature.
    pub told: BTreeMap<Port, Shape>,
    /// All variables, owners in source order.
    pub variables: Vec<Variable>,
    /// The variables of each node, by position.
    pub node_variables: Vec<Vec<VarId>>,
    /// The weight of each top in the total loss, by node.
    pub loss_weights: Vec<Vec<f32>>,
}

impl TypedNet {
    /// Whether a top counts in a loss.
    pub fn has_loss(&self) -> bool {
        self.loss_weights.iter().flatten().any(|&weight| weight != 0.0)
    }

    /// The shape of a blob, if it is known.
    pub fn shape(&self, port: Port) -> Option<&Shape> {
        match &self.signatures[port.node.index()] {
            Some(signature) => signature.tops.get(port.top),
            None => self.told.get(&port),
        }
    }

    /// The shape of a blob as the dialect's people know it, if it is known: in TensorFlow images are `N x H x W x C`.
    pub fn seen(&self, port: Port) -> Option<Shape> {
        let shape = self.shape(port)?;
        match (self.net.graph[port.node].channels_last, shape.dims()) {
            (true, &[n, c, h, w]) => Some(Shape(vec![n, h, w, c])),
            _ => Some(shape.clone()),
        }
    }

    /// The variable behind parameter `i` of a node.
    pub fn variable(&self, node: NodeIndex, i: usize) -> Option<&Variable> {
        let id = self.node_variables[node.index()].get(i)?;
        self.variables.get(id.0 as usize)
    }

    /// Number of elements of all learned parameters, shared ones counted once.
    pub fn parameter_count(&self) -> usize {
        self.variables.iter().filter(|v| v.learned).map(|v| v.shape.count()).sum()
    }

    /// `conv1.weight` of the owner: how messages call a variable.
    pub fn variable_label(&self, var: VarId) -> String {
        let v = &self.variables[var.0 as usize];
        let owner = v.users.first().map_or("", |&(n, _)| &self.net.graph[n].name.value);
        format!("{owner}.{}", v.role)
    }
}

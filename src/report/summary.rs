//! What `check` says about each stage: from a typed net to rows with shapes, parameters, memory and operations.

use petgraph::graph::NodeIndex;
use serde_json::{Value, json};

use crate::ir::{Port, TypedNet};
use crate::passes::lower::alone;
use crate::program::{Cost, Program, cost};
use crate::spec::Environment;
use crate::ty::Shape;

/// Bytes of a number; nets are computed in single precision.
const ELEMENT: u64 = 4;

/// One parameter of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// `weight`, `bias`.
    pub role: &'static str,
    /// Extents as this layer sees them.
    pub shape: Shape,
    /// The owner's name of it, `conv1.weight`, if another layer owns it.
    pub owner: Option<String>,
    /// Whether the solver changes it.
    pub learned: bool,
}

/// One layer of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The layer's name.
    pub name: String,
    /// Its type as written.
    pub kind: String,
    /// What it is told, in short.
    pub detail: String,
    /// Names of its blobs, with shapes where they are known.
    pub tops: Vec<(String, Option<Shape>)>,
    /// Whether the shapes of its blobs and parameters are known.
    pub known: bool,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Whether it works in place.
    pub in_place: bool,
    /// Bytes of its blobs; none for a layer in place, unknown without shapes.
    pub activation_bytes: Option<u64>,
    /// The forward pass; unknown without shapes.
    pub cost: Option<Cost>,
}

impl Row {
    /// Learned elements that this layer owns.
    pub fn owned(&self) -> u64 {
        let own = self.parameters.iter().filter(|p| p.learned && p.owner.is_none());
        own.map(|p| p.shape.count() as u64).sum()
    }
}

/// One stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// `train`, `TEST`.
    pub stage: String,
    /// The layers, in order.
    pub rows: Vec<Row>,
}

impl Summary {
    /// Whether the shapes of all layers are known, but for those of the inputs.
    pub fn is_complete(&self) -> bool {
        self.rows.iter().all(|row| row.known || row.kind == "Input")
    }

    /// Learned elements, shared ones counted once, of the layers whose shapes are known.
    pub fn parameters(&self) -> u64 {
        self.rows.iter().map(Row::owned).sum()
    }

    /// Bytes of all blobs, if all shapes are known.
    pub fn activation_bytes(&self) -> Option<u64> {
        self.rows.iter().try_fold(0u64, |sum, row| Some(sum.saturating_add(row.activation_bytes?)))
    }

    /// The forward pass of all layers whose cost is known.
    pub fn known_cost(&self) -> Cost {
        let mut total = Cost::default();
        self.rows.iter().filter_map(|row| row.cost).for_each(|cost| total += cost);
        total
    }

    /// The forward pass, if that of every layer is known.
    pub fn cost(&self) -> Option<Cost> {
        let all = self.rows.iter().all(|row| row.cost.is_some());
        all.then(|| self.known_cost())
    }
}

/// Summarises a stage.
pub fn summarise(typed: &TypedNet, env: &Environment) -> Summary {
    let rows = typed.net.nodes().map(|(index, node)| Row {
        name: node.name.value.clone(),
        kind: node.type_name.value.clone(),
        detail: node.layer.ops().detail().replace('\n', ", "),
        tops: (0..node.tops.len())
            .map(|top| {
                let port = Port { node: index, top };
                (node.tops[top].value.clone(), typed.seen(port))
            })
            .collect(),
        known: typed.signatures[index.index()].is_some(),
        parameters: parameters(typed, index),
        in_place: !node.tops.is_empty() && own_tops(typed, index).next().is_none(),
        activation_bytes: own_tops(typed, index).try_fold(0, |sum: u64, port| {
            let count = typed.shape(port)?.count() as u64;
            Some(sum.saturating_add(count.saturating_mul(ELEMENT)))
        }),
        cost: alone(typed, index, env).map(|program| forward_cost(&program)),
    });
    Summary { stage: typed.net.state.label(), rows: rows.collect() }
}

/// The tops of a layer that are blobs of their own, rather than its bottom changed in place.
fn own_tops(typed: &TypedNet, node: NodeIndex) -> impl Iterator<Item = Port> {
    let ports = (0..typed.net.graph[node].tops.len()).map(move |top| Port { node, top });
    ports.filter(move |&port| !typed.net.in_place(port))
}

fn parameters(typed: &TypedNet, index: NodeIndex) -> Vec<Parameter> {
    let Some(signature) = &typed.signatures[index.index()] else { return vec![] };
    let variables = typed.node_variables[index.index()].iter().enumerate();
    variables
        .zip(&signature.params)
        .map(|((i, &var), decl)| {
            let first = typed.variables[var.0 as usize].users.first();
            let owned = first == Some(&(index, i));
            Parameter {
                role: decl.role,
                shape: decl.shape.clone(),
                owner: (!owned).then(|| typed.variable_label(var)),
                learned: decl.learned,
            }
        })
        .collect()
}

/// What all steps of a program cost.
fn forward_cost(program: &Program) -> Cost {
    let mut total = Cost::default();
    program.steps.iter().for_each(|step| total += cost(program, step));
    total
}

/// A stage for programs:
///
/// ```json
/// { "stage": "TRAIN", "parameters": 431080, "activation_bytes": 1234, "multiply_adds": 5678,
///   "layers": [{ "name": "conv1", "type": "Convolution", "detail": "20 filters of 5 x 5",
///     "tops": [{ "name": "conv1", "shape": [64, 20, 24, 24] }],
///     "parameters": [{ "role": "weight", "shape": [20, 1, 5, 5], "shared_with": null, "learned": true }],
///     "in_place": false, "activation_bytes": 2949120, "multiply_adds": 18432000, "flops": 37601280 }] }
/// ```
///
/// What is not known is null.
pub fn to_json(summary: &Summary) -> Value {
    let layers: Vec<Value> = summary.rows.iter().map(row_json).collect();
    json!({
        "stage": summary.stage,
        "parameters": summary.is_complete().then(|| summary.parameters()),
        "activation_bytes": summary.activation_bytes(),
        "multiply_adds": summary.cost().map(|c| c.multiply_adds),
        "flops": summary.cost().map(|c| c.flops()),
        "layers": layers,
    })
}

fn row_json(row: &Row) -> Value {
    let dims = |shape: &Shape| shape.dims().to_vec();
    let tops: Vec<Value> = row
        .tops
        .iter()
        .map(|(name, shape)| json!({ "name": name, "shape": shape.as_ref().map(dims) }))
        .collect();
    let parameters: Vec<Value> = row
        .parameters
        .iter()
        .map(|p| {
            json!({
                "role": p.role, "shape": dims(&p.shape), "shared_with": p.owner, "learned": p.learned,
            })
        })
        .collect();
    json!({
        "name": row.name,
        "type": row.kind,
        "detail": row.detail,
        "tops": tops,
        "parameters": parameters,
        "in_place": row.in_place,
        "activation_bytes": row.activation_bytes,
        "multiply_adds": row.cost.map(|c| c.multiply_adds),
        "flops": row.cost.map(|c| c.flops()),
    })
}

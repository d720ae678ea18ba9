//! Warnings about nets that work but deserve a look: one file a lint.

mod channels_last_input;
mod crop_without_offset;
mod half_shared;
mod names_used_twice;
mod rows_across_records;
mod unfit_scores;
mod unread_twin;
mod unshared_twin;
mod weight_without_filler;

pub(crate) use names_used_twice::names_used_twice;

use petgraph::graph::NodeIndex;

use super::twins::{Towers, towers};
use crate::diag::Diagnostics;
use crate::ir::{Net, Node, ShareMode, TypedNet};
use crate::source::{Span, Spanned};

/// Runs all lints over a typed net.
pub fn run(typed: &TypedNet, diagnostics: &mut Diagnostics) {
    for group in towers(&typed.net) {
        unread_twin::lint(typed, &group, diagnostics);
        let loose = loose_ends(typed, &group);
        if !unshared_twin::lint(typed, &group, &loose, diagnostics) {
            half_shared::lint(typed, &loose, diagnostics);
        }
    }
    weight_without_filler::lint(typed, diagnostics);
    channels_last_input::lint(typed, diagnostics);
    crop_without_offset::lint(typed, diagnostics);
    rows_across_records::lint(typed, diagnostics);
    names_used_twice::lint(typed, diagnostics);
    unfit_scores::lint(typed, diagnostics);
}

/// A parameter that two corresponding layers could share and do not.
#[derive(Clone, Copy, Debug)]
struct LooseEnd {
    /// The row of the towers.
    row: usize,
    /// The layer of the first tower.
    left: NodeIndex,
    /// Its counterpart.
    right: NodeIndex,
    /// The position among their parameters.
    at: usize,
}

/// The parameters of equal shape at equal positions of corresponding layers that are different variables. Where shapes
/// are not known, what the definition says about parameters is compared by name.
fn loose_ends(typed: &TypedNet, group: &Towers) -> Vec<LooseEnd> {
    let mut found = vec![];
    for (row, nodes) in group.rows.iter().enumerate() {
        let left = nodes[0];
        for &right in &nodes[1..] {
            if [left, right].iter().any(|node| typed.signatures[node.index()].is_none()) {
                let specs = |node: NodeIndex| typed.net.graph[node].params.len();
                let loose = |at: &usize| !share_name(typed, left, right, *at);
                let ends = (0..specs(left).max(specs(right))).filter(loose);
                found.extend(ends.map(|at| LooseEnd { row, left, right, at }));
                continue;
            }
            let of = |node: NodeIndex| &typed.node_variables[node.index()];
            for (at, (one, other)) in of(left).iter().zip(of(right)).enumerate() {
                let (v, w) = (&typed.variables[one.0 as usize], &typed.variables[other.0 as usize]);
                if one != other && v.shape == w.shape && v.learned && w.learned && !v.private {
                    found.push(LooseEnd { row, left, right, at });
                }
            }
        }
    }
    found
}

/// Whether two nodes give a parameter the same name.
fn share_name(typed: &TypedNet, left: NodeIndex, right: NodeIndex, at: usize) -> bool {
    let of = |node: NodeIndex| name(&typed.net.graph[node], at).map(|name| &name.value);
    of(left).is_some() && of(left) == of(right)
}

/// The name that a node gives its parameter at a position.
fn name(node: &Node, at: usize) -> Option<&Spanned<String>> {
    node.params.get(at)?.name.as_ref()
}

/// Where to point for a parameter: at its name, its specification, or the layer.
fn place(node: &Node, at: usize) -> Span {
    let spec = node.params.get(at);
    spec.map_or(node.name.span, |s| s.name.as_ref().map_or(s.span, |name| name.span))
}

/// Whether two corresponding layers share some parameter.
fn share_something(typed: &TypedNet, left: NodeIndex, right: NodeIndex) -> bool {
    let of = |node: NodeIndex| &typed.node_variables[node.index()];
    let specs = typed.net.graph[left].params.len();
    of(left).iter().zip(of(right)).any(|(one, other)| one == other)
        || (0..specs).any(|at| share_name(typed, left, right, at))
}

/// Whether a parameter is shared by count only, as tied weights of an autoencoder are.
fn permissive(net: &Net, node: NodeIndex) -> bool {
    net.graph[node].params.iter().any(|p| p.share == ShareMode::Permissive)
}

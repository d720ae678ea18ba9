//! W0601: towers that share all their parameters by name but one.

use std::collections::BTreeSet;

use petgraph::graph::NodeIndex;

use super::{LooseEnd, name, place, share_something};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::TypedNet;
use crate::passes::twins::Towers;
use crate::source::Span;

/// Reports the loose ends of towers that share most of what they have; true if these towers are such a case.
///
/// A row counts as loose in part if it shares some of its parameters, and as loose as a whole if it lies between
/// rows that share. Towers that merely end in layers of their own are left alone.
pub(super) fn lint(
    typed: &TypedNet,
    group: &Towers,
    loose: &[LooseEnd],
    diagnostics: &mut Diagnostics,
) -> bool {
    let has_parameters = |node: NodeIndex| {
        !typed.node_variables[node.index()].is_empty() || !typed.net.graph[node].params.is_empty()
    };
    let rows: Vec<usize> =
        (0..group.rows.len()).filter(|&row| has_parameters(group.rows[row][0])).collect();
    let shares = |row: usize| {
        let nodes = &group.rows[row];
        nodes[1..].iter().any(|&right| share_something(typed, nodes[0], right))
    };
    let shared: Vec<usize> = rows.iter().copied().filter(|&row| shares(row)).collect();
    let (Some(&first), Some(&last)) = (shared.first(), shared.last()) else { return false };
    let suspects: Vec<&LooseEnd> = loose
        .iter()
        .filter(|end| shared.contains(&end.row) || (first < end.row && end.row < last))
        .collect();
    let loose_rows: BTreeSet<usize> = suspects.iter().map(|end| end.row).collect();
    let whole = shared.iter().filter(|row| !loose_rows.contains(row)).count();
    if suspects.is_empty() || whole < loose_rows.len() {
        return false;
    }
    for end in suspects {
        diagnostics.report(complaint(typed, end));
    }
    true
}

fn complaint(typed: &TypedNet, end: &LooseEnd) -> Diagnostic {
    let graph = &typed.net.graph;
    let (left, right) = (&graph[end.left], &graph[end.right]);
    let role =
        typed.variable(end.left, end.at).map_or(["weight", "bias"][end.at.min(1)], |v| v.role);
    let (a, b) = (&left.name.value, &right.name.value);
    let message = format!(
        "`{a}` and `{b}` are twins but do not share their {role}; the rest of their towers is shared"
    );
    let described = |node: &crate::ir::Node| match name(node, end.at) {
        Some(name) => format!("here the {role} is named `{}`", name.value),
        None => format!("here the {role} has no name"),
    };
    let d = Diagnostic::new(&diag::W0601, place(right, end.at), message)
        .here(described(right))
        .label(place(left, end.at), described(left))
        .note("the towers drift apart while the net still trains");
    let caffe = left.args.find(&["param"]).or(right.args.find(&["param"])).is_some();
    match (name(left, end.at), name(right, end.at)) {
        (Some(own), Some(other)) if caffe => d.edit(
            format!("give both the name `{}`", own.value),
            other.span,
            format!("\"{}\"", own.value),
        ),
        (Some(own), None) => named(d, right, end.at, &own.value, caffe),
        (None, Some(own)) => named(d, left, end.at, &own.value, caffe),
        _ => d.help(format!(
            "give the {role} of both layers the same name in `param {{ name: ... }}`"
        )),
    }
}

/// Advice to name an unnamed parameter, with the edit where its specification is written.
fn named(d: Diagnostic, node: &crate::ir::Node, at: usize, name: &str, caffe: bool) -> Diagnostic {
    let text = format!("name it `{name}` in `{}` as well", node.name.value);
    match node.params.get(at) {
        Some(spec) if caffe => {
            let inside = Span { start: spec.span.start + 1, end: spec.span.start + 1, ..spec.span };
            d.edit(text, inside, format!(" name: \"{name}\""))
        }
        _ => d.help(text),
    }
}

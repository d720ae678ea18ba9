//! W0602: a layer that shares its weights with another but not its bias, or the other way round.

use super::{LooseEnd, permissive, place, share_something};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::TypedNet;

/// Reports each pair of layers that shares some of its parameters only.
pub(super) fn lint(typed: &TypedNet, loose: &[LooseEnd], diagnostics: &mut Diagnostics) {
    for end in loose.iter().filter(|end| share_something(typed, end.left, end.right)) {
        if permissive(&typed.net, end.left) || permissive(&typed.net, end.right) {
            continue;
        }
        let graph = &typed.net.graph;
        let (left, right) = (&graph[end.left], &graph[end.right]);
        let role = typed.variable(end.left, end.at).map_or("parameter", |v| v.role);
        let (a, b) = (&left.name.value, &right.name.value);
        let message = format!("`{b}` shares parameters with `{a}`, but not the {role}");
        let d = Diagnostic::new(&diag::W0602, place(right, end.at), message)
            .here(format!("this {role} is its own"))
            .label(place(left, end.at), format!("the {role} of `{a}`"))
            .help(format!("if they are meant to be one layer, name both {role} parameters alike"));
        diagnostics.report(d);
    }
}

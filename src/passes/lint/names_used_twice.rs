//! Layers with parameters of their own that have one name: weights are kept by it.

use std::collections::HashMap;

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Node, TypedNet};

/// Layers that have the name of a layer before them and other parameters, each behind that layer.
pub(crate) fn names_used_twice(typed: &TypedNet) -> Vec<[&Node; 2]> {
    let mut named = HashMap::new();
    let mut found = vec![];
    for (index, node) in typed.net.nodes() {
        let variables = &typed.node_variables[index.index()];
        if variables.is_empty() {
            continue;
        }
        let (first, of_first) = *named.entry(&node.name.value).or_insert((node, variables));
        if of_first != variables {
            found.push([first, node]);
        }
    }
    found
}

/// Warns of each.
pub(super) fn lint(typed: &TypedNet, diagnostics: &mut Diagnostics) {
    for [first, second] in names_used_twice(typed) {
        let name = &second.name.value;
        let message = format!("two layers with parameters of their own are named `{name}`");
        let d = Diagnostic::new(&diag::W0629, second.name.span, message)
            .here("the second")
            .label(first.name.span, "the first")
            .note("weights are kept by the names of layers, so that the net cannot be trained")
            .help("give it a name of its own, or share the parameters by names of `param`");
        diagnostics.report(d);
    }
}

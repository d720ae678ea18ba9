//! W0603: weights that begin at zero in a net that is trained.

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::TypedNet;
use crate::spec::Filler;

/// More layers than this are counted, not underlined.
const MOST_PLACES: usize = 3;

/// Reports the learned weights with neither a filler nor values, all in one complaint. Stages without a loss are meant for trained
/// weights and are left alone.
pub(super) fn lint(typed: &TypedNet, diagnostics: &mut Diagnostics) {
    if !typed.has_loss() {
        return;
    }
    let bare = typed.variables.iter().filter(|v| {
        v.learned
            && !v.private
            && v.filler == Filler::Unset
            && v.values.is_none()
            && v.lr_mult != 0.0
            && !v.role.starts_with("bias")
    });
    let mut nodes: Vec<_> = bare.filter_map(|v| v.users.first().map(|&(node, _)| node)).collect();
    nodes.dedup();
    let Some(&first) = nodes.first() else { return };
    let named = |node: petgraph::graph::NodeIndex| &typed.net.graph[node].name;
    let others = match nodes.len() - 1 {
        0 => String::new(),
        1 => " and of another layer".to_owned(),
        n => format!(" and of {n} other layers"),
    };
    let message = format!("the weights of `{}`{others} start at zero", named(first).value);
    let mut d = Diagnostic::new(&diag::W0603, named(first).span, message)
        .here("no weight_filler")
        .note("without a filler Caffe sets weights to 0, so all units of a layer stay alike")
        .help("give it one, such as `weight_filler { type: \"xavier\" }`, unless trained weights are loaded");
    for &node in nodes.iter().skip(1).take(MOST_PLACES) {
        d = d.label(named(node).span, "nor here");
    }
    diagnostics.report(d);
}

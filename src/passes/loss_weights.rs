//! From the loss weights that a layer's definition says to the weight of each of its tops.

use petgraph::graph::NodeIndex;

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Net, Node, Port};

/// The weights of a node's tops in the loss: as written, else 1 for the first top of a loss.
///
/// A top with a weight that a layer reads as well is copied by a Split, in Caffe, which takes the weight along and leaves none
/// with the layer (insert_splits.cpp, `clear_loss_weight`). So the weights of its tops that nobody reads fall away, and their
/// number is not asked for. A loss is left with its own weight of 1, for which it must have a single top.
pub(super) fn loss_weights(net: &Net, index: NodeIndex, diagnostics: &mut Diagnostics) -> Vec<f32> {
    let node = &net.graph[index];
    let (written, tops) = (&node.loss_weights, node.tops.len());
    if written.is_empty() {
        let default = |top| if node.layer.spec().loss && top == 0 { 1.0 } else { 0.0 };
        return (0..tops).map(default).collect();
    }
    let weight = |top: usize| written.get(top).map_or(0.0, |weight| weight.value);
    let is_split =
        |&top: &usize| weight(top) != 0.0 && !net.readers(Port { node: index, top }).is_empty();
    let split: Vec<usize> = (0..tops).filter(is_split).collect();
    if split.is_empty() || node.layer.spec().loss && 1 < tops {
        if written.len() != tops && tops != 0 {
            let message = format!("{} loss weights for {tops} tops", written.len());
            let d = Diagnostic::new(&diag::E0207, written[0].span, message);
            let help = "give one loss_weight for each top, 0 for those that are not minimised";
            diagnostics.report(d.help(help));
        }
        return (0..tops).map(weight).collect();
    }
    report_lost(node, &split, diagnostics);
    (0..tops).map(|top| if split.contains(&top) { weight(top) } else { 0.0 }).collect()
}

/// Warns about the weights that are lost, and about those that are not written at all.
fn report_lost(node: &Node, split: &[usize], diagnostics: &mut Diagnostics) {
    let (written, tops) = (&node.loss_weights, node.tops.len());
    let is_lost = |&at: &usize| !split.contains(&at) && (tops <= at || written[at].value != 0.0);
    let lost: Vec<usize> = (0..written.len()).filter(is_lost).collect();
    if lost.is_empty() && written.len() == tops {
        return;
    }
    let kept: Vec<String> = split.iter().map(|&at| format!("`{}`", node.tops[at].value)).collect();
    let layer = &node.name.value;
    let message =
        format!("of the loss weights of layer `{layer}` only that of {} counts", kept.join(", "));
    let place = lost.first().map_or(split[0], |&at| at);
    let here = match lost.first() {
        Some(_) => "has no effect",
        None => "the only weight that counts",
    };
    let d = Diagnostic::new(&diag::W0626, written[place].span, message)
        .here(here)
        .note("Caffe copies a top with a weight that a layer reads too, and drops the weights that are left with the layer");
    let help = "where the others are to count too, put a Reduction layer with the weight over each of those tops";
    diagnostics.report(d.help(help));
}

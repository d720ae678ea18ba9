//! W0632: a criterion of Torch behind a module whose numbers it does not take for what they are.

use petgraph::graph::NodeIndex;

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Node, TypedNet};
use crate::layers::Layer;
use crate::layers::element_loss::Penalty;
use crate::spec::Category;

/// What a criterion takes its input for.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// Logarithms of probabilities.
    Logarithms,
    /// Any numbers, of which it takes the softmax itself.
    Scores,
    /// Probabilities.
    Probabilities,
}

/// Reports each criterion of classes whose input surely is not what it computes with. Only modules that are known for what they
/// give are looked at: behind anything else the definition may well have made the right numbers in its own way.
pub(super) fn lint(typed: &TypedNet, diagnostics: &mut Diagnostics) {
    for (index, node) in typed.net.nodes() {
        let counts = typed.loss_weights[index.index()].iter().any(|&weight| weight != 0.0);
        let Some(wanted) = wanted(node).filter(|_| counts) else { continue };
        let Some(source) = source(typed, index) else { continue };
        if let Some(complaint) = complaint(node, wanted, &typed.net.graph[source]) {
            diagnostics.report(complaint);
        }
    }
}

fn wanted(node: &Node) -> Option<Wanted> {
    match &node.layer {
        _ if !node.type_name.value.ends_with("Criterion") => None,
        Layer::ClassNllLoss(loss) if loss.log_softmax => Some(Wanted::Scores),
        Layer::ClassNllLoss(_) => Some(Wanted::Logarithms),
        Layer::ElementLoss(loss) if loss.penalty == Penalty::CrossEntropy => {
            Some(Wanted::Probabilities)
        }
        _ => None,
    }
}

/// The layer that has computed the first bottom of a layer, before its elements were moved.
fn source(typed: &TypedNet, index: NodeIndex) -> Option<NodeIndex> {
    let mut at = typed.net.bottoms(index).first().copied().flatten()?.node;
    loop {
        let node = &typed.net.graph[at];
        let moves = node.layer.spec().category == Category::Shape && node.bottoms.len() == 1;
        match moves {
            true => at = typed.net.bottoms(at).first().copied().flatten()?.node,
            false => return Some(at),
        }
    }
}

fn complaint(criterion: &Node, wanted: Wanted, source: &Node) -> Option<Diagnostic> {
    let (kind, module) = (&criterion.type_name.value, &source.type_name.value);
    let any = matches!(
        source.layer,
        Layer::InnerProduct(_)
            | Layer::Convolution(_)
            | Layer::BatchNormalization(_)
            | Layer::Tanh(_)
            | Layer::Relu(_)
    );
    let softmax = matches!(&source.layer, Layer::Softmax(layer) if !layer.negated);
    let logarithms = matches!(source.layer, Layer::LogSoftmax(_));
    let sigmoid = matches!(source.layer, Layer::Sigmoid(_));
    let maps = kind.contains("Spatial");
    let last = if maps { "nn.SpatialLogSoftMax()" } else { "nn.LogSoftMax()" };
    let (message, gives, help) = match wanted {
        Wanted::Logarithms if any || softmax || sigmoid => (
            format!("{kind} reads logarithms of probabilities, and {module} gives none"),
            "its results are read as logarithms of probabilities",
            match (softmax, maps) {
                (true, _) => format!("write {last} in the place of {module}"),
                (false, true) => format!("add {last} behind it"),
                (false, false) => format!(
                    "add {last} behind it, or take nn.CrossEntropyCriterion(), which has it inside"
                ),
            },
        ),
        Wanted::Scores if softmax => (
            format!("{kind} takes the softmax itself, and {module} takes it before"),
            "the softmax of probabilities is nearly flat, so the net learns slowly",
            format!("leave {module} out"),
        ),
        Wanted::Scores if logarithms => (
            format!(
                "{kind} takes the logarithm of the softmax itself, and {module} takes it before"
            ),
            "what is done twice changes nothing here",
            format!("leave {module} out, or keep it and take nn.ClassNLLCriterion()"),
        ),
        Wanted::Probabilities if any || logarithms => (
            format!("{kind} reads probabilities, and {module} gives other numbers"),
            "its results are read as probabilities from 0 to 1",
            "add nn.Sigmoid() behind it".to_owned(),
        ),
        _ => return None,
    };
    let d = Diagnostic::new(&diag::W0632, source.span, message).here(gives).help(help);
    // A criterion that the definition leaves out has no place.
    let is_written = criterion.span.start < criterion.span.end && criterion.span != source.span;
    Some(if is_written { d.label(criterion.span, "read here") } else { d })
}

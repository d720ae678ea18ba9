//! Nets that train on gradients of their own: whether all of what is trained gets a gradient through these.

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::TypedNet;
use crate::layers::Layer;
use crate::passes::lower::{Backward, lower, ready};
use crate::spec::Environment;

/// Complains about layers whose gradients are part of the net and are to be differentiated once more, where theirs have no
/// gradients.
pub fn second_gradients(typed: &TypedNet, env: &Environment, diagnostics: &mut Diagnostics) {
    let asks = typed.net.nodes().find(|(_, node)| matches!(node.layer, Layer::Gradients(_)));
    let Some((_, asks)) = asks.filter(|_| ready(typed).is_ok()) else { return };
    let mut said = std::collections::BTreeSet::new();
    for origin in lower(typed, env, Backward::Parameters).ends {
        let found = typed.net.nodes().find(|(index, _)| index.index() == origin.0 as usize);
        let Some((_, node)) = found.filter(|_| said.insert(origin)) else { continue };
        let (name, kind) = (&node.name.value, &node.type_name.value);
        let message = format!(
            "the loss has a gradient of `{name}` in it, and the gradient of {kind} has no gradient in cortado"
        );
        let d = Diagnostic::new(&diag::E0813, node.span, message);
        diagnostics.report(d.label(asks.span, "this gradient is asked for").help(
            "`tf.stop_gradient(gradient)` takes it as a number; else differentiate what does without this function",
        ));
    }
}

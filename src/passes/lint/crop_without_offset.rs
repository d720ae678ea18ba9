//! W0618: a Crop that cuts something off and does not say where it begins.

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::TypedNet;
use crate::layers::Layer;

/// Reports each Crop layer without a `crop_param` whose first bottom is larger than the second.
pub(super) fn lint(typed: &TypedNet, diagnostics: &mut Diagnostics) {
    for (index, node) in typed.net.nodes() {
        let written = node.args.fields.iter().any(|field| field.key.value == "crop_param");
        if written || !matches!(node.layer, Layer::Crop(_)) {
            continue;
        }
        let shapes = typed.net.bottoms(index).into_iter().map(|port| typed.shape(port?));
        let [Some(whole), Some(part)] = shapes.collect::<Vec<_>>()[..] else { continue };
        if whole.dims().iter().skip(2).eq(part.dims().iter().skip(2)) {
            continue;
        }
        let (name, first) = (&node.name.value, &node.bottoms[0].value);
        let message = format!("`{name}` cuts the upper left part out of `{first}`");
        let d = Diagnostic::new(&diag::W0618, node.type_name.span, message)
            .here(format!("{part} of {whole}, from offset 0 on"))
            .note("the Crop of the first FCN, HED and CRF-RNN finds its offset itself; Caffe 1.0's does not")
            .help("say where it begins: `crop_param { offset: ... }`, 0 if this is meant");
        diagnostics.report(d);
    }
}

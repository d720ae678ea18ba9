//! W0617: an input whose channels seem to be its last axis, as other frameworks have them.

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Port, TypedNet};
use crate::layers::Layer;

/// Images of fewer rows may well be that narrow.
const SMALLEST: usize = 8;

/// Reports declared inputs of as many channels as rows that are one or three columns wide and go into a convolution.
pub(super) fn lint(typed: &TypedNet, diagnostics: &mut Diagnostics) {
    for (index, node) in typed.net.nodes().filter(|(_, n)| matches!(n.layer, Layer::Input(_))) {
        for top in 0..node.tops.len() {
            let port = Port { node: index, top };
            let Some(&[n, h, w, c]) = typed.shape(port).map(|shape| shape.dims()) else { continue };
            let convolved =
                typed.net.readers(port).iter().any(|&(reader, _)| {
                    matches!(typed.net.graph[reader].layer, Layer::Convolution(_))
                });
            if h != w || h < SMALLEST || ![1, 3].contains(&c) || !convolved || node.channels_last {
                continue;
            }
            let name = &node.tops[top];
            let message = format!("`{}` has {h} channels, {w} rows and {c} column(s)", name.value);
            let d = Diagnostic::new(&diag::W0617, name.span, message);
            diagnostics.report(d.here(format!("{n} x {h} x {w} x {c}")).help(format!(
                "the order is batch, channels, rows, columns: `dim: {n} dim: {c} dim: {h} dim: {w}`"
            )));
        }
    }
}

//! W0643: of layers that share their parameters one computes what nobody reads.

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Port, TypedNet};
use crate::passes::twins::Towers;

/// Reports each layer of a tower whose top is read by no layer, where that of its counterpart is; of a net that has a
/// loss, since others are there to be looked at. Only a prototxt can forget to read: a program that calls its layers has the
/// result of each in its hand.
pub(super) fn lint(typed: &TypedNet, group: &Towers, diagnostics: &mut Diagnostics) {
    let net = &typed.net;
    let has_loss = net.graph.node_weights().any(|node| node.layer.spec().loss);
    if !has_loss || diagnostics.has_errors() {
        return;
    }
    for row in &group.rows {
        let readers = |node| net.readers(Port { node, top: 0 });
        let Some(&read) = row.iter().find(|&&node| !readers(node).is_empty()) else { continue };
        let twin = &net.graph[read];
        for node in row.iter().filter(|&&node| readers(node).is_empty()) {
            let unread = &net.graph[*node];
            let (Some(top), false) = (unread.tops.first(), unread.args.fields.is_empty()) else {
                continue;
            };
            let name = &twin.name.value;
            let message =
                format!("no layer reads `{}`, and what its twin `{name}` gives is read", top.value);
            let mut d = Diagnostic::new(&diag::W0643, top.span, message).here("read by nobody");
            for (reader, bottom) in readers(read) {
                d = d.label(net.graph[reader].bottoms[bottom].span, format!("this reads `{name}`"));
            }
            diagnostics.report(d.help("let each side read what the layers of its own side give"));
        }
    }
}

//! W0628: an `nn.View` that makes several rows of a record, or one row of several records.

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Node, TypedNet};
use crate::layers::Layer;
use crate::layers::batch_view::BatchRule;
use crate::ty::Shape;
use petgraph::graph::NodeIndex;
use petgraph::visit::Dfs;

/// Reports each View without a count of input dimensions whose rows begin in the midst of a record of images. Rows that are
/// the last axes of the input are meant, and so is what a later layer undoes.
pub(super) fn lint(typed: &TypedNet, diagnostics: &mut Diagnostics) {
    for (index, node) in typed.net.nodes() {
        let Layer::BatchView(view) = &node.layer else { continue };
        let shapes = (input(typed, index), output(typed, index));
        let (Some(x), Some(y), BatchRule::Axes(None)) = (shapes.0, shapes.1, view.rule) else {
            continue;
        };
        // Planes of one pixel are features, and features are split and joined on purpose.
        let is_images = 4 <= x.rank() && 1 < x.count_of(2..x.rank());
        let Some(row) = y.dims().last().copied().filter(|_| is_images && y.rank() <= 2) else {
            continue;
        };
        let (records, item) = (x.dims()[0], x.count_of(1..x.rank()));
        let meant = (0..x.rank()).any(|axis| 0 < axis && x.count_of(axis..x.rank()) == row);
        // One number for each record or pixel, and a text of its own for `View(-1)`.
        if meant || row <= 1 || view.dims == [-1] || undone(typed, index, records) {
            continue;
        }
        diagnostics.report(complaint(node, x, row, item));
    }
}

fn complaint(node: &Node, x: &Shape, row: usize, item: usize) -> Diagnostic {
    let name = &node.name.value;
    let message = match row < item {
        true => format!("layer `{name}` makes {} rows of each record", told(item, row)),
        false => format!("layer `{name}` makes one row of {} records", told(row, item)),
    };
    Diagnostic::new(&diag::W0628, node.span, message)
        .here(format!("a row has {row} numbers, a record {item}: the input is {x}"))
        .note("nn.View looks at the count of numbers alone, so a wrong size changes the number of records")
        .help(format!("nn.View({item}):setNumInputDims({}) makes one row of a record", x.rank() - 1))
}

/// How many times a number is contained in another.
fn told(large: usize, small: usize) -> String {
    match large % small {
        0 => (large / small).to_string(),
        _ => format!("{:.1}", large as f64 / small as f64),
    }
}

fn input(typed: &TypedNet, index: NodeIndex) -> Option<&Shape> {
    typed.net.bottoms(index).into_iter().next().flatten().and_then(|port| typed.shape(port))
}

fn output(typed: &TypedNet, index: NodeIndex) -> Option<&Shape> {
    typed.signatures[index.index()].as_ref()?.tops.first()
}

/// Whether what follows has as many records again as came in.
fn undone(typed: &TypedNet, index: NodeIndex, records: usize) -> bool {
    let mut later = Dfs::new(&typed.net.graph, index);
    let mut shapes = std::iter::from_fn(|| later.next(&typed.net.graph));
    shapes.any(|at| output(typed, at).is_some_and(|y| 1 < y.rank() && y.dims()[0] == records))
}

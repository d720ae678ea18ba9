//! Two tensors that do not go together, and where the extents that differ come from.

use super::{Fault, Graph, Source, Tensor, shown};
use crate::ir::Node;
use crate::source::Span;

/// The names of the axes of images.
const AXES: [&str; 4] = ["batches", "heights", "widths", "channels"];

/// A pair of axes along which two tensors differ: that of the first and that of the second.
type Pair = (usize, usize);

impl Graph {
    /// A complaint about two tensors whose extents must be equal along all of these pairs of axes and are not: which differ,
    /// and where each of them is made.
    pub(super) fn unlike(
        &self,
        message: String,
        [a, b]: [&Tensor; 2],
        pairs: impl IntoIterator<Item = Pair>,
    ) -> Fault {
        let differ = |&(i, j): &Pair| a.dims[i] != b.dims[j];
        let pairs: Vec<Pair> = pairs.into_iter().filter(differ).collect();
        let images = a.rank() == 4 && b.rank() == 4;
        let mut told: Vec<(Vec<String>, [usize; 2])> = vec![];
        for &(i, j) in &pairs {
            let extents = [a.dims[i], b.dims[j]];
            let name = match images {
                true => AXES[i].to_owned(),
                // From the last axis on, as shapes are compared.
                false if a.rank() == b.rank() => format!("axis {i}"),
                false => format!("axis -{}", a.rank() - i),
            };
            match told.iter_mut().find(|(_, other)| *other == extents) {
                Some((names, _)) => names.push(name),
                None => told.push((vec![name], extents)),
            }
        }
        let told = told.iter().map(|(names, [x, y])| match images {
            true => format!("{} {x} and {y} differ", names.join(" and ")),
            false => format!("{x} and {y} differ along {}", names.join(" and ")),
        });
        let told: Vec<String> = told.collect();
        let mut fault = match told.is_empty() {
            true => Fault::new(message),
            false => Fault::new(format!("{message}: {}", told.join(", "))),
        };
        let axes = |of: fn(&Pair) -> usize| pairs.iter().map(of).collect::<Vec<_>>();
        for (tensor, axes) in [(a, axes(|pair| pair.0)), (b, axes(|pair| pair.1))] {
            if let Some(label) = self.origin(tensor, &axes).filter(|label| label.0 != self.place) {
                fault.labels.push(label);
            }
        }
        fault.labels.dedup();
        fault
    }

    /// The same for two tensors that must have one shape, with what to do.
    pub fn differ(&self, message: String, [a, b]: [&Tensor; 2], help: &str) -> Fault {
        self.unlike(message, [a, b], all_but(a, b, None)).help(help)
    }

    /// Where the extents of a tensor along some axes are made, and what to say there.
    fn origin(&self, tensor: &Tensor, axes: &[usize]) -> Option<(Span, String)> {
        let Source::Blob { blob, order } = &tensor.source else { return None };
        let places: Vec<usize> = axes.iter().map(|&axis| order[axis]).collect();
        let extents = |blob: &str| -> Option<Vec<usize>> {
            let shape = self.shapes.get(blob)?;
            places.iter().map(|&axis| shape.dims().get(axis).copied()).collect()
        };
        let (rank, own) = (tensor.rank(), extents(blob)?);
        let made_by = |blob: &str| {
            self.nodes.iter().rfind(|node| node.tops.iter().any(|top| top.value == blob))
        };
        let mut node = made_by(blob)?;
        let mut seen = self.nodes.len();
        loop {
            let alike = |node: &Node| {
                let bottoms = node.bottoms.iter().map(|bottom| bottom.value.as_str());
                let same = |blob: &&str| self.shapes.get(*blob).is_some_and(|s| s.rank() == rank);
                bottoms.filter(same).map(str::to_owned).next()
            };
            let Some(before) = alike(node) else {
                let text = format!("{} is made here", shown(&tensor.dims));
                return (!node.layer.is_input()).then_some((node.span, text));
            };
            let there = extents(&before)?;
            if there != own || places.is_empty() {
                let text = format!("{} is made of {} here", listed(&own), listed(&there));
                return Some((node.span, format!("{text}, for {}", shown(&tensor.dims))));
            }
            node = made_by(&before)?;
            seen = seen.checked_sub(1)?;
        }
    }
}

/// Extents: `14 x 14`.
fn listed(extents: &[usize]) -> String {
    extents.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

/// All axes of two tensors that are compared from the last one on, but for extents of 1, which are repeated.
pub(super) fn repeated(a: &Tensor, b: &Tensor) -> Vec<Pair> {
    let both = (1..=a.rank().min(b.rank())).map(|back| (a.rank() - back, b.rank() - back));
    let mut pairs: Vec<Pair> = both.filter(|&(i, j)| a.dims[i] != 1 && b.dims[j] != 1).collect();
    pairs.reverse();
    pairs
}

/// All axes of two tensors of one rank but for one.
pub(super) fn all_but(a: &Tensor, b: &Tensor, free: Option<usize>) -> Vec<Pair> {
    match a.rank() == b.rank() {
        true => (0..a.rank()).filter(|&axis| Some(axis) != free).map(|axis| (axis, axis)).collect(),
        false => vec![],
    }
}

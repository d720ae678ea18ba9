//! Two blobs that do not go together to a complaint that tells where the extents that differ come from.

use std::collections::HashSet;

use crate::diag::Diagnostic;
use crate::ir::{Net, Node};
use crate::source::Span;
use crate::spec::{Category, Signature};
use crate::ty::Shape;
use crate::window::{Axis, Rounding};

/// A top of a layer: the number of the layer and of the top.
pub type Top = (usize, usize);

/// Layers up to some place, with what they read and the shapes they give, as far as these are known.
#[derive(Debug)]
pub struct Origins<'a> {
    nodes: Vec<&'a Node>,
    bottoms: Vec<Vec<Option<Top>>>,
    shapes: Vec<Vec<Shape>>,
}

/// Two blobs, with the axis along which they may differ.
#[derive(Clone, Copy, Debug)]
pub struct Unlike {
    /// The blob that the other one is compared with.
    pub first: Top,
    /// The blob that is complained about.
    pub second: Top,
    /// The axis that counts for nothing, if there is one.
    pub free: Option<usize>,
}

/// Where an extent of a blob comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    /// The layer made it.
    Made(usize),
    /// It is that of this blob, which the other one comes from as well.
    Kept(Top),
}

/// The largest stride that is thought of.
const MOST_STRIDE: usize = 4;

/// The names of the axes of images.
const AXES: [&str; 4] = ["batches", "channels", "heights", "widths"];

/// The axes along which two shapes with equally many axes differ.
fn differing(a: &Shape, b: &Shape, free: Option<usize>) -> Vec<usize> {
    match a.rank() == b.rank() {
        true => (0..a.rank()).filter(|&i| Some(i) != free && a.dims()[i] != b.dims()[i]).collect(),
        false => vec![],
    }
}

/// What is different: `heights and widths 12 and 14 differ`; nothing where the shapes alone say it.
pub fn difference(first: &Shape, second: &Shape, free: Option<usize>) -> Option<String> {
    let axes = differing(first, second, free);
    let mut pairs: Vec<(Vec<&str>, (usize, usize))> = vec![];
    for axis in axes {
        let name = if first.rank() == 4 { AXES[axis] } else { "extents" };
        let pair = (second.dims()[axis], first.dims()[axis]);
        match pairs.iter_mut().find(|(_, other)| *other == pair) {
            Some((names, _)) if names.contains(&name) => {}
            Some((names, _)) => names.push(name),
            None => pairs.push((vec![name], pair)),
        }
    }
    let told = |(names, (a, b)): &(Vec<&str>, (usize, usize))| {
        format!("{} {a} and {b}", names.join(" and "))
    };
    let told: Vec<String> = pairs.iter().map(told).collect();
    (!told.is_empty()).then(|| format!("{} differ", told.join(", ")))
}

impl<'a> Origins<'a> {
    /// Those of a net whose first layers have these signatures.
    pub fn of_net(net: &'a Net, signatures: &[Option<Signature>]) -> Self {
        let indices: Vec<_> = net.graph.node_indices().take(signatures.len()).collect();
        let top = |port: crate::ir::Port| (port.node.index(), port.top);
        let read = |&node: &_| net.bottoms(node).into_iter().map(|port| port.map(top)).collect();
        let given = |signature: &Option<Signature>| signature.as_ref().map(|s| s.tops.clone());
        Origins {
            nodes: indices.iter().map(|&node| &net.graph[node]).collect(),
            bottoms: indices.iter().map(read).collect(),
            shapes: signatures.iter().map(|s| given(s).unwrap_or_default()).collect(),
        }
    }

    fn shape(&self, (node, top): Top) -> Option<&Shape> {
        self.shapes.get(node)?.get(top)
    }

    /// What the maker of a top read, where its shape has as many axes as that of the top.
    fn before(&self, at: Top) -> Option<Top> {
        let rank = self.shape(at)?.rank();
        let read = self.bottoms.get(at.0)?.iter().flatten();
        read.copied().find(|&bottom| self.shape(bottom).is_some_and(|shape| shape.rank() == rank))
    }

    /// All that a blob was made of, and the blob itself.
    fn ancestors(&self, of: Top) -> HashSet<Top> {
        let (mut found, mut open) = (HashSet::new(), vec![of]);
        while let Some(top) = open.pop() {
            if found.insert(top) {
                open.extend(self.bottoms.get(top.0).into_iter().flatten().flatten());
            }
        }
        found
    }

    /// Where the extents of a blob along these axes come from, with the tops on the way there; `others` is what the other
    /// blob was made of.
    fn origin(&self, of: Top, axes: &[usize], others: &HashSet<Top>) -> (Origin, Vec<Top>) {
        let extents = |top: Top| -> Option<Vec<usize>> {
            Some(axes.iter().map(|&axis| self.shape(top).map_or(0, |s| s.dims()[axis])).collect())
        };
        let (mut at, mut way) = (of, vec![of]);
        loop {
            if others.contains(&at) {
                return (Origin::Kept(at), way);
            }
            match self.before(at).filter(|&before| extents(before) == extents(at)) {
                Some(before) => (at, _) = (before, way.push(before)),
                None => return (Origin::Made(at.0), way),
            }
        }
    }

    /// A complaint with the places where the extents that differ come from, and with a change that makes them equal, where
    /// one is found.
    pub fn told(&self, unlike: Unlike, mut complaint: Diagnostic) -> Diagnostic {
        let Unlike { first, second, free } = unlike;
        let (Some(a), Some(b)) = (self.shape(first), self.shape(second)) else { return complaint };
        let axes = differing(a, b, free);
        let mut advice = vec![];
        let mut told: Vec<(Span, String)> = vec![];
        for (of, other, wanted) in [(first, second, b), (second, first, a)] {
            let (origin, way) = self.origin(of, &axes, &self.ancestors(other));
            told.push(self.place_and_text(of, origin, way.last().copied(), &axes));
            // What both blobs come from is not to be changed.
            let own = match origin {
                Origin::Kept(_) => &way[..way.len() - 1],
                Origin::Made(_) => &way[..],
            };
            advice.extend(self.advice(own, &axes, wanted));
        }
        told.dedup();
        for (span, text) in told {
            complaint = complaint.label(span, text);
        }
        match advice.is_empty() || complaint.help.is_some() {
            true => complaint,
            false => complaint.help(advice.join(", or ")),
        }
    }

    /// Where to point for one of the two blobs, and what to say there.
    fn place_and_text(
        &self,
        of: Top,
        origin: Origin,
        at: Option<Top>,
        axes: &[usize],
    ) -> (Span, String) {
        let (blob, shape) = (self.blob(of), self.shape(of).cloned().unwrap_or_default());
        let made = match (origin, at) {
            (Origin::Made(_), Some(at)) => self.before(at).map(|before| (at, before)),
            _ => None,
        };
        let Some((at, before)) = made.filter(|_| !axes.is_empty()) else {
            let text = match origin {
                Origin::Kept(common) if common != of && !axes.is_empty() => {
                    format!(
                        "`{blob}` is {shape}, {} as in `{}`",
                        self.extents(of, axes),
                        self.blob(common)
                    )
                }
                _ => format!("`{blob}` is {shape}, made here"),
            };
            return (self.nodes[of.0].type_name.span, text);
        };
        let node = self.nodes[at.0];
        let keys: &[&str] = match axes {
            [1] => &["num_output", "group", "axis"],
            _ => &["stride", "stride_h", "pad", "pad_h", "kernel_size", "kernel_h"],
        };
        let mut text = format!(
            "`{}` makes {} of {} here",
            node.name.value,
            self.extents(at, axes),
            self.extents(before, axes)
        );
        if let Some(window) = self.window(at, axes) {
            let pads = window.pad_before + window.pad_after;
            let pad = match (pads, window.pad_before == window.pad_after) {
                (0, _) => "no padding".to_owned(),
                (_, true) => format!("a padding of {}", window.pad_before),
                _ => format!("a padding of {} and {}", window.pad_before, window.pad_after),
            };
            let (reach, stride) = (window.reach(), window.stride);
            text.push_str(&format!(": a window of {reach}, a stride of {stride}, {pad}"));
        }
        (node.args.find(keys).unwrap_or(node.type_name.span), text)
    }

    fn blob(&self, (node, top): Top) -> &str {
        &self.nodes[node].tops[top].value
    }

    /// The extents along some axes: `14 x 14`.
    fn extents(&self, top: Top, axes: &[usize]) -> String {
        let shape = self.shape(top);
        let dims = axes.iter().map(|&axis| shape.map_or(0, |shape| shape.dims()[axis]));
        Shape(dims.collect()).to_string()
    }

    /// The window along all of these axes, where the maker of a top has the same one along each.
    fn window(&self, top: Top, axes: &[usize]) -> Option<Axis> {
        let (before, shape) = (self.before(top)?, self.shape(top)?);
        let windows = self.nodes[top.0].layer.ops().sliding(self.shape(before)?);
        let lead = shape.rank().checked_sub(windows.len())?;
        let along = axes.iter().map(|&axis| windows.get(axis.checked_sub(lead)?).copied());
        let along: Vec<Axis> = along.collect::<Option<_>>()?;
        let first = *along.first()?;
        along.iter().all(|&axis| axis == first).then_some(first)
    }

    /// How the last layer with windows on a way, or with outputs that are counted, would give the wanted extents.
    fn advice(&self, way: &[Top], axes: &[usize], wanted: &Shape) -> Option<String> {
        let dims = |shape: &Shape| axes.iter().map(|&axis| shape.dims()[axis]).collect::<Vec<_>>();
        let goal = dims(wanted);
        for &top in way {
            let node = self.nodes[top.0];
            let name = &node.name.value;
            let category = node.layer.spec().category;
            let counted = matches!(category, Category::Convolution | Category::Dense);
            if axes == [1] && counted && node.args.find(&["num_output"]).is_some() {
                return Some(format!("`num_output: {}` in `{name}` makes them equal", goal[0]));
            }
            let Some(window) = self.window(top, axes) else { continue };
            let (from, to) = (dims(self.shape(self.before(top)?)?), dims(self.shape(top)?));
            let all = |axis: Axis, rule: &dyn Fn(Axis, usize) -> Option<usize>, to: &[usize]| {
                from.iter().zip(to).all(|(&from, &to)| rule(axis, from) == Some(to))
            };
            let up = |axis: Axis, extent| axis.pooled(extent, Rounding::Ceil);
            let down = |axis: Axis, extent| axis.convolved(extent);
            let rules: [&dyn Fn(Axis, usize) -> Option<usize>; 2] = [&down, &up];
            let Some(rule) = rules.into_iter().find(|rule| all(window, *rule, &to)) else {
                continue;
            };
            let padded = |pad| Axis { pad_before: pad, pad_after: pad, ..window };
            let pads = (0..window.reach()).filter(|&pad| all(padded(pad), rule, &goal));
            if let Some(pad) = pads.min_by_key(|pad| pad.abs_diff(window.pad_before)) {
                return Some(format!("a padding of {pad} in `{name}` makes them equal"));
            }
            let strides = 1..=MOST_STRIDE;
            let stride = |stride| Axis { stride, ..window };
            if let Some(by) = strides.into_iter().find(|&by| all(stride(by), rule, &goal)) {
                return Some(format!("a stride of {by} in `{name}` makes them equal"));
            }
        }
        None
    }
}

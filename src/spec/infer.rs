//! What a layer sees when it infers shapes and when it lowers.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::origins::{Origins, Unlike, difference};
use super::{Filler, Phase};
use crate::diag::{self, Diagnostic, Diagnostics, Reported};
use crate::ir::{Net, Node};
use crate::program::{Builder, ValueId};
use crate::source::Span;
use crate::ty::Shape;

/// The shapes of what a layer gives and keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signature {
    /// One per top.
    pub tops: Vec<Shape>,
    /// Parameters, in the order of the original framework.
    pub params: Vec<ParamDecl>,
}

impl Signature {
    /// One top of this shape, no parameters.
    pub fn of(shape: Shape) -> Self {
        Signature { tops: vec![shape], params: vec![] }
    }
}

/// A parameter that a layer asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamDecl {
    /// `weight`, `bias`, `mean`.
    pub role: &'static str,
    /// Extents.
    pub shape: Shape,
    /// First values.
    pub filler: Filler,
    /// Whether the solver changes it; running statistics are not learned.
    pub learned: bool,
    /// Whether it is the layer's own affair: no blob of the original framework, in no weight file of it, shared by
    /// name with nobody, and different for the nets of different stages.
    pub private: bool,
    /// Whether the solver's rate is that of the layer, 1, whatever multiplier the definition has.
    pub own_rate: bool,
}

impl ParamDecl {
    /// A learned parameter.
    pub fn new(role: &'static str, shape: impl Into<Shape>, filler: Filler) -> Self {
        let shape = shape.into();
        ParamDecl { role, shape, filler, learned: true, private: false, own_rate: false }
    }

    /// A state that the layer itself keeps.
    pub fn state(role: &'static str, shape: impl Into<Shape>, filler: Filler) -> Self {
        ParamDecl { learned: false, ..Self::new(role, shape, filler) }
    }

    /// A state that the original framework keeps outside of its blobs.
    pub fn private(role: &'static str, shape: impl Into<Shape>, filler: Filler) -> Self {
        ParamDecl { learned: false, private: true, ..Self::new(role, shape, filler) }
    }
}

/// What the outside says about data while shapes are inferred.
#[derive(Clone, Default)]
pub struct Environment<'a> {
    /// Shapes of data blobs by name, from the command line or the run file; they win over the definition's.
    pub shapes: BTreeMap<String, Shape>,
    /// Values of data blobs by name, where the caller knows them beforehand.
    pub values: BTreeMap<String, Vec<f32>>,
    /// The shape of one record (channels, height, width) of a data source, by its path.
    pub record: Option<&'a dyn Fn(&str) -> Option<Shape>>,
    /// Why that shape is not known, where the source cannot be read.
    pub trouble: Option<&'a dyn Fn(&str) -> Option<String>>,
    /// The content of a BlobProto file that a layer names: its shape and values, or a reason.
    pub blob: Option<&'a dyn Fn(&str) -> Result<(Shape, Vec<f32>), String>>,
}

/// Which numbers are labels of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelRange {
    /// The bottom that holds labels.
    pub bottom: usize,
    /// The label of the first class.
    pub first: i64,
    /// The label of the last class.
    pub last: i64,
    /// A label that stands for no class.
    pub ignored: Option<i64>,
}

impl LabelRange {
    /// Bottom 1 holds numbers of so many classes, counted from `first`.
    pub fn of(classes: usize, first: i64, ignored: Option<i64>) -> Self {
        LabelRange { bottom: 1, first, last: first + classes as i64 - 1, ignored }
    }

    /// Whether a number is a label; fractions are cut off.
    pub fn has(&self, label: f32) -> bool {
        let whole = label as i64;
        self.ignored == Some(whole) || (self.first..=self.last).contains(&whole)
    }
}

/// The context of shape inference for one layer.
pub struct Infer<'a> {
    /// The layer's node.
    pub node: &'a Node,
    /// Shapes of the bottoms.
    pub bottoms: &'a [Shape],
    /// The phase of the net, or the layer's own.
    pub phase: Phase,
    /// What the outside says.
    pub env: &'a Environment<'a>,
    values: Vec<Option<&'a [f32]>>,
    forms: Vec<Option<&'static [usize]>>,
    /// The net around the layer, and the signatures of the layers before it.
    net: Option<(&'a Net, &'a [Option<Signature>])>,
    diagnostics: RefCell<&'a mut Diagnostics>,
}

impl<'a> Infer<'a> {
    /// The context for a node.
    pub fn new(
        node: &'a Node,
        bottoms: &'a [Shape],
        phase: Phase,
        env: &'a Environment<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        let diagnostics = RefCell::new(diagnostics);
        let values = vec![];
        Infer { node, bottoms, phase, env, values, forms: vec![], net: None, diagnostics }
    }

    /// The same context with the values of those bottoms that are known beforehand.
    pub fn with_values(self, values: Vec<Option<&'a [f32]>>) -> Self {
        Infer { values, ..self }
    }

    /// The same context with what readers of the tops say about their form; see [`LayerOps::form`](super::LayerOps::form).
    pub fn with_forms(self, forms: Vec<Option<&'static [usize]>>) -> Self {
        Infer { forms, ..self }
    }

    /// Whether the net seems to be made for training alone: it has a loss, and no layer names a phase.
    pub fn is_for_training_alone(&self) -> bool {
        let Some((net, _)) = self.net else { return false };
        let named =
            |node: &Node| node.include.iter().chain(&node.exclude).any(|rule| rule.phase.is_some());
        let mut nodes = net.graph.node_weights();
        let has_loss = net.graph.node_weights().any(|node| node.layer.spec().loss);
        has_loss && !nodes.any(named)
    }

    /// A shape that a top of this name might have, with the batch: `64,3,28,28`.
    fn example(&self, blob: &str, batch: usize) -> String {
        let top = self.node.tops.iter().position(|top| top.value == blob);
        let form = top.and_then(|top| self.forms.get(top).copied().flatten());
        let form: &[usize] = match form {
            Some(form) => form,
            None if blob.contains("label") => &[],
            // What Faster R-CNN calls the size of an image and the boxes of its objects.
            None if blob == "im_info" => &[3],
            None if blob == "gt_boxes" => &[5],
            None => &[3, 28, 28],
        };
        let extents = [&[batch][..], form].concat();
        extents.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
    }

    /// The same context with the net around the layer and the signatures of the layers before it, for complaints that tell
    /// where shapes come from.
    pub fn within(self, net: &'a Net, before: &'a [Option<Signature>]) -> Self {
        Infer { net: Some((net, before)), ..self }
    }

    /// The values of bottom `i`, if they are known beforehand.
    pub fn value(&self, i: usize) -> Option<&'a [f32]> {
        self.values.get(i).copied().flatten()
    }

    /// Complains about the first of those labels that are known beforehand that names no class.
    pub fn check_labels(&self, range: &LabelRange) -> Result<(), Reported> {
        let known = self.value(range.bottom).unwrap_or_default();
        match known.iter().find(|&&label| !range.has(label)) {
            Some(label) => {
                let (first, last) = (range.first, range.last);
                let message = format!("label {label} is none of the classes {first} to {last}");
                self.fail_bottom(range.bottom, message)
            }
            None => Ok(()),
        }
    }

    /// Shape of bottom `i`; the arity was checked before.
    pub fn bottom(&self, i: usize) -> &'a Shape {
        &self.bottoms[i]
    }

    /// Number of tops the definition names (or that were made automatically).
    pub fn n_tops(&self) -> usize {
        self.node.tops.len()
    }

    /// The place of the first of these arguments that is written, else of the layer's type.
    pub fn place(&self, keys: &[&str]) -> Span {
        self.node.args.find(keys).unwrap_or(self.node.type_name.span)
    }

    /// The place where bottom `i` is named.
    pub fn bottom_place(&self, i: usize) -> Span {
        self.node.bottoms.get(i).map_or(self.node.type_name.span, |b| b.span)
    }

    /// A complaint about the first of these arguments that is written.
    pub fn complaint(&self, keys: &[&str], message: impl Into<String>) -> Diagnostic {
        let layer = &self.node.name.value;
        let message = format!("layer `{layer}`: {}", message.into());
        Diagnostic::new(&diag::E0401, self.place(keys), message)
    }

    /// Reports a complaint, with the places where a program added the layer.
    pub fn report(&self, diagnostic: Diagnostic) -> Reported {
        self.diagnostics.borrow_mut().report(self.node.placed(diagnostic))
    }

    /// Reports a complaint about arguments.
    pub fn fail<T>(&self, keys: &[&str], message: impl Into<String>) -> Result<T, Reported> {
        Err(self.report(self.complaint(keys, message)))
    }

    /// Reports a count that is 0.
    pub fn not_zero(&self, key: &str, count: impl Into<Option<usize>>) -> Result<(), Reported> {
        match count.into() {
            Some(0) => self.fail(&[key], format!("`{key}` must not be 0")),
            _ => Ok(()),
        }
    }

    /// A complaint about the shape of bottom `i`, whose shape is named at its place.
    pub fn bottom_complaint(&self, i: usize, message: impl Into<String>) -> Diagnostic {
        let layer = &self.node.name.value;
        let message = format!("layer `{layer}`: {}", message.into());
        let name = self.node.bottoms.get(i).map_or("", |b| b.value.as_str());
        let remark = match self.bottoms.get(i) {
            Some(shape) => format!("`{name}` is {shape}"),
            None => String::new(),
        };
        Diagnostic::new(&diag::E0402, self.bottom_place(i), message).here(remark)
    }

    /// Reports a complaint about the shape of bottom `i`, whose shape is named at its place.
    pub fn fail_bottom<T>(&self, i: usize, message: impl Into<String>) -> Result<T, Reported> {
        Err(self.report(self.bottom_complaint(i, message)))
    }

    /// Reports that the shape of bottom `i` does not go with that of bottom `first`: in what they differ, and where the
    /// extents that do come from. The axis `free` may differ.
    pub fn fail_unlike<T>(
        &self,
        first: usize,
        i: usize,
        free: Option<usize>,
        message: impl Into<String>,
    ) -> Result<T, Reported> {
        let mut message = message.into();
        if let Some(difference) = difference(self.bottom(first), self.bottom(i), free) {
            message.push_str(&format!(": {difference}"));
        }
        let complaint = self.bottom_complaint(i, message);
        let Some((net, before)) = self.net else { return Err(self.report(complaint)) };
        let node = net.graph.node_indices().nth(before.len());
        let ports = node.map(|node| net.bottoms(node)).unwrap_or_default();
        let top = |i: usize| ports.get(i).copied().flatten().map(|p| (p.node.index(), p.top));
        Err(self.report(match (top(first), top(i)) {
            (Some(first), Some(second)) => {
                Origins::of_net(net, before).told(Unlike { first, second, free }, complaint)
            }
            _ => complaint,
        }))
    }

    /// All bottoms must have the shape of the first.
    pub fn equal_bottoms(&self) -> Result<(), Reported> {
        let first = self.bottom(0);
        match self.bottoms.iter().position(|shape| shape != first) {
            Some(i) => {
                let name = &self.node.bottoms[0].value;
                let message = format!("must have the shape of `{name}`, {first}");
                self.fail_unlike(0, i, None, message)
            }
            None => Ok(()),
        }
    }

    /// All bottoms must have as many elements as the first, in whatever shape.
    pub fn equal_counts(&self) -> Result<(), Reported> {
        let first = self.bottom(0);
        match self.bottoms.iter().position(|shape| shape.count() != first.count()) {
            Some(i) => {
                let name = &self.node.bottoms[0].value;
                let message = format!("must have as many elements as `{name}`, {first}");
                self.fail_unlike(0, i, None, message)
            }
            None => Ok(()),
        }
    }

    /// There must be as many tops as bottoms.
    pub fn one_top_per_bottom(&self) -> Result<(), Reported> {
        let (tops, bottoms) = (self.n_tops(), self.bottoms.len());
        if tops != bottoms {
            return self.fail(&[], format!("needs a top for each bottom: {bottoms}, not {tops}"));
        }
        Ok(())
    }

    /// Bottoms `i` and `j` must have the same first extent.
    pub fn same_batch(&self, i: usize, j: usize) -> Result<(), Reported> {
        let (a, b) = (self.bottom(i).dims().first(), self.bottom(j).dims().first());
        if a == b {
            return Ok(());
        }
        let name = &self.node.bottoms[i].value;
        let shape = self.bottom(i);
        self.fail_bottom(j, format!("its first axis must be that of `{name}`, {shape}"))
    }

    /// All bottoms must have the first extent of the first one and as many elements, in whatever shape.
    pub fn rows_alike(&self) -> Result<(), Reported> {
        let first = self.bottom(0);
        if first.rank() == 0 {
            return self.fail_bottom(0, "a scalar has no rows to take the mean over");
        }
        for i in 1..self.bottoms.len() {
            self.same_batch(0, i)?;
        }
        self.equal_counts()
    }

    /// The window does not fit: tells the sum in the user's numbers.
    pub fn fail_window<T>(
        &self,
        extent: usize,
        pad: usize,
        reach: usize,
        axis: usize,
        axes: usize,
    ) -> Result<T, Reported> {
        let direction = match (axes, axis) {
            (2, 0) => "high",
            (2, 1) => "wide",
            _ => "long",
        };
        let padded = match pad {
            0 => String::new(),
            _ => format!(" ({extent} and {pad} of padding on both sides)"),
        };
        let total = extent + 2 * pad;
        let bottom = self.node.bottoms.first().map_or("", |b| b.value.as_str());
        let message = format!(
            "a window of {reach} does not fit into `{bottom}`, which is {total} {direction}{padded}"
        );
        let complaint = self
            .complaint(&["kernel_size", "kernel_h", "kernel_w", "kW"], message)
            .label(self.bottom_place(0), format!("`{bottom}` is {}", self.bottom(0)))
            .help(format!("a window of at most {total} fits, or more padding"));
        Err(self.report(complaint))
    }

    /// The shapes of all tops of a layer that itself knows none, as the outside says them; a top in the place of a bottom has
    /// its shape. Those that nobody says are asked for in one complaint, with the `batch` if it is known.
    pub fn told_shapes(&self, batch: Option<usize>) -> Result<Vec<Shape>, Reported> {
        self.told_shapes_because(batch, None)
    }

    /// The same with the reason why the layer does not tell them.
    pub fn told_shapes_because(
        &self,
        batch: Option<usize>,
        why: Option<String>,
    ) -> Result<Vec<Shape>, Reported> {
        let told = |blob: &String| {
            let own = self.node.bottoms.iter().position(|bottom| bottom.value == *blob);
            let own = own.and_then(|i| self.bottoms.get(i));
            self.env.shapes.get(blob).or(own).cloned()
        };
        let tops = || self.node.tops.iter().map(|top| &top.value);
        if let Some(shapes) = tops().map(told).collect() {
            return Ok(shapes);
        }
        let unknown: Vec<&String> = tops().filter(|top| told(top).is_none()).collect();
        let names: Vec<String> = unknown.iter().map(|name| format!("`{name}`")).collect();
        // Who brings the size of an image brings one image.
        let one = tops().any(|name| name == "im_info");
        let batch = batch.unwrap_or(if one { 1 } else { 64 });
        let example = |name: &&String| format!("--shape {name}={}", self.example(name, batch));
        let examples: Vec<String> = unknown.iter().map(example).collect();
        let (message, help) = match &names[..] {
            [name] => (format!("the shape of {name} is"), "say it on the command line"),
            names => (format!("the shapes of {} are", names.join(", ")), "say them, such as"),
        };
        let message = format!("{message} not known, so shapes are not checked");
        let complaint = Diagnostic::new(&diag::W0605, self.node.type_name.span, message);
        let complaint = complaint.help(format!("{help}: {}", examples.join(" ")));
        Err(self.report(why.into_iter().fold(complaint, Diagnostic::note)))
    }

    /// The shape of a data blob is not known, and so those of all that depend on it are not.
    pub fn unknown_shape<T>(&self, blob: &str) -> Result<T, Reported> {
        self.unknown_shape_because(blob, &self.example(blob, 64), None)
    }

    /// The same with an example of extents that fits what is known, and the reason why the data do not tell it.
    pub fn unknown_shape_because<T>(
        &self,
        blob: &str,
        example: &str,
        why: Option<String>,
    ) -> Result<T, Reported> {
        let message = format!("the shape of `{blob}` is not known, so shapes are not checked");
        let complaint = Diagnostic::new(&diag::W0605, self.node.type_name.span, message)
            .help(format!("say it on the command line: --shape {blob}={example}"));
        Err(self.report(why.into_iter().fold(complaint, Diagnostic::note)))
    }

    /// How many classes there are is not known, and so not how many outputs the layer has.
    pub fn unknown_classes<T>(&self) -> Result<T, Reported> {
        let layer = &self.node.name.value;
        let message = format!("the number of classes is not known, so `{layer}` is not checked");
        let complaint = Diagnostic::new(&diag::W0605, self.node.type_name.span, message)
            .here("`num_output` is not written")
            .note("DIGITS sets it to the number of classes of the data")
            .help("say it on the command line: --classes 10");
        Err(self.report(complaint))
    }

    /// For layers that were complained about before.
    pub fn already_reported(&self) -> Reported {
        self.diagnostics.borrow().already_reported()
    }

    /// Turns an axis that may count from the end into an index of bottom `i`.
    pub fn axis(&self, i: usize, axis: i64) -> Result<usize, Reported> {
        let shape = self.bottom(i);
        match shape.axis(axis) {
            Some(axis) => Ok(axis),
            None => self.fail(
                &["axis", "concat_dim", "slice_dim"],
                format!("axis {axis} does not exist in a blob of {} axes ({shape})", shape.rank()),
            ),
        }
    }
}

/// The context of lowering for one layer.
pub struct Lower<'a> {
    /// The layer's node.
    pub node: &'a Node,
    /// Values of the bottoms.
    pub bottoms: &'a [ValueId],
    /// Values of the parameters.
    pub params: &'a [ValueId],
    /// What `infer` said.
    pub signature: &'a Signature,
    /// The phase of the net, or the layer's own.
    pub phase: Phase,
    /// What the outside says.
    pub env: &'a Environment<'a>,
}

impl Lower<'_> {
    /// Shape of top `i`.
    pub fn top(&self, i: usize) -> &Shape {
        &self.signature.tops[i]
    }

    /// Number of tops.
    pub fn n_tops(&self) -> usize {
        self.signature.tops.len()
    }

    /// The only top where it is bottom 0 in the shape of the top.
    pub fn reshaped(&self, b: &mut Builder) -> Vec<ValueId> {
        vec![b.view(self.bottoms[0], self.top(0).clone())]
    }

    /// The tops as inputs of the program, named after the blobs.
    pub fn inputs(&self, b: &mut Builder) -> Vec<ValueId> {
        let tops = self.node.tops.iter().zip(&self.signature.tops);
        tops.map(|(top, shape)| b.input(&top.value, shape.clone())).collect()
    }
}

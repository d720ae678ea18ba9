//! What a definition computes, written down as nodes while it runs: one mode (training, validation, use) at a time.
//!
//! A [`Tensor`] has its axes in the definition's order, `N x H x W x C` for images; the blob that holds it lies as the
//! layers want it, `N x C x H x W`, and [`Source::Blob`] says which axis is which. Operations that work on elements or
//! along axes leave the blob as it is; only what asks for rows of elements makes the exchange of axes a layer.

mod arithmetic;
mod assigned;
mod computed;
mod dense;
mod derivatives;
mod layout;
mod losses;
mod moments;
mod origins;
mod reduce;
mod scopes;
mod select;
mod several;
mod variables;
mod windows;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Node, ParamSpec};
use crate::layers::Layer;
use crate::source::{Span, Spanned};
use crate::spec::{Environment, Filler, Infer, Phase};
use crate::ty::Shape;

pub use arithmetic::Binary;
pub use dense::Normalisation;
pub use reduce::Reduction;
pub use scopes::{Reuse, Scope, Section, SharedScope, in_model, without_model};
pub use select::Border;
pub use several::Loss;
pub use variables::{Asked, Variable};
pub use windows::{Padding, Window};

/// What is wrong with a call, as a sentence, and what to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// The sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Further places, with what is to be said there.
    pub labels: Vec<(Span, String)>,
}

impl Fault {
    /// A fault without advice.
    pub fn new(message: impl Into<String>) -> Self {
        Fault { message: message.into(), help: None, labels: vec![] }
    }

    /// The same with advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As a complaint at a place.
    pub fn diagnostic(self, span: Span) -> Diagnostic {
        let d = Diagnostic::new(&diag::E0811, span, self.message);
        let d = self.labels.into_iter().fold(d, |d, (place, text)| d.label(place, text));
        self.help.into_iter().fold(d, Diagnostic::help)
    }
}

/// What an operation gives.
pub type Outcome<T> = Result<T, Fault>;

/// What the elements of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any numbers.
    Float,
    /// Whole numbers.
    Int,
    /// 0 or 1.
    Bool,
}

/// Where the elements of a tensor come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A blob; axis `i` of the tensor is axis `order[i]` of the blob.
    Blob {
        /// Its name.
        blob: String,
        /// The axis of the blob for each axis of the tensor.
        order: Vec<usize>,
    },
    /// The same number everywhere.
    Uniform(f64),
    /// These numbers, row by row.
    Numbers(Rc<[f64]>),
    /// A variable, by its number.
    Variable(usize),
    /// Random numbers: their law, and a number that tells tensors apart.
    Random(Filler, usize),
}

/// A tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The elements.
    pub source: Source,
    /// The extents, in the definition's order.
    pub dims: Vec<usize>,
    /// What the elements are.
    pub kind: Kind,
    /// The name of the operation that gives it.
    pub name: Rc<str>,
}

impl Tensor {
    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.dims.iter().product()
    }

    /// A tensor of one number.
    pub fn number(value: f64, kind: Kind) -> Self {
        Tensor { source: Source::Uniform(value), dims: vec![], kind, name: "Const".into() }
    }

    /// Numbers that are known now.
    pub fn numbers(values: Vec<f64>, dims: Vec<usize>, kind: Kind) -> Self {
        let same = values.windows(2).all(|pair| pair[0] == pair[1]);
        let source = match values.first() {
            Some(&first) if same => Source::Uniform(first),
            _ => Source::Numbers(values.into()),
        };
        Tensor { source, dims, kind, name: "Const".into() }
    }

    /// The elements, row by row, if they are known now and not too many to be listed.
    pub fn known(&self) -> Option<Vec<f64>> {
        match &self.source {
            Source::Uniform(_) if MOST_LISTED < self.count() => None,
            Source::Uniform(value) => Some(vec![*value; self.count()]),
            Source::Numbers(values) => Some(values.to_vec()),
            _ => None,
        }
    }

    /// A function of each element, if these are known now.
    pub fn map(&self, kind: Kind, of: impl Fn(f64) -> f64) -> Option<Tensor> {
        let source = match &self.source {
            Source::Uniform(value) => Source::Uniform(of(*value)),
            Source::Numbers(values) => Source::Numbers(values.iter().map(|&x| of(x)).collect()),
            _ => return None,
        };
        Some(Tensor { source, dims: self.dims.clone(), kind, name: self.name.clone() })
    }

    /// The number that all elements are, if that is known now.
    pub fn uniform(&self) -> Option<f64> {
        match self.source {
            Source::Uniform(value) => Some(value),
            _ => None,
        }
    }

    /// An axis that may count from the end.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn axis(&self, axis: i64) -> Outcome<usize> {
        let rank = self.rank();
        Shape(self.dims.clone()).axis(axis).ok_or_else(|| {
            let shape = shown(&self.dims);
            Fault::new(format!("there is no axis {axis} in a tensor of {rank} axes, {shape}"))
        })
    }
}

/// Extents as Python writes them: `(64, 28, 28, 1)`.
pub fn shown(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(usize::to_string).collect();
    format!("({})", dims.join(", "))
}

/// In which of DIGITS' three graphs a definition runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `is_training`.
    Train,
    /// Neither.
    Validate,
    /// `is_inference`.
    Infer,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 3] = [Mode::Train, Mode::Validate, Mode::Infer];

    /// DIGITS' word for it.
    pub fn stage(self) -> &'static str {
        match self {
            Mode::Train => "train",
            Mode::Validate => "val",
            Mode::Infer => "deploy",
        }
    }

    /// The phase of the net.
    pub fn phase(self) -> Phase {
        if self == Mode::Train { Phase::Train } else { Phase::Test }
    }
}

/// Where a variable is a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The variable.
    pub variable: usize,
    /// The node.
    pub node: String,
    /// Its position among the node's parameters.
    pub at: usize,
}

/// The graph of one mode.
pub struct Graph {
    /// The mode.
    pub mode: Mode,
    /// The nodes so far.
    pub nodes: Vec<Node>,
    /// The variables so far, in the order they were made.
    pub variables: Vec<Variable>,
    /// Where variables are parameters.
    pub uses: Vec<Use>,
    /// What is shown while training: blobs of one number.
    pub metrics: Vec<String>,
    /// Where the call stands that is worked on, and how the function is called.
    pub place: Span,
    /// The function that is called, for pictures: `slim.conv2d`.
    pub function: String,
    shapes: HashMap<String, Shape>,
    taken: HashSet<String>,
    /// The number that was last put behind a name; all below it are taken.
    numbers: HashMap<String, usize>,
    scopes: scopes::Scopes,
    /// Variables that were made while the loss was.
    pub late: Vec<usize>,
    /// Blobs whose axes were exchanged.
    exchanged: HashMap<(String, Vec<usize>), String>,
    /// Blobs of random numbers that were drawn.
    drawn: HashMap<usize, String>,
    /// Tensors of random numbers so far.
    randoms: usize,
    /// The node that gave a blob before it got its bias.
    unbiased: HashMap<String, Node>,
    /// Blobs `N x C x H x W` of images `N x H x W x C`.
    images: HashSet<String>,
    /// Blobs of assignments that are done in every step.
    pub performed: Vec<String>,
    /// Variables whose assignments come before what is made now, with the blobs of what they hold then.
    pub before: Vec<(usize, String)>,
}

impl Graph {
    /// An empty graph.
    pub fn new(mode: Mode, place: Span) -> Self {
        Graph {
            mode,
            nodes: vec![],
            variables: vec![],
            uses: vec![],
            metrics: vec![],
            place,
            function: String::new(),
            shapes: HashMap::new(),
            taken: HashSet::new(),
            numbers: HashMap::new(),
            scopes: scopes::Scopes::default(),
            late: vec![],
            exchanged: HashMap::new(),
            drawn: HashMap::new(),
            randoms: 0,
            unbiased: HashMap::new(),
            images: HashSet::new(),
            performed: vec![],
            before: vec![],
        }
    }

    /// An input of the net, whose blob has the channels before the pixels if it is a batch of images.
    pub fn input(&mut self, name: &str, dims: &[usize], kind: Kind) -> Tensor {
        match dims.len() {
            4 => {
                self.images.insert(name.to_owned());
                self.input_lying(name, dims, layout::IMAGE.to_vec(), kind)
            }
            _ => self.plain_input(name, dims, kind),
        }
    }

    /// An input whose blob has the axes as the tensor has them.
    pub fn plain_input(&mut self, name: &str, dims: &[usize], kind: Kind) -> Tensor {
        self.input_lying(name, dims, (0..dims.len()).collect(), kind)
    }

    fn input_lying(&mut self, name: &str, dims: &[usize], order: Vec<usize>, kind: Kind) -> Tensor {
        let shape = layout::physical(dims, &order);
        self.function = "Input".to_owned();
        let layer = crate::layers::input::Input { shapes: vec![shape.clone()] };
        self.taken.insert(name.to_owned());
        self.add(name, layer.into(), vec![], vec![]);
        self.shapes.insert(name.to_owned(), shape);
        let source = Source::Blob { blob: name.to_owned(), order };
        Tensor { source, dims: dims.to_vec(), kind, name: name.into() }
    }

    /// Random numbers, as the first values of a variable or drawn at every pass.
    pub fn random(&mut self, filler: Filler, dims: Vec<usize>) -> Tensor {
        self.randoms += 1;
        let source = Source::Random(filler, self.randoms);
        Tensor { source, dims, kind: Kind::Float, name: "random".into() }
    }

    /// The shape of a blob.
    pub fn shape(&self, blob: &str) -> &Shape {
        &self.shapes[blob]
    }

    fn add(&mut self, name: &str, layer: Layer, bottoms: Vec<String>, params: Vec<ParamSpec>) {
        let place = self.place;
        let loss_weights = if layer.spec().loss { vec![Spanned::new(0.0, place)] } else { vec![] };
        let node = Node::new(name, layer, &self.function, &bottoms, &[name.to_owned()], place);
        self.nodes.push(Node { loss_weights, params, ..node });
    }

    /// Adds a node with one top of the node's name, which is made unique; gives that name.
    ///
    /// # Errors
    /// The layer does not take these bottoms or variables.
    fn push(
        &mut self,
        name: &str,
        layer: impl Into<Layer>,
        bottoms: &[&str],
        variables: &[usize],
    ) -> Outcome<String> {
        let name = self.unique(name);
        let bottoms =
            bottoms.iter().map(|blob| self.unbiased(blob)).collect::<Outcome<Vec<_>>>()?;
        let params = variables.iter().map(|&v| self.param(v)).collect();
        let layer = layer.into();
        if lies_as_its_bottoms(&layer) && bottoms.iter().any(|blob| self.images.contains(blob)) {
            self.images.insert(name.clone());
        }
        self.add(&name, layer, bottoms, params);
        match self.infer() {
            Ok(()) => {}
            Err(fault) => {
                self.nodes.pop();
                return Err(fault);
            }
        }
        let users = variables.iter().enumerate();
        self.uses.extend(users.map(|(at, &variable)| Use { variable, node: name.clone(), at }));
        Ok(name)
    }

    /// The name that a blob has without the bias that it has got since; where it had one, it is computed again.
    fn unbiased(&mut self, blob: &str) -> Outcome<String> {
        let Some(mut node) = self.unbiased.remove(blob) else { return Ok(blob.to_owned()) };
        node.name.value = self.unique(&node.name.value);
        node.tops[0].value.clone_from(&node.name.value);
        let name = node.name.value.clone();
        let users = node.params.iter().enumerate().filter_map(|(at, param)| {
            let name = &param.name.as_ref()?.value;
            let variable = self.variables.iter().position(|v| v.name == *name)?;
            Some(Use { variable, node: node.name.value.clone(), at })
        });
        let users: Vec<Use> = users.collect();
        self.uses.extend(users);
        self.nodes.push(node);
        self.infer()?;
        Ok(name)
    }

    /// Infers the shape of the last node, whose bottoms and variables must fit.
    fn infer(&mut self) -> Outcome<()> {
        let Some(node) = self.nodes.last() else { return Ok(()) };
        let bottoms: Vec<Shape> =
            node.bottoms.iter().map(|b| self.shapes[&b.value].clone()).collect();
        let (env, mut complaints) = (Environment::default(), Diagnostics::default());
        let phase = node.phase.unwrap_or(self.mode.phase());
        let inferred = node.layer.infer(&Infer::new(node, &bottoms, phase, &env, &mut complaints));
        let Ok(signature) = inferred else {
            let complaint = complaints.iter().next();
            let message = complaint.map_or(String::new(), |d| d.message.clone());
            let message = match message.strip_prefix(&format!("layer `{}`: ", node.name.value)) {
                Some(rest) => rest.to_owned(),
                None => message,
            };
            return Err(Fault::new(message));
        };
        for (spec, wanted) in node.params.iter().zip(&signature.params) {
            let Some(name) = &spec.name else { continue };
            let variable = self.variables.iter().find(|v| v.name == name.value);
            if let Some(variable) = variable.filter(|v| v.dims != wanted.shape.dims()) {
                let (have, want) = (shown(&variable.dims), shown(wanted.shape.dims()));
                let name = &variable.name;
                return Err(Fault::new(format!("`{name}` is {have}, and {want} is needed here")));
            }
        }
        let tops = node.tops.iter().map(|top| top.value.clone());
        let tops: Vec<(String, Shape)> = tops.zip(signature.tops).collect();
        for (name, shape) in &tops {
            if shape.checked_count().is_none_or(|n| MOST_ELEMENTS < n) {
                let shape = shown(shape.dims());
                return Err(Fault::new(format!(
                    "`{name}` would have the shape {shape}, too many elements"
                )));
            }
        }
        self.shapes.extend(tops);
        Ok(())
    }

    /// The tensor that a blob is, its axes in this order.
    fn tensor(&self, blob: String, order: Vec<usize>, kind: Kind) -> Tensor {
        let shape = self.shape(&blob);
        let dims = order.iter().map(|&axis| shape.dims()[axis]).collect();
        let name = self.whole_name(&blob).into();
        Tensor { source: Source::Blob { blob, order }, dims, kind, name }
    }

    /// The tensor that a blob is, its axes in the blob's order.
    fn plain_tensor(&self, blob: String, kind: Kind) -> Tensor {
        let order = (0..self.shape(&blob).rank()).collect();
        self.tensor(blob, order, kind)
    }

    /// The tensor or the variable of a whole name.
    pub fn named(&self, name: &str) -> Option<Tensor> {
        if let Some(variable) = self.variable(name) {
            return Some(self.variable_tensor(variable));
        }
        let blob = self.shapes.keys().find(|blob| self.whole_name(blob) == name)?;
        let mut images = self.images.clone();
        for node in &self.nodes {
            let known = node.bottoms.iter().any(|bottom| images.contains(&bottom.value));
            if known && lies_as_its_bottoms(&node.layer) {
                images.extend(node.tops.iter().map(|top| top.value.clone()));
            }
        }
        let rank = self.shapes[blob].rank();
        let order = match images.contains(blob) && rank == 4 {
            true => layout::IMAGE.to_vec(),
            false => layout::plain_order(rank),
        };
        Some(self.tensor(blob.clone(), order, Kind::Float))
    }

    /// The node that gives a blob.
    pub fn maker(&mut self, blob: &str) -> Option<&mut Node> {
        self.nodes.iter_mut().rfind(|node| node.tops.iter().any(|top| top.value == blob))
    }

    /// Whether a node reads a blob.
    fn is_read(&self, blob: &str) -> bool {
        self.nodes.iter().any(|node| node.bottoms.iter().any(|b| b.value == blob))
    }

    /// A tensor as a blob of its own with its axes in the definition's order, for an output of the net.
    ///
    /// # Errors
    /// It would be too large.
    pub fn output(&mut self, tensor: &Tensor) -> Outcome<String> {
        let blob = self.plain(tensor)?;
        self.function = "output".to_owned();
        self.push("output", crate::layers::split::Split {}, &[&blob], &[])
    }

    /// The blob of a loss, which nothing else reads.
    ///
    /// # Errors
    /// It would be too large.
    pub fn loss(&mut self, tensor: &Tensor) -> Outcome<String> {
        let blob = self.plain(tensor)?;
        let is_input = self.maker(&blob).is_none_or(|node| node.layer.is_input());
        if !is_input && !self.is_read(&blob) {
            return Ok(blob);
        }
        self.function = "loss".to_owned();
        self.push("loss", crate::layers::split::Split {}, &[&blob], &[])
    }

    /// Tells the nodes that give images.
    fn mark_images(&mut self) {
        for node in &mut self.nodes {
            let known = |blob: &Spanned<String>| self.images.contains(&blob.value);
            let lies = lies_as_its_bottoms(&node.layer) && node.bottoms.iter().any(known);
            node.channels_last = lies || node.tops.iter().any(known);
            if node.channels_last {
                self.images.extend(node.tops.iter().map(|top| top.value.clone()));
            }
        }
    }

    /// Gives the blob of a layer that took its bias the name of the layer; all names that changed.
    pub fn named_by_layers(&mut self) -> HashMap<String, String> {
        self.mark_images();
        let tops: HashSet<String> =
            self.nodes.iter().map(|node| node.tops[0].value.clone()).collect();
        let renamed = self.nodes.iter().filter_map(|node| {
            let (name, top) = (&node.name.value, &node.tops[0].value);
            (name != top && !tops.contains(name)).then(|| (top.clone(), name.clone()))
        });
        let renamed: HashMap<String, String> = renamed.collect();
        for node in &mut self.nodes {
            for blob in node.tops.iter_mut().chain(&mut node.bottoms) {
                if let Some(name) = renamed.get(&blob.value) {
                    blob.value.clone_from(name);
                }
            }
        }
        for metric in &mut self.metrics {
            if let Some(name) = renamed.get(metric) {
                metric.clone_from(name);
            }
        }
        renamed
    }
}

/// Whether a layer leaves images as they lie: all but what moves axes and elements.
fn lies_as_its_bottoms(layer: &Layer) -> bool {
    !matches!(layer, Layer::Permute(_) | Layer::Reshape(_) | Layer::MatrixProduct(_))
}

/// Numbers that are written out one by one.
pub const MOST_LISTED: usize = 1 << 23;
/// Tensors that one is taken apart into.
const MOST_PARTS: usize = 10_000;
/// Blobs of more elements are a mistake.
pub const MOST_ELEMENTS: usize = 1 << 31;

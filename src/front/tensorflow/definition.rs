//! A Python file to `ir::Definition`: runs it once for each of DIGITS' three graphs (tensorflow/main.py), and joins
//! what these have in common.

mod asked;
mod constraints;
mod gradients;
mod join;

use std::collections::HashSet;
use std::path::Path;

use self::join::{Stage, join};
use super::graph::{Fault, Graph, Kind, Loss, Mode, Section, Tensor};
use super::library::{self, TensorValue};
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::front::Request;
use crate::front::cage::{Limits, on_large_stack};
use crate::front::python::find::find;
use crate::front::python::interp::{Args, Dict, Module, PyError, Python, Value};
use crate::ir::Definition;
use crate::layers::Layer;
use crate::source::{SourceMap, Span, Spanned};
use crate::spec::Dialect;

/// The blob of `self.x`, and that of `self.y`.
const INPUT: &str = "input";
const TARGET: &str = "target";

/// Why a run ended early.
type Stop = Box<Diagnostic>;

/// Reads a definition. Whatever goes wrong is among the diagnostics; what was built until then is in the definition.
pub fn read(
    sources: &mut SourceMap,
    path: &Path,
    text: &str,
    request: &Request,
    diagnostics: &mut Diagnostics,
) -> Definition {
    on_large_stack(|| stages(sources, path, text, request, diagnostics))
}

/// The shapes that the three runs are told.
struct Told {
    /// `self.x`, if anything is known about it.
    x: Option<Vec<usize>>,
    /// `self.y`.
    y: Vec<usize>,
    /// Whether nobody has said the shape of `self.y`.
    assumed: bool,
}

/// What is tried as labels where nobody says their shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Labels {
    /// One class for each image.
    Classes,
    /// An image for each image.
    Images,
    /// An image of one pixel for each image.
    Pixels,
}

impl Told {
    /// What is told with labels of this sort; `None` where the sort makes no difference.
    fn of(request: &Request, batch: usize, labels: Labels) -> Option<Self> {
        let shape = |names: [&str; 4]| {
            let mut shapes = names.iter().filter_map(|name| request.shape(name));
            shapes.next().map(|shape| shape.dims().to_vec())
        };
        let of_record = |record: &Vec<usize>| [&[batch], &record[..]].concat();
        let x = shape(["x", "0", INPUT, "data"]);
        let x = x.or_else(|| request.input_shape.as_ref().map(of_record));
        let told = shape(["y", "target.0", TARGET, "label"]);
        let assumed = told.is_none();
        let n = x.as_ref().and_then(|x| x.first().copied()).unwrap_or(batch);
        let y = match (told, labels) {
            (Some(told), Labels::Classes) => told,
            (None, Labels::Classes) => vec![n],
            (None, Labels::Images) => x.clone()?,
            (None, Labels::Pixels) => vec![n, 1, 1, 1],
            _ => return None,
        };
        Some(Told { x, y, assumed })
    }
}

fn stages(
    sources: &mut SourceMap,
    path: &Path,
    text: &str,
    request: &Request,
    diagnostics: &mut Diagnostics,
) -> Definition {
    let mut definition = Definition {
        force_backward: true,
        ..Definition::empty(Dialect::TensorFlow, crate::front::name(path), Span::nowhere())
    };
    // A definition may split its batch in two, and labels may be classes, images or single numbers.
    let batches = if request.is_one_record() { &[1, 2][..] } else { &[1] };
    let (mut outcome, mut furthest) = (None, None);
    'all: for labels in [Labels::Classes, Labels::Images, Labels::Pixels] {
        for &batch in batches {
            let Some(told) = Told::of(request, batch, labels) else { continue };
            let mut complaints = Diagnostics::default();
            let (mut built, mut ran) = (vec![], 0_u64);
            for mode in Mode::ALL {
                let (stage, whole, steps) =
                    run(sources, path, text, request, &told, mode, &mut complaints);
                definition.span = whole;
                ran = steps.saturating_add(ran);
                match stage {
                    Ok(stage) => built.push(stage),
                    // What is made for another kind of input, as a generator is, cannot be used on this one.
                    Err(stop) if mode == Mode::Infer && !built.is_empty() => {
                        let mut d = Diagnostic { code: &diag::W0810, ..*stop };
                        d.message = format!(
                            "the net cannot be used on what it is trained on: {}",
                            d.message
                        );
                        let lacks = d.message.contains("'NoneType'");
                        d = d.help(match lacks {
                            true => "there are no labels then, `self.y` is None: ask `if not self.is_inference:` before",
                            false => "it is made for other inputs then, as a generator is",
                        });
                        d.trace.clear();
                        complaints.report(d);
                    }
                    Err(stop) => {
                        complaints.report(*stop);
                        break;
                    }
                }
            }
            let good = !complaints.has_errors();
            let last = good || !complaints.iter().all(of_shapes);
            // Of several batches that do not work, the one is told with which the definition ran further, to another place.
            let place = complaints.iter().find_map(|complaint| complaint.span());
            let further = furthest
                .is_some_and(|(of, there, steps)| of == labels && there != place && steps < ran);
            if outcome.is_none() || good || further {
                outcome = Some((built, complaints));
                furthest = Some((labels, place, ran));
            }
            if last {
                break 'all;
            }
        }
    }
    let Some((built, complaints)) = outcome else { return definition };
    diagnostics.extend(complaints);
    join(&mut definition, built);
    definition
}

/// Whether a complaint may come from the shapes that were tried, so that others are worth trying: no mistake of the text,
/// no limit and no name that nobody knows.
fn of_shapes(complaint: &Diagnostic) -> bool {
    let id = complaint.code.id;
    let certain = id.starts_with("E01") || ["E0803", "E0804", "E0810"].contains(&id);
    !certain && complaint.message != asked::NO_MODEL
}

/// One run: what it made, the whole text, and the steps that it took.
fn run(
    sources: &mut SourceMap,
    path: &Path,
    text: &str,
    request: &Request,
    told: &Told,
    mode: Mode,
    diagnostics: &mut Diagnostics,
) -> (Result<Stage, Stop>, Span, u64) {
    // Every run reads the same text, which is one file.
    let mut py = Python::new(std::mem::take(sources), Limits { calls: 1000, ..Limits::default() });
    py.divide_truly();
    let whole = Span::new(py.sources.add_once(path, text), 0, 0);
    let mut graph = Graph::new(mode, whole);
    // The inputs are there before the file runs, which may compute with tensors outside of its classes.
    let x = told.x.as_ref().map(|x| graph.input(INPUT, x, Kind::Float));
    let y = (mode != Mode::Infer && x.is_some()).then(|| {
        let kind = if told.y.len() == 1 { Kind::Int } else { Kind::Float };
        graph.input(TARGET, &told.y, kind)
    });
    let state = library::install(&mut py, graph);
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    py.set_resolver(move |name, level, asking| find(&folder, name, level, asking));
    let module = py.run(path, text);
    let result = match module {
        Err(errors) => {
            let mut errors = errors.into_iter();
            let last = errors.next_back();
            errors.for_each(|error| {
                diagnostics.report(error);
            });
            Err(last.map_or_else(|| asked::no_model(&py, whole, None), Box::new))
        }
        Ok(module) => {
            let run = Run { request, told, mode, whole };
            let found = ["UserModel", "build_model"].iter().find_map(|name| module.get(name));
            let none = |py: &Python| asked::no_model(py, whole, Some(&module));
            let class = match request.call.as_deref() {
                None => found.ok_or_else(|| none(&py)),
                Some(call) => py
                    .evaluate(Path::new("--call"), call, &module)
                    .map_err(|mut e| e.pop().map_or_else(|| none(&py), Box::new)),
            };
            class.and_then(|class| run.build(&mut py, &state, &class, x, y))
        }
    };
    diagnostics.extend(std::mem::take(&mut py.warnings));
    // All runs print alike, but for what they ask of the mode.
    if mode == Mode::Train {
        diagnostics.say(py.output());
    }
    *sources = std::mem::take(&mut py.sources);
    // What goes wrong in the loss hangs on the labels and not on the batch.
    let in_loss = state.graph.borrow().section() == Section::Loss;
    (result, whole, if in_loss { u64::MAX } else { py.steps() })
}

/// What one run is about.
struct Run<'a> {
    request: &'a Request,
    told: &'a Told,
    mode: Mode,
    whole: Span,
}

impl Run<'_> {
    fn build(
        &self,
        py: &mut Python,
        state: &library::State,
        class: &Value,
        x: Option<Tensor>,
        y: Option<Tensor>,
    ) -> Result<Stage, Stop> {
        let Some(x) = x else {
            let message =
                "the shape of the images is not known, and the definition computes with it";
            let d = Diagnostic::new(&diag::E0812, self.whole, message);
            return Err(Box::new(d.help("say height, width and channels: --input-shape 28,28,1")));
        };
        let record = &x.dims[1.min(x.rank())..];
        let input_shape = Value::list(record.iter().map(|&extent| extent.into()));
        let classes = self.request.classes;
        let tensor = |tensor: Tensor| Value::native(TensorValue(tensor));
        let (x, y) = (tensor(x), y.map(tensor).unwrap_or_default());
        let at = self.whole;
        state.is_training.set(self.mode == Mode::Train);
        let training = Value::Bool(self.mode == Mode::Train);
        let inference = Value::Bool(self.mode == Mode::Infer);
        if matches!(class, Value::Function(_)) {
            return self.old_form(py, state, class, [x, y, input_shape, training]);
        }
        begin(state, Section::Making);
        let given = Args::new([], at)
            .keyword("x", x)
            .keyword("y", y)
            .keyword("input_shape", input_shape)
            .keyword("nclasses", classes.unwrap_or(0))
            .keyword("is_training", training)
            .keyword("is_inference", inference);
        let tower =
            py.call(class, given).map_err(|error| asked::not_made(py, self.failed(error), at))?;
        begin(state, Section::Inference);
        let outputs = asked::property(py, &tower, "inference", at, |error| self.failed(error))?;
        let outputs = self.outputs(py, &outputs.unwrap_or_default())?;
        let mut loss = None;
        if self.mode != Mode::Infer {
            begin(state, Section::Loss);
            loss = asked::property(py, &tower, "loss", at, |error| self.in_loss(error))?;
        }
        self.finish(py, state, Some(&tower), outputs, loss.as_ref())
    }

    /// The form before classes: `build_model(params)` gives `{'model': ..., 'loss': function of y}`.
    fn old_form(
        &self,
        py: &mut Python,
        state: &library::State,
        function: &Value,
        [x, y, input_shape, training]: [Value; 4],
    ) -> Result<Stage, Stop> {
        let failed = |error: PyError| self.failed(error);
        let at = self.whole;
        let params = Dict::new();
        params.set_str("x", x);
        params.set_str("input_shape", input_shape);
        params.set_str("nclasses", self.request.classes.unwrap_or(0).into());
        params.set_str("is_training", training);
        params.set_str("is_inference", Value::Bool(self.mode == Mode::Infer));
        begin(state, Section::Inference);
        let made = py.call(function, Args::new([Value::Dict(params)], at)).map_err(failed)?;
        let part = |py: &mut Python, name: &str| py.get_item(&made, &name.into(), at);
        let outputs = part(py, "model").map_err(failed)?;
        let outputs = self.outputs(py, &outputs)?;
        let mut loss = None;
        if self.mode != Mode::Infer {
            let function = part(py, "loss").map_err(failed)?;
            let told = Args::new([y], at);
            begin(state, Section::Loss);
            loss = Some(py.call(&function, told).map_err(|error| self.in_loss(error))?);
        }
        self.finish(py, state, None, outputs, loss.as_ref())
    }

    /// An error as a complaint; that cortado asks for `inference` and `loss` is no call of the definition's.
    fn failed(&self, error: PyError) -> Stop {
        let mut d = error.diagnostic();
        d.trace.retain(|label| label.span != self.whole);
        let no_classes = self.request.classes.is_none_or(|classes| classes == 0);
        match d.message.ends_with("must not be 0") && d.help.is_none() && no_classes {
            true => Box::new(d.help("is it `self.nclasses`? how many there are says --classes 10")),
            false => Box::new(d),
        }
    }

    /// An error in the loss, which may come from the shape that was assumed for the labels.
    fn in_loss(&self, error: PyError) -> Stop {
        let d = self.failed(error);
        let of_features = d.message.contains("the features of pairs must be");
        if !self.told.assumed || of_features || !of_shapes(&d) || !asked::names_shapes(&d.message) {
            return d;
        }
        let shape = super::graph::shown(&self.told.y);
        Box::new(d.note(format!(
            "the shape of the labels is not known; as for classes `self.y` is {shape}: --shape y=1,1,1,2 says another"
        )))
    }

    /// What the net gives: some tensors.
    fn outputs(&self, py: &mut Python, inference: &Value) -> Result<Vec<Tensor>, Stop> {
        let outputs = tensors(inference);
        if outputs.is_empty() {
            return Err(asked::no_tensor(py, "inference", inference, self.whole));
        }
        Ok(outputs)
    }

    /// The outputs and losses of a run.
    fn finish(
        &self,
        py: &mut Python,
        state: &library::State,
        tower: Option<&Value>,
        outputs: Vec<Tensor>,
        loss: Option<&Value>,
    ) -> Result<Stage, Stop> {
        let fault = |fault: Fault| Box::new(fault.diagnostic(self.whole));
        let losses = loss.map_or(Ok(vec![]), |loss| self.losses(py, loss))?;
        let hooked = match tower.filter(|_| self.mode == Mode::Train) {
            Some(tower) => {
                let failed = |error: PyError| self.failed(error);
                gradients::hooked(py, state, tower, &losses, self.whole, failed)?
            }
            None => None,
        };
        let constrained = match self.mode {
            Mode::Train => {
                constraints::constrained(py, state, self.whole, |error| self.failed(error))?
            }
            _ => None,
        };
        let updates = state.updates();
        let mut graph = state.graph.borrow_mut();
        for update in tensors(&updates) {
            graph.perform(&update);
        }
        if self.mode == Mode::Train {
            asked::late(py, graph.late.iter().map(|&variable| &graph.variables[variable]));
        }
        graph.place = self.whole;
        let mut blobs = vec![];
        for mut tensor in outputs {
            // With classes DIGITS shows probabilities.
            if self.mode == Mode::Infer
                && self.request.classes.is_some_and(|n| 0 < n)
                && tensor.rank() == 2
            {
                graph.function = "tf.nn.softmax".to_owned();
                tensor = graph.softmax(&tensor, -1, "softmax").map_err(fault)?;
            }
            blobs.push(graph.output(&tensor).map_err(fault)?);
        }
        let mut found = vec![];
        for (tensor, variables) in losses {
            found.push((graph.loss(&tensor).map_err(fault)?, variables));
        }
        graph.update_backwards();
        let mut apart = graph.apart(&found);
        let renamed = graph.named_by_layers();
        for blob in &mut apart {
            if let Some(name) = renamed.get(blob) {
                blob.clone_from(name);
            }
        }
        for blob in &apart {
            let place = graph.place;
            if let Some(node) = graph.maker(blob) {
                node.loss_weights = vec![Spanned::new(1.0, place)];
            }
        }
        graph.keep(&blobs, &apart);
        if let Some((place, name)) = graph.assigned_and_trained() {
            let message = format!("`{name}` is assigned to, and trained as well");
            let d = Diagnostic::new(&diag::E0811, place, message);
            let help = "make the variable with `trainable=False`, or leave its steps to the solver";
            return Err(Box::new(d.help(help)));
        }
        let found = apart.into_iter().zip(found).map(|(blob, (_, variables))| (blob, variables));
        let found: Vec<Loss> = found.collect();
        let rewriting = gradients::rewriting(hooked, &found, &graph, self.whole);
        let constraints = match constrained {
            Some(constrained) => Some(constraints::rewriting(constrained, &graph, self.whole)?),
            None => None,
        };
        Ok(Stage {
            mode: self.mode,
            rewriting,
            constraints,
            nodes: std::mem::take(&mut graph.nodes),
            uses: std::mem::take(&mut graph.uses),
            variables: std::mem::take(&mut graph.variables),
            outputs: blobs,
            metrics: std::mem::take(&mut graph.metrics),
            losses: found,
            listed: matches!(loss, Some(Value::List(_) | Value::Tuple(_))),
        })
    }

    /// The losses, each with the variables that it is to change if it says them.
    fn losses(
        &self,
        py: &mut Python,
        loss: &Value,
    ) -> Result<Vec<(Tensor, Option<Vec<String>>)>, Stop> {
        let at = self.whole;
        let items = loss.as_items().unwrap_or_else(|| vec![loss.clone()]);
        let mut losses = vec![];
        for item in items {
            let (value, variables) = match &item {
                Value::Dict(dict) => {
                    let all = dict.get_str("vars").map(|list| tensors(&list));
                    let names = all.map(|all| all.iter().map(|t| t.name.to_string()).collect());
                    (dict.get_str("loss").unwrap_or_default(), names)
                }
                other => (other.clone(), None),
            };
            let Some(tensor) = value.as_native::<TensorValue>().map(|tensor| tensor.0.clone())
            else {
                return Err(asked::no_tensor(py, "loss", &value, at));
            };
            if tensor.rank() != 0 {
                let shape = super::graph::shown(&tensor.dims);
                let message = format!("`loss` gives a tensor of the shape {shape}");
                let d = Diagnostic::new(&diag::E0812, asked::place(py, "def loss", at), message);
                return Err(Box::new(
                    d.help("a loss is one number without axes: `tf.reduce_mean(loss)`"),
                ));
            }
            losses.push((tensor, variables));
        }
        Ok(losses)
    }
}

/// Opens the scope that DIGITS opens for what runs next.
fn begin(state: &library::State, section: Section) {
    state.graph.borrow_mut().begin(section);
}

/// The tensors in a value, depth first.
fn tensors(value: &Value) -> Vec<Tensor> {
    if let Some(tensor) = value.as_native::<TensorValue>() {
        return vec![tensor.0.clone()];
    }
    match value {
        Value::List(_) | Value::Tuple(_) => {
            let items = value.as_items().unwrap_or_default();
            items.iter().flat_map(tensors).collect()
        }
        Value::Dict(dict) => {
            let items = dict.items();
            items.iter().flat_map(|(_, item)| tensors(item)).collect()
        }
        _ => vec![],
    }
}

impl Graph {
    /// Leaves out what reaches no output, loss or number that is shown.
    fn keep(&mut self, outputs: &[String], losses: &[String]) {
        let needs = |wanted: &[String], nodes: &[crate::ir::Node]| {
            let mut needed: HashSet<String> = wanted.iter().cloned().collect();
            for node in nodes.iter().rev() {
                if node.tops.iter().any(|top| needed.contains(&top.value)) {
                    needed.extend(node.bottoms.iter().map(|bottom| bottom.value.clone()));
                }
            }
            needed
        };
        let unknown = |needed: &HashSet<String>, nodes: &[crate::ir::Node]| {
            let made =
                |node: &&crate::ir::Node| node.tops.iter().any(|t| needed.contains(&t.value));
            nodes.iter().filter(made).any(|node| matches!(node.layer, Layer::Unknown(_)))
        };
        let metrics = std::mem::take(&mut self.metrics);
        let known =
            |blob: &String| !unknown(&needs(std::slice::from_ref(blob), &self.nodes), &self.nodes);
        self.metrics = metrics.into_iter().filter(known).collect();
        let wanted = [outputs, losses, &self.metrics, &self.performed].concat();
        let mut needed = needs(&wanted, &self.nodes);
        needed.insert(INPUT.to_owned());
        self.nodes.retain(|node| node.tops.iter().any(|top| needed.contains(&top.value)));
        let kept: HashSet<&str> = self.nodes.iter().map(|node| node.name.value.as_str()).collect();
        self.uses.retain(|used| kept.contains(used.node.as_str()));
    }
}

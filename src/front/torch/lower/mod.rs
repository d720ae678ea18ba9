//! From Lua modules to `ir::Definition`: walks the tree of modules once, as `forward` would, with the names of blobs in
//! the place of tensors.
//!
//! Containers and the layers that only arrange tables vanish here. Everything else becomes a node: the fields of the
//! module are its arguments, the layer whose spelling has the name of its class reads them. Shapes are inferred on the
//! way as far as they are known, since the number of branches of some containers depends on them.

mod arrange;
mod criterion;
mod fields;
mod follow;
mod forward;
mod graph;
mod labels;
mod names;
mod nesting;
mod own_methods;
mod places;
mod reward;
mod sharing;
mod unpooling;

use fields::field;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::interp::{Lua, LuaError, Table, Value};
use super::library::{Library, ancestors, class_name};
use crate::diag::{self, Diagnostic, Diagnostics, Severity};
use crate::ir::{Node, Rule};
use crate::layers::{Layer, unknown::Unknown};
use crate::source::Span;
use crate::spec::{self, Args, Dialect, Environment, Infer, Phase, Reading, Record, Spelling};
use crate::ty::Shape;

pub use follow::computes;
pub use forward::{forward, loss};
pub use names::Names;
pub use nesting::Nesting;
use sharing::{Identity, Use};
pub use sharing::{Places, Window};

/// Classes whose instances are taken apart here.
pub const STRUCTURAL: [&str; 23] = [
    "nn.Sequential",
    "nn.Parallel",
    "nn.Concat",
    "nn.DepthConcat",
    "nn.ConcatTable",
    "nn.ParallelTable",
    "nn.MapTable",
    "nn.Bottle",
    "nn.Decorator",
    "nn.DataParallelTable",
    "nn.Identity",
    "nn.FlattenTable",
    "nn.ZipTable",
    "nn.ZipTableOneToMany",
    "nn.SelectTable",
    "nn.NarrowTable",
    "nn.MultiCriterion",
    "nn.ParallelCriterion",
    "nn.ModuleCriterion",
    "nn.CriterionTable",
    "nn.gModule",
    "nn.Module",
    "nn.Criterion",
];

/// What flows between modules: a tensor, by the name of its blob, or a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    /// A tensor.
    Tensor(String),
    /// A table.
    Table(Vec<Flow>),
}

impl Flow {
    /// The names of the tensors, depth first.
    pub fn leaves(&self) -> Vec<String> {
        match self {
            Flow::Tensor(name) => vec![name.clone()],
            Flow::Table(items) => items.iter().flat_map(Flow::leaves).collect(),
        }
    }

    /// Tensors and tables in it.
    fn size(&self) -> usize {
        match self {
            Flow::Tensor(_) => 1,
            Flow::Table(items) => 1 + items.iter().map(Flow::size).sum::<usize>(),
        }
    }

    fn describe(&self) -> String {
        match self {
            Flow::Tensor(_) => "a tensor".into(),
            Flow::Table(items) => format!("a table of {}", items.len()),
        }
    }
}

/// Steps that a module costs for each tensor it is given, and what one costs that becomes no layer.
const MODULE: usize = 1000;
const CONTAINER: usize = 100;

/// Why a walk ended early.
pub type Stop = Box<Diagnostic>;

/// What a module makes of its input, unless the walk ends at it.
pub type Outcome = Result<Flow, Stop>;

/// The walk.
pub struct Walk<'a> {
    pub(super) lua: &'a mut Lua,
    pub(super) library: Rc<Library>,
    pub(super) diagnostics: &'a mut Diagnostics,
    /// The nodes so far.
    pub nodes: Vec<Node>,
    /// Whether a layer will be refused when the net is checked.
    pub doubtful: bool,
    /// Why the first layer whose shapes do not fit refuses them.
    refused: Option<Diagnostic>,
    /// Whether the target has one label for each record, not one for each number that the criterion compares.
    pub label_each: bool,
    /// Names of nodes and tops so far, with the last number that one of that name got.
    taken: HashMap<String, usize>,
    shapes: HashMap<String, Shape>,
    /// What an in-place layer has put in the place of a blob.
    replaced: HashMap<String, String>,
    pub(super) uses: Vec<Use>,
    /// The last node of every module.
    made: HashMap<u64, usize>,
    /// What each module gives, if anybody wants to know.
    outputs: Option<Vec<(Table, Flow)>>,
    /// Rules that new nodes get.
    rules: Vec<Rule>,
    /// Where the modules that are being walked were added, the outermost first.
    adding: Vec<Span>,
    /// What modules of the class `nn.Reinforce` drew in training: the module, what from, and what came.
    drawn: Vec<(Table, Flow, Flow)>,
    /// Whether modules train when the model is told to, and when it is told to stop, where the definition has a say in that.
    modes: HashMap<u64, [bool; 2]>,
    /// The number of the innermost module that is being walked.
    walked: u64,
    /// How many modules are being walked, each within the one before.
    depth: usize,
    /// Where to point for modules that no line of the definition has made.
    whole: Span,
}

impl<'a> Walk<'a> {
    /// A walk that has not begun.
    pub fn new(
        lua: &'a mut Lua,
        library: Rc<Library>,
        diagnostics: &'a mut Diagnostics,
        whole: Span,
    ) -> Self {
        Walk {
            lua,
            library,
            diagnostics,
            nodes: vec![],
            doubtful: false,
            refused: None,
            label_each: false,
            taken: HashMap::new(),
            shapes: HashMap::new(),
            replaced: HashMap::new(),
            uses: vec![],
            made: HashMap::new(),
            outputs: None,
            rules: vec![],
            adding: vec![],
            drawn: vec![],
            modes: HashMap::new(),
            walked: 0,
            depth: 0,
            whole,
        }
    }

    /// Adds an input of the net.
    pub fn input(&mut self, name: &str, shape: Option<&Shape>, span: Span) -> Flow {
        let shapes: Vec<Shape> = shape.into_iter().cloned().collect();
        if let Some(shape) = shape {
            self.shapes.insert(name.to_owned(), shape.clone());
        }
        let layer = crate::layers::input::Input { shapes };
        self.push(layer.into(), "Input", name, span, vec![], vec![name.to_owned()]);
        Flow::Tensor(name.to_owned())
    }

    /// What a module makes of its input. `path` is the module's place in the tree: `2.1`.
    pub fn module(&mut self, module: &Table, path: &str, input: &Flow) -> Outcome {
        let before = self.adding.len();
        self.adding.extend(self.library.added(module));
        self.depth += 1;
        let (first, outer) = (self.nodes.len(), self.walked);
        self.walked = module.serial();
        let output = self.entered(module, path, input);
        self.walked = outer;
        self.own_backward(module, first);
        self.depth -= 1;
        self.adding.truncate(before);
        if let (Some(outputs), Ok(output)) = (&mut self.outputs, &output) {
            outputs.push((module.clone(), output.clone()));
        }
        output.map_err(|stop| self.placed(stop, module))
    }

    fn entered(&mut self, module: &Table, path: &str, input: &Flow) -> Outcome {
        let span = self.place(module);
        self.deeper(module)?;
        if !self.kind(module).1 {
            self.warn_of_own_gradient(module);
            return self.known_module(module, path, input);
        }
        self.lua.work_at(MODULE.saturating_mul(input.size()), span).map_err(stop)?;
        if !follow::computes(module) {
            return self.known_module(module, path, input);
        }
        if let Some(output) = self.follow(module, path, input)? {
            return Ok(output);
        }
        // Nothing can be said about it before the shape of its input is known.
        self.unknown(module, path, input)
    }

    /// What a module makes of its input as one of the class of cortado's that it extends, whatever it computes itself.
    pub(super) fn known_module(&mut self, module: &Table, path: &str, input: &Flow) -> Outcome {
        let span = self.place(module);
        self.lua.work_at(CONTAINER.saturating_mul(input.size()), span).map_err(stop)?;
        self.deeper(module)?;
        let (kind, _) = self.kind(module);
        if let Some(output) = self.arrange(&kind, module, path, input)? {
            return Ok(output);
        }
        if let Some(spelling) = Layer::resolve(Dialect::Torch, &kind) {
            return self.spelled(spelling, module, path, input);
        }
        let name = torch_type(module);
        let message = format!("`{name}` has no updateOutput");
        let d = Diagnostic::new(&diag::E0704, span, message).here("made here");
        self.diagnostics.report(match name.as_str() {
            "nn.Container" => d.help("it only holds modules: nn.Sequential() chains them, nn.ConcatTable() gives each the input"),
            _ => d.help(format!("write `function {}:updateOutput(input) ... return self.output end`", name.rsplit('.').next().unwrap_or_default())),
        });
        self.unknown(module, path, input)
    }

    /// The nearest class of a module that cortado knows, and whether a class of the user's computes before it.
    fn kind(&self, module: &Table) -> (String, bool) {
        // A gradient of its own is followed as well, but not that of a container, which asks its modules for theirs.
        let methods = match children(module).is_empty() {
            true => &["updateOutput", "updateGradInput"][..],
            false => &["updateOutput"],
        };
        let own = |table: &Table| methods.iter().any(|name| !table.field(name).is_nil());
        let mut opaque = own(module);
        for at in ancestors(module.metatable()) {
            let name = class_name(&at).unwrap_or_default();
            if is_known(&at) {
                // A definition may write a method of a known layer anew.
                opaque |= Layer::resolve(Dialect::Torch, &name).is_some() && own(&at);
                return (
                    name.clone(),
                    opaque || ["nn.Module", "nn.Criterion"].contains(&name.as_str()),
                );
            }
            opaque |= own(&at);
        }
        (String::new(), true)
    }

    /// A module that a layer spells.
    fn spelled(
        &mut self,
        spelling: &'static Spelling,
        module: &Table,
        path: &str,
        input: &Flow,
    ) -> Outcome {
        let (span, type_name) = (self.place(module), torch_type(module));
        self.lua.work_at(MODULE.saturating_mul(input.size()), span).map_err(stop)?;
        // The model itself may be a single module.
        let short = type_name.rsplit('.').next().unwrap_or_default().to_owned();
        let path = if path.is_empty() { short.as_str() } else { path };
        self.check_input(spelling, module, input)?;
        let mut bottoms = self.current(input);
        let n = self.tops_of(spelling.name, module, &bottoms);
        let tops: Vec<String> = match n {
            1 if name_is_one(spelling.name) => vec![path.to_owned()],
            n => (1..=n).map(|i| format!("{path}[{i}]")).collect(),
        };
        let mut record = self.record(spelling, module, span)?;
        if spelling.name == "nn.SpatialMaxUnpooling" {
            let (positions, extent) = self.positions(module)?;
            bottoms.push(positions);
            record.fields.extend(extent);
        }
        if spelling.name == "nn.VolumetricMaxUnpooling" {
            bottoms.push(self.pooled(module)?);
        }
        let layer = self.read(spelling, &record, &type_name, span);
        let node = self.nodes.len();
        let tops = self.push_with(layer, &type_name, path, span, bottoms, tops, record);
        self.parameters(spelling, module, node, span)?;
        self.nodes[node].phase = self.own_phase(module);
        self.infer(node);
        self.made.insert(module.serial(), node);
        if module.field("inplace").is_truthy()
            && let ([top], [bottom]) = (&tops[..], &input.leaves()[..])
            && self.shape(top) == self.shape(bottom)
        {
            self.replaced.insert(bottom.clone(), top.clone());
        }
        Ok(match &tops[..] {
            [one] if name_is_one(spelling.name) => Flow::Tensor(one.clone()),
            several => Flow::Table(several.iter().cloned().map(Flow::Tensor).collect()),
        })
    }

    /// How many tops a spelled module has: `nn.SplitTable` as many as its axis is long (two if that is not known).
    fn tops_of(&self, name: &str, module: &Table, bottoms: &[String]) -> usize {
        match name {
            "nn.SplitTable" => {}
            "nn.CAddTensorTable" => return bottoms.len().saturating_sub(1),
            _ => return 1,
        }
        let Some(shape) = bottoms.first().and_then(|b| self.shape(b)) else { return 2 };
        let number = |key: &str| arrange::integer(module, key);
        let rank = shape.rank() as i64;
        let mut axis = number("dimension").unwrap_or(1);
        if axis < 0 {
            axis += rank + 1;
        } else if number("nInputDims").is_some_and(|n| rank == n + 1) {
            axis += 1;
        }
        usize::try_from(axis - 1).ok().and_then(|a| shape.dims().get(a).copied()).unwrap_or(2)
    }

    /// A layer of this module that the definition does not write, such as the selection before each branch of
    /// `nn.Parallel`.
    fn emit(
        &mut self,
        name: &'static str,
        fields: &[(&str, spec::Value)],
        bottoms: Vec<String>,
        path: &str,
        span: Span,
    ) -> Outcome {
        let Some(spelling) = Layer::resolve(Dialect::Torch, name) else {
            return Err(Box::new(Diagnostic::new(&diag::E0704, span, format!("no `{name}`"))));
        };
        let fields = fields.iter().map(|(key, value)| field(key, value.clone(), span)).collect();
        let record = Record { fields, span };
        let layer = self.read(spelling, &record, name, span);
        let node = self.nodes.len();
        let bottoms = bottoms.iter().map(|b| self.resolve(b)).collect();
        let tops = self.push_with(layer, name, path, span, bottoms, vec![path.to_owned()], record);
        self.infer(node);
        Ok(Flow::Tensor(tops[0].clone()))
    }

    fn read(&mut self, spelling: &Spelling, record: &Record, name: &str, span: Span) -> Layer {
        let reading = Reading::new(Dialect::Torch);
        let layer = (spelling.read)(&Args::new(&reading, record, span));
        let (complaints, usable) = reading.complaints();
        self.diagnostics.extend(complaints);
        if usable { layer } else { Unknown { type_name: name.to_owned() }.into() }
    }

    fn push(
        &mut self,
        layer: Layer,
        type_name: &str,
        path: &str,
        span: Span,
        bottoms: Vec<String>,
        tops: Vec<String>,
    ) -> Vec<String> {
        let record = Record { fields: vec![], span };
        self.push_with(layer, type_name, path, span, bottoms, tops, record)
    }

    /// Adds a node of one top, which has the name of its path; gives that name.
    fn push_one(
        &mut self,
        layer: impl Into<Layer>,
        type_name: &str,
        path: &str,
        span: Span,
        bottoms: Vec<String>,
    ) -> String {
        let node = self.nodes.len();
        let mut tops =
            self.push(layer.into(), type_name, path, span, bottoms, vec![path.to_owned()]);
        self.infer(node);
        tops.remove(0)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a node")]
    fn push_with(
        &mut self,
        layer: Layer,
        type_name: &str,
        path: &str,
        span: Span,
        bottoms: Vec<String>,
        tops: Vec<String>,
        args: Record,
    ) -> Vec<String> {
        let taken = |name: &str| self.taken.contains_key(name);
        // A module that is used again gets names of its own.
        let last = self.taken.get(path).copied().unwrap_or(1);
        let mut again = (last..).map(|i| (i, if i == 1 { String::new() } else { format!("'{i}") }));
        let free = again.find(|(_, s)| {
            !taken(&format!("{path}{s}")) && !tops.iter().any(|t| taken(&format!("{t}{s}")))
        });
        let (number, suffix) = free.unwrap_or_default();
        self.taken.entry(path.to_owned()).and_modify(|last| *last = number);
        let tops: Vec<String> = tops.iter().map(|t| format!("{t}{suffix}")).collect();
        let names = std::iter::once(format!("{path}{suffix}")).chain(tops.iter().cloned());
        names.for_each(|name| _ = self.taken.entry(name).or_insert(1));
        let name = format!("{path}{suffix}");
        let node = Node::new(&name, layer, type_name, &bottoms, &tops, span);
        let added = self.adding(span);
        self.nodes.push(Node { include: self.rules.clone(), args, added, ..node });
        tops
    }

    /// Infers the shapes of a node's tops, in silence: the checker asks again.
    fn infer(&mut self, node: usize) {
        let node = &self.nodes[node];
        let bottoms: Option<Vec<Shape>> =
            node.bottoms.iter().map(|b| self.shapes.get(&b.value).cloned()).collect();
        let Some(bottoms) = bottoms else { return };
        let arity = node.layer.spec().bottoms;
        if !arity.allows(bottoms.len()) || matches!(node.layer, Layer::Unknown(_)) {
            self.doubtful = true;
            return;
        }
        let (env, mut silent) = (Environment::default(), Diagnostics::default());
        let cx = Infer::new(node, &bottoms, Phase::Train, &env, &mut silent);
        match node.layer.infer(&cx) {
            Ok(signature) => {
                let tops = node.tops.iter().map(|t| t.value.clone()).zip(signature.tops);
                self.shapes.extend(tops);
            }
            Err(_) => {
                self.doubtful = true;
                let error = silent.iter().find(|d| d.severity() == Severity::Error);
                self.refused = self.refused.take().or_else(|| error.cloned());
            }
        }
    }

    /// The shape of a blob, if it is known.
    pub fn shape(&self, blob: &str) -> Option<&Shape> {
        self.shapes.get(blob)
    }

    /// The blob that a name stands for now: itself, unless an in-place module has written over it.
    fn resolve(&mut self, blob: &str) -> String {
        let Some(written) = self.replaced.get(blob).cloned() else { return blob.to_owned() };
        let written = self.resolve(&written);
        let span = self.nodes.iter().find(|n| n.tops.iter().any(|t| t.value == written));
        let span = span.map_or(self.whole, |n| n.span);
        let message = "this module works in place and changes what another module reads";
        let d = Diagnostic::new(&diag::W0608, span, message)
            .here("its result is written over its input")
            .note("the other branch gets the changed values, as in Torch, but no derivative of this module")
            .help("leave the `true` out");
        self.diagnostics.report(d);
        let layer = crate::layers::overwritten::Overwritten {};
        let bottoms = vec![blob.to_owned(), written];
        self.push_one(layer, "in-place", &format!("{blob}*"), span, bottoms)
    }

    /// The blobs of an input.
    pub(super) fn current(&mut self, input: &Flow) -> Vec<String> {
        input.leaves().iter().map(|b| self.resolve(b)).collect()
    }
}

impl Walk<'_> {
    /// The interpreter.
    pub fn lua(&mut self) -> &mut Lua {
        self.lua
    }

    /// What is known of the definition's modules.
    pub fn library(&self) -> Rc<Library> {
        self.library.clone()
    }

    /// Where to point for what no line of the definition has made.
    pub fn whole(&self) -> Span {
        self.whole
    }

    /// The outputs of the model as blobs of their own: one that is an input, or that is read or given twice, is copied.
    pub fn outputs(&mut self, output: Flow, span: Span) -> Flow {
        let made = self.nodes.iter().filter(|n| !n.layer.is_input()).flat_map(|n| &n.tops);
        let mut free: HashSet<String> = made.map(|top| top.value.clone()).collect();
        for bottom in self.nodes.iter().flat_map(|n| &n.bottoms) {
            free.remove(&bottom.value);
        }
        self.own(output, span, &mut free)
    }

    /// An output whose blobs are `free`: made by a layer, neither read nor given.
    fn own(&mut self, flow: Flow, span: Span, free: &mut HashSet<String>) -> Flow {
        match flow {
            Flow::Table(items) => {
                Flow::Table(items.into_iter().map(|item| self.own(item, span, free)).collect())
            }
            Flow::Tensor(name) => {
                let nodes = self.nodes.len();
                let mut name = self.resolve(&name);
                for node in &self.nodes[nodes..] {
                    free.extend(node.tops.iter().map(|top| top.value.clone()));
                    node.bottoms.iter().for_each(|bottom| _ = free.remove(&bottom.value));
                }
                if !free.remove(&name) {
                    let layer = crate::layers::split::Split {};
                    name = self.push_one(layer, "nn.Identity", "output", span, vec![name]);
                }
                Flow::Tensor(name)
            }
        }
    }
}

/// Whether a class is one that cortado knows, and not one of the definition's own with the same name.
pub(super) fn is_known(class: &Table) -> bool {
    class.field("__own").is_nil()
        && class_name(class).is_some_and(|name| {
            STRUCTURAL.contains(&name.as_str()) || Layer::resolve(Dialect::Torch, &name).is_some()
        })
}

/// An error of Lua as a complaint.
pub fn stop(error: LuaError) -> Stop {
    Box::new(error.diagnostic())
}

/// Whether modules of a class give a tensor, not a table.
fn name_is_one(class: &str) -> bool {
    !matches!(class, "nn.SplitTable" | "nn.CAddTensorTable")
}

/// The name of a module's class.
pub fn torch_type(module: &Table) -> String {
    module.metatable().and_then(|class| class_name(&class)).unwrap_or_else(|| "table".into())
}

/// The modules of a container.
pub fn children(module: &Table) -> Vec<Table> {
    tables(module, "modules")
}

/// The tables in the list that a field holds.
fn tables(table: &Table, field: &str) -> Vec<Table> {
    let Value::Table(list) = table.field(field) else { return vec![] };
    list.items().filter_map(Value::into_table).collect()
}

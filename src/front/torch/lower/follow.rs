//! Modules that compute in Lua: what their `updateOutput` asks of tensors without numbers is written down step by step
//! (library/follow.lua), and the steps are walked like modules.

use std::collections::HashMap;

use super::arrange::inside;
use super::{Flow, Outcome, Stop, Walk, stop, torch_type};
use crate::diag::Diagnostics;
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Table, Value};
use crate::front::torch::library::{ancestors, class_name, is_criterion, lua_field};
use crate::front::torch::tensor::{Kind, Tensor};
use crate::ir::Rule;
use crate::layers::own_gradient::{GradientStep, OwnGradient};
use crate::layers::{Layer, unknown::Unknown};
use crate::source::{Span, Spanned};
use crate::spec::{Dialect, Phase};
use crate::ty::Shape;

/// These rules, in one phase only.
fn rules_of(rules: &[Rule], phase: Phase, span: Span) -> Vec<Rule> {
    let none = Rule::everywhere(span);
    let rules = if rules.is_empty() { std::slice::from_ref(&none) } else { rules };
    rules.iter().map(|rule| Rule { phase: Some(phase), ..rule.clone() }).collect()
}

/// What helps where a module gives one thing in training and another afterwards.
const ONE_FORM: &str =
    "the modules behind it take one form: return the same tensors whatever `self.train` is";

/// Values by number.
type Values = HashMap<usize, Flow>;

impl Walk<'_> {
    /// What a module of a class that the definition wrote makes of its input; `None` if a shape is not known.
    pub(super) fn follow(
        &mut self,
        module: &Table,
        path: &str,
        input: &Flow,
    ) -> Result<Option<Flow>, Stop> {
        let own = own_method(module, "updateGradInput");
        let parent = self.kind(module).0;
        let derived = module.metatable().is_some_and(|c| !lua_field(&c, "__derived").is_nil());
        let inherits = !own && !derived && Layer::resolve(Dialect::Torch, &parent).is_some();
        // One of a container asks for those of its modules, which are derived.
        let container = !super::children(module).is_empty();
        let alone = own && !container;
        let Some(output) = self.steps_of(module, path, &[input], alone)? else { return Ok(None) };
        self.warn_of_own_gradient(module);
        if !inherits {
            return Ok(Some(output));
        }
        // Torch goes back through it as through one of the class it extends.
        let (nodes, uses, taken) = (self.nodes.len(), self.uses.len(), self.taken.clone());
        let (doubtful, replaced) = (self.doubtful, self.replaced.clone());
        let inner = if path.is_empty() { "parent".to_owned() } else { format!("{path}.parent") };
        let as_parent = self.in_silence(|walk| walk.known_module(module, &inner, input));
        if let (Flow::Tensor(own), Some(Flow::Tensor(known))) = (&output, &as_parent)
            && self.shape(own) == self.shape(known)
            && self.doubtful == doubtful
        {
            let layer = crate::layers::overwritten::Overwritten {};
            let (span, name) = (self.place(module), torch_type(module));
            let path = if path.is_empty() { "own" } else { path };
            let bottoms = vec![known.clone(), own.clone()];
            let top = self.push_one(layer, &name, path, span, bottoms);
            return Ok(Some(Flow::Tensor(top)));
        }
        self.nodes.truncate(nodes);
        self.uses.truncate(uses);
        (self.taken, self.doubtful, self.replaced) = (taken, doubtful, replaced);
        let why = format!("that of `{parent}`, which Torch would run, does not fit");
        self.derived(module, &why);
        Ok(Some(output))
    }

    /// Says that a container's own `updateGradInput` is not run, if it has one.
    pub(super) fn warn_of_own_gradient(&mut self, module: &Table) {
        if !super::children(module).is_empty() && own_method(module, "updateGradInput") {
            self.derived(module, "its own updateGradInput, for the modules inside, is not run");
        }
    }

    /// Says that a gradient is not that of the definition's own method, and why.
    pub(super) fn derived(&mut self, module: &Table, why: &str) {
        let name = torch_type(module);
        let message = format!("the gradient of `{name}` is derived from its updateOutput");
        let d = Diagnostic::new(&diag::W0610, self.place(module), message).here(why);
        self.diagnostics.report(d);
    }

    /// Does something whose complaints nobody hears.
    fn in_silence<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Option<T> {
        let before = std::mem::take(self.diagnostics);
        let done = work(self).ok();
        let errors = self.diagnostics.has_errors();
        *self.diagnostics = before;
        done.filter(|_| !errors)
    }

    /// What a criterion that the definition wrote makes of its input and its target: the loss.
    pub(super) fn follow_criterion(
        &mut self,
        criterion: &Table,
        path: &str,
        both: &[&Flow],
    ) -> Result<Option<Flow>, Stop> {
        let own = own_method(criterion, "updateGradInput");
        self.steps_of(criterion, path, both, own)
    }

    /// What a definition's `labelHook` (library/follow.lua) makes of a target and the model's input.
    pub fn follow_hook(&mut self, hooked: &Table, both: &[&Flow]) -> Outcome {
        match self.steps_of(hooked, "labelHook", both, false)? {
            Some(target) => Ok(target),
            None => self.unknown(hooked, "labelHook", both[0]),
        }
    }

    /// A label after the definition's hook.
    pub fn mapped_label(&mut self, map: &crate::layers::label_map::LabelMap, label: &Flow) -> Flow {
        let bottoms = self.current(label);
        let name = "labelHook";
        Flow::Tensor(self.push_one(map.clone(), name, name, self.whole, bottoms))
    }

    /// Tensors of the shapes of a flow, without numbers, if the shapes are known.
    pub fn sample(&mut self, flow: &Flow) -> Result<Option<Value>, Stop> {
        let blobs = flow.leaves();
        self.samples(flow, Kind::Float, &mut blobs.iter())
    }

    /// Writes down what a module or criterion does with these arguments and walks the steps; the value of its result.
    fn steps_of(
        &mut self,
        module: &Table,
        path: &str,
        arguments: &[&Flow],
        own_gradient: bool,
    ) -> Result<Option<Flow>, Stop> {
        let mut blobs = vec![];
        let flags = [self.reads_mode(), own_gradient].map(Value::Bool);
        let mut given = vec![Value::Table(module.clone())];
        let kind = kind_of(module);
        given.extend(flags);
        for argument in arguments {
            let own = self.current(argument);
            let sample = self.samples(argument, kind, &mut own.iter())?;
            let Some(sample) = sample else { return Ok(None) };
            given.push(sample);
            blobs.extend(own);
        }
        let library = self.library.clone();
        let followed = library.call(self.lua, "follow", given);
        let results = match followed {
            Ok(results) => results,
            Err(error) => {
                library.call(self.lua, "unfollow", vec![]).map_err(stop)?;
                let complaint = stop(error);
                return Err(match complaint.labels.is_empty() {
                    true => Box::new(complaint.label(self.place(module), "of this module")),
                    false => complaint,
                });
            }
        };
        let mut values: Values =
            blobs.into_iter().enumerate().map(|(i, b)| (i + 1, Flow::Tensor(b))).collect();
        let list = |at: usize| results.get(at).cloned().unwrap_or_default();
        if library.is_set("decided") {
            let name = torch_type(module);
            let message =
                format!("`{name}` asks how large its parameters are, and is answered once");
            let d = Diagnostic::new(&diag::W0631, self.place(module), message)
                .here("what it does is what it does with their first values");
            self.diagnostics.report(d);
        }
        let mut walked = self.walk_steps(&list(0), path, 0, &mut values)?;
        if let Value::String(why) = list(5) {
            self.derived(module, &format!("its own updateGradInput is not run: {}", why.to_str()));
        } else if let Value::String(why) = list(6) {
            self.derived(module, &format!("that of a module inside is not run, {}", why.to_str()));
        }
        if list(3).is_nil() {
            return Ok(flow(&list(2), &values));
        }
        // In training and afterwards it does something else.
        let before = self.rules.clone();
        let mut outcomes = vec![];
        for (phase, steps, result) in [(Phase::Train, 1, 2), (Phase::Test, 3, 4)] {
            let mut own = values.clone();
            self.rules = rules_of(&before, phase, self.place(module));
            walked = self.walk_steps(&list(steps), path, walked, &mut own)?;
            outcomes.push(flow(&list(result), &own));
        }
        let outcome = match &outcomes[..] {
            [Some(training), Some(afterwards)] => {
                let rules = [Phase::Train, Phase::Test]
                    .map(|phase| rules_of(&before, phase, self.place(module)));
                self.either(module, path, [training, afterwards], &rules).map(Some)
            }
            _ => Ok(None),
        };
        self.rules = before;
        outcome
    }

    /// Walks steps whose numbers begin behind `first`; how many there are until then.
    fn walk_steps(
        &mut self,
        steps: &Value,
        path: &str,
        first: usize,
        values: &mut Values,
    ) -> Result<usize, Stop> {
        let Value::Table(steps) = steps else { return Ok(first) };
        for at in 1..=steps.length() {
            let Value::Table(step) = steps.item(at) else { continue };
            let Value::Table(inner) = step.field("module") else { continue };
            let Some(given) = flow(&step.field("inputs"), values) else { continue };
            let (path, nodes) = (inside(path, first + at - 1), self.nodes.len());
            let made = match step.field("gradient") {
                Value::Table(gradient) => {
                    let results = step.field("results");
                    self.own_gradient(&inner, &path, &given, (&gradient, &results))?
                }
                _ => self.known_module(&inner, &path, &given)?,
            };
            if let Value::Bool(training) = step.field("mode") {
                let phase = if training { Phase::Train } else { Phase::Test };
                self.nodes[nodes..].iter_mut().for_each(|node| node.phase = Some(phase));
            }
            if is_criterion(&inner) {
                // What it gives is part of a loss, and none by itself.
                let losses = self.nodes[nodes..].iter_mut().filter(|n| n.layer.spec().loss);
                losses.for_each(|node| node.loss_weights = vec![Spanned::new(0.0, node.span)]);
            }
            bind(&step.field("outputs"), made, values);
        }
        Ok(first + steps.length())
    }

    /// One flow for what is given in training and what is given afterwards.
    fn either(
        &mut self,
        module: &Table,
        path: &str,
        flows: [&Flow; 2],
        rules: &[Vec<Rule>; 2],
    ) -> Outcome {
        match flows {
            [Flow::Table(a), Flow::Table(b)] if a.len() == b.len() => {
                let pairs = a.iter().zip(b).enumerate();
                let items =
                    pairs.map(|(i, (a, b))| self.either(module, &inside(path, i), [a, b], rules));
                Ok(Flow::Table(items.collect::<Result<_, _>>()?))
            }
            [Flow::Tensor(a), Flow::Tensor(b)] => {
                let [training, afterwards] = [a, b].map(|blob| self.resolve(blob));
                let shapes = [&training, &afterwards].map(|blob| self.shape(blob).cloned());
                if shapes[0] != shapes[1] {
                    let name = torch_type(module);
                    let message = format!("{name} gives another shape in training than afterwards");
                    return Err(Box::new(self.complaint(module, message).help(ONE_FORM)));
                }
                let span = self.place(module);
                self.rules.clone_from(&rules[0]);
                let layer = Layer::from(crate::layers::split::Split {});
                let path = if path.is_empty() { "either" } else { path };
                let node = self.nodes.len();
                let top = self.push_one(layer, "nn.Identity", path, span, vec![training]);
                let mut other = self.nodes[node].clone();
                other.bottoms = vec![Spanned::new(afterwards, span)];
                other.include.clone_from(&rules[1]);
                self.nodes.push(other);
                Ok(Flow::Tensor(top))
            }
            _ => {
                let name = torch_type(module);
                let message =
                    format!("{name} gives tensors nested otherwise in training than afterwards");
                Err(Box::new(self.complaint(module, message).help(ONE_FORM)))
            }
        }
    }

    /// A module's outputs with the gradient that its own `updateGradInput` computes: `given` are the outputs, the inputs,
    /// and the other values that the steps of the gradient read.
    fn own_gradient(
        &mut self,
        module: &Table,
        path: &str,
        given: &Flow,
        (steps, results): (&Table, &Value),
    ) -> Outcome {
        let Flow::Table(parts) = given else { return Ok(given.clone()) };
        let [outputs, inputs, others] = &parts[..] else { return Ok(given.clone()) };
        self.note_drawn(module, inputs, outputs);
        let (span, name) = (self.place(module), torch_type(module));
        let outs = outputs.leaves().len();
        let mut bottoms = self.current(given);
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut inner: Values = HashMap::new();
        let (mut made, mut count) = (vec![], 0);
        {
            let shapes: Vec<Option<Shape>> =
                bottoms.iter().map(|blob| self.shape(blob).cloned()).collect();
            let mut silent = Diagnostics::default();
            let mut walk = Walk::new(self.lua, self.library.clone(), &mut silent, span);
            // The gradients of the outputs come in the places of the outputs.
            let flows: Vec<Flow> = shapes
                .iter()
                .enumerate()
                .map(|(i, shape)| {
                    known.insert(format!("given.{i}"), i);
                    walk.input(&format!("given.{i}"), shape.as_ref(), span)
                })
                .collect();
            count += flows.len();
            let numbers = [steps.field("outputs"), steps.field("inputs"), steps.field("others")];
            let mut ids = vec![];
            numbers.iter().for_each(|tree| numbers_of(tree, &mut ids));
            inner.extend(ids.into_iter().zip(flows));
            let first = walk.nodes.len();
            let Value::Table(list) = steps.field("steps") else { return Ok(outputs.clone()) };
            for at in 1..=list.length() {
                let Value::Table(step) = list.item(at) else { continue };
                let Value::Table(part) = step.field("module") else { continue };
                let Some(read) = flow(&step.field("inputs"), &inner) else { continue };
                let output = walk.known_module(&part, &format!("{at}"), &read)?;
                bind(&step.field("outputs"), output, &mut inner);
            }
            let doubtful = walk.doubtful;
            for node in &walk.nodes[first..] {
                if doubtful || !node.params.is_empty() {
                    let message = format!("the updateGradInput of `{name}` cannot be followed");
                    let d = Diagnostic::new(&diag::E0704, span, message);
                    return Err(Box::new(d.here("made here")));
                }
                let read = node.bottoms.iter().filter_map(|b| known.get(&b.value).copied());
                let read = read.collect();
                let tops = node.tops.iter().filter_map(|t| walk.shape(&t.value).cloned());
                let step =
                    GradientStep { layer: node.layer.clone(), bottoms: read, tops: tops.collect() };
                for top in &node.tops {
                    known.insert(top.value.clone(), count);
                    count += 1;
                }
                made.push(step);
            }
        }
        let of_input = |id: &Option<usize>| {
            let gradient = inner.get(&(*id)?)?;
            gradient.leaves().first().and_then(|blob| known.get(blob).copied())
        };
        let mut ids = vec![];
        if let Value::Table(results) = results {
            for i in 1..=inputs.leaves().len() {
                ids.push(results.item(i).to_number().map(|id| id as usize));
            }
        }
        let layer = OwnGradient {
            outputs: outs,
            inputs: ids.iter().map(of_input).collect(),
            steps: std::sync::Arc::new(made),
        };
        let tops: Vec<String> = match outputs {
            Flow::Tensor(_) => vec![path.to_owned()],
            _ => (1..=outs).map(|i| format!("{path}[{i}]")).collect(),
        };
        bottoms.truncate(outs + inputs.leaves().len() + others.leaves().len());
        let node = self.nodes.len();
        let tops = self.push(layer.into(), &name, path, span, bottoms, tops);
        self.infer(node);
        let mut tops = tops.into_iter().map(Flow::Tensor);
        Ok(refilled(outputs, &mut tops))
    }

    /// Whether a file of the definition, or a class of the library, asks modules if they train, so that what they do may
    /// depend on it.
    fn reads_mode(&self) -> bool {
        if self.library.is_set("modes") {
            return true;
        }
        let words = [".train", ":training(", ":evaluate("];
        let mut files = self.lua.sources.files();
        files.any(|file| {
            !file.path.to_string_lossy().starts_with('<')
                && words.iter().any(|word| file.text.contains(word))
        })
    }

    /// A module or criterion that cannot be run, so that the rest of the net is still drawn.
    pub(super) fn unknown(&mut self, module: &Table, path: &str, input: &Flow) -> Outcome {
        let (span, name) = (self.place(module), torch_type(module));
        let layer = Unknown { type_name: name.clone() };
        let bottoms = self.current(input);
        let top = self.push(layer.into(), &name, path, span, bottoms, vec![path.to_owned()]);
        Ok(Flow::Tensor(top[0].clone()))
    }

    /// Tensors of the shapes of a flow and of a kind.
    fn samples<'b>(
        &mut self,
        input: &Flow,
        kind: Kind,
        blobs: &mut impl Iterator<Item = &'b String>,
    ) -> Result<Option<Value>, Stop> {
        match input {
            Flow::Tensor(_) => {
                let shape = blobs.next().and_then(|blob| self.shape(blob).cloned());
                let Some(shape) = shape else { return Ok(None) };
                Tensor::new(self.lua, kind, shape.dims()).map_err(stop).map(Some)
            }
            Flow::Table(items) => {
                let table = self.lua.table();
                for (at, item) in items.iter().enumerate() {
                    let Some(sample) = self.samples(item, kind, blobs)? else { return Ok(None) };
                    table.set((at + 1).into(), sample);
                }
                Ok(Some(table.into()))
            }
        }
    }
}

/// The kind of tensors that a module was turned to, if that holds fractions, else floats.
pub(super) fn kind_of(module: &Table) -> Kind {
    let kind = match module.field("_type") {
        Value::String(name) => Kind::of_tensor(&name.to_str()),
        _ => None,
    };
    kind.filter(|kind| kind.is_real()).unwrap_or(Kind::Float)
}

/// Whether a module has an `updateOutput` of its own.
pub fn computes(module: &Table) -> bool {
    own_method(module, "updateOutput") || own_method(module, "updateGradInput")
}

/// Whether a module, or a class of the definition's that it is of, has a method of its own.
fn own_method(module: &Table, name: &str) -> bool {
    written_method(module, name).is_some()
}

/// The method of this name that the definition wrote for a module or its class.
pub(super) fn written_method(module: &Table, name: &str) -> Option<Value> {
    let found = |table: &Table| Some(table.field(name)).filter(|method| !method.is_nil());
    let mut classes = ancestors(module.metatable());
    let own = classes.find_map(|class| match (found(&class), super::is_known(&class)) {
        // A layer has its methods in Rust, a container in Lua.
        (Some(method), true) => {
            let layer = |n: String| Layer::resolve(Dialect::Torch, &n).is_some();
            Some(Some(method).filter(|_| class_name(&class).is_some_and(layer)))
        }
        (None, true) => Some(None),
        (method, false) => method.map(Some),
    });
    found(module).or(own.flatten())
}

/// The flow that numbers of values stand for.
fn flow(tree: &Value, values: &Values) -> Option<Flow> {
    match tree {
        Value::Number(id) => values.get(&(*id as usize)).cloned(),
        Value::Table(items) => {
            let items = (1..=items.length()).map(|at| flow(&items.item(at), values));
            items.collect::<Option<_>>().map(Flow::Table)
        }
        _ => None,
    }
}

/// The numbers in a tree, depth first.
fn numbers_of(tree: &Value, numbers: &mut Vec<usize>) {
    match tree {
        Value::Number(id) => numbers.push(*id as usize),
        Value::Table(items) => {
            (1..=items.length()).for_each(|at| numbers_of(&items.item(at), numbers));
        }
        _ => {}
    }
}

/// A flow of the same nesting with other tensors.
fn refilled(like: &Flow, tensors: &mut impl Iterator<Item = Flow>) -> Flow {
    match like {
        Flow::Tensor(_) => tensors.next().unwrap_or_else(|| like.clone()),
        Flow::Table(items) => {
            let mut parts = vec![];
            for item in items {
                parts.push(refilled(item, tensors));
            }
            Flow::Table(parts)
        }
    }
}

/// Gives values their numbers.
fn bind(tree: &Value, made: Flow, values: &mut Values) {
    match (tree, made) {
        (Value::Number(id), made) => {
            values.insert(*id as usize, made);
        }
        (Value::Table(items), Flow::Table(made)) => {
            for (at, made) in made.into_iter().enumerate() {
                bind(&items.item(at + 1), made, values);
            }
        }
        _ => {}
    }
}

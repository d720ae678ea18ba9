//! `module:forward(input)` and `criterion:forward(input, target)` inside of a definition: the same walk that builds the net
//! gives the shapes, and where the net is small and everything in it is known, a pass of it gives the numbers.
//!
//! Definitions call it to test a model, to learn the size of its features, and to scale first values by what they give.
//! Numbers of larger nets are not known; what reads them says so.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Flow, Walk};
use crate::diag::{Diagnostics, Severity};
use crate::front::torch::interp::{Lua, LuaResult, Table, Value};
use crate::front::torch::library::Library;
use crate::front::torch::tensor::{Kind, LateNumber, Tensor};
use crate::front::{Numbers, Trial};
use crate::source::Span;
use crate::spec::Phase;
use crate::ty::Shape;

/// Steps that a node costs here.
const NODE: usize = 200;
/// Steps that the output of a module inside costs.
const INNER: usize = 50;
/// Tables within tables that an input may be.
const MOST_LEVELS: usize = 64;
/// Elements of inputs and parameters of a net that is computed.
const MOST_ELEMENTS: usize = 1 << 21;

/// The values of inputs by name; none if one is unknown.
type Given = Option<BTreeMap<String, Numbers>>;

/// What a module gives for an input, or, for the shapes alone, what it would if it were of the class of cortado's that it
/// extends.
///
/// # Errors
/// The layers refuse the input, or the limits are reached.
pub fn forward(
    lua: &mut Lua,
    library: Rc<Library>,
    module: &Table,
    input: &Value,
    own: bool,
) -> LuaResult<Value> {
    let span = lua.call_span().unwrap_or_else(Span::nowhere);
    let mut complaints = Diagnostics::default();
    let mut walk = Walk::new(lua, library.clone(), &mut complaints, span);
    let mut given: Given = own.then(BTreeMap::new);
    let flow = enter(&mut walk, input, span, 0, &mut given)?;
    walk.outputs = own.then(Vec::new);
    let output = match own {
        true => walk.module(module, "output", &flow),
        false => walk.known_module(module, "output", &flow),
    };
    let flow = output.map(|flow| resolved(&mut walk, &flow));
    let shapes = flow.as_ref().ok().map(|flow| with_shapes(&walk, flow));
    let refused = walk.refused.take();
    let inner = walk.outputs.take().unwrap_or_default();
    let inner: Vec<(Table, Shapes)> =
        inner.into_iter().map(|(module, flow)| (module, with_shapes(&walk, &flow))).collect();
    let parameters = parameters(&mut walk, given)?;
    let nodes = std::mem::take(&mut walk.nodes);
    drop(walk);
    lua.work(nodes.len().saturating_mul(NODE + nodes.len() / 8))?;
    if let Err(stop) = flow {
        return Err(lua.complaint(*stop));
    }
    if let Some(first) = complaints.iter().find(|complaint| complaint.severity() == Severity::Error)
    {
        return Err(lua.complaint(first.clone()));
    }
    let Some(shapes) = shapes else { return Ok(Value::Nil) };
    if let Some(refused) = refused.filter(|_| !shapes.are_known()) {
        return Err(lua.complaint(refused));
    }
    let phase = phase(module);
    let results = match parameters {
        Some(tensors) => tried(lua, &library, Trial { nodes, tensors, phase, span })?,
        None => None,
    };
    for (module, shapes) in inner.iter().filter(|(_, shapes)| shapes.are_known()) {
        lua.work(INNER)?;
        let kind = super::follow::kind_of(module);
        let output = leave(lua, shapes, results.as_ref(), (own, kind))?;
        module.set_field("output", output);
    }
    let kind = kind_of(input, 0).unwrap_or_else(|| super::follow::kind_of(module));
    leave(lua, &shapes, results.as_ref(), (own, kind))
}

/// The number that a criterion gives for an input and a target.
///
/// # Errors
/// Input or target are no tensors, or the limits are reached.
pub fn loss(
    lua: &mut Lua,
    library: Rc<Library>,
    criterion: &Table,
    (input, target): (&Value, &Value),
) -> LuaResult<Value> {
    let span = lua.call_span().unwrap_or_else(Span::nowhere);
    let mut silent = Diagnostics::default();
    let mut walk = Walk::new(lua, library.clone(), &mut silent, span);
    let mut given: Given = Some(BTreeMap::new());
    let input = enter(&mut walk, input, span, 0, &mut given)?;
    let target = match walk.reads_target(criterion) {
        true => enter(&mut walk, target, span, 0, &mut given)?,
        false => Flow::Table(vec![]),
    };
    let done = walk.criterion(criterion, "loss", &input, &target, 1.0).is_ok();
    let parameters = parameters(&mut walk, given.filter(|_| done))?;
    let nodes = std::mem::take(&mut walk.nodes);
    drop(walk);
    lua.work(nodes.len().saturating_mul(NODE))?;
    let results = match parameters.filter(|_| !silent.has_errors()) {
        Some(tensors) => tried(lua, &library, Trial { nodes, tensors, phase: Phase::Train, span })?,
        None => None,
    };
    if let Some((_, loss)) = results.as_ref().and_then(|results| results.get("loss"))
        && let [loss] = loss[..]
    {
        return Ok(f64::from(loss).into());
    }
    let unknown = Tensor::unknown(lua, Kind::Float, &[1])?;
    Ok(LateNumber::of(unknown.into_value()).unwrap_or_default())
}

/// The kind of the first tensor of an input, if it holds fractions: modules give what they take.
fn kind_of(input: &Value, level: usize) -> Option<Kind> {
    match (input, input.object::<Tensor>()) {
        (_, Some(tensor)) => Some(tensor.kind()).filter(|kind| kind.is_real()),
        (Value::Table(items), None) if level < MOST_LEVELS => kind_of(&items.item(1), level + 1),
        _ => None,
    }
}

/// In which phase a module is.
fn phase(module: &Table) -> Phase {
    match module.field("train") {
        Value::Bool(false) => Phase::Test,
        _ => Phase::Train,
    }
}

/// With the values of the parameters of the walk, if these are not too many and known.
fn parameters(walk: &mut Walk, given: Given) -> LuaResult<Given> {
    let Some(mut tensors) = given else { return Ok(None) };
    let mut count: usize = tensors.values().map(|(_, values)| values.len()).sum();
    for i in 0..walk.uses.len() {
        let (node, at) = (walk.uses[i].node, walk.uses[i].at);
        let value = walk.uses[i].tensor.clone();
        let Some(tensor) = value.object::<Tensor>() else { return Ok(None) };
        count = count.saturating_add(tensor.numel());
        if MOST_ELEMENTS < count {
            return Ok(None);
        }
        let Some(node) = walk.nodes.get(node) else { return Ok(None) };
        let name = format!("param.{}.{at}", node.name.value);
        match numbers(walk.lua(), tensor)? {
            Some(values) => tensors.insert(name, (Shape(tensor.sizes()), values)),
            None => return Ok(None),
        };
    }
    Ok(Some(tensors))
}

fn numbers(lua: &mut Lua, tensor: &Tensor) -> LuaResult<Option<Vec<f32>>> {
    if MOST_ELEMENTS < tensor.numel() || tensor.is_unknown() {
        return Ok(None);
    }
    Ok(Some(tensor.values(lua)?.into_iter().map(|value| value as f32).collect()))
}

/// What a pass gives, paid for.
fn tried(
    lua: &mut Lua,
    library: &Library,
    trial: Trial,
) -> LuaResult<Option<BTreeMap<String, Numbers>>> {
    let Some(run) = library.trial() else { return Ok(None) };
    let given = trial.tensors.clone();
    let Some((mut results, steps)) = run(trial) else { return Ok(None) };
    lua.work(steps)?;
    // What goes through unchanged is no result of a layer.
    for (name, numbers) in given {
        if let Some(blob) = name.strip_prefix("in.") {
            results.entry(format!("out.{blob}")).or_insert(numbers);
        }
    }
    Ok(Some(results))
}

/// An output with the names of its blobs and their shapes.
enum Shapes {
    Tensor(String, Option<Shape>),
    Table(Vec<Shapes>),
}

impl Shapes {
    fn are_known(&self) -> bool {
        match self {
            Shapes::Tensor(_, shape) => shape.is_some(),
            Shapes::Table(items) => items.iter().all(Shapes::are_known),
        }
    }
}

fn resolved(walk: &mut Walk, flow: &Flow) -> Flow {
    match flow {
        Flow::Tensor(name) => Flow::Tensor(walk.replaced.get(name).unwrap_or(name).clone()),
        Flow::Table(items) => Flow::Table(items.iter().map(|item| resolved(walk, item)).collect()),
    }
}

fn with_shapes(walk: &Walk, flow: &Flow) -> Shapes {
    match flow {
        Flow::Tensor(name) => Shapes::Tensor(name.clone(), walk.shape(name).cloned()),
        Flow::Table(items) => {
            Shapes::Table(items.iter().map(|item| with_shapes(walk, item)).collect())
        }
    }
}

fn enter(
    walk: &mut Walk,
    input: &Value,
    span: Span,
    level: usize,
    given: &mut Given,
) -> LuaResult<Flow> {
    let refused = |walk: &mut Walk| {
        let got = input.type_name();
        Err(walk.lua().error(&format!("a module takes tensors and tables of them, not {got}")))
    };
    if let Some(tensor) = input.object::<Tensor>() {
        let shape = Shape(tensor.sizes());
        let name = format!("input.{}", walk.nodes.len());
        let flow = walk.input(&name, Some(&shape), span);
        if let Some(tensors) = given {
            match numbers(walk.lua(), tensor)? {
                Some(values) => drop(tensors.insert(format!("in.{name}"), (shape, values))),
                None => *given = None,
            }
        }
        return Ok(flow);
    }
    match input {
        Value::Table(table) if level < MOST_LEVELS => {
            walk.lua().work(table.length())?;
            let mut items = vec![];
            for at in 1..=table.length() {
                items.push(enter(walk, &table.item(at), span, level + 1, given)?);
            }
            Ok(Flow::Table(items))
        }
        _ => refused(walk),
    }
}

/// The output as a value; what is not computed is unknown, or zeros where shapes alone were asked for.
fn leave(
    lua: &mut Lua,
    shapes: &Shapes,
    results: Option<&BTreeMap<String, Numbers>>,
    (own, kind): (bool, Kind),
) -> LuaResult<Value> {
    match shapes {
        Shapes::Tensor(name, Some(shape)) => {
            let known = results.and_then(|results| results.get(&format!("out.{name}")));
            if let Some((_, values)) = known.filter(|(_, values)| values.len() == shape.count()) {
                let values: Vec<f64> = values.iter().map(|&value| value.into()).collect();
                let tensor = Tensor::from_values(lua, kind, shape.dims(), &values)?;
                return Ok(tensor.into_value());
            }
            let tensor = match own {
                true => Tensor::unknown(lua, kind, shape.dims())?,
                false => Tensor::zeros(lua, kind, shape.dims())?,
            };
            Ok(tensor.into_value())
        }
        Shapes::Tensor(_, None) => {
            Err(lua.error("the shape of the output is not known before the network runs"))
        }
        Shapes::Table(items) => {
            let table = lua.table();
            for (at, item) in items.iter().enumerate() {
                let item = leave(lua, item, results, (own, kind))?;
                table.set((at + 1).into(), item);
            }
            Ok(table.into())
        }
    }
}

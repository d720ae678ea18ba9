//! `module:forward(input)` inside of a definition: a tensor of the shape that the layer gives, whose numbers nobody may
//! read, by the same walk that builds the net. Definitions call it to test a model or to learn the size of its features.

use std::rc::Rc;

use super::{Flow, Walk};
use crate::diag::{Diagnostics, Severity};
use crate::front::torch::interp::{Lua, LuaError, Table, Value};
use crate::front::torch::library::Library;
use crate::front::torch::tensor::{Kind, Tensor};
use crate::source::Span;
use crate::ty::Shape;

/// Steps that a node costs here.
const NODE: usize = 200;
/// Tables within tables that an input may be.
const MOST_LEVELS: usize = 64;

/// What a module gives for an input, or what it would if it were of the class of cortado's that it extends.
///
/// # Errors
/// The layers refuse the input, or the limits are reached.
pub fn forward(
    lua: &mut Lua,
    library: Rc<Library>,
    module: &Table,
    input: &Value,
    own: bool,
) -> Result<Value, LuaError> {
    let span = lua.call_span().unwrap_or_else(Span::nowhere);
    let mut complaints = Diagnostics::default();
    let mut walk = Walk::new(lua, library, &mut complaints, span);
    let flow = enter(&mut walk, input, span, 0)?;
    let output = match own {
        true => walk.module(module, "output", &flow),
        false => walk.known_module(module, "output", &flow),
    };
    let shapes = output.as_ref().ok().map(|flow| with_shapes(&walk, flow));
    let nodes = walk.nodes.len();
    drop(walk);
    lua.work(nodes.saturating_mul(NODE + nodes / 8))?;
    if let Err(stop) = output {
        return Err(lua.complaint(*stop));
    }
    if let Some(first) = complaints.iter().find(|complaint| complaint.severity() == Severity::Error)
    {
        return Err(lua.complaint(first.clone()));
    }
    let Some(shapes) = shapes else { return Ok(Value::Nil) };
    leave(lua, &shapes, own)
}

/// An output with its shapes.
enum Shapes {
    Tensor(Option<Shape>),
    Table(Vec<Shapes>),
}

fn with_shapes(walk: &Walk, flow: &Flow) -> Shapes {
    match flow {
        Flow::Tensor(name) => Shapes::Tensor(walk.shape(name).cloned()),
        Flow::Table(items) => {
            Shapes::Table(items.iter().map(|item| with_shapes(walk, item)).collect())
        }
    }
}

fn enter(walk: &mut Walk, input: &Value, span: Span, level: usize) -> Result<Flow, LuaError> {
    let refused = |walk: &mut Walk| {
        let got = input.type_name();
        Err(walk.lua().error(&format!("a module takes tensors and tables of them, not {got}")))
    };
    if let Some(tensor) = input.object::<Tensor>() {
        let shape = Shape(tensor.sizes());
        let name = format!("input.{}", walk.nodes.len());
        return Ok(walk.input(&name, Some(&shape), span));
    }
    match input {
        Value::Table(table) if level < MOST_LEVELS => {
            walk.lua().work(table.length())?;
            let items =
                (1..=table.length()).map(|at| enter(walk, &table.item(at), span, level + 1));
            Ok(Flow::Table(items.collect::<Result<_, _>>()?))
        }
        _ => refused(walk),
    }
}

/// Tensors of these shapes: `asked` for by the definition, which must not take them for numbers, or samples.
fn leave(lua: &mut Lua, shapes: &Shapes, asked: bool) -> Result<Value, LuaError> {
    match shapes {
        Shapes::Tensor(Some(shape)) if asked => {
            Ok(Tensor::unknown(lua, Kind::Float, shape.dims())?.into_value())
        }
        Shapes::Tensor(Some(shape)) => Tensor::new(lua, Kind::Float, shape.dims()),
        Shapes::Tensor(None) => {
            Err(lua.error("the shape of the output is not known before the network runs"))
        }
        Shapes::Table(items) => {
            let table = lua.table();
            for (at, item) in items.iter().enumerate() {
                let item = leave(lua, item, asked)?;
                table.set((at + 1).into(), item);
            }
            Ok(table.into())
        }
    }
}

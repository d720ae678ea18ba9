//! Modules that compute in Lua: what their `updateOutput` asks of tensors without numbers is written down step by step
//! (library/follow.lua), and the steps are walked like modules.

use std::collections::HashMap;

use super::arrange::inside;
use super::{Flow, Stop, Walk, stop, torch_type};
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Table, Value};
use crate::front::torch::library::{ancestors, class_name};
use crate::front::torch::tensor::{Kind, Tensor};
use crate::layers::{Layer, unknown::Unknown};
use crate::spec::Dialect;

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
        let blobs = self.current(input);
        let Some(given) = self.samples(input, &mut blobs.iter())? else { return Ok(None) };
        let library = self.library.clone();
        let followed = library.call(self.lua, "follow", vec![Value::Table(module.clone()), given]);
        let ended = library.call(self.lua, "unfollow", vec![]);
        let results = followed.map_err(|error| {
            let complaint = stop(error);
            match complaint.labels.is_empty() {
                true => Box::new(complaint.label(self.place(module), "of this module")),
                false => complaint,
            }
        })?;
        ended.map_err(stop)?;
        if own_method(module, "updateGradInput") {
            let name = torch_type(module);
            let message = format!("the gradient of `{name}` is derived from its updateOutput");
            let d = Diagnostic::new(&diag::W0610, self.place(module), message)
                .here("its own updateGradInput is not run");
            self.diagnostics.report(d);
        }
        let mut values: Values =
            blobs.into_iter().enumerate().map(|(i, b)| (i + 1, Flow::Tensor(b))).collect();
        let Some(Value::Table(steps)) = results.first() else { return Ok(None) };
        for at in 1..=steps.length() {
            let Value::Table(step) = steps.item(at) else { continue };
            let Value::Table(inner) = step.field("module") else { continue };
            let Some(given) = flow(&step.field("inputs"), &values) else { continue };
            let made = self.known_module(&inner, &inside(path, at - 1), &given)?;
            bind(&step.field("outputs"), made, &mut values);
        }
        Ok(results.get(1).and_then(|output| flow(output, &values)))
    }

    /// A module that cannot be run, so that the rest of the net is still drawn.
    pub(super) fn unknown(
        &mut self,
        module: &Table,
        path: &str,
        input: &Flow,
    ) -> Result<Flow, Stop> {
        let (span, name) = (self.place(module), torch_type(module));
        let layer = Unknown { type_name: name.clone() };
        let bottoms = self.current(input);
        let top = self.push(layer.into(), &name, path, span, bottoms, vec![path.to_owned()]);
        Ok(Flow::Tensor(top[0].clone()))
    }

    /// Tensors of the shapes of a flow.
    fn samples<'b>(
        &mut self,
        input: &Flow,
        blobs: &mut impl Iterator<Item = &'b String>,
    ) -> Result<Option<Value>, Stop> {
        match input {
            Flow::Tensor(_) => {
                let shape = blobs.next().and_then(|blob| self.shape(blob).cloned());
                let Some(shape) = shape else { return Ok(None) };
                Tensor::new(self.lua, Kind::Float, shape.dims()).map_err(stop).map(Some)
            }
            Flow::Table(items) => {
                let table = self.lua.table();
                for (at, item) in items.iter().enumerate() {
                    let Some(sample) = self.samples(item, blobs)? else { return Ok(None) };
                    table.set((at + 1).into(), sample);
                }
                Ok(Some(table.into()))
            }
        }
    }
}

/// Whether a module has an `updateOutput` of its own.
pub(super) fn computes(module: &Table) -> bool {
    own_method(module, "updateOutput")
}

/// Whether a module, or a class of the definition's that it is of, has a method of its own.
fn own_method(module: &Table, name: &str) -> bool {
    let known = |class: &Table| {
        class_name(class).is_none_or(|name| {
            super::STRUCTURAL.contains(&name.as_str())
                || Layer::resolve(Dialect::Torch, &name).is_some()
        })
    };
    let mut own = ancestors(module.metatable()).take_while(|class| !known(class));
    !module.field(name).is_nil() || own.any(|class| !class.field(name).is_nil())
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

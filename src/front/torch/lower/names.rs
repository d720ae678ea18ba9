//! The names under which Torch's people know inputs, outputs and parameters: by number, in the order of
//! `model:parameters()` and `model:listModules()`.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Flow, Identity, Places, Walk, Window};
use crate::front::torch::interp::{LuaResult, Table, Value};
use crate::front::torch::library::method;
use crate::front::torch::tensor::Tensor;

/// Pairs of a public name and cortado's own, such as `param.0` and `param.1.2.0`.
pub type Names = Vec<(String, String)>;

impl Walk<'_> {
    /// The names of the parameters and buffers of a model.
    ///
    /// # Errors
    /// A method that the definition has replaced fails.
    pub fn parameter_names(&mut self, model: &Table) -> LuaResult<Names> {
        let mut names = vec![];
        let lists = method(self.lua, model, "parameters")?;
        let list = |i: usize| match lists.get(i) {
            Some(Value::Table(list)) => list.items().collect(),
            _ => vec![],
        };
        let (values, gradients): (Vec<Value>, Vec<Value>) = (list(0), list(1));
        // The uses of each parameter, and those of its value whatever the gradient.
        let mut users: HashMap<Identity, VecDeque<usize>> = HashMap::new();
        for (k, super::Use { identity, .. }) in self.uses.iter().enumerate() {
            let any = Identity { gradient: None, ..*identity };
            let keys = [Some(any), Some(*identity).filter(|own| *own != any)];
            keys.into_iter().flatten().for_each(|key| users.entry(key).or_default().push_back(k));
        }
        let mut taken: HashSet<usize> = HashSet::new();
        for (i, value) in values.iter().enumerate() {
            let Some(tensor) = value.object::<Tensor>() else { continue };
            let gradient = gradients.get(i).and_then(|g| g.object::<Tensor>());
            let identity = Identity::of(tensor, gradient);
            let Some(users) = users.get_mut(&identity) else { continue };
            // Every owner of a shared tensor in turn, then the last again.
            while 1 < users.len() && taken.contains(&users[0]) {
                users.pop_front();
            }
            let k = users[0];
            taken.insert(k);
            let place = format!("{}.{}", self.nodes[self.uses[k].node].name.value, self.uses[k].at);
            names.push((format!("param.{i}"), format!("param.{place}")));
            names.push((format!("dparam.{i}"), format!("dparam.{place}")));
            names.push((format!("param_after.{i}"), format!("param_after.{place}")));
        }
        self.leave_out(&values);
        let mut first: HashMap<(&str, Window), &super::Use> = HashMap::new();
        for used in self.uses.iter().rev() {
            first.insert((used.field, used.identity.value), used);
        }
        let modules = method(self.lua, model, "listModules")?;
        let Some(Value::Table(modules)) = modules.first() else { return Ok(names) };
        let mut k = 0;
        for i in 1..=modules.length() {
            let Value::Table(module) = modules.item(i) else { continue };
            let mut has = false;
            for field in ["running_mean", "running_var"] {
                let value = module.field(field);
                let Some(tensor) = value.object::<Tensor>() else { continue };
                let window = Identity::of(tensor, None).value;
                let Some(found) = first.get(&(field, window)) else { continue };
                has = true;
                let place = format!("{}.{}", self.nodes[found.node].name.value, found.at);
                names.push((format!("buf.{k}.{field}"), format!("param.{place}")));
                names.push((format!("buf_after.{k}.{field}"), format!("param_after.{place}")));
            }
            k += usize::from(has);
        }
        Ok(names)
    }

    /// Parameters that the model does not list are not trained: definitions replace `parameters` to that end.
    fn leave_out(&mut self, listed: &[Value]) {
        let tensors = listed.iter().filter_map(|value| value.object::<Tensor>());
        let windows: HashSet<Window> = tensors.map(|t| Identity::of(t, None).value).collect();
        for i in 0..self.uses.len() {
            let super::Use { identity, node, at, field, .. } = self.uses[i];
            if ["weight", "bias"].contains(&field) && !windows.contains(&identity.value) {
                self.nodes[node].params[at].lr_mult = Some(0.0);
            }
        }
    }

    /// Where parameters are, by the windows of storage that hold them.
    pub fn places(&self) -> Places {
        let uses = self.uses.iter();
        let places =
            uses.map(|u| (u.identity.value, (self.nodes[u.node].name.value.clone(), u.at)));
        places.collect()
    }

    /// The names of inputs and outputs.
    pub fn blob_names(&self, inputs: &Flow, outputs: &Flow) -> Names {
        let mut names = vec![];
        for (i, blob) in inputs.leaves().iter().enumerate() {
            names.push((format!("in.{i}"), format!("in.{blob}")));
            names.push((format!("din.{i}"), format!("din.{blob}")));
        }
        for (i, blob) in outputs.leaves().iter().enumerate() {
            names.push((format!("out.{i}"), format!("out.{blob}")));
            names.push((format!("dout.{i}"), format!("dout.{blob}")));
        }
        names
    }
}

//! `nn.gModule`: the nodes of a graph in the order in which they are computed, each with what its children gave.

use std::collections::HashMap;

use super::arrange::{inside, integer, several_inputs};
use super::{Flow, Outcome, Walk, stop, tables};
use crate::front::torch::interp::{Table, Value};

/// One flow as it is, several as a table.
fn together(mut flows: Vec<Flow>) -> Flow {
    if flows.len() == 1 { flows.remove(0) } else { Flow::Table(flows) }
}

impl Walk<'_> {
    /// What a graph makes of its input: a tensor for one input node, a table for several.
    pub(super) fn graph(&mut self, module: &Table, path: &str, input: &Flow) -> Outcome {
        let inputs = tables(module, "inputs");
        let given = match inputs.len() {
            0 | 1 => vec![input.clone()],
            _ => self.table(module, input)?,
        };
        if given.len() != inputs.len() {
            let message =
                format!("nn.gModule has {} inputs, but is given {}", inputs.len(), given.len());
            return Err(several_inputs(self.complaint(module, message)));
        }
        let mut values: HashMap<u64, Flow> = HashMap::new();
        let mut modules = 0;
        for node in tables(module, "forwardnodes") {
            self.lua.step(self.whole).map_err(stop)?;
            let children = tables(&node, "children");
            let read = children.iter().filter_map(|child| values.get(&child.serial()).cloned());
            let mut read: Vec<Flow> = read.collect();
            let entered = inputs.iter().zip(&given).filter(|(entry, _)| **entry == node);
            read.extend(entered.map(|(_, flow)| flow.clone()));
            let mut flow = together(read);
            if let Value::Table(data) = node.field("data") {
                if let Value::Table(inner) = data.field("module") {
                    flow = self.module(&inner, &inside(path, modules), &flow)?;
                    modules += 1;
                }
                if let Some(index) = integer(&data, "selectindex") {
                    let items = self.table(module, &flow)?;
                    let at = usize::try_from(index - 1).ok();
                    let Some(item) = at.and_then(|at| items.get(at)) else {
                        let message =
                            format!("split takes part {index} of a table of {}", items.len());
                        return Err(self.complaint(module, message));
                    };
                    flow = item.clone();
                }
            }
            values.insert(node.serial(), flow);
        }
        let outputs = tables(module, "outputs");
        let outputs = outputs.iter().filter_map(|node| values.get(&node.serial()).cloned());
        Ok(together(outputs.collect()))
    }
}

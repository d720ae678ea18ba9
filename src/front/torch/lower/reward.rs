//! Modules that draw and learn from a reward (Williams 1992): a criterion of rewards is given what they drew, so that its
//! gradient reaches what they drew from, wherever in the net they are.

use std::collections::HashSet;

use super::{Flow, Walk, children};
use crate::front::torch::interp::{Table, Value};
use crate::front::torch::library::{ancestors, class_name, lua_field};
use crate::spec::Phase;

impl Walk<'_> {
    /// Remembers what a module of the class `nn.Reinforce` draws in training, from which input.
    pub(super) fn note_drawn(&mut self, module: &Table, input: &Flow, output: &Flow) {
        let draws = |class: Table| class_name(&class).is_some_and(|name| name == "nn.Reinforce");
        let afterwards = self.rules.iter().any(|rule| rule.phase == Some(Phase::Test));
        if !afterwards && ancestors(module.metatable()).any(draws) {
            self.drawn.push((module.clone(), input.clone(), output.clone()));
        }
    }

    /// For a criterion of rewards what the modules that it rewards have drawn, each from its input, in a table; the
    /// criterion's field `__drawn` says which they are.
    pub(super) fn drawn_for(&mut self, criterion: &Table) -> Option<Flow> {
        let class = criterion.metatable()?;
        let Value::Table(rewarded) = criterion.field("module") else { return None };
        if !lua_field(&class, "__rewards").is_truthy() {
            return None;
        }
        let mut inside = HashSet::new();
        let mut waiting = vec![rewarded];
        while let Some(module) = waiting.pop() {
            if inside.insert(module.serial()) {
                waiting.extend(children(&module));
            }
        }
        let list = self.lua.table();
        let mut flows = vec![];
        for (module, input, output) in &self.drawn {
            if inside.contains(&module.serial()) {
                list.set((flows.len() + 1).into(), Value::Table(module.clone()));
                flows.push(Flow::Table(vec![input.clone(), output.clone()]));
            }
        }
        criterion.set_field("__drawn", list);
        Some(Flow::Table(flows))
    }
}

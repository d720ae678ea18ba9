//! Modules that draw and learn from a reward (Williams 1992): a criterion of rewards is given what they drew, so that its
//! gradient reaches what they drew from, wherever in the net they are.

use std::collections::HashSet;

use super::{Flow, Walk, children};
use crate::front::torch::interp::{Table, Value};
use crate::front::torch::library::{ancestors, class_name, is_criterion, lua_field};
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

    /// What the criterions of rewards are given beside input and target: this one, or those inside of it, which its field
    /// `__rewards_inside` lists.
    pub(super) fn drawn_for(&mut self, criterion: &Table) -> Vec<Flow> {
        if rewards(criterion) {
            return self.drawn_by(criterion).into_iter().collect();
        }
        let mut inside = vec![];
        rewards_in(criterion, &mut MOST_SEARCHED.clone(), &mut inside);
        let flows: Vec<Flow> = inside.iter().filter_map(|inner| self.drawn_by(inner)).collect();
        if flows.len() != inside.len() || inside.is_empty() {
            return vec![];
        }
        let list = self.lua.table();
        for (at, inner) in inside.into_iter().enumerate() {
            list.set((at + 1).into(), Value::Table(inner));
        }
        criterion.set_field("__rewards_inside", list);
        flows
    }

    /// What the modules that a criterion rewards have drawn, each from its input, in a table; the criterion's field
    /// `__drawn` says which they are.
    fn drawn_by(&mut self, criterion: &Table) -> Option<Flow> {
        let Value::Table(rewarded) = criterion.field("module") else { return None };
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

/// Whether a criterion is one of rewards.
fn rewards(criterion: &Table) -> bool {
    criterion.metatable().is_some_and(|class| lua_field(&class, "__rewards").is_truthy())
}

/// So many fields are looked at for criterions of rewards.
const MOST_SEARCHED: usize = 1000;

/// The criterions of rewards in the fields of a criterion, in their lists and in those of the criterions there.
fn rewards_in(holder: &Table, left: &mut usize, found: &mut Vec<Table>) {
    for (_, value) in holder.entries() {
        let Value::Table(inner) = value else { continue };
        *left = left.saturating_sub(1);
        if *left == 0 {
            return;
        }
        match inner.metatable() {
            Some(_) if rewards(&inner) => found.push(inner),
            Some(_) if !is_criterion(&inner) => {}
            _ => rewards_in(&inner, left, found),
        }
    }
}

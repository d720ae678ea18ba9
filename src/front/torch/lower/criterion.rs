//! Criterions: nodes of losses, with the weights that criterions of criterions give them.

use super::arrange::inside;
use super::{Flow, Nesting, Outcome, Stop, Walk, stop, torch_type};
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Table, Value};
use crate::ir::Rule;
use crate::layers::Layer;
use crate::source::Spanned;
use crate::spec::{Dialect, Spelling};

impl Walk<'_> {
    /// What is added from here on exists only where the net has a loss: DIGITS' stages `train` and `val`.
    pub fn begin_loss(&mut self) {
        let span = self.whole;
        let rule = |stage: &str| Rule { stages: vec![stage.to_owned()], ..Rule::everywhere(span) };
        self.rules = vec![rule("train"), rule("val")];
    }

    /// DIGITS' default loss.
    pub fn default_loss(&mut self) -> Result<Option<Table>, Stop> {
        let class = self.library.class(self.lua, "nn.ClassNLLCriterion").map_err(stop)?;
        if class.is_nil() {
            return Ok(None);
        }
        Ok(self.lua.call_for_one(&class, vec![]).map_err(stop)?.into_table())
    }

    /// Adds a criterion on the model's output and the target.
    pub fn criterion(
        &mut self,
        criterion: &Table,
        path: &str,
        input: &Flow,
        target: &Flow,
        weight: f64,
    ) -> Result<(), Stop> {
        let span = self.place(criterion);
        self.lua.work_at(super::MODULE, span).map_err(stop)?;
        self.deeper(criterion)?;
        let (kind, opaque) = self.kind(criterion);
        match kind.as_str() {
            "nn.MultiCriterion" | "nn.ParallelCriterion" => {
                for (i, (part, factor)) in parts(criterion).into_iter().enumerate() {
                    let (mut x, mut t) = (input.clone(), target.clone());
                    if kind == "nn.ParallelCriterion" {
                        x = self.item(criterion, input, i)?;
                        if !criterion.field("repeatTarget").is_truthy() {
                            t = self.item(criterion, target, i)?;
                        }
                    }
                    self.criterion(&part, &inside(path, i), &x, &t, weight * factor)?;
                }
                return Ok(());
            }
            "nn.ModuleCriterion" => {
                let (mut x, mut t) = (input.clone(), target.clone());
                if let Value::Table(module) = criterion.field("inputModule") {
                    x = self.module(&module, &format!("{path}.input"), &x)?;
                }
                if let Value::Table(module) = criterion.field("targetModule") {
                    t = self.module(&module, &format!("{path}.target"), &t)?;
                }
                if let Value::Table(inner) = criterion.field("criterion") {
                    self.criterion(&inner, &inside(path, 0), &x, &t, weight)?;
                }
                return Ok(());
            }
            _ => {}
        }
        if opaque && super::follow::computes(criterion) {
            return self.own_criterion(criterion, path, &[input, target], weight);
        }
        let spelling = Layer::resolve(Dialect::Torch, &kind).filter(|_| !opaque);
        let Some(spelling) = spelling else {
            let name = torch_type(criterion);
            let message = format!("`{name}` is no criterion that cortado knows");
            let d = Diagnostic::new(&diag::E0704, span, message).here("made here");
            self.diagnostics.report(d);
            return Ok(());
        };
        let both = match self.reads_target(criterion) {
            true => Flow::Table(vec![input.clone(), target.clone()]),
            false => input.clone(),
        };
        self.not_too_many(spelling, criterion, input, &both)?;
        let node = self.nodes.len();
        self.spelled(spelling, criterion, path, &both)?;
        self.nodes[node].loss_weights = vec![Spanned::new(weight as f32, span)];
        Ok(())
    }

    /// Complains where a model gives a table to a criterion of one tensor.
    fn not_too_many(
        &self,
        spelling: &'static Spelling,
        criterion: &Table,
        input: &Flow,
        both: &Flow,
    ) -> Result<(), Stop> {
        let fewest = Layer::spec_of(spelling).map_or(0, |spec| spec.bottoms.min.saturating_sub(1));
        let Flow::Table(items) = input else {
            if fewest < 2 {
                return Ok(());
            }
            let name = torch_type(criterion);
            let message = format!("{name} takes a table of {fewest}, and the model gives a tensor");
            let help = "nn.SplitTable(2) makes a table of the parts of a tensor along its second dimension";
            return Err(Box::new(self.complaint(criterion, message).help(help)));
        };
        let given = both.leaves().len();
        if Layer::spec_of(spelling).is_none_or(|spec| given <= spec.bottoms.max) {
            return Ok(());
        }
        let (name, n) = (torch_type(criterion), items.len());
        let most = Layer::spec_of(spelling).map_or(0, |spec| spec.bottoms.max.saturating_sub(1));
        if 1 < most {
            let message = format!("{name} takes a table of {most}, and the model gives one of {n}");
            return Err(self.complaint(criterion, message));
        }
        let message = format!(
            "{name} compares one tensor with the target, and the model gives a table of {n}"
        );
        let help = "join them in the model, such as by nn.JoinTable(1, 1), or take nn.ParallelCriterion() with a criterion for each";
        let mut complaint = self.complaint(criterion, message);
        *complaint = complaint.help(help);
        Err(complaint)
    }

    /// Adds a criterion that computes in Lua.
    fn own_criterion(
        &mut self,
        criterion: &Table,
        path: &str,
        both: &[&Flow],
        weight: f64,
    ) -> Result<(), Stop> {
        let span = self.place(criterion);
        let mut given = both.to_vec();
        let drawn = self.drawn_for(criterion);
        given.extend(&drawn);
        let loss = self.follow_criterion(criterion, path, &given)?;
        let loss = match loss {
            Some(loss) => loss,
            // Nothing can be said about it before the shape of its input is known.
            None => {
                let both = both.iter().copied().cloned().collect();
                self.unknown(criterion, path, &Flow::Table(both))?
            }
        };
        let Flow::Tensor(loss) = loss else {
            let message = "a criterion gives a number, not a table".to_owned();
            return Err(self.complaint(criterion, message));
        };
        // There are two of it, if it is another in training than afterwards.
        for node in self.nodes.iter_mut().filter(|n| n.tops.iter().any(|top| top.value == loss)) {
            node.loss_weights = vec![Spanned::new(weight as f32, span); node.tops.len()];
        }
        Ok(())
    }

    /// What a criterion makes of a table of an input and a target where it stands among modules: a number, and no loss by
    /// itself.
    pub(super) fn number_of(&mut self, criterion: &Table, path: &str, both: &Flow) -> Outcome {
        let nodes = self.nodes.len();
        let (opaque, items) = (self.kind(criterion).1, self.table(criterion, both)?);
        let number = match opaque && super::follow::computes(criterion) {
            true => {
                let given: Vec<&Flow> = items.iter().collect();
                match self.follow_criterion(criterion, path, &given)? {
                    Some(number) => number,
                    None => self.unknown(criterion, path, both)?,
                }
            }
            false => self.known_module(criterion, path, both)?,
        };
        let losses = self.nodes[nodes..].iter_mut().filter(|node| node.layer.spec().loss);
        losses.for_each(|node| node.loss_weights = vec![Spanned::new(0.0, node.span)]);
        Ok(number)
    }

    fn item(&self, criterion: &Table, flow: &Flow, index: usize) -> Outcome {
        let items = self.table(criterion, flow)?;
        items.get(index).cloned().ok_or_else(|| {
            let (kind, n, have) = (torch_type(criterion), index + 1, items.len());
            let message = format!("{kind} needs a table of at least {n} here, not of {have}");
            let help =
                "the model gives a tensor, and the target has labels, for each of its criterions";
            Box::new(self.complaint(criterion, message).help(help))
        })
    }

    /// Whether a criterion compares its input with a target.
    pub fn reads_target(&self, criterion: &Table) -> bool {
        !WITHOUT_TARGET.contains(&self.kind(criterion).0.as_str())
    }

    /// How the targets of a criterion are nested in tables: as the criterions are that take tables apart.
    pub fn targets(&self, criterion: &Table) -> Nesting {
        self.asked_targets(criterion, &mut MOST_PARTS.clone()).numbered()
    }

    fn asked_targets(&self, criterion: &Table, left: &mut usize) -> Nesting {
        let one = Nesting::One(0);
        *left = left.saturating_sub(1);
        if *left == 0 {
            return one;
        }
        let parts = || parts(criterion).into_iter().map(|(part, _)| part);
        match self.kind(criterion).0.as_str() {
            "nn.ParallelCriterion" if !criterion.field("repeatTarget").is_truthy() => {
                Nesting::Many(parts().map(|part| self.asked_targets(&part, left)).collect())
            }
            "nn.ParallelCriterion" | "nn.MultiCriterion" => {
                let mut all = parts().map(|part| self.asked_targets(&part, left));
                all.find(|nesting| *nesting != one).unwrap_or(one)
            }
            "nn.ModuleCriterion" if criterion.field("targetModule").is_nil() => {
                match criterion.field("criterion") {
                    Value::Table(inner) => self.asked_targets(&inner, left),
                    _ => one,
                }
            }
            _ => one,
        }
    }
}

/// So many criterions are asked what they compare with.
const MOST_PARTS: usize = 1000;

/// Criterions that look at their input only.
const WITHOUT_TARGET: [&str; 3] =
    ["nn.DistanceRatioCriterion", "nn.L1Cost", "nn.TripletEmbeddingCriterion"];

/// The criterions inside of one, with their weights.
pub(super) fn parts(criterion: &Table) -> Vec<(Table, f64)> {
    let (Value::Table(list), Value::Table(weights)) =
        (criterion.field("criterions"), criterion.field("weights"))
    else {
        return vec![];
    };
    let items = (1..=list.length()).map(|i| (list.item(i), weights.item(i)));
    let parts = items.filter_map(|(part, weight)| match part {
        Value::Table(part) => Some((part, weight.to_number().unwrap_or(1.0))),
        _ => None,
    });
    parts.collect()
}

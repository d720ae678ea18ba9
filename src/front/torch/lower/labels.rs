//! The shape that a target has where nobody says it: what the criterion compares with the model's output.

use super::criterion::parts;
use super::{Flow, Walk};
use crate::front::torch::interp::{Table, Value};
use crate::ty::Shape;

/// Criterions that compare every element of their input with one of the target.
const ELEMENTS: [&str; 11] = [
    "nn.AbsCriterion",
    "nn.BCECriterion",
    "nn.DistKLDivCriterion",
    "nn.HingeEmbeddingCriterion",
    "nn.MSECriterion",
    "nn.MarginCriterion",
    "nn.MultiLabelMarginCriterion",
    "nn.MultiLabelSoftMarginCriterion",
    "nn.SmoothL1Criterion",
    "nn.SoftMarginCriterion",
    "nn.WeightedMSECriterion",
];

/// Criterions with a class for every pixel.
const PIXELS: [&str; 2] = ["nn.SpatialClassNLLCriterion", "cudnn.SpatialCrossEntropyCriterion"];

impl Walk<'_> {
    /// The shape of target `index` of a criterion on the model's output; one label for each record of the input where
    /// the criterion does not tell.
    pub fn label_shape(
        &self,
        criterion: &Table,
        index: usize,
        input: &Flow,
        output: &Flow,
    ) -> Option<Shape> {
        let records = || {
            let blob = input.leaves().into_iter().next()?;
            self.shape(&blob)?.dims().first().copied()
        };
        let own = self.compared(criterion, index, output);
        own.or_else(|| records().map(|n| Shape::from([n])))
    }

    fn compared(&self, criterion: &Table, index: usize, output: &Flow) -> Option<Shape> {
        if !self.lua.has_room() {
            return None;
        }
        let inner = || criterion.field("criterion").into_table();
        match super::torch_type(criterion).as_str() {
            "nn.SequencerCriterion" => {
                let (steps, labels) = self.of_step(&inner()?, output)?;
                return Some(Shape([&[steps], labels.dims()].concat()));
            }
            "nn.RepeaterCriterion" => return Some(self.of_step(&inner()?, output)?.1),
            _ => {}
        }
        let (kind, _) = self.kind(criterion);
        match kind.as_str() {
            "nn.MultiCriterion" => {
                let (part, _) = parts(criterion).into_iter().next()?;
                self.compared(&part, index, output)
            }
            "nn.ParallelCriterion" => {
                let Flow::Table(items) = output else { return None };
                let mut before = 0;
                for ((part, _), item) in parts(criterion).into_iter().zip(items) {
                    let own = self.targets(&part).tensors();
                    if index < before + own {
                        return self.compared(&part, index - before, item);
                    }
                    before += own;
                }
                None
            }
            "nn.ModuleCriterion" => match criterion.field("inputModule") {
                Value::Nil => self.compared(&inner()?, index, output),
                _ => None,
            },
            _ => self.labels(criterion, self.shape(output.leaves().first()?)?),
        }
    }

    /// The steps of an output that is a sequence, a table or the first dimension of a tensor, and the shape of what the
    /// criterion compares with each.
    fn of_step(&self, criterion: &Table, output: &Flow) -> Option<(usize, Shape)> {
        match output {
            Flow::Table(items) => Some((items.len(), self.compared(criterion, 0, items.first()?)?)),
            Flow::Tensor(blob) => {
                let (steps, step) = self.shape(blob)?.dims().split_first()?;
                Some((*steps, self.labels(criterion, &Shape(step.to_vec()))?))
            }
        }
    }

    /// The shape of what a single criterion compares with a tensor.
    fn labels(&self, criterion: &Table, shape: &Shape) -> Option<Shape> {
        let (kind, opaque) = self.kind(criterion);
        let of_each = opaque && super::follow::computes(criterion) && !self.label_each;
        let kind = kind.as_str();
        let records = shape.dims().first().copied()?;
        let labels = match shape.rank() {
            _ if PIXELS.contains(&kind) => {
                let mut dims = shape.dims().to_vec();
                if 2 <= dims.len() {
                    dims.remove(1);
                }
                dims
            }
            _ if of_each || ELEMENTS.contains(&kind) && !self.label_each => {
                match shape.count() == records {
                    true => vec![records],
                    false => shape.dims().to_vec(),
                }
            }
            1 if kind != "nn.MarginRankingCriterion" => vec![1],
            _ => vec![records],
        };
        Some(labels.into())
    }
}

//! Pulls similar pairs together and pushes others a margin apart.

use super::class_loss::{CLASS_TEXT, LossRule, Normalization};
use super::prelude::*;
use crate::diag::{self, Diagnostic};

params! {
    /// 1/(2N) Σ y d² + (1 - y) max(margin - d, 0)², where d is the distance between two rows (Hadsell, Chopra and
    /// LeCun 2006).
    ///
    /// The third bottom says which pairs are similar: any label but 0, truncated to a whole number. The legacy form
    /// max(margin - d², 0) is Caffe's from before April 2015. As in Caffe, the gradient of a dissimilar pair divides
    /// by d + 0.0001, so that equal points have gradient 0 and not NaN.
    pub struct ContrastiveLoss {
        /// Distance beyond which dissimilar pairs are left alone.
        margin: f64 = 1.0,
        /// Uses max(margin - d², 0) for dissimilar pairs.
        legacy: bool = false,
        /// Takes the mean instead of half of it, d as the root of d² and this number, and labels as they are: DIGITS'
        /// form for TensorFlow has 0.000001 here.
        under_root: Option<f64> = None,
    }
}

/// The description of [`ContrastiveLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(3),
    differentiable: 2,
    spellings: &[caffe("ContrastiveLoss", |a| {
        let p = a.section("contrastive_loss_param");
        ContrastiveLoss {
            margin: p.float("margin").unwrap_or(1.0),
            legacy: p.bool("legacy_version").unwrap_or(false),
            under_root: None,
        }
        .into()
    })],
    ..LayerSpec::loss("ContrastiveLoss", ContrastiveLoss::DOCS)
};

impl LayerOps for ContrastiveLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (a, b, labels) = (cx.bottom(0), cx.bottom(1), cx.bottom(2));
        let pairs = a.dims().first().copied().unwrap_or(0);
        if a.rank() < 2 && 1 < cx.bottom(2).rank() {
            let complaint =
                cx.bottom_complaint(0, "is no feature, and the last bottom is no label");
            return Err(cx.report(complaint.help(
                "the order is: both features, then the labels, which are 1 for pairs that are alike",
            )));
        }
        if !(2..=4).contains(&a.rank()) || a.count() != pairs * a.dims()[1] {
            return cx.fail_bottom(0, "features must be N x C, or N x C x 1 x 1");
        }
        if a.dims()[..2] != b.dims()[..2.min(b.rank())] || a.count() != b.count() {
            let name = &cx.node.bottoms[0].value;
            return cx.fail_bottom(1, format!("must have the shape of `{name}`, {a}"));
        }
        if 4 < b.rank() {
            return cx.fail_bottom(1, "features must be N x C, or N x C x 1 x 1");
        }
        // Of more labels, in a blob of one column, Caffe reads the first.
        let spare = pairs < labels.count() && labels.dims().first() == Some(&labels.count());
        if labels.count() != pairs && !spare {
            return cx.fail_bottom(2, format!("{} labels for {pairs} pairs", labels.count()));
        }
        if spare {
            let (n, s) = (labels.count(), if pairs == 1 { "" } else { "s" });
            let message = format!("{n} labels for {pairs} pair{s}");
            let d = Diagnostic::new(&diag::W0617, cx.bottom_place(2), message)
                .here("only the first are read")
                .label(cx.bottom_place(0), format!("`{}` is {a}", cx.node.bottoms[0].value))
                .help("were the records cut apart where channels should be? channels are axis 1");
            cx.report(d);
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut bottoms = cx.bottoms.to_vec();
        let pairs = b.shape(bottoms[0]).dims()[0];
        if b.shape(bottoms[2]).count() != pairs {
            bottoms[2] = b.slice(bottoms[2], 0, 0, pairs);
        }
        if let Some(epsilon) = self.under_root {
            let rows = [pairs, b.shape(bottoms[0]).count() / pairs.max(1)];
            let features = [b.view(bottoms[0], rows), b.view(bottoms[1], rows)];
            let squares = b.map(&features, &(arg(0) - arg(1)).squared());
            let squares = b.sum(squares, &[1]);
            let similar = b.view(bottoms[2], [pairs, 1]);
            let lacking = (constant(self.margin) - (arg(0) + epsilon).sqrt()).max(0.0);
            let cost = arg(1) * arg(0) + (constant(1.0) - arg(1)) * lacking.squared();
            let cost = b.map(&[squares, similar], &cost);
            let sum = b.sum_all(cost);
            return vec![b.scale(sum, 1.0 / pairs as f64)];
        }
        b.native(Loss { margin: self.margin, legacy: self.legacy }, &bottoms)
    }

    fn on_other_bottoms(&self, given: usize) -> Option<[&'static str; 2]> {
        let note =
            "it reads the features of both sides, and a label for each pair: 1 if it is alike";
        (given == 2).then_some([note, "add the labels as the last: `bottom: \"label\"`"])
    }

    fn detail(&self) -> String {
        format!("margin {}{}", self.margin as f32, if self.legacy { ", legacy" } else { "" })
    }
}

/// Most elements of a row for which a thread does a pair of them on a GPU.
const NARROW: usize = 32;

/// Most elements of all rows for which one block does all pairs.
const ONE_BLOCK: usize = 1 << 14;

/// `(a, b, similar) -> loss`.
#[derive(Debug, PartialEq)]
struct Loss {
    margin: f64,
    legacy: bool,
}

/// The pairs: rows of both arguments, and whether they are similar.
fn pairs<'a, T: Real>(args: &'a [View<T>]) -> impl Iterator<Item = (&'a [T], &'a [T], bool)> {
    let features = args[0].data.len() / args[2].data.len().max(1);
    let rows = args[0].data.chunks(features.max(1)).zip(args[1].data.chunks(features.max(1)));
    rows.zip(args[2].data).map(|((a, b), y)| (a, b, y.trunc() != T::ZERO))
}

fn squared_distance<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).map(|(&a, &b)| (a - b) * (a - b)).sum()
}

impl Operation for Loss {
    const NAME: &'static str = "contrastive-loss";
    const DIFFERENTIABLE: usize = 2;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let margin = T::from_f64(self.margin);
        let mut loss = T::ZERO;
        for (a, b, similar) in pairs(args) {
            let squared = squared_distance(a, b);
            loss += match (similar, self.legacy) {
                (true, _) => squared,
                (false, true) => (margin - squared).at_least(T::ZERO),
                (false, false) => {
                    let gap = (margin - squared.sqrt()).at_least(T::ZERO);
                    gap * gap
                }
            };
        }
        let n = T::from_usize(args[2].data.len());
        outs[0].data[0] = loss / n / T::from_f64(2.0);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let margin = T::from_f64(self.margin);
        let scale = saved.douts[0].data[0] / T::from_usize(saved.args[2].data.len());
        for (which, dx) in saved.wrt.iter().zip(dargs) {
            let scale = if *which == 0 { scale } else { -scale };
            let features = dx.data.len() / saved.args[2].data.len().max(1);
            let rows = dx.data.chunks_mut(features.max(1));
            for (row, (a, b, similar)) in rows.zip(pairs(saved.args)) {
                let factor = match (similar, self.legacy) {
                    (true, _) => scale,
                    (false, true) if T::ZERO < margin - squared_distance(a, b) => -scale,
                    (false, true) => T::ZERO,
                    (false, false) => {
                        let distance = squared_distance(a, b).sqrt();
                        let gap = margin - distance;
                        match T::ZERO < gap {
                            true => -scale * gap / (distance + T::from_f64(1e-4)),
                            false => T::ZERO,
                        }
                    }
                };
                for ((d, &a), &b) in row.iter_mut().zip(a).zip(b) {
                    *d = factor * (a - b);
                }
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("contrastive_loss.cu")];
        let n = args[2].count();
        let width = args[0].count() / n.max(1);
        let [a, b, similar] = [0, 1, 2].map(Operand::Arg);
        let narrow = width <= NARROW;
        let calls = match pass {
            Pass::Forward if narrow && n * width <= ONE_BLOCK => {
                let operands = vec![a, b, similar, Operand::Out(0)];
                let call = Call::teams("contrastive_loss", 1, operands).with_all([n, width]);
                vec![call.with(self.margin).with(self.legacy)]
            }
            Pass::Forward => {
                let operands = vec![a, b, similar, Operand::Work(0)];
                let terms = Call::teams("contrastive_terms", n, operands).with(width);
                let rule = LossRule { ignore_label: None, normalization: Normalization::BatchSize };
                let total = rule.total_call(n, n, 2 * n);
                vec![terms.with(self.margin).with(self.legacy), total]
            }
            Pass::Backward(wrt) => {
                let at = |which: usize| wrt.iter().position(|&one| one == which);
                let (first, second, sign) = match (at(0), at(1)) {
                    (Some(first), Some(second)) => (first, second, 1.0),
                    (Some(only), None) => (only, only, 1.0),
                    (_, only) => (only.unwrap_or(0), only.unwrap_or(0), -1.0),
                };
                let [first, second] = [first, second].map(Operand::ArgGradient);
                let operands = vec![a, b, similar, Operand::OutGradient(0), first, second];
                let call = match narrow {
                    true => Call::each("contrastive_grad", n, operands),
                    false => Call::teams("contrastive_team_grad", n, operands),
                };
                vec![call.with(width).with(self.margin).with(self.legacy).with(sign)]
            }
        };
        Some(DeviceForm { texts: TEXTS, calls, work: n })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{blob, pass};

    #[test]
    fn of_more_labels_than_pairs_the_first_count() {
        let layer =
            "layer { name: 'l' type: 'ContrastiveLoss' bottom: 'a' bottom: 'b' bottom: 's' top: 'y'
            contrastive_loss_param { margin: 6 } }";
        let results = |labels: &[f32]| {
            let tensors = BTreeMap::from([
                ("in.a".to_string(), blob(&[2, 2], &[3.0, 4.0, 1.0, 0.0])),
                ("in.b".to_string(), blob(&[2, 2], &[0.0; 4])),
                ("in.s".to_string(), blob(&[labels.len()], labels)),
            ]);
            let results = pass(layer, &tensors).unwrap();
            [results["out.y"].data.clone(), results["din.a"].data.clone()]
        };
        // The distances are 5 and 1: 25 for a pair that is alike, (6 - 1)² for one that is not, over 4.
        let few = results(&[1.0, 0.0]);
        assert_eq!(few[0], [12.5]);
        assert_eq!(results(&[1.0, 0.0, 1.0, 1.0, 0.0]), few);
    }
}

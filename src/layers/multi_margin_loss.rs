//! Puts the score of the right class a margin above all others.

use super::prelude::*;
use crate::layers::class_loss::{CLASS_TEXT, ClassAxis, LossRule, Normalization};

params! {
    /// Σ w_c max(0, margin - x_c + x_j)^p / classes over the classes j other than the labelled class c (Crammer and
    /// Singer 2001), added up over items or averaged.
    ///
    /// Labels count classes from 1. A label that is no class makes the loss NaN.
    pub struct MultiMarginLoss {
        /// The power, 1 or 2.
        power: usize = 1,
        /// The margin.
        margin: f64 = 1.0,
        /// Whether the sum is divided by the number of items.
        average: bool = true,
        /// Number of weights, one for each class; all 1 if not given.
        weights: Option<usize> = None,
    }
}

const SCRIPT: &str = "
function Class:__init(p, weights, margin)
   Parent.__init(self)
   self.p = p or 1
   if self.p ~= 1 and self.p ~= 2 then
      error('nn.MultiMarginCriterion: the power must be 1 or 2, not ' .. tostring(p), 3)
   end
   self.margin = margin or 1
   self.sizeAverage = true
   if weights then
      if weights:dim() ~= 1 then
         error('nn.MultiMarginCriterion: weights must be a vector, one for each class', 3)
      end
      self.weights = weights
   end
end";

/// The description of [`MultiMarginLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.MultiMarginCriterion", &["p", "weights", "margin"], |a| {
        let power = a.usize("p").unwrap_or(1);
        if !(1..=2).contains(&power) {
            a.wrong("p", format!("`p` must be 1 or 2, not {power}"));
        }
        MultiMarginLoss {
            power,
            margin: a.float("margin").unwrap_or(1.0),
            average: a.bool("sizeAverage").unwrap_or(true),
            weights: a.usizes("weights").first().copied(),
        }
        .into()
    })
    .extends("nn.Criterion")
    .tensors(&["weights"])
    .script(SCRIPT)],
    ..LayerSpec::loss("MultiMarginLoss", MultiMarginLoss::DOCS)
};

impl LayerOps for MultiMarginLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = ClassAxis::of_items(cx)?;
        axis.check_count(cx, 1)?;
        if let Some(range) = self.labels(cx.bottoms) {
            cx.check_labels(&range)?;
        }
        let params = axis.weights(cx, self.weights)?;
        Ok(Signature { tops: vec![Shape::scalar()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let args: Vec<ValueId> =
            cx.bottoms.iter().copied().chain(cx.params.first().copied()).collect();
        let margins = Margins { power: self.power, margin: self.margin, average: self.average };
        b.native(margins, &args)
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        Some(LabelRange::of(*bottoms.first()?.dims().last()?, 1, None))
    }

    fn detail(&self) -> String {
        format!("margin {}, power {}", self.margin as f32, self.power)
    }
}

/// `(scores, labels[, weights]) -> loss`.
#[derive(Debug, PartialEq)]
struct Margins {
    power: usize,
    margin: f64,
    average: bool,
}

impl Margins {
    /// Calls `see` with the places of the labelled score and of each score that comes too near, by how much, and the
    /// factor of that; false if a label is no class.
    fn missed<T: Real>(&self, args: &[View<T>], mut see: impl FnMut(usize, usize, T, T)) -> bool {
        let x = &args[0];
        let axis = ClassAxis::of(x.shape, x.shape.rank() - 1);
        let items = if self.average { axis.outer.max(1) } else { 1 };
        let share = T::ONE / T::from_usize(axis.classes * items);
        let (margin, mut known) = (T::from_f64(self.margin), true);
        for (i, &label) in args[1].data.iter().enumerate() {
            let Some(class) = axis.class(label - T::ONE).filter(|_| T::ONE <= label) else {
                known = false;
                continue;
            };
            let right = axis.start(i) + class;
            let factor = args.get(2).map_or(share, |weights| share * weights.data[class]);
            for other in (axis.start(i)..axis.start(i) + axis.classes).filter(|&j| j != right) {
                let gap = margin - x.data[right] + x.data[other];
                if T::ZERO < gap {
                    see(right, other, gap, factor);
                }
            }
        }
        known
    }
}

impl Operation for Margins {
    const NAME: &'static str = "multi-margin";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let mut loss = T::ZERO;
        let known = self.missed(args, |_, _, gap, factor| {
            loss += if self.power == 1 { gap * factor } else { gap * gap * factor };
        });
        outs[0].data[0] = if known { loss } else { T::from_f64(f64::NAN) };
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (dx, dy) = (&mut dargs[0].data, saved.douts[0].data[0]);
        dx.fill(T::ZERO);
        self.missed(saved.args, |right, other, gap, factor| {
            let steep = if self.power == 1 { T::ONE } else { gap + gap };
            dx[other] += dy * factor * steep;
            dx[right] += -(dy * factor * steep);
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("multi_margin_loss.cu")];
        let axis = ClassAxis::of(args[0], args[0].rank() - 1);
        let items = if self.average { axis.outer.max(1) } else { 1 };
        let share = 1.0 / (axis.classes * items) as f64;
        let (n, weighted) = (args[1].count(), args.len() == 3);
        let weights = if weighted { Operand::Arg(2) } else { Operand::Arg(1) };
        let mut operands = vec![Operand::Arg(0), Operand::Arg(1), weights];
        let function = match pass {
            Pass::Forward => {
                operands.push(Operand::Work(0));
                "multi_margin_terms"
            }
            Pass::Backward(_) => {
                operands.extend([Operand::OutGradient(0), Operand::ArgGradient(0)]);
                "multi_margin_grad"
            }
        };
        let call = Call::each(function, n, operands).with(axis.classes).with(weighted);
        let mut calls = vec![call.with(self.power != 1).with_all([self.margin, share])];
        if pass == Pass::Forward {
            let rule = LossRule { ignore_label: None, normalization: Normalization::None };
            calls.push(rule.total_call(n, n, n));
        }
        Some(DeviceForm { texts: TEXTS, calls, work: n + 1 })
    }
}

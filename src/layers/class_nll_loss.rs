//! What the right class's log-probability lacks to 0.

use super::prelude::*;
use crate::layers::Layer;
use crate::layers::class_loss::{CLASS_TEXT, ClassAxis};

/// Which blobs are scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    /// Classes, or items x classes.
    Items,
    /// The same once axes of extent 1 are left out.
    Squeezed,
    /// Items x classes x height x width.
    Maps,
}

params! {
    /// -Σ w_c x_c over the labels, where x_c is the score of the labelled class c, or its mean.
    ///
    /// Scores are logarithms of probabilities, or with `log_softmax` anything. Labels count classes from 1. The mean
    /// divides by the sum of the weights of the labelled classes. A label that is no class makes the loss NaN.
    pub struct ClassNllLoss {
        /// Which blobs are scores.
        scores: Scores = Scores::Items,
        /// Whether scores become logarithms of probabilities first.
        log_softmax: bool = false,
        /// Whether it is the mean.
        average: bool = true,
        /// Labels of this value add nothing.
        ignore: i64 = -100,
        /// Number of weights, one for each class; all 1 if not given.
        weights: Option<usize> = None,
    }
}

const SCRIPT: &str = "
function Class:__init(weights, sizeAverage, ignoreIndex)
   Parent.__init(self)
   if weights then
      if weights:dim() ~= 1 then
         error(torch.type(self) .. ': weights must be a vector, one for each class', 3)
      end
      self.weights = weights
   end
   self.sizeAverage = sizeAverage == nil or sizeAverage
   self.ignoreIndex = ignoreIndex or -100
end";

const CROSS_ENTROPY: &str = "
function Class:__init(weights, sizeAverage)
   Parent.__init(self)
   self.weights = weights
   self.sizeAverage = sizeAverage == nil or sizeAverage
   self.lsm = nn.LogSoftMax()
   self.nll = nn.ClassNLLCriterion(weights, self.sizeAverage)
   self.oldSizeAverage = self.sizeAverage
end";

const FIELDS: &[&str] = &["weights", "sizeAverage", "ignoreIndex"];

/// The description of [`ClassNllLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.ClassNLLCriterion", FIELDS, |a| read(a, Scores::Items, false))
            .extends("nn.Criterion")
            .tensors(&["weights"])
            .script(SCRIPT),
        torch("nn.SpatialClassNLLCriterion", FIELDS, |a| read(a, Scores::Maps, false))
            .extends("nn.Criterion")
            .tensors(&["weights"])
            .script(SCRIPT),
        torch("nn.CrossEntropyCriterion", FIELDS, |a| read(a, Scores::Squeezed, true))
            .extends("nn.Criterion")
            .tensors(&["weights"])
            .script(CROSS_ENTROPY),
        torch("cudnn.SpatialCrossEntropyCriterion", FIELDS, |a| read(a, Scores::Maps, true))
            .extends("nn.Criterion")
            .tensors(&["weights"])
            .script(SCRIPT),
    ],
    ..LayerSpec::loss("ClassNLLLoss", ClassNllLoss::DOCS)
};

fn read(a: &Args, scores: Scores, log_softmax: bool) -> Layer {
    ClassNllLoss {
        scores,
        log_softmax,
        average: a.bool("sizeAverage").unwrap_or(true),
        ignore: a.int("ignoreIndex").unwrap_or(-100),
        weights: a.usizes("weights").first().copied(),
    }
    .into()
}

impl ClassNllLoss {
    /// The shape of the scores as they are looked at, and the axis of the classes.
    fn seen(&self, x: &Shape) -> Option<(Shape, usize)> {
        let mut seen = x.clone();
        if self.scores == Scores::Squeezed {
            seen.0.retain(|&d| d != 1);
            if seen.rank() == 0 {
                seen = [1].into();
            }
        }
        match (self.scores, seen.rank()) {
            (Scores::Maps, 4) => Some((seen, 1)),
            (Scores::Items | Scores::Squeezed, n @ 1..=2) => Some((seen, n - 1)),
            _ => None,
        }
    }
}

impl LayerOps for ClassNllLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let Some((seen, axis)) = self.seen(x) else {
            let want = match self.scores {
                Scores::Maps => "items x classes x height x width",
                _ => "classes, or items x classes",
            };
            return cx.fail_bottom(0, format!("scores must be {want}, not {x}"));
        };
        let classes = ClassAxis::of(&seen, axis);
        classes.check_count(cx, 1)?;
        if let Some(range) = self.labels(cx.bottoms) {
            cx.check_labels(&range)?;
        }
        let params = classes.weights(cx, self.weights)?;
        Ok(Signature { tops: vec![Shape::scalar()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let (seen, axis) = self.seen(b.shape(x)).unwrap_or((b.shape(x).clone(), 0));
        let mut scores = b.view(x, seen);
        if self.log_softmax {
            scores = b.log_softmax(scores, axis);
        }
        let args: Vec<ValueId> =
            [scores, cx.bottoms[1]].into_iter().chain(cx.params.first().copied()).collect();
        b.native(Nll { axis, average: self.average, ignore: self.ignore }, &args)
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        let (seen, axis) = self.seen(bottoms.first()?)?;
        Some(LabelRange::of(ClassAxis::of(&seen, axis).classes, 1, Some(self.ignore)))
    }

    fn detail(&self) -> String {
        let weighted = if self.weights.is_some() { ", weighted" } else { "" };
        format!("{}{weighted}", if self.average { "mean" } else { "sum" })
    }
}

/// `(scores, labels[, weights]) -> loss`.
#[derive(Debug, PartialEq)]
struct Nll {
    axis: usize,
    average: bool,
    ignore: i64,
}

impl Nll {
    /// Calls `see` with the place of each labelled score and the weight of its class, and gives what the sum is divided
    /// by; none if a label is no class.
    fn labelled<T: Real>(&self, args: &[View<T>], mut see: impl FnMut(usize, T)) -> Option<T> {
        let axis = ClassAxis::of(args[0].shape, self.axis);
        let (mut total, mut known) = (T::ZERO, true);
        for (i, &label) in args[1].data.iter().enumerate() {
            if label.to_f64() as i64 == self.ignore {
                continue;
            }
            let Some(class) = axis.class(label - T::ONE).filter(|_| T::ONE <= label) else {
                known = false;
                continue;
            };
            let weight = args.get(2).map_or(T::ONE, |weights| weights.data[class]);
            total += weight;
            see(axis.start(i) + class * axis.inner, weight);
        }
        let divisor = if self.average && total != T::ZERO { total } else { T::ONE };
        known.then_some(divisor)
    }
}

impl Operation for Nll {
    const NAME: &'static str = "class-nll";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let mut loss = T::ZERO;
        let divisor = self.labelled(args, |at, weight| loss += -(args[0].data[at] * weight));
        outs[0].data[0] = divisor.map_or(T::from_f64(f64::NAN), |divisor| loss / divisor);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let dx = &mut dargs[0].data;
        dx.fill(T::ZERO);
        let divisor = self.labelled(saved.args, |_, _| {}).unwrap_or(T::ONE);
        let scale = saved.douts[0].data[0] / divisor;
        self.labelled(saved.args, |at, weight| dx[at] = -(scale * weight));
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("class_nll_loss.cu")];
        let axis = ClassAxis::of(args[0], self.axis);
        let n = axis.labels();
        let weighted = args.len() == 3;
        let [x, labels] = [Operand::Arg(0), Operand::Arg(1)];
        let weights = if weighted { Operand::Arg(2) } else { Operand::Arg(1) };
        let [terms, shares, divisor, loss] = [0, n, 2 * n, 2 * n + 1].map(Operand::Work);
        let operands = vec![x, labels.clone(), weights.clone(), terms.clone(), shares.clone()];
        let add = Call::each("nll_terms", n, operands).with_all(axis.extents());
        let total = |to| {
            let operands = vec![terms, shares, to, divisor.clone()];
            Call::teams("nll_total", 1, operands).with(n).with(self.average)
        };
        let mut calls = vec![add.with(weighted).with(self.ignore)];
        match pass {
            Pass::Forward => calls.push(total(Operand::Out(0))),
            Pass::Backward(_) => {
                calls.push(total(loss));
                let (dy, dx) = (Operand::OutGradient(0), Operand::ArgGradient(0));
                let operands = vec![labels, weights, divisor, dy, dx];
                let slope = Call::each("nll_grad", args[0].count(), operands);
                calls.push(slope.with_all(axis.extents()).with(weighted).with(self.ignore));
            }
        }
        Some(DeviceForm { texts: TEXTS, calls, work: 2 * n + 2 })
    }
}

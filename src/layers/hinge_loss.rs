//! One-against-all hinge loss of class scores.

use super::class_loss::{CLASS_TEXT, ClassAxis, LossRule, Normalization};
use super::prelude::*;

/// How margins that are missed are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HingeNorm {
    /// The sum.
    L1,
    /// The sum of squares.
    L2,
}

params! {
    /// 1/N Σ max(0, 1 - t x)^p over all scores x, where t is 1 for the class of the label and -1 for the others:
    /// a linear support vector machine for each class.
    ///
    /// Scores are `N x classes` (all axes but the first in one), labels one for each row.
    pub struct HingeLoss {
        /// The exponent p: 1 or 2.
        norm: HingeNorm = HingeNorm::L1,
    }
}

/// The description of [`HingeLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("HingeLoss", |a| {
        let p = a.section("hinge_loss_param");
        let norms = [("L1", HingeNorm::L1), ("L2", HingeNorm::L2)];
        HingeLoss { norm: p.choice_from("norm", 1, &norms).unwrap_or(HingeNorm::L1) }.into()
    })],
    ..LayerSpec::loss("HingeLoss", HingeLoss::DOCS)
};

impl LayerOps for HingeLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        ClassAxis::rows(cx.bottom(0)).check_labels(cx, 1)?;
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Hinge { norm: self.norm }, cx.bottoms)
    }

    fn detail(&self) -> String {
        format!("{:?}", self.norm)
    }
}

/// `(scores, labels) -> loss`.
#[derive(Debug, PartialEq)]
struct Hinge {
    norm: HingeNorm,
}

/// Calls `see` with the index of every score, -t and the margin missed, max(0, 1 - t x); false if a label is no class.
fn margins<T: Real>(args: &[View<T>], mut see: impl FnMut(usize, T, T)) -> bool {
    let axis = ClassAxis::rows(args[0].shape);
    let mut known = true;
    for (i, &l) in args[1].data.iter().enumerate() {
        let class = axis.class(l);
        known &= class.is_some();
        let start = axis.start(i);
        for (c, &x) in args[0].data[start..start + axis.classes].iter().enumerate() {
            let sign = if class == Some(c) { -T::ONE } else { T::ONE };
            see(start + c, sign, (T::ONE + sign * x).max(T::ZERO));
        }
    }
    known
}

impl Operation for Hinge {
    const NAME: &'static str = "hinge-loss";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let mut loss = T::ZERO;
        let known = margins(args, |_, _, missed| {
            loss += match self.norm {
                HingeNorm::L1 => missed,
                HingeNorm::L2 => missed * missed,
            };
        });
        outs[0].data[0] = match known {
            true => loss / T::from_usize(args[1].data.len()),
            false => T::from_f64(f64::NAN),
        };
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let scale = saved.douts[0].data[0] / T::from_usize(saved.args[1].data.len());
        margins(saved.args, |at, sign, missed| {
            dargs[0].data[at] = match self.norm {
                HingeNorm::L1 if T::ZERO < missed => sign * scale,
                HingeNorm::L1 => T::ZERO,
                HingeNorm::L2 => T::from_f64(2.0) * sign * missed * scale,
            };
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("hinge_loss.cu")];
        let (classes, n) = (ClassAxis::rows(args[0]).classes, args[1].count());
        let squared = self.norm == HingeNorm::L2;
        let [x, labels] = [Operand::Arg(0), Operand::Arg(1)];
        let calls = match pass {
            Pass::Forward => {
                let terms = Call::each("hinge_terms", n, vec![x, labels, Operand::Work(0)]);
                let rule = LossRule { ignore_label: None, normalization: Normalization::Full };
                vec![terms.with(classes).with(squared), rule.total_call(n, n, n)]
            }
            Pass::Backward(_) => {
                let operands = vec![x, labels, Operand::OutGradient(0), Operand::ArgGradient(0)];
                let slope = Call::each("hinge_grad", args[0].count(), operands);
                vec![slope.with_all([classes, n]).with(squared)]
            }
        };
        Some(DeviceForm { texts: TEXTS, calls, work: n + 1 })
    }
}

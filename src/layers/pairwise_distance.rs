//! How far apart two rows are.

use super::prelude::*;
use crate::layers::pair_similarity::check_rows;

params! {
    /// For each pair of rows of two blobs the p-norm of their difference, (Σ |a - b|^p)^(1/p).
    ///
    /// Bottoms of two axes, or of one, which is one row. As in Torch the gradient divides by the distance plus 1e-6.
    pub struct PairwiseDistance {
        /// The norm: 1 for the sum of absolute values, 2 for Euclid's.
        norm: f64 = 2.0,
    }
}

const SCRIPT: &str = "
function Class:__init(p)
   Parent.__init(self)
   self.norm = p or 2
end";

/// The description of [`PairwiseDistance`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    spellings: &[torch("nn.PairwiseDistance", &["norm"], |a| {
        let norm = a.float("norm").unwrap_or(2.0);
        if !(0.0 < norm && norm.is_finite()) {
            a.wrong("norm", format!("`norm` must be above 0, not {norm}"));
        }
        PairwiseDistance { norm }.into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("PairwiseDistance", Category::Elementwise, PairwiseDistance::DOCS)
};

impl LayerOps for PairwiseDistance {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of([check_rows(cx)?].into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Distance { norm: self.norm, rows: cx.top(0).count() }, cx.bottoms)
    }

    fn detail(&self) -> String {
        format!("{}-norm", self.norm as f32)
    }
}

/// `(a, b) -> distances`.
#[derive(Debug, PartialEq)]
struct Distance {
    norm: f64,
    rows: usize,
}

impl Distance {
    fn width<T: Real>(&self, args: &[View<T>]) -> usize {
        (args[0].data.len() / self.rows.max(1)).max(1)
    }
}

impl Operation for Distance {
    const NAME: &'static str = "distance";

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![[self.rows].into()]
    }

    fn gradient_reads_outputs(&self) -> bool {
        true
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (width, norm) = (self.width(args), T::from_f64(self.norm));
        let rows = args[0].data.chunks(width).zip(args[1].data.chunks(width));
        for (y, (a, b)) in outs[0].data.iter_mut().zip(rows) {
            let gaps = a.iter().zip(b).map(|(&a, &b)| (a - b).abs());
            *y = match self.norm {
                1.0 => gaps.sum(),
                2.0 => gaps.map(|gap| gap * gap).sum::<T>().sqrt(),
                _ => gaps.map(|gap| gap.powf(norm)).sum::<T>().powf(T::ONE / norm),
            };
        }
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let width = self.width(saved.args);
        let power = T::from_f64(self.norm - 1.0);
        for (&which, dx) in saved.wrt.iter().zip(dargs) {
            for (i, d) in dx.data.iter_mut().enumerate() {
                let gap = saved.args[0].data[i] - saved.args[1].data[i];
                let (distance, dy) =
                    (saved.outs[0].data[i / width], saved.douts[0].data[i / width]);
                let sign = match (gap < T::ZERO, T::ZERO < gap) {
                    (true, _) => -T::ONE,
                    (_, true) => T::ONE,
                    _ => T::ZERO,
                };
                let slope = match self.norm {
                    1.0 => sign,
                    2.0 => gap / (distance + T::from_f64(1e-6)),
                    _ if gap == T::ZERO => T::ZERO,
                    _ => {
                        let far = (distance + T::from_f64(1e-6)).powf(power);
                        sign * gap.abs().powf(power) / far
                    }
                };
                *d = if which == 0 { dy * slope } else { -(dy * slope) };
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let width = (args[0].count() / self.rows.max(1)).max(1);
        let [a, b] = [Operand::Arg(0), Operand::Arg(1)];
        let calls = match pass {
            Pass::Forward => {
                let call = Call::each("distance_rows", self.rows, vec![a, b, Operand::Out(0)]);
                vec![call.with(width).with(self.norm)]
            }
            Pass::Backward(wrt) => {
                let slope = |(position, &which): (usize, &usize)| {
                    let (y, dy) = (Operand::Out(0), Operand::OutGradient(0));
                    let to = Operand::ArgGradient(position);
                    let operands = vec![a.clone(), b.clone(), y, dy, to];
                    let call = Call::each("distance_grad", args[0].count(), operands).with(width);
                    call.with_all([self.norm, self.norm - 1.0, if which == 0 { 1.0 } else { -1.0 }])
                };
                wrt.iter().enumerate().map(slope).collect()
            }
        };
        Some(DeviceForm { texts: &[include_str!("pairwise_distance.cu")], calls, work: 0 })
    }
}

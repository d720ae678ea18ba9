//! Pulls rows of one class together and all rows of others away from them at once.

use super::constants::constants;
use crate::diag::Reported;
use crate::params;
use crate::program::expr::{arg, constant, select};
use crate::program::{Builder, ValueId};
use crate::spec::{Infer, LayerOps, LayerSpec, Lower, Signature, caffe};
use crate::ty::Shape;

params! {
    /// 1/(2P) Σ max(0, Jᵢⱼ)² over the P pairs of rows with one label, where Jᵢⱼ is dᵢⱼ + ln Σ e^(margin - d) and d in the sum
    /// are the distances of both rows to all rows with another label (Oh Song et al. 2016, Deep Metric Learning via Lifted
    /// Structured Feature Embedding, equation 4).
    ///
    /// Bottoms: features `N x K` and N labels. A batch without a pair makes the loss no number, as in the authors' fork of Caffe,
    /// and so do two equal rows its gradient.
    pub struct LiftedStructureLoss {
        /// How far other classes shall be away.
        margin: f64 = 1.0,
    }
}

/// The description of [`LiftedStructureLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("LiftedStructSimilaritySoftmaxLoss", |a| {
        let p = a.section("lifted_struct_sim_softmax_loss_param");
        let margin = p.float("margin");
        LiftedStructureLoss { margin: p.need("margin", margin) }.into()
    })],
    ..LayerSpec::loss("LiftedStructSimilaritySoftmaxLoss", LiftedStructureLoss::DOCS)
};

impl LayerOps for LiftedStructureLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (x, labels) = (cx.bottom(0), cx.bottom(1));
        let rows = x.dims().first().copied().unwrap_or(0);
        if x.rank() < 2 || x.count() != rows * x.dims()[1] {
            return cx.fail_bottom(0, "features must be N x K, or N x K x 1 x 1");
        }
        if labels.count() != rows {
            return cx.fail_bottom(1, format!("{} labels for {rows} rows", labels.count()));
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (rows, width) = (b.shape(cx.bottoms[0]).dims()[0], b.shape(cx.bottoms[0]).dims()[1]);
        let x = b.view(cx.bottoms[0], [rows, width]);
        let squares = b.map(&[x], &arg(0).squared());
        let squares = b.sum(squares, &[1]);
        let across = b.view(squares, [1, rows]);
        let products = b.matmul(x, false, x, true, None);
        let labels = [[rows, 1], [1, rows]].map(|shape| b.view(cx.bottoms[1], shape));
        let alike = b.map(&labels, &arg(0).equals(arg(1)));
        let above = (0..rows * rows).map(|i| f64::from(u8::from(i / rows < i % rows))).collect();
        let above = constants(b, [rows, rows], above);
        let pairs = b.map(&[alike, above], &(arg(0) * arg(1)));

        // Distances that do not count, such as those of rows to themselves, are 1, where a root has a slope.
        let apart = arg(0) + arg(1) - arg(2) * 2.0;
        let counts = (constant(1.0) - arg(3)) + arg(3) * arg(4);
        let distances = select(counts, apart, constant(1.0)).sqrt();
        let distances = b.map(&[squares, across, products, alike, above], &distances);
        let other = |e| select(arg(1), constant(f64::from(f32::MIN)), e);
        let gaps = b.map(&[distances, alike], &other(constant(self.margin) - arg(0)));
        // The largest of each row is taken out of its sum of powers.
        let most = b.max(gaps, &[1]);
        let most = b.stop(most);
        let powers = select(arg(1), constant(0.0), (constant(self.margin) - arg(0) - arg(2)).exp());
        let powers = b.map(&[distances, alike, most], &powers);
        let sums = b.sum(powers, &[1]);
        let (most_of, sum_of) = (b.view(most, [1, rows]), b.view(sums, [1, rows]));
        let larger = arg(2).max(arg(3));
        let both =
            arg(4) * (arg(2) - larger.clone()).exp() + arg(5) * (arg(3) - larger.clone()).exp();
        let cost = (arg(0) + larger + both.ln()).max(0.0).squared();
        let costs = [distances, pairs, most, most_of, sums, sum_of];
        let costs = b.map(&costs, &select(arg(1), cost, constant(0.0)));
        let (sum, count) = (b.sum_all(costs), b.sum_all(pairs));
        vec![b.map(&[sum, count], &(arg(0) * 0.5 / arg(1)))]
    }

    fn detail(&self) -> String {
        format!("margin {}", self.margin as f32)
    }
}

//! The smooth loss of boxes with the loss of every box beside it, by which hard ones are chosen.

use super::ohem::Divisor;
use super::prelude::*;

params! {
    /// Σ f(w (a - b)) / n, where f(d) is d² / 2 for |d| < 1, else |d| - 1/2; the second top is the sum over the channels for
    /// each item and place, `N x 1 x H x W`, without a gradient.
    ///
    /// A layer of R-FCN's fork of Caffe (Dai et al. 2016). The third bottom has the weights w. n is the number of items and
    /// places, or what `loss_param` says, with `PRE_FIXED` its `pre_fixed_normalizer`. In that fork the gradient lacks the factor
    /// w, which is the same for weights 0 and 1.
    pub struct SmoothL1LossOhem {
        /// What the sum is divided by.
        divisor: Divisor = Divisor::Valid,
    }
}

/// The description of [`SmoothL1LossOhem`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(2, 3),
    tops: Arity::between(1, 2),
    differentiable: 2,
    in_place: InPlace::Refused,
    loss: true,
    spellings: &[caffe("SmoothL1LossOHEM", |a| {
        SmoothL1LossOhem { divisor: Divisor::read(a).0 }.into()
    })],
    ..LayerSpec::new("SmoothL1LossOHEM", Category::Loss, SmoothL1LossOhem::DOCS)
};

/// Items, channels, rows, columns, as Caffe's old accessors see up to four axes.
fn four(shape: &Shape) -> [usize; 4] {
    let mut dims = shape.dims().to_vec();
    dims.resize(4, 1);
    [dims[0], dims[1], dims[2], dims[3]]
}

impl LayerOps for SmoothL1LossOhem {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        cx.rows_alike()?;
        if 4 < cx.bottom(0).rank() {
            return cx
                .fail_bottom(0, format!("has four axes at most, and there is {}", cx.bottom(0)));
        }
        let [items, _, rows, columns] = four(cx.bottom(0));
        let mut tops = vec![Shape::scalar(), Shape(vec![items, 1, rows, columns])];
        tops.truncate(cx.n_tops());
        Ok(Signature { tops, params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let [items, channels, rows, columns] = four(b.shape(cx.bottoms[0]));
        let places = rows * columns;
        let blobs: Vec<ValueId> =
            cx.bottoms.iter().map(|&blob| b.view(blob, [items, channels, places])).collect();
        let gap = arg(0) - arg(1);
        let gap = if blobs.len() == 3 { gap * arg(2) } else { gap };
        let near = gap.clone().abs().lt(1.0);
        let costs = b.map(&blobs, &select(near, gap.clone().squared() * 0.5, gap.abs() - 0.5));
        let sum = b.sum_all(costs);
        let divisor = self.divisor.of(items * places, items, false).unwrap_or(1.0);
        let mut tops = vec![b.scale(sum, 1.0 / divisor)];
        if cx.n_tops() == 2 {
            let each = b.sum(costs, &[1]);
            let each = b.view(each, cx.top(1).clone());
            tops.push(b.stop(each));
        }
        tops
    }
}

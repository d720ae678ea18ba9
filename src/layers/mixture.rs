//! A weighted sum of experts.

use super::prelude::*;

params! {
    /// Σ weight_i · expert_i (Jacobs et al. 1991): the first bottom has the weights, items x experts, or experts only
    /// without a batch; then comes one bottom for each expert, or one bottom for all, of which an axis is that of the
    /// experts.
    pub struct Mixture {
        /// The axis of the experts where one bottom has all of them, from 0; behind the axis of items if not given.
        axis: Option<usize> = None,
    }
}

/// The description of [`Mixture`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(2),
    in_place: InPlace::Refused,
    spellings: &[torch("nn.MixtureTable", &["dim"], |a| {
        let dimension = a.usize("dim");
        if dimension == Some(0) {
            a.wrong("dim", "`dim` counts from 1");
        }
        Mixture { axis: dimension.map(|d| d.saturating_sub(1)) }.into()
    })],
    ..LayerSpec::new("Mixture", Category::Elementwise, Mixture::DOCS)
};

impl Mixture {
    /// The axis of the experts in one bottom that has all.
    fn axis(&self, weights: &Shape) -> usize {
        self.axis.unwrap_or(weights.rank() - 1)
    }
}

impl LayerOps for Mixture {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (weights, first) = (cx.bottom(0), cx.bottom(1));
        if !(1..=2).contains(&weights.rank()) {
            return cx.fail_bottom(0, "weights must be experts, or items x experts");
        }
        let experts = weights.dims()[weights.rank() - 1];
        let batch = weights.rank() - 1;
        if first.dims().get(..batch) != Some(&weights.dims()[..batch]) || first.rank() == 0 {
            return cx.fail_bottom(1, format!("does not have the items of the weights, {weights}"));
        }
        if let [_, all] = cx.bottoms {
            let axis = self.axis(weights);
            if axis < batch || all.dims().get(axis) != Some(&experts) {
                let dimension = axis + 1;
                let why = format!("dimension {dimension} must have the {experts} experts: {all}");
                return cx.fail_bottom(1, why);
            }
            let top = crate::layers::select::without(all, axis);
            return Ok(Signature::of(if top.rank() == 0 { [1].into() } else { top }));
        }
        let given = cx.bottoms.len() - 1;
        if given != experts {
            return cx.fail_bottom(
                0,
                format!("has weights for {experts} experts, but there are {given}"),
            );
        }
        match cx.bottoms[1..].iter().position(|shape| shape != first) {
            Some(i) => cx.fail_bottom(i + 1, format!("all experts must have one shape, {first}")),
            None => Ok(Signature::of(first.clone())),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let weights = b.shape(cx.bottoms[0]).clone();
        let (batch, experts) = (weights.rank() - 1, weights.dims()[weights.rank() - 1]);
        if let &[gater, all] = cx.bottoms {
            let axis = self.axis(&weights);
            let mut seen = vec![1; b.shape(all).rank()];
            seen[..batch].copy_from_slice(&weights.dims()[..batch]);
            seen[axis] = experts;
            let gater = b.view(gater, seen);
            let product = b.mul(all, gater);
            let sum = b.sum(product, &[axis]);
            return vec![b.view(sum, cx.top(0).clone())];
        }
        let mut seen = vec![1; cx.top(0).rank()];
        seen[..batch].copy_from_slice(&weights.dims()[..batch]);
        let mut sum: Option<ValueId> = None;
        for (i, &expert) in cx.bottoms[1..].iter().enumerate() {
            let weight = b.slice(cx.bottoms[0], batch, i, 1);
            let weight = b.view(weight, seen.clone());
            sum = Some(match sum {
                Some(sum) => b.map(&[sum, expert, weight], &(arg(0) + arg(1) * arg(2))),
                None => b.mul(expert, weight),
            });
        }
        sum.into_iter().collect()
    }
}

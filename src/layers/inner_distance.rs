//! Distances to learned vectors, or to those of a second bottom.

use super::inner_product::unit_rows;
use super::label_mask::label_mask;
use super::prelude::*;

params! {
    /// Σ (x - w)², or Σ |x - w|, for each row x of the bottom and each vector w.
    ///
    /// Bottom `N x features` (all axes from `axis` on are features); the vectors are weights `num_output x features`, or a
    /// second bottom of such rows. A layer of the fork of Caffe of NormFace (Wang et al. 2017).
    pub struct InnerDistance {
        /// Number of learned vectors.
        num_output: usize = 0,
        /// Whether magnitudes are added up instead of squares.
        absolute: bool = false,
        /// The first axis of features.
        axis: i64 = 1,
        /// Whether every pass first brings the learned vectors to length 1, for good; see InnerProduct.
        normalize: bool = false,
        /// Whether the vectors of the second bottom get the gradient of the row's label only, which the third bottom names.
        own_only: bool = false,
        /// First values of the vectors.
        weight_filler: Filler = Filler::Unset,
    }
}

/// The description of [`InnerDistance`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 3),
    differentiable: 2,
    in_place: InPlace::Refused,
    spellings: &[caffe("InnerDistance", |a| {
        let p = a.section("inner_distance_param");
        let bottoms = a.texts("bottom").len();
        let num_output = p.usize("num_output");
        if p.bool("bias_term") == Some(true) {
            p.wrong(
                "bias_term",
                "distances of NormFace's fork have no bias since 2017; a Bias layer adds one",
            );
        }
        if p.bool("transpose") == Some(true) {
            p.wrong(
                "transpose",
                "that fork reads the vectors as rows even where it stores them as columns",
            );
        }
        let own_only = p.bool("update_center_only").unwrap_or(false);
        if own_only != (bottoms == 3) {
            let why = "`update_center_only` goes with three bottoms: rows, vectors and labels";
            p.wrong("update_center_only", why);
        }
        InnerDistance {
            num_output: if bottoms < 2 { p.need("num_output", num_output) } else { 0 },
            absolute: p.choice("distance_type", &[("L2", false), ("L1", true)]).unwrap_or(false),
            axis: p.int("axis").unwrap_or(1),
            normalize: p.bool("normalize").unwrap_or(false) && bottoms < 2,
            own_only,
            weight_filler: Filler::read(&p.section("weight_filler")),
        }
        .into()
    })],
    ..LayerSpec::new("InnerDistance", Category::Dense, InnerDistance::DOCS)
};

impl LayerOps for InnerDistance {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (axis, x) = (cx.axis(0, self.axis)?, cx.bottom(0));
        let features = x.count_of(axis..x.rank());
        let (vectors, params) = match cx.bottoms.get(1) {
            Some(rows) => {
                let vectors = rows.dims().first().copied().unwrap_or(0);
                if rows.count() != vectors * features {
                    let why = format!(
                        "must have rows of {features} numbers, as `{}` has",
                        cx.node.bottoms[0].value
                    );
                    return cx.fail_bottom(1, why);
                }
                (vectors, vec![])
            }
            None => {
                cx.not_zero("num_output", self.num_output)?;
                let weight = [self.num_output, features];
                (self.num_output, vec![ParamDecl::new("weight", weight, self.weight_filler)])
            }
        };
        let rows = x.count_of(0..axis);
        if let Some(labels) = cx.bottoms.get(2).filter(|labels| labels.count() != rows) {
            return cx.fail_bottom(2, format!("{} labels for {rows} rows", labels.count()));
        }
        let mut top = x.dims()[..axis].to_vec();
        top.push(vectors);
        Ok(Signature { tops: vec![Shape(top)], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let top = cx.top(0).clone();
        let vectors = top.dims()[top.rank() - 1];
        let rows = top.count_of(0..top.rank() - 1);
        let width = b.shape(cx.bottoms[0]).count() / rows.max(1);
        let x = b.view(cx.bottoms[0], [rows, 1, width]);
        let mut weight = match cx.params.first() {
            Some(&weight) if self.normalize => unit_rows(b, weight, 1e-6),
            Some(&weight) => weight,
            None => cx.bottoms[1],
        };
        weight = b.view(weight, [1, vectors, width]);
        let mut apart = arg(0) - arg(1);
        let mut args = vec![x, weight];
        if self.own_only {
            let mask = label_mask(b, cx.bottoms[2], vectors);
            args.push(b.view(mask, [rows, vectors, 1]));
            apart = apart.with_gradient(vec![constant(1.0), -arg(2)]);
        }
        let apart = b.map(&args, &apart);
        let each = if self.absolute { arg(0).abs() } else { arg(0).squared() };
        let each = b.map(&[apart], &each);
        let sum = b.sum(each, &[2]);
        vec![b.view(sum, top)]
    }

    fn detail(&self) -> String {
        let what = if self.absolute { "L1" } else { "squared" };
        match self.num_output {
            0 => format!("{what} distances"),
            n => format!("{what} distances to {n} vectors"),
        }
    }
}

//! Reorders axes.

use super::prelude::*;

params! {
    /// Axis `i` of the top is axis `order[i]` of the bottom; axes that are not named follow in their order.
    ///
    /// A layer of the SSD fork of Caffe (Liu et al. 2016). The `Transpose` of forks for recognising text is the same with all axes
    /// named.
    pub struct Permute {
        /// The axes of the bottom, in the top's order.
        order: Vec<usize> = vec![],
        /// Whether all axes must be named.
        all: bool = false,
    }
}

/// The description of [`Permute`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        caffe("Permute", |a| {
            Permute { order: a.section("permute_param").usizes("order"), all: false }.into()
        }),
        caffe("Transpose", |a| {
            Permute { order: a.section("transpose_param").usizes("dim"), all: true }.into()
        }),
    ],
    ..LayerSpec::new("Permute", Category::Shape, Permute::DOCS)
};

impl Permute {
    fn complete(&self, rank: usize) -> Vec<usize> {
        let rest = (0..rank).filter(|axis| !self.order.contains(axis));
        self.order.iter().copied().chain(rest).collect()
    }
}

impl LayerOps for Permute {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        let (named, keys) = (self.order.len(), ["order", "dim"]);
        if self.all && named != shape.rank() {
            let why = format!(
                "names {named} axes of a blob of {} ({shape}), and all are needed",
                shape.rank()
            );
            return cx.fail(&keys, why);
        }
        for (i, &axis) in self.order.iter().enumerate() {
            if shape.rank() <= axis {
                let why = format!("a blob of {} axes ({shape}) has no axis {axis}", shape.rank());
                return cx.fail(&keys, why);
            }
            if self.order[..i].contains(&axis) {
                return cx.fail(&keys, format!("axis {axis} is named twice"));
            }
        }
        let dims = self.complete(shape.rank()).into_iter().map(|axis| shape.dims()[axis]);
        Ok(Signature::of(Shape(dims.collect())))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let order = self.complete(b.shape(cx.bottoms[0]).rank());
        vec![b.transpose(cx.bottoms[0], &order)]
    }

    fn detail(&self) -> String {
        format!("axes {:?}", self.order)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{blob, check, counting};

    #[test]
    fn axes_that_are_not_named_follow() {
        let layer = r#"layer { name: "l" type: "Permute" bottom: "a" top: "y" permute_param { order: 2 } }"#;
        let want = blob(&[3, 1, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        check(layer, &[("a", counting(&[1, 2, 3]))], &want);
    }
}

//! The elements that a mask names.

use super::filter::Select;
use super::prelude::*;

params! {
    /// The elements of the first bottom where the second bottom is not 0, as a vector.
    ///
    /// Its length is that of the values of the mask, which must be known beforehand.
    pub struct MaskedSelect {
    }
}

/// The description of [`MaskedSelect`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Refused,
    spellings: &[torch("nn.MaskedSelect", &[], |_| MaskedSelect {}.into())],
    ..LayerSpec::new("MaskedSelect", Category::Shape, MaskedSelect::DOCS)
};

impl LayerOps for MaskedSelect {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        if cx.bottom(0).count() != cx.bottom(1).count() {
            let x = cx.bottom(0);
            return cx.fail_bottom(1, format!("a mask must have as many elements as {x}"));
        }
        match cx.value(1) {
            Some(mask) => Ok(Signature::of([mask.iter().filter(|&&m| m != 0.0).count()].into())),
            None => cx.fail_bottom(
                1,
                "the shape of the result depends on the values of the mask, which are not known before the net runs",
            ),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let flat = Shape::from([b.shape(cx.bottoms[0]).count()]);
        let [x, mask] = [0, 1].map(|i| b.view(cx.bottoms[i], flat.clone()));
        b.native(Select { top: cx.top(0).clone() }, &[x, mask])
    }
}

//! Turns channels into the pixels of a larger image.

use super::lua::count;
use super::planes;
use super::prelude::*;

params! {
    /// `N x C factor² x H x W` becomes `N x C x factor H x factor W`: factor² channels are the pixels of a square
    /// (Shi et al. 2016). The batch axis may be missing.
    pub struct PixelShuffle {
        /// How much larger the image becomes.
        factor: usize = 1,
    }
}

/// The description of [`PixelShuffle`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.PixelShuffle", &["upscaleFactor"], |a| {
        PixelShuffle { factor: count(a, "upscaleFactor") }.into()
    })],
    ..LayerSpec::new("PixelShuffle", Category::Shape, PixelShuffle::DOCS)
};

impl LayerOps for PixelShuffle {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let whole = planes::batched(cx, 4, None)?;
        let (channels, square) = (whole.dims()[1], self.factor.saturating_mul(self.factor));
        if square == 0 || !channels.is_multiple_of(square) {
            let why = format!("{channels} channels cannot form squares of {square} pixels");
            return cx.fail(&["upscaleFactor"], why);
        }
        let enlarge = |axis: usize| whole.dims()[axis].saturating_mul(self.factor);
        let top = whole.with(1, channels / square).with(2, enlarge(2)).with(3, enlarge(3));
        Ok(Signature::of(planes::as_bottom(top, cx.bottom(0), 4)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let whole = planes::with_batch(b.shape(cx.bottoms[0]), 4);
        let &[items, channels, high, wide] = whole.dims() else { return vec![] };
        let planes = items * channels / (self.factor * self.factor);
        let x = b.view(cx.bottoms[0], [planes, self.factor, self.factor, high, wide]);
        let y = b.transpose(x, &[0, 3, 1, 4, 2]);
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("by {}", self.factor)
    }
}

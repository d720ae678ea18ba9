//! Pixels of small squares as channels: the layer by which YOLO's second version looks at finer features.

use super::prelude::*;

params! {
    /// Takes `N x C x H x W` to `N x C s² x H/s x W/s`, in the order that Darknet takes the elements (Redmon and Farhadi 2017),
    /// which is not that of the picture: they are read as an image of C / s² channels, s H rows and s W columns.
    ///
    /// A layer of the forks of Caffe with YOLO's layers. The reverse one takes `N x C x H x W` to `N x C/s² x s H x s W` and
    /// undoes another order than that, that of an image with as many channels as its result.
    pub struct Reorg {
        /// s, the side of a square.
        stride: usize = 1,
        /// Whether channels become squares.
        reverse: bool = false,
    }
}

/// The description of [`Reorg`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("Reorg", |a| {
        let p = a.section("reorg_param");
        let stride = p.usize("stride");
        if p.bool("flatten") == Some(true) {
            p.wrong(
                "flatten",
                "the flattening of one of the forks is not computed; Permute and Flatten do it",
            );
        }
        Reorg { stride: p.need("stride", stride), reverse: p.bool("reverse").unwrap_or(false) }
            .into()
    })],
    ..LayerSpec::new("Reorg", Category::Shape, Reorg::DOCS)
};

impl LayerOps for Reorg {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (shape, s) = (cx.bottom(0), self.stride);
        let &[n, c, h, w] = shape.dims() else {
            return cx.fail_bottom(0, format!("needs N x C x H x W, and there is {shape}"));
        };
        let square = s.checked_mul(s).filter(|&square| 0 < square);
        let Some(square) = square.filter(|&square| c.is_multiple_of(square)) else {
            return cx.fail(
                &["stride"],
                format!("{c} channels do not divide by a stride of {s}, squared"),
            );
        };
        if self.reverse {
            return Ok(Signature::of(Shape(vec![n, c / square, h * s, w * s])));
        }
        if !h.is_multiple_of(s) || !w.is_multiple_of(s) {
            return cx.fail(&["stride"], format!("{h} x {w} does not divide by a stride of {s}"));
        }
        Ok(Signature::of(Shape(vec![n, c * square, h / s, w / s])))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let top = cx.top(0).clone();
        let [n, c, h, w] = <[usize; 4]>::try_from(b.shape(cx.bottoms[0]).dims()).unwrap_or([1; 4]);
        let s = self.stride;
        let few = c / (s * s);
        let y = match self.reverse {
            false => {
                let x = b.view(cx.bottoms[0], [n, few, h, s, w, s]);
                b.transpose(x, &[0, 3, 5, 1, 2, 4])
            }
            true => {
                let x = b.view(cx.bottoms[0], [n, s, s, few, h, w]);
                b.transpose(x, &[0, 3, 4, 1, 5, 2])
            }
        };
        vec![b.view(y, top)]
    }

    fn detail(&self) -> String {
        format!("stride {}{}", self.stride, if self.reverse { ", reverse" } else { "" })
    }
}

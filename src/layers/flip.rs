//! Mirrors images.

use super::prelude::*;
use super::reverse::reversed;

params! {
    /// Images `N x C x H x W` with their columns, or rows, or both in the reverse order.
    ///
    /// A layer of the fork of Caffe of NormFace (Wang et al. 2017), which adds the features of a face and of its mirror image.
    pub struct Flip {
        /// Whether left and right are exchanged.
        width: bool = true,
        /// Whether top and bottom are exchanged.
        height: bool = false,
    }
}

/// The description of [`Flip`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("Flip", |a| {
        let p = a.section("flip_param");
        Flip {
            width: p.bool("flip_width").unwrap_or(true),
            height: p.bool("flip_height").unwrap_or(false),
        }
        .into()
    })],
    ..LayerSpec::new("Flip", Category::Shape, Flip::DOCS)
};

impl LayerOps for Flip {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        match cx.bottom(0).rank() {
            4 => Ok(Signature::of(cx.bottom(0).clone())),
            _ => cx.fail_bottom(0, "only images are mirrored, N x C x H x W"),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axes = [(self.height, 2), (self.width, 3)].into_iter().filter(|(turned, _)| *turned);
        vec![axes.fold(cx.bottoms[0], |x, (_, axis)| reversed(b, x, axis))]
    }

    fn detail(&self) -> String {
        match (self.width, self.height) {
            (true, true) => "left and right, top and bottom".into(),
            (true, false) => "left and right".into(),
            (false, true) => "top and bottom".into(),
            (false, false) => String::new(),
        }
    }
}

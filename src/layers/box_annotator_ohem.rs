//! Keeps the labels of the boxes that cost most, so that the net learns from hard examples only.

use super::constants::constants;
use super::prelude::*;

params! {
    /// Labels and weights of boxes of which only those with the largest losses are left: so many of each image; the others get
    /// the label that is ignored, and the weight 0. Of equal losses the first is taken.
    ///
    /// A layer of R-FCN's fork of Caffe (Dai et al. 2016; online hard example mining, Shrivastava et al. 2016). Bottoms: boxes
    /// (`N x 5`, the number of the image first, or `N x 5 x H x W`), the loss of each, labels, and weights of the box
    /// regression (`N x C`). No gradient passes.
    pub struct BoxAnnotatorOhem {
        /// Boxes that are kept of each image.
        per_image: usize = 0,
        /// The label of those that are not kept.
        ignore_label: i64 = -1,
    }
}

/// The description of [`BoxAnnotatorOhem`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(4),
    tops: Arity::exactly(2),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("BoxAnnotatorOHEM", |a| {
        let p = a.section("box_annotator_ohem_param");
        let per_image = p.usize("roi_per_img");
        if per_image == Some(0) {
            p.wrong("roi_per_img", "`roi_per_img` must be greater than 0");
        }
        BoxAnnotatorOhem {
            per_image: p.need("roi_per_img", per_image),
            ignore_label: p.int("ignore_label").unwrap_or(-1),
        }
        .into()
    })],
    ..LayerSpec::new("BoxAnnotatorOHEM", Category::Metric, BoxAnnotatorOhem::DOCS)
};

/// Extents behind the second axis, with all four axes.
fn places(shape: &Shape) -> [usize; 2] {
    let at = |axis: usize| shape.dims().get(axis).copied().unwrap_or(1);
    [at(2), at(3)]
}

impl LayerOps for BoxAnnotatorOhem {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let boxes = cx.bottom(0);
        if !(2..=4).contains(&boxes.rank()) || boxes.dims()[1] != 5 {
            return cx.fail_bottom(0, format!("boxes are N x 5 or N x 5 x H x W, not {boxes}"));
        }
        let (items, [rows, columns]) = (boxes.dims()[0], places(boxes));
        for (i, what) in [(1, "losses"), (2, "labels")] {
            let (given, want) = (cx.bottom(i).count(), items * rows * columns);
            if given != want {
                return cx.fail_bottom(i, format!("{given} {what} for {want} boxes"));
            }
        }
        let weights = cx.bottom(3);
        let fits = (2..=4).contains(&weights.rank())
            && weights.dims()[0] == items
            && places(weights) == [rows, columns];
        if !fits {
            return cx.fail_bottom(3, format!("weights of boxes {boxes} cannot be {weights}"));
        }
        let labels = Shape(vec![items, 1, rows, columns]);
        let weights = Shape(vec![items, weights.dims()[1], rows, columns]);
        Ok(Signature { tops: vec![labels, weights], params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let stopped: Vec<ValueId> = cx.bottoms.iter().map(|&bottom| b.stop(bottom)).collect();
        let &[boxes, losses, labels, weights] = &stopped[..] else { return vec![] };
        let [items, channels, rows, columns] =
            <[usize; 4]>::try_from(cx.top(1).dims()).unwrap_or([1; 4]);
        let (places, n) = (rows * columns, items * rows * columns);
        let boxes = b.view(boxes, [items, 5, places]);
        let images = b.slice(boxes, 1, 0, 1);
        let numbers = constants(b, [n, 1], (0..n).map(|i| i as f64).collect());
        // How many boxes of the same image come before each: by their loss, and where that is the same by their number.
        let mut args = vec![];
        for value in [losses, images, numbers] {
            args.push(b.view(value, [n, 1]));
            args.push(b.view(value, [1, n]));
        }
        let together = arg(2).trunc().equals(arg(3).trunc());
        let tied = arg(0).equals(arg(1)) * arg(5).lt(arg(4));
        let before = select(together, arg(1).gt(arg(0)) + tied, constant(0.0));
        let before = b.map(&args, &before);
        let before = b.sum(before, &[1]);
        let kept = b.map(&[before], &arg(0).lt(self.per_image as f64));
        let kept = b.view(kept, [items, 1, places]);
        let labels = b.view(labels, [items, 1, places]);
        let weights = b.view(weights, [items, channels, places]);
        let label = select(arg(0), arg(1), constant(self.ignore_label as f64));
        let labels = b.map(&[kept, labels], &label);
        let weights = b.map(&[kept, weights], &select(arg(0), arg(1), constant(0.0)));
        vec![b.view(labels, cx.top(0).clone()), b.view(weights, cx.top(1).clone())]
    }

    fn detail(&self) -> String {
        format!("{} of each image", self.per_image)
    }
}

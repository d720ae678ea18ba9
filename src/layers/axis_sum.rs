//! The sum or the mean along one axis.

use super::prelude::*;
use crate::layers::batch_axis::{BatchAxis, to_dimension};
use crate::layers::select::without;

params! {
    /// The sum or the mean along one axis, which disappears; of a vector it is a vector of one element.
    pub struct AxisSum {
        /// The axis; -1 is the last.
        axis: i64 = 0,
        /// The number of axes of an item: a bottom with one more is a batch, whose axis of items is not counted.
        item_axes: Option<usize> = None,
        /// Whether the sum is divided by the extent.
        mean: bool = false,
        /// Whether the axis stays with extent 1.
        keep: bool = false,
    }
}

const SUM: &str = "
function Class:__init(dimension, nInputDims, sizeAverage, squeeze)
   Parent.__init(self)
   self.dimension = dimension or 1
   self.nInputDims = nInputDims
   self.sizeAverage = sizeAverage or false
   if squeeze == nil then squeeze = true end
   self.squeeze = squeeze and true or false
end";

const MEAN: &str = "
function Class:__init(dimension, nInputDims)
   Parent.__init(self, dimension, nInputDims, true)
end";

/// The description of [`AxisSum`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.Sum", SUM_FIELDS, |a| AxisSum::read(a).into()).script(SUM),
        torch("nn.Mean", &["dimension", "nInputDims"], |a| AxisSum::read(a).into())
            .extends("nn.Sum")
            .script(MEAN),
    ],
    ..LayerSpec::new("AxisSum", Category::Elementwise, AxisSum::DOCS)
};

const SUM_FIELDS: &[&str] = &["dimension", "nInputDims", "sizeAverage", "squeeze"];

impl AxisSum {
    fn read(a: &Args) -> Self {
        let BatchAxis { axis, item_axes } = BatchAxis::read(a, "dimension", "nInputDims");
        let mean = a.bool("sizeAverage").unwrap_or(false);
        AxisSum { axis, item_axes, mean, keep: !a.bool("squeeze").unwrap_or(true) }
    }

    fn axis(&self) -> BatchAxis {
        BatchAxis { axis: self.axis, item_axes: self.item_axes }
    }
}

impl LayerOps for AxisSum {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = self.axis().resolve(cx, 0)?;
        let x = cx.bottom(0);
        let stays = self.keep || x.rank() == 1;
        Ok(Signature::of(if stays { x.with(axis, 1) } else { without(x, axis) }))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let axis = self.axis().of(b.shape(x)).unwrap_or(0);
        let extent = b.shape(x).dims()[axis];
        let mut y = b.sum(x, &[axis]);
        if self.mean {
            y = b.scale(y, 1.0 / extent as f64);
        }
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        let what = if self.mean { "mean" } else { "sum" };
        format!("{what} along dimension {}", to_dimension(self.axis))
    }
}

//! Joins blobs along an axis.

use super::prelude::*;
use crate::layers::batch_axis::BatchAxis;

params! {
    /// Joins blobs along an axis; all other axes must agree.
    pub struct Concat {
        /// The axis; -1 is the last.
        axis: i64 = 1,
        /// The number of axes of an item: bottoms with one more are batches, whose axis of items is not counted.
        item_axes: Option<usize> = None,
    }
}

/// The description of [`Concat`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::at_least(1),
    in_place: InPlace::Garbled,
    spellings: &[
        caffe("Concat", |a| {
            let p = a.section("concat_param");
            let (axis, dim) = (p.int("axis"), p.usize("concat_dim"));
            if axis.is_some() && dim.is_some() {
                p.wrong("concat_dim", "`axis` and `concat_dim` say the same; give one of them");
            }
            Concat { axis: axis.or(dim.map(|d| d as i64)).unwrap_or(1), item_axes: None }.into()
        }),
        torch("nn.JoinTable", &["dimension", "nInputDims"], |a| {
            let BatchAxis { axis, item_axes } = BatchAxis::read(a, "dimension", "nInputDims");
            Concat { axis, item_axes }.into()
        }),
    ],
    ..LayerSpec::new("Concat", Category::Shape, Concat::DOCS)
};

impl Concat {
    fn axis(&self) -> BatchAxis {
        BatchAxis { axis: self.axis, item_axes: self.item_axes }
    }
}

impl LayerOps for Concat {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = self.axis().resolve(cx, 0)?;
        let first = cx.bottom(0);
        let mut extent = first.dims()[axis];
        for (i, other) in cx.bottoms.iter().enumerate().skip(1) {
            if other.rank() != first.rank() || other.with(axis, 0) != first.with(axis, 0) {
                let name = &cx.node.bottoms[0].value;
                let why = format!("cannot join {other} to `{name}`, {first}, along axis {axis}");
                return cx.fail_unlike(0, i, Some(axis), why);
            }
            extent += other.dims()[axis];
        }
        Ok(Signature::of(first.with(axis, extent)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = self.axis().of(cx.top(0)).unwrap_or(0);
        vec![b.concat(cx.bottoms, axis)]
    }

    fn detail(&self) -> String {
        format!("axis {}", self.axis)
    }
}

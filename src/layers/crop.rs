//! Cuts a blob to the size of another.

use super::prelude::*;

params! {
    /// Cuts the first blob to the extents of the second along all axes from `axis` on (Long et al. 2015).
    ///
    /// Only the shape of the second blob counts; it gets no gradient.
    pub struct Crop {
        /// The first axis that is cut; -1 is the last.
        axis: i64 = 2,
        /// Where the part begins: nothing for 0, one number for all axes that are cut, or one for each.
        offsets: Vec<usize> = vec![],
    }
}

/// The description of [`Crop`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 1,
    in_place: InPlace::Garbled,
    spellings: &[caffe("Crop", |a| {
        let p = a.section("crop_param");
        Crop { axis: p.int("axis").unwrap_or(2), offsets: p.usizes("offset") }.into()
    })],
    ..LayerSpec::new("Crop", Category::Shape, Crop::DOCS)
};

impl Crop {
    fn offset(&self, i: usize) -> usize {
        match self.offsets[..] {
            [] => 0,
            [one] => one,
            _ => self.offsets.get(i).copied().unwrap_or(0),
        }
    }
}

impl LayerOps for Crop {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = cx.axis(0, self.axis)?;
        let (shape, like) = (cx.bottom(0), cx.bottom(1));
        let cut = shape.rank() - axis;
        let n = self.offsets.len();
        if 1 < n && n != cut {
            return cx.fail(&["offset"], format!("{n} offsets for {cut} axes from {axis} on"));
        }
        if like.rank() < shape.rank() {
            let why = format!("must have {} axes, as {shape} has", shape.rank());
            return cx.fail_bottom(1, why);
        }
        let mut top = shape.clone();
        for i in 0..cut {
            let (have, want) = (shape.dims()[axis + i], like.dims()[axis + i]);
            let offset = self.offset(i);
            if offset.checked_add(want).is_none_or(|end| have < end) {
                let part = format!("{want} elements from {offset} on");
                let why = format!("axis {} of {shape} does not hold {part}", axis + i);
                return cx.fail(&["offset"], why);
            }
            top.0[axis + i] = want;
        }
        Ok(Signature::of(top))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut y = cx.bottoms[0];
        let axis = b.shape(y).axis(self.axis).unwrap_or(0);
        for i in axis..cx.top(0).rank() {
            y = b.slice(y, i, self.offset(i - axis), cx.top(0).dims()[i]);
        }
        vec![y]
    }

    fn detail(&self) -> String {
        let offset = match self.offsets[..] {
            [] => String::new(),
            _ => format!(", offset {:?}", self.offsets),
        };
        format!("from axis {}{offset}", self.axis)
    }
}

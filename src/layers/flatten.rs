//! Joins neighbouring axes into one.

use super::prelude::*;

params! {
    /// Joins the axes from `axis` to `end_axis` into one: `N x C x H x W` to `N x CHW` unless told otherwise.
    ///
    /// In Caffe the top shares the bottom's memory, so that a layer in place on the top also changes what later
    /// readers of the bottom see; here they see the bottom. Where the bottom is the top of a Reshape, Caffe loses the
    /// gradient on the way to that Reshape's bottom; here it passes.
    pub struct Flatten {
        /// The first axis that is joined; -1 is the last.
        axis: i64 = 1,
        /// The last axis that is joined; -1 is the last. The axis before `axis` means none: then an axis of extent 1 is
        /// put in.
        end_axis: i64 = -1,
    }
}

/// The description of [`Flatten`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("Flatten", |a| {
        let p = a.section("flatten_param");
        let default = Flatten::default();
        Flatten {
            axis: p.int("axis").unwrap_or(default.axis),
            end_axis: p.int("end_axis").unwrap_or(default.end_axis),
        }
        .into()
    })],
    ..LayerSpec::new("Flatten", Category::Shape, Flatten::DOCS)
};

impl LayerOps for Flatten {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (first, last) = (cx.axis(0, self.axis)?, cx.axis(0, self.end_axis)?);
        let shape = cx.bottom(0);
        // With nothing to join, an axis of extent 1 comes in between.
        if last + 1 < first {
            let message = format!("axes {first} to {last} of {shape} are no range");
            return cx.fail(&["end_axis", "axis"], message);
        }
        let mut top = shape.dims()[..first].to_vec();
        top.push(shape.count_of(first..last + 1));
        top.extend(&shape.dims()[last + 1..]);
        Ok(Signature::of(top.into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.reshaped(b)
    }

    fn detail(&self) -> String {
        match (self.axis, self.end_axis) {
            (1, -1) => String::new(),
            (first, last) => format!("axes {first} to {last}"),
        }
    }
}

//! Cuts a blob along an axis into several.

use super::prelude::*;

params! {
    /// Cuts a blob along an axis, into one piece for each top.
    pub struct Slice {
        /// The axis; -1 is the last.
        axis: i64 = 1,
        /// Where to cut: strictly rising, one fewer than tops. Empty cuts into equal parts.
        points: Vec<usize> = vec![],
    }
}

/// The description of [`Slice`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::at_least(1),
    in_place: InPlace::Refused,
    spellings: &[caffe("Slice", |a| {
        let p = a.section("slice_param");
        let (axis, dim) = (p.int("axis"), p.usize("slice_dim"));
        if axis.is_some() && dim.is_some() {
            p.wrong("slice_dim", "`axis` and `slice_dim` say the same; give one of them");
        }
        let axis = axis.or(dim.map(|d| d as i64)).unwrap_or(1);
        Slice { axis, points: p.usizes("slice_point") }.into()
    })],
    ..LayerSpec::new("Slice", Category::Shape, Slice::DOCS)
};

impl Slice {
    /// Where each piece starts, and the end of the last, or what is wrong with the points.
    fn bounds(&self, extent: usize, tops: usize) -> Result<Vec<usize>, String> {
        let mut bounds = vec![0];
        if self.points.is_empty() {
            if !extent.is_multiple_of(tops) {
                return Err(format!("{extent} channels cannot be cut into {tops} equal parts"));
            }
            bounds.extend((1..tops).map(|i| i * (extent / tops)));
        } else {
            bounds.extend(&self.points);
        }
        match self.points.iter().find(|&&point| extent <= point) {
            Some(point) => Err(match extent {
                0 | 1 => format!("slice point {point} is not inside an axis of {extent}"),
                _ => format!(
                    "slice point {point} is not inside an axis of {extent}, from 1 to {}",
                    extent - 1
                ),
            }),
            None => {
                bounds.push(extent);
                Ok(bounds)
            }
        }
    }

    /// What is wrong with the points whatever the extent.
    fn disorder(&self, tops: usize) -> Option<String> {
        let n = self.points.len();
        if 0 < n && n + 1 != tops {
            return Some(format!("{n} slice points make {} pieces for {tops} tops", n + 1));
        }
        if self.points.first() == Some(&0) {
            return Some("a slice point of 0 would cut nothing off".to_owned());
        }
        let (from, to) = self.points.iter().zip(self.points.get(1..)?).find(|(a, b)| b <= a)?;
        Some(format!("slice point {to} must be larger than {from}, the one before it"))
    }
}

/// How an axis is cut into equal parts.
fn equal_parts(extent: usize, tops: usize) -> String {
    let size = extent / tops;
    let points = (1..tops).map(|i| format!("`slice_point: {}`", i * size));
    let points: Vec<String> = points.collect();
    format!(
        "a point counts what lies before the cut: {} cuts into {tops} of {size}",
        points.join(" ")
    )
}

impl LayerOps for Slice {
    fn check(&self, cx: &Infer) -> Result<(), Reported> {
        match self.disorder(cx.n_tops()) {
            Some(why) => {
                let complaint = cx.complaint(&["slice_point", "axis", "slice_dim"], why);
                let complaint = match self.points.len() + 1 == cx.n_tops() {
                    true => complaint,
                    false => {
                        complaint.help("give one point fewer than tops, each where a piece ends")
                    }
                };
                Err(cx.report(complaint))
            }
            None => Ok(()),
        }
    }

    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = cx.axis(0, self.axis)?;
        let shape = cx.bottom(0);
        let bounds = match self.bounds(shape.dims()[axis], cx.n_tops()) {
            Ok(bounds) => bounds,
            Err(why) => {
                let complaint = cx.complaint(&["slice_point", "axis", "slice_dim"], why);
                let (extent, tops) = (shape.dims()[axis], cx.n_tops());
                return Err(cx.report(match 0 < extent && extent.is_multiple_of(tops) {
                    true => complaint.help(equal_parts(extent, tops)),
                    false => complaint,
                }));
            }
        };
        let tops = bounds.windows(2).map(|pair| shape.with(axis, pair[1] - pair[0])).collect();
        Ok(Signature { tops, params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let axis = b.shape(x).axis(self.axis).unwrap_or(0);
        let mut start = 0;
        let mut tops = vec![];
        for top in &cx.signature.tops {
            let extent = top.dims()[axis];
            tops.push(b.slice(x, axis, start, extent));
            start += extent;
        }
        tops
    }

    /// The only piece is the whole.
    fn in_place(&self, tops: usize) -> Option<InPlace> {
        (tops == 1).then_some(InPlace::Fine)
    }

    fn detail(&self) -> String {
        match &self.points[..] {
            [] => format!("axis {}", self.axis),
            points => format!("axis {} at {points:?}", self.axis),
        }
    }
}

//! A run of axes over which a smaller blob lies, so that it is repeated along the others: of Bias and Scale.

use super::prelude::*;

/// Which axes of the first bottom the smaller blob has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisSpan {
    /// The first of them; -1 is the last axis.
    pub axis: i64,
    /// How many; -1 takes all from `axis` on. A second bottom says it by its own shape.
    pub count: i64,
}

impl Default for AxisSpan {
    fn default() -> Self {
        AxisSpan { axis: 1, count: 1 }
    }
}

impl AxisSpan {
    /// Reads `axis` and `num_axes`.
    pub fn read(p: &Args) -> Self {
        let count = p.int("num_axes").unwrap_or(1);
        if count < -1 {
            p.wrong(
                "num_axes",
                format!("`num_axes` must be 0 or more, or -1 for all, not {count}"),
            );
        }
        AxisSpan { axis: p.int("axis").unwrap_or(1), count }
    }

    /// The shape of the smaller blob: of the second bottom, after it was checked, else of a parameter.
    pub fn resolve(&self, cx: &Infer) -> Result<Shape, Reported> {
        let x = cx.bottom(0);
        let Some(small) = cx.bottoms.get(1) else {
            let first = cx.axis(0, self.axis)?;
            let rest = x.rank() - first;
            let count = usize::try_from(self.count).unwrap_or(rest);
            if rest < count {
                let axis = self.axis;
                let why = format!("{count} axes from axis {axis} are more than {x} has");
                return cx.fail(&["num_axes", "axis"], why);
            }
            return Ok(x.dims()[first..first + count].into());
        };
        let first = if small.rank() == 0 { 0 } else { cx.axis(0, self.axis)? };
        if x.dims().get(first..first + small.rank()) != Some(small.dims()) {
            return cx.fail_bottom(1, format!("must have the axes of {x} from axis {first} on"));
        }
        Ok(small.clone())
    }

    /// Complains about an axis that the first bottom does not have.
    pub fn checked(&self, cx: &Infer) -> Result<(), Reported> {
        cx.axis(0, self.axis).map(|_| ())
    }

    /// A blob of the shape that was resolved, seen with all axes of the first bottom.
    pub fn spread(&self, b: &mut Builder, cx: &Lower, small: ValueId) -> ValueId {
        let x = cx.top(0);
        let first = x.axis(self.axis).filter(|_| b.shape(small).rank() != 0).unwrap_or(0);
        align(b, small, first, x.rank())
    }
}

/// A blob seen with `rank` axes, its own ones from `first` on, the others of extent 1.
pub fn align(b: &mut Builder, small: ValueId, first: usize, rank: usize) -> ValueId {
    let mut shape = vec![1; rank];
    let dims = b.shape(small).dims();
    for (to, &from) in shape.iter_mut().skip(first).zip(dims) {
        *to = from;
    }
    b.view(small, shape)
}

//! Torch's dimensions: counted from 1 or, negative, from the end, and in some modules without the dimension of items.

use super::prelude::*;

/// An axis that may be counted within one item of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchAxis {
    /// The axis, from 0; -1 is the last.
    pub axis: i64,
    /// The number of axes of an item: a blob with one more is a batch, whose axis of items is not counted.
    pub item_axes: Option<usize>,
}

impl BatchAxis {
    /// Reads the field with the dimension and the one with the number of dimensions of an item, which may be `""`.
    pub fn read(a: &Args, dimension: &'static str, items: &'static str) -> Self {
        let told = a.int(dimension);
        let axis = from_dimension(a, dimension, a.need(dimension, told));
        let item_axes = if items.is_empty() { None } else { a.usize(items) };
        BatchAxis { axis, item_axes }
    }

    /// The index in a shape, if there is such an axis.
    pub fn of(self, shape: &Shape) -> Option<usize> {
        let batch = 0 <= self.axis && self.item_axes.is_some_and(|n| shape.rank() == n + 1);
        shape.axis(self.axis + i64::from(batch))
    }

    /// The index in bottom `i`, or a complaint in Torch's counting.
    pub fn resolve(self, cx: &Infer, i: usize) -> Result<usize, Reported> {
        let shape = cx.bottom(i);
        match self.of(shape) {
            Some(axis) => Ok(axis),
            // Caffe's axis, counted from 0.
            None if self.item_axes.is_none()
                && cx.node.args.find(&["dimension", "dim"]).is_none() =>
            {
                cx.axis(i, self.axis)
            }
            None => {
                let dimension = to_dimension(self.axis);
                let rank = shape.rank();
                let why =
                    format!("dimension {dimension} of a tensor of {rank} dimensions ({shape})");
                cx.fail(&["dimension", "dim"], format!("there is no {why}"))
            }
        }
    }
}

/// A dimension counted from 1, or from the end if negative, as an axis from 0.
pub fn from_dimension(a: &Args, key: &str, dimension: i64) -> i64 {
    if dimension == 0 && a.has(key) {
        a.wrong(key, format!("`{key}` counts from 1, or from -1 at the end; there is no 0"));
    }
    if 0 < dimension { dimension - 1 } else { dimension }
}

/// The other way round.
pub fn to_dimension(axis: i64) -> i64 {
    if axis < 0 { axis } else { axis + 1 }
}

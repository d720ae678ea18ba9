//! Numbers that are known when a program is written, as a value of it.

use super::prelude::*;

/// A value that holds these numbers in every run.
pub fn constants(b: &mut Builder, shape: impl Into<Shape>, values: Vec<f64>) -> ValueId {
    b.native(Constants { shape: shape.into(), values }, &[])[0]
}

/// Slices of `x` along an axis, chosen by numbers that are known beforehand, from 0.
pub fn pick(b: &mut Builder, x: ValueId, axis: usize, places: &[usize]) -> ValueId {
    let index = constants(b, [places.len()], places.iter().map(|&i| i as f64).collect());
    b.gather(x, axis, index)
}

/// `() -> numbers`.
#[derive(Debug, PartialEq)]
struct Constants {
    shape: Shape,
    values: Vec<f64>,
}

impl Operation for Constants {
    const NAME: &'static str = "constants";

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![self.shape.clone()]
    }

    fn forward<T: Real>(&self, _args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        for (to, &value) in outs[0].data.iter_mut().zip(&self.values) {
            *to = T::from_f64(value);
        }
    }
}

//! Draws the first values of parameters: Caffe's fillers (filler.hpp).

use crate::ir::Variable;
use crate::random::{Philox, Sequence};
use crate::spec::Filler;
use crate::ty::Shape;

/// The first values of a variable: those the definition gives, or drawn by its filler as [`fill`] does.
pub fn first_values(variable: &Variable, seed: u64, stream: u64) -> Vec<f32> {
    match &variable.values {
        Some(values) => values.to_vec(),
        None => fill(&variable.filler, &variable.shape, seed, stream),
    }
}

/// The first values of a parameter. Equal seeds and streams give equal values; every parameter has a stream
/// of its own, so that adding a layer does not change the others.
pub fn fill(filler: &Filler, shape: &Shape, seed: u64, stream: u64) -> Vec<f32> {
    let mut random = Philox::new(seed, FILL_STREAMS + stream).sequence(0);
    let n = shape.count();
    let mut draw = |f: &dyn Fn(&mut Sequence) -> f64| -> Vec<f32> {
        (0..n).map(|_| f(&mut random) as f32).collect()
    };
    match *filler {
        Filler::Constant(value) => vec![value as f32; n],
        Filler::Uniform(min, max) => draw(&|r| min + (max - min) * r.uniform_f64()),
        Filler::Gaussian { mean, std, sparse: None } => draw(&|r| mean + std * r.normal()),
        Filler::Gaussian { mean, std, sparse: Some(inputs) } => {
            let kept = inputs as f64 / shape.dims().first().copied().unwrap_or(1).max(1) as f64;
            draw(&|r| {
                let value = mean + std * r.normal();
                if r.uniform_f64() < kept { value } else { 0.0 }
            })
        }
        Filler::TruncatedNormal { mean, std } => draw(&|r| {
            let mut value = r.normal();
            while 2.0 < value.abs() {
                value = r.normal();
            }
            mean + std * value
        }),
        Filler::PositiveUnitball => {
            unit_rows(draw(&|r| r.uniform_f64()), shape, |row| row.iter().sum())
        }
        Filler::GaussianUnitball => unit_rows(draw(&|r| r.normal()), shape, |row| {
            let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            (squares + 1e-12).sqrt() as f32
        }),
        Filler::Bilinear => bilinear(shape),
        Filler::Orthogonal(gain) => {
            let columns = shape.dims().last().copied().unwrap_or(1).max(1);
            let values = draw(&|r| r.normal());
            orthogonal(values.into_iter().map(f64::from).collect(), n / columns, columns, gain)
        }
        Filler::Unset | Filler::Xavier(_) | Filler::Msra(_) | Filler::MsraLeaky(..) => {
            fill(&filler.for_shape(shape), shape, seed, stream)
        }
    }
}

/// Values whose rows along the first axis are divided by their lengths.
fn unit_rows(mut values: Vec<f32>, shape: &Shape, length: impl Fn(&[f32]) -> f32) -> Vec<f32> {
    let rows = shape.dims().first().copied().unwrap_or(1).max(1);
    let each = (values.len() / rows).max(1);
    for row in values.chunks_mut(each) {
        let length = length(row);
        row.iter_mut().for_each(|x| *x /= length);
    }
    values
}

/// Streams of fillers lie apart from those of the program's random steps.
const FILL_STREAMS: u64 = 1 << 32;

/// The shorter of rows and columns of a matrix at right angles to each other, by Gram's and Schmidt's way, twice for accuracy.
fn orthogonal(values: Vec<f64>, rows: usize, columns: usize, gain: f64) -> Vec<f32> {
    let (count, length) = if rows < columns { (rows, columns) } else { (columns, rows) };
    let place = |vector: usize, i: usize| {
        if rows < columns { vector * columns + i } else { i * columns + vector }
    };
    let mut vectors: Vec<Vec<f64>> = vec![];
    for vector in 0..count {
        let mut own: Vec<f64> = (0..length).map(|i| values[place(vector, i)]).collect();
        for other in vectors.iter().chain(&vectors) {
            let along: f64 = own.iter().zip(other).map(|(a, b)| a * b).sum();
            own.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
        }
        let size = own.iter().map(|a| a * a).sum::<f64>().sqrt();
        own.iter_mut().for_each(|a| *a /= size);
        vectors.push(own);
    }
    let mut result = vec![0.0; values.len()];
    for (vector, own) in vectors.iter().enumerate() {
        for (i, x) in own.iter().enumerate() {
            result[place(vector, i)] = (gain * x) as f32;
        }
    }
    result
}

fn bilinear(shape: &Shape) -> Vec<f32> {
    let width = shape.dims().last().copied().unwrap_or(1).max(1);
    let f = width.div_ceil(2) as f32;
    let c = (width - 1) as f32 / (2.0 * f);
    let weight = |i: usize| 1.0 - (i as f32 / f - c).abs();
    (0..shape.count()).map(|i| weight(i % width) * weight(i / width % width)).collect()
}

#[cfg(test)]
mod tests {
    use super::fill;
    use crate::spec::Filler;
    use crate::ty::Shape;

    #[test]
    fn orthogonal_numbers_are_at_right_angles() {
        // Nine rows of four columns, and four rows of nine.
        for (shape, by_columns) in [(Shape(vec![3, 3, 4]), true), (Shape(vec![4, 9]), false)] {
            let values = fill(&Filler::Orthogonal(1.5), &shape, 3, 0);
            let at = |vector: usize, i: usize| {
                f64::from(values[if by_columns { 4 * i + vector } else { 9 * vector + i }])
            };
            for a in 0..4 {
                for b in 0..4 {
                    let product: f64 = (0..9).map(|i| at(a, i) * at(b, i)).sum();
                    let want = if a == b { 2.25 } else { 0.0 };
                    assert!((product - want).abs() < 1e-5, "{a} and {b}: {product}");
                }
            }
        }
    }
}

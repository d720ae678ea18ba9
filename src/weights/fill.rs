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
            let mut values = draw(&|r| r.uniform_f64());
            let row = n / shape.dims().first().copied().unwrap_or(1).max(1);
            for row in values.chunks_mut(row.max(1)) {
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|x| *x /= sum);
            }
            values
        }
        Filler::GaussianUnitball => {
            let mut values = draw(&|r| r.normal());
            let row = n / shape.dims().first().copied().unwrap_or(1).max(1);
            for row in values.chunks_mut(row.max(1)) {
                let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
                let length = (squares + 1e-12).sqrt() as f32;
                row.iter_mut().for_each(|x| *x /= length);
            }
            values
        }
        Filler::Bilinear => bilinear(shape),
        Filler::Unset | Filler::Xavier(_) | Filler::Msra(_) | Filler::MsraLeaky(..) => {
            fill(&filler.for_shape(shape), shape, seed, stream)
        }
    }
}

/// Streams of fillers lie apart from those of the program's random steps.
const FILL_STREAMS: u64 = 1 << 32;

fn bilinear(shape: &Shape) -> Vec<f32> {
    let width = shape.dims().last().copied().unwrap_or(1).max(1);
    let f = width.div_ceil(2) as f32;
    let c = (width - 1) as f32 / (2.0 * f);
    let weight = |i: usize| 1.0 - (i as f32 / f - c).abs();
    (0..shape.count()).map(|i| weight(i % width) * weight(i / width % width)).collect()
}

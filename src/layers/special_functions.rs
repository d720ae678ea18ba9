//! Functions of mathematics that kernels do not have, as expressions in those that they have: the error function, arcs,
//! and those around the gamma function (Abramowitz and Stegun 1964, chapters 4, 6 and 7).
//!
//! Each has its derivative given, so that it is differentiated by a short formula and not term by term.

use std::f64::consts::PI;

use crate::program::expr::{Expr, constant, select};

/// The error function of an argument, with its derivative: its power series up to 1, and from there on
/// 1 - e^(-x²) times a polynomial in 1 / (1 + x / 2) that interpolates e^(x²) erfc(x) between 1 and 6 to 1e-15.
pub fn error_function(x: &Expr) -> Expr {
    let squared = x.clone() * x.clone();
    let mut series = constant(0.0);
    let mut factorial: f64 = (1..SERIES).map(|n| n as f64).product();
    for n in (0..SERIES).rev() {
        let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
        series = series * squared.clone() + sign / (factorial * (2 * n + 1) as f64);
        factorial /= n.max(1) as f64;
    }
    let slope = 2.0 / PI.sqrt();
    let near = x.clone() * series * slope;
    let size = x.clone().abs();
    let place = (constant(24.0) / (size.clone() * 0.5 + 1.0) - 11.0) * 0.2;
    let polynomial = FAR.iter().rev().fold(constant(0.0), |sum, &c| sum * place.clone() + c);
    let falling = (-squared).exp();
    let far = (constant(1.0) - polynomial * falling.clone()) * x.clone().sign();
    select(size.lt(1.0), near, far).with_gradient(vec![falling * slope])
}

/// Terms of the power series of the error function; the next one is below 1e-17 at 1.
const SERIES: usize = 18;

/// Coefficients of e^(x²) erfc(x) in (24 / (1 + x / 2) - 11) / 5, which is from -1 to 1 for x from 6 to 1.
const FAR: [f64; 15] = [
    0.2214295402299318,
    0.16189356804102537,
    0.038560570425181566,
    0.0055888162818258785,
    0.00019713917776008889,
    -8.079220411804128e-05,
    -7.340518284999869e-06,
    1.979561158209264e-06,
    1.6350102372087984e-07,
    -7.005170205475373e-08,
    -5.926361315281833e-10,
    2.622350032514279e-09,
    -2.634243021000669e-10,
    -7.290508535165398e-11,
    1.8620989806815163e-11,
];

fn sqrt_of_one_more_square(x: &Expr) -> Expr {
    (x.clone() * x.clone() + 1.0).sqrt()
}

/// The arc tangent without its derivative: of the smaller one of |x| and 1 / |x|, halved twice, a power series whose next
/// term is below 1e-17.
fn arc(x: &Expr) -> Expr {
    let size = x.clone().abs();
    let small = size.clone().le(1.0);
    let mut part = select(small.clone(), size.clone(), constant(1.0) / size);
    for _ in 0..2 {
        part = part.clone() / (sqrt_of_one_more_square(&part) + 1.0);
    }
    let squared = part.clone() * part.clone();
    let series = (0..12)
        .rev()
        .fold(constant(0.0), |sum, n| sum * -squared.clone() + 1.0 / f64::from(2 * n + 1));
    let angle = part * series * 4.0;
    select(small, angle.clone(), constant(PI / 2.0) - angle) * x.clone().sign()
}

/// The arc tangent.
pub fn arc_tangent(x: &Expr) -> Expr {
    let slope = constant(1.0) / (x.clone() * x.clone() + 1.0);
    arc(x).with_gradient(vec![slope])
}

/// The angle of the point with the first argument as its height and the second as its width, from -pi to pi.
pub fn angle(y: &Expr, x: &Expr) -> Expr {
    let squares = y.clone() * y.clone() + x.clone() * x.clone();
    let nowhere = squares.clone().le(0.0);
    // Of a point on the upright axis the quotient is infinite, and its arc a right angle.
    let half = select(nowhere, constant(0.0), arc(&(y.clone() / x.clone())));
    let turn = select(y.clone().lt(0.0), constant(-PI), constant(PI));
    let value = select(x.clone().lt(0.0), half.clone() + turn, half);
    value.with_gradient(vec![x.clone() / squares.clone(), -y.clone() / squares])
}

/// The arc sine.
pub fn arc_sine(x: &Expr) -> Expr {
    let rest = (constant(1.0) - x.clone() * x.clone()).sqrt();
    arc(&(x.clone() / rest.clone())).with_gradient(vec![constant(1.0) / rest])
}

/// The arc cosine.
pub fn arc_cosine(x: &Expr) -> Expr {
    let rest = (constant(1.0) - x.clone() * x.clone()).sqrt();
    let half = ((constant(1.0) - x.clone()) / (x.clone() + 1.0)).sqrt();
    (arc(&half) * 2.0).with_gradient(vec![constant(-1.0) / rest])
}

/// The inverse of the hyperbolic sine.
pub fn area_sine(x: &Expr) -> Expr {
    let size = x.clone().abs();
    let root = sqrt_of_one_more_square(x);
    let more = size.clone() + size.clone() * size / (root.clone() + 1.0);
    (more.ln_1p() * x.clone().sign()).with_gradient(vec![constant(1.0) / root])
}

/// Where a function of the gamma family is computed from its asymptotic series: at `place`, which is 8 or more, and what the
/// recurrence adds for the steps up to there.
struct Far {
    place: Expr,
    stepped: Expr,
    /// The argument itself, 1/2 or more.
    from: Expr,
}

impl Far {
    /// Brings an argument of 1/2 or more to 8 or more.
    fn of(from: Expr) -> Far {
        let stepped = from.clone().lt(8.0);
        let place = select(stepped.clone(), from.clone() + 8.0, from.clone());
        Far { place, stepped, from }
    }

    /// A sum over the steps, where there are any.
    fn sum(&self, term: impl Fn(Expr) -> Expr) -> Expr {
        let steps = (0..8).map(|step| term(self.from.clone() + f64::from(step)));
        let sum = steps.fold(constant(0.0), |sum, step| sum + step);
        select(self.stepped.clone(), sum, constant(0.0))
    }

    /// A series in 1 / place², by its coefficients.
    fn series(&self, coefficients: &[f64]) -> Expr {
        let inverse = constant(1.0) / (self.place.clone() * self.place.clone());
        coefficients.iter().rev().fold(constant(0.0), |sum, &c| sum * inverse.clone() + c)
    }
}

/// Where an argument below 1/2 is mirrored, and whether it is.
fn mirrored(x: &Expr) -> (Expr, Expr) {
    let below = x.clone().lt(0.5);
    (below.clone(), select(below, constant(1.0) - x.clone(), x.clone()))
}

/// The sine of pi times an argument, which is first brought into one half of a turn.
fn sine_of_turns(x: &Expr) -> Expr {
    let rest = x.clone() - x.clone().floor();
    (rest * PI).sin()
}

/// The logarithm of the absolute value of the gamma function (6.1.41, 6.1.15 and 6.1.17).
pub fn log_gamma(x: &Expr) -> Expr {
    let (below, there) = mirrored(x);
    let far = Far::of(there);
    let z = far.place.clone();
    let series = far.series(&[
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
    ]) / z.clone();
    let value = (z.clone() - 0.5) * z.clone().ln() - z + 0.5 * (2.0 * PI).ln() + series;
    let value = value - far.sum(Expr::ln);
    let turned = constant(PI.ln()) - sine_of_turns(x).abs().ln() - value.clone();
    select(below, turned, value).with_gradient(vec![digamma(x)])
}

/// The derivative of the logarithm of the gamma function (6.3.18, 6.3.5 and 6.3.7).
pub fn digamma(x: &Expr) -> Expr {
    let (below, there) = mirrored(x);
    let far = Far::of(there);
    let z = far.place.clone();
    let squared = z.clone() * z.clone();
    let series = far.series(&[
        -1.0 / 12.0,
        1.0 / 120.0,
        -1.0 / 252.0,
        1.0 / 240.0,
        -1.0 / 132.0,
        691.0 / 32_760.0,
    ]) / squared;
    let value = z.clone().ln() - constant(0.5) / z + series;
    let value = value - far.sum(|step| constant(1.0) / step);
    let rest = x.clone() - x.clone().floor();
    let turned = value.clone() - (rest.clone() * PI).cos() / (rest * PI).sin() * PI;
    select(below, turned, value).with_gradient(vec![trigamma(x)])
}

/// The derivative of the digamma function (6.4.12, 6.4.6 and 6.4.7).
fn trigamma(x: &Expr) -> Expr {
    let (below, there) = mirrored(x);
    let far = Far::of(there);
    let z = far.place.clone();
    let squared = z.clone() * z.clone();
    let series =
        far.series(&[1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0])
            / (squared.clone() * z.clone());
    let value = constant(1.0) / z + constant(0.5) / squared + series;
    let value = value + far.sum(|step| constant(1.0) / (step.clone() * step));
    let sine = sine_of_turns(x);
    let turned = constant(PI * PI) / (sine.clone() * sine) - value.clone();
    select(below, turned, value)
}

//! Transcendental functions over slices: `e^x`, `ln x`, `ln(1 + x)`, `tanh x` and the logistic function.
//!
//! For `f32` they are polynomials after the reductions of Cody and Waite, with coefficients as in
//! Moshier's Cephes library, within 2 units in the last place, and vectorised by the compiler. For
//! `f64` they are the standard library's.

/// The functions of this module for one number.
pub trait Transcendental: Sized {
    /// `e^x`: 0 below the smallest subnormal, infinity above the largest number.
    fn fast_exp(self) -> Self;
    /// The natural logarithm: minus infinity at 0, NaN below.
    fn fast_ln(self) -> Self;
    /// `ln(1 + x)`, accurate near 0.
    fn fast_ln_1p(self) -> Self;
    /// The hyperbolic tangent.
    fn fast_tanh(self) -> Self;
    /// `1 / (1 + e^-x)`.
    fn fast_sigmoid(self) -> Self;
}

impl Transcendental for f64 {
    #[inline(always)]
    fn fast_exp(self) -> f64 {
        self.exp()
    }
    #[inline(always)]
    fn fast_ln(self) -> f64 {
        self.ln()
    }
    #[inline(always)]
    fn fast_ln_1p(self) -> f64 {
        self.ln_1p()
    }
    #[inline(always)]
    fn fast_tanh(self) -> f64 {
        self.tanh()
    }
    #[inline(always)]
    fn fast_sigmoid(self) -> f64 {
        1.0 / (1.0 + (-self).exp())
    }
}

/// Evaluates a polynomial, highest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    coefficients.into_iter().fold(0.0, |sum, c| sum * x + c)
}

/// `2^n` for n from -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

impl Transcendental for f32 {
    #[inline(always)]
    fn fast_exp(self) -> f32 {
        /// Adding this rounds to an integer, which the lowest bits then hold.
        const ROUND: f32 = 12_582_912.0;
        // Outside of these bounds the result is 0 or infinity anyway; NaN passes through.
        let x = if self < -105.0 { -105.0 } else { self };
        let x = if 90.0 < x { 90.0 } else { x };
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted.to_bits() as i32 - ROUND.to_bits() as i32;
        let whole = shifted - ROUND;
        // ln 2 in two parts, the first with so few bits that the product is exact.
        let r = (x - whole * 0.693_359_4) + whole * 2.121_944_4e-4;
        let tail = polynomial(
            r,
            [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5],
        );
        let fraction = tail * (r * r) + r + 1.0;
        // Two factors, so that results below the smallest normal number come out.
        let half = n >> 1;
        fraction * power_of_two(half) * power_of_two(n - half)
    }

    #[inline(always)]
    fn fast_ln(self) -> f32 {
        let subnormal = self < f32::MIN_POSITIVE;
        let x = if subnormal { self * 8_388_608.0 } else { self };
        let bits = x.to_bits() as i32;
        // The mantissa between sqrt(1/2) and sqrt(2), minus 1.
        // Negative numbers wrap; their result is NaN in the end.
        let shifted = bits.wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32);
        let n = shifted >> 23;
        let m = f32::from_bits(bits.wrapping_sub(n << 23) as u32) - 1.0;
        let n = n as f32 - if subnormal { 23.0 } else { 0.0 };
        let square = m * m;
        let tail = polynomial(
            m,
            [
                7.037_683_6e-2,
                -1.151_461e-1,
                1.167_699_9e-1,
                -1.242_014_1e-1,
                1.424_932_3e-1,
                -1.666_805_7e-1,
                2.000_071_5e-1,
                -2.499_999_4e-1,
                3.333_333e-1,
            ],
        );
        let small = tail * m * square + n * -2.121_944_4e-4 - 0.5 * square;
        let value = (m + small) + n * 0.693_359_4;
        let value = if self == f32::INFINITY { self } else { value };
        let value = if self == 0.0 { f32::NEG_INFINITY } else { value };
        if 0.0 <= self { value } else { f32::NAN }
    }

    #[inline(always)]
    fn fast_ln_1p(self) -> f32 {
        let sum = 1.0 + self;
        // What rounding the sum took away is all that small numbers have.
        let lost = (self - (sum - 1.0)) / sum;
        let value = sum.fast_ln();
        if lost.is_finite() { value + lost } else { value }
    }

    #[inline(always)]
    fn fast_tanh(self) -> f32 {
        let x = self.abs();
        let square = x * x;
        let small = x + x
            * square
            * polynomial(
                square,
                [-5.704_988_7e-3, 2.063_909e-2, -5.373_971_5e-2, 1.333_144_2e-1, -3.333_328e-1],
            );
        let large = 1.0 - 2.0 / ((x + x).fast_exp() + 1.0);
        let value = if x < 0.625 { small } else { large };
        value.copysign(self)
    }

    #[inline(always)]
    fn fast_sigmoid(self) -> f32 {
        1.0 / (1.0 + (-self).fast_exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Function = fn(f32) -> f32;

    /// Asserts that the function is within `ulps` of the double-precision one over [low, high].
    fn check(function: Function, exact: fn(f64) -> f64, low: f64, high: f64, ulps: f64) {
        let count = 200_000;
        for i in 0..=count {
            let x = (low + (high - low) * f64::from(i) / f64::from(count)) as f32;
            let (y, expected) = (function(x), exact(f64::from(x)));
            let size = (expected.abs() as f32).max(f32::MIN_POSITIVE);
            let unit = f64::from(f32::from_bits(size.to_bits() + 1) - size);
            let off = (f64::from(y) - expected).abs() / unit;
            assert!(off <= ulps, "f({x}) = {y}, expected {expected}, off by {off} units");
        }
    }

    #[test]
    fn values_are_within_two_units_in_the_last_place() {
        check(f32::fast_exp, f64::exp, -87.3, 88.7, 1.5);
        check(f32::fast_exp, f64::exp, -1.0, 1.0, 1.5);
        check(f32::fast_ln, f64::ln, 1e-38, 3.0, 1.5);
        check(f32::fast_ln, f64::ln, 0.9, 1.1, 1.5);
        check(f32::fast_ln, f64::ln, 1.0, 3e38, 1.5);
        check(f32::fast_ln_1p, f64::ln_1p, 0.0, 1.0, 2.0);
        check(f32::fast_ln_1p, f64::ln_1p, -0.5, 1e-6, 2.0);
        check(f32::fast_ln_1p, f64::ln_1p, 1.0, 3e38, 2.0);
        check(f32::fast_tanh, f64::tanh, -10.0, 10.0, 2.0);
        check(f32::fast_tanh, f64::tanh, -0.7, 0.7, 2.0);
        check(f32::fast_sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -80.0, 40.0, 2.5);
    }

    #[test]
    fn ends_of_the_range_are_exact() {
        let x = [f32::NEG_INFINITY, -200.0, -0.0, 0.0, 200.0, f32::INFINITY, f32::NAN];
        let run = |function: Function| {
            let y = x.map(function);
            assert!(y[6].is_nan());
            y.map(|y| if y.is_nan() { -7.0 } else { y })
        };
        let (inf, nan) = (f32::INFINITY, -7.0);
        assert_eq!(run(f32::fast_exp), [0.0, 0.0, 1.0, 1.0, inf, inf, nan]);
        assert_eq!(run(f32::fast_tanh), [-1.0, -1.0, -0.0, 0.0, 1.0, 1.0, nan]);
        assert_eq!(run(f32::fast_sigmoid), [0.0, 0.0, 0.5, 0.5, 1.0, 1.0, nan]);
        assert_eq!(run(f32::fast_ln_1p)[..4], [nan, nan, -0.0, 0.0]);
        assert_eq!(run(f32::fast_ln_1p)[5], inf);
        assert_eq!((-1f32).fast_ln_1p(), f32::NEG_INFINITY);
        let log = run(f32::fast_ln);
        assert_eq!(log[..4], [nan, nan, -inf, -inf]);
        assert_eq!(log[5], inf);
        assert!((1e-45f32.fast_ln() - 1e-45f32.ln()).abs() < 1e-5);
        assert_eq!((-100f32).fast_exp(), (-100f32).exp());
    }
}

//! The number types that programs run in: `f32` to train, `f64` to check gradients by finite differences.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// A floating-point number that kernels compute with.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Sum
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// The largest finite `f32`, Caffe's `FLT_MAX`, in either type.
    const FLT_MAX: Self;
    /// The smallest normal `f32`, Caffe's `FLT_MIN`, in either type.
    const FLT_MIN: Self;

    /// Rounds to this type.
    fn from_f64(x: f64) -> Self;
    /// Widens.
    fn to_f64(self) -> f64;
    /// e to this power.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + x), accurate near 0.
    fn ln_1p(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// This number to a power.
    fn powf(self, exponent: Self) -> Self;
    /// Largest whole number not above.
    fn floor(self) -> Self;
    /// The whole part, as C's conversion to an integer.
    fn trunc(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// Converts a count or an index.
    fn from_usize(n: usize) -> Self {
        Self::from_f64(n as f64)
    }

    /// The larger; the second if either is NaN (C's `a > b ? a : b`).
    fn larger(self, other: Self) -> Self {
        if other < self { self } else { other }
    }

    /// The smaller; the second if either is NaN.
    fn smaller(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
}

macro_rules! real {
    ($t:ty) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const FLT_MAX: Self = f32::MAX as $t;
            const FLT_MIN: Self = f32::MIN_POSITIVE as $t;

            fn from_f64(x: f64) -> Self {
                x as $t
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn exp(self) -> Self {
                self.exp()
            }
            fn ln(self) -> Self {
                self.ln()
            }
            fn ln_1p(self) -> Self {
                self.ln_1p()
            }
            fn tanh(self) -> Self {
                self.tanh()
            }
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            fn abs(self) -> Self {
                self.abs()
            }
            fn powf(self, exponent: Self) -> Self {
                self.powf(exponent)
            }
            fn floor(self) -> Self {
                self.floor()
            }
            fn trunc(self) -> Self {
                self.trunc()
            }
            fn sin(self) -> Self {
                self.sin()
            }
            fn cos(self) -> Self {
                self.cos()
            }
            fn is_finite(self) -> bool {
                self.is_finite()
            }
        }
    };
}

real!(f32);
real!(f64);

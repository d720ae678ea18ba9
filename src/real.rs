//! The number types the kernels work in: `f32` for training, `f64` for checking gradients.
//!
//! [`Real`] gives a kernel scalar arithmetic and, through [`pulp::Simd`], the few vector operations
//! that the hand-blocked loops need. Loops that the compiler vectorises by itself only need to run
//! inside [`vectorize`].

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};

use crate::vecmath::Transcendental;

/// A real number a kernel can compute with.
pub trait Real:
    Copy
    + Send
    + Sync
    + 'static
    + Debug
    + Display
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
    + Transcendental
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The smallest positive normal `f32`: Caffe's FLT_MIN, for both types.
    const FLT_MIN: Self;
    /// The largest finite `f32`: Caffe's FLT_MAX, for both types.
    const FLT_MAX: Self;
    /// Minus infinity.
    const NEG_INFINITY: Self;

    /// A register of `Self::lanes` numbers.
    type Vector<S: Simd>: Copy;

    /// Rounds a double to this type.
    fn from_f64(value: f64) -> Self;
    /// The value as a double, exactly.
    fn to_f64(self) -> f64;
    /// The nearest value to a count or an index; exact up to 2^24.
    fn from_usize(value: usize) -> Self;
    /// Converts a small integer.
    fn from_i32(value: i32) -> Self;
    /// The whole part as an index; 0 for negative values and NaN.
    fn to_usize(self) -> usize;
    /// The whole part, as a loop over many numbers finds it quickest.
    ///
    /// # Safety
    /// The number is finite and its whole part an `i32`.
    unsafe fn to_i32_unchecked(self) -> i32;

    /// `e^self`.
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// `self^power`.
    fn powf(self, power: Self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// `ln(1 + self)`, accurate near 0.
    fn ln_1p(self) -> Self;
    /// The largest whole number not above.
    fn floor(self) -> Self;
    /// The whole part, as C converts to an integer.
    fn trunc(self) -> Self;
    /// The sine.
    fn sin(self) -> Self;
    /// The cosine.
    fn cos(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// The larger of two; `other` if `self` is NaN.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if other < self { self } else { other }
    }
    /// The smaller of two; `other` if `self` is NaN.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }

    /// This number, or `least` where it is smaller; what is not a number stays so.
    #[inline(always)]
    fn at_least(self, least: Self) -> Self {
        if self < least { least } else { self }
    }

    /// Numbers in a register.
    fn lanes<S: Simd>() -> usize;
    /// A register full of `value`.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// `a b + c`, fused where the machine can.
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// `a + b`.
    fn vector_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a b`.
    fn vector_mul<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The larger of each pair.
    fn vector_max<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a` where `mask` is above 0, and 0 elsewhere.
    fn vector_mask<S: Simd>(simd: S, mask: Self::Vector<S>, a: Self::Vector<S>) -> Self::Vector<S>;
    /// `c` where `a` is above `b`, and `d` elsewhere.
    fn vector_above<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
        d: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// The sum of the numbers in a register.
    fn reduce_sum<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
}

/// The vector instructions that kernels use on this processor.
pub fn simd() -> &'static str {
    let level = format!("{:?}", Arch::new());
    let names = [("V4", "AVX-512"), ("V3", "AVX2 and FMA"), ("Neon", "NEON")];
    let known = names.iter().find(|(name, _)| level.starts_with(name));
    known.map_or("none", |(_, name)| name)
}

/// The functions of one number that the float type has itself.
macro_rules! of_the_type {
    ($($name:ident)*) => {
        $(
            #[inline(always)]
            fn $name(self) -> Self {
                Self::$name(self)
            }
        )*
    };
}

/// Implements [`Real`] for a float type; the names are those of its vector operations in pulp.
macro_rules! real {
    ($float:ty, $vector:ident, $lanes:ident, $splat:ident, $fma:ident, $add:ident, $mul:ident,
     $max:ident, $sum:ident, $above:ident, $select:ident) => {
        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const FLT_MIN: Self = f32::MIN_POSITIVE as $float;
            const FLT_MAX: Self = f32::MAX as $float;
            const NEG_INFINITY: Self = <$float>::NEG_INFINITY;

            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn from_usize(value: usize) -> Self {
                value as $float
            }
            #[inline(always)]
            fn from_i32(value: i32) -> Self {
                value as $float
            }
            #[inline(always)]
            fn to_usize(self) -> usize {
                self as usize
            }
            #[inline(always)]
            unsafe fn to_i32_unchecked(self) -> i32 {
                // SAFETY: promised by the caller.
                unsafe { self.to_int_unchecked() }
            }
            of_the_type!(exp ln tanh sqrt abs ln_1p floor trunc sin cos);
            #[inline(always)]
            fn powf(self, power: Self) -> Self {
                <$float>::powf(self, power)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                <$float>::is_finite(self)
            }

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S> {
                simd.$splat(value)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(
                simd: S,
                a: Self::Vector<S>,
                b: Self::Vector<S>,
                c: Self::Vector<S>,
            ) -> Self::Vector<S> {
                simd.$fma(a, b, c)
            }
            #[inline(always)]
            fn vector_add<S: Simd>(
                simd: S,
                a: Self::Vector<S>,
                b: Self::Vector<S>,
            ) -> Self::Vector<S> {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn vector_mul<S: Simd>(
                simd: S,
                a: Self::Vector<S>,
                b: Self::Vector<S>,
            ) -> Self::Vector<S> {
                simd.$mul(a, b)
            }
            #[inline(always)]
            fn vector_max<S: Simd>(
                simd: S,
                a: Self::Vector<S>,
                b: Self::Vector<S>,
            ) -> Self::Vector<S> {
                simd.$max(a, b)
            }
            #[inline(always)]
            fn vector_mask<S: Simd>(
                simd: S,
                mask: Self::Vector<S>,
                a: Self::Vector<S>,
            ) -> Self::Vector<S> {
                let nothing = simd.$splat(0.0);
                Self::vector_above(simd, mask, nothing, a, nothing)
            }
            #[inline(always)]
            fn vector_above<S: Simd>(
                simd: S,
                a: Self::Vector<S>,
                b: Self::Vector<S>,
                c: Self::Vector<S>,
                d: Self::Vector<S>,
            ) -> Self::Vector<S> {
                simd.$select(simd.$above(a, b), c, d)
            }
            #[inline(always)]
            fn reduce_sum<S: Simd>(simd: S, a: Self::Vector<S>) -> Self {
                simd.$sum(a)
            }
        }
    };
}

real! {
    f32, f32s, F32_LANES, splat_f32s, mul_add_e_f32s, add_f32s, mul_f32s, max_f32s, reduce_sum_f32s,
    greater_than_f32s, select_f32s
}
real! {
    f64, f64s, F64_LANES, splat_f64s, mul_add_e_f64s, add_f64s, mul_f64s, max_f64s, reduce_sum_f64s,
    greater_than_f64s, select_f64s
}

/// Loads a register from unaligned memory.
///
/// # Safety
/// `from` is valid for reading `T::lanes::<S>()` numbers.
#[inline(always)]
pub unsafe fn load<T: Real, S: Simd>(from: *const T) -> T::Vector<S> {
    // SAFETY: a register has the layout of an array of its lanes, and the caller vouches for the range.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// Numbers of four bytes in a cache line.
pub const LINE: usize = 16;

/// Asks for the cache line at an address, which need not be valid.
#[inline(always)]
pub fn prefetch<T>(from: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every such processor has the instruction, and it does not fault.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(from.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// Stores a register to unaligned memory.
///
/// # Safety
/// `to` is valid for writing `T::lanes::<S>()` numbers.
#[inline(always)]
pub unsafe fn store<T: Real, S: Simd>(to: *mut T, value: T::Vector<S>) {
    // SAFETY: as for `load`.
    unsafe { to.cast::<T::Vector<S>>().write_unaligned(value) }
}

/// Loads a register, or the `len` numbers that there are.
///
/// # Safety
/// `from` is valid for reading `len` numbers, which fit a register.
#[inline(always)]
pub unsafe fn load_some<T: Real, S: Simd>(simd: S, from: *const T, len: usize) -> T::Vector<S> {
    // SAFETY: promised by the caller; a register may be made of numbers and copied over.
    unsafe {
        if len == T::lanes::<S>() {
            return load::<T, S>(from);
        }
        let mut some = T::splat(simd, T::ZERO);
        std::ptr::copy_nonoverlapping(from, (&raw mut some).cast(), len);
        some
    }
}

/// Stores a register, or the `len` numbers that there is space for.
///
/// # Safety
/// `to` is valid for writing `len` numbers, which fit a register.
#[inline(always)]
pub unsafe fn store_some<T: Real, S: Simd>(to: *mut T, len: usize, value: T::Vector<S>) {
    // SAFETY: promised by the caller; a register has the layout of an array.
    unsafe {
        match len == T::lanes::<S>() {
            true => store::<T, S>(to, value),
            false => std::ptr::copy_nonoverlapping((&raw const value).cast(), to, len),
        }
    }
}

/// Stores a register past the caches.
///
/// # Safety
/// As for [`store`], and `to` begins at a cache line or at a register behind one.
#[inline(always)]
pub unsafe fn store_past<T: Real, S: Simd>(to: *mut T, value: T::Vector<S>) {
    // SAFETY: a register of this size can be taken for any of the same, and the caller vouches for the place.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if size_of::<T::Vector<S>>() == 64 {
            let value = std::mem::transmute_copy(&value);
            return std::arch::x86_64::_mm512_stream_ps(to.cast(), value);
        }
        store::<T, S>(to, value);
    }
}

/// Runs `body`, compiled for the best instruction set of this machine.
///
/// The closure, like every function and closure with loops that it calls, must be marked
/// `#[inline(always)]`: what is not inlined is compiled for the oldest machine.
#[inline(always)]
pub fn vectorize<R>(body: impl FnOnce() -> R) -> R {
    struct Op<F>(F);
    impl<R, F: FnOnce() -> R> NullaryFnOnce for Op<F> {
        type Output = R;
        #[inline(always)]
        fn call(self) -> R {
            (self.0)()
        }
    }
    Arch::new().dispatch(Op(body))
}

/// Runs an operation written against [`Simd`] on registers of at most 256 bits: where most numbers do not lie at the
/// beginning of a cache line, longer ones are read in two pieces.
#[inline(always)]
pub fn with_short_simd<O: WithSimd>(operation: O) -> O::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return Simd::vectorize(simd, operation);
    }
    Arch::new().dispatch(operation)
}

/// Runs an operation written against [`Simd`] on the best instruction set of this machine.
#[inline(always)]
pub fn with_simd<O: WithSimd>(operation: O) -> O::Output {
    Arch::new().dispatch(operation)
}

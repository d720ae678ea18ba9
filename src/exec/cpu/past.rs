//! Writes past the caches: what is larger than they are would only be read into them to be overwritten, and push out what is
//! still needed.

use pulp::Simd;

use crate::real::{Real, load, store_past};

/// Bytes of a blob from which on it is written past the caches.
const LARGE: usize = 8 << 20;

/// Whether a blob is so large that it is written past the caches.
pub fn is_large<T>(blob: &[T]) -> bool {
    cfg!(target_arch = "x86_64") && LARGE <= size_of_val(blob)
}

/// Copies numbers past the caches, a cache line at a time where the place begins with one, else where it begins at a multiple of 16
/// bytes. [`fence`] comes before others read them.
#[inline(always)]
pub fn copy<T: Real, S: Simd>(from: &[T], to: &mut [T]) {
    assert_eq!(from.len(), to.len());
    let lanes = T::lanes::<S>();
    if size_of::<T::Vector<S>>() == 64
        && from.len().is_multiple_of(lanes)
        && to.as_ptr().addr().is_multiple_of(64)
    {
        for (from, to) in from.chunks_exact(lanes).zip(to.chunks_exact_mut(lanes)) {
            // SAFETY: both have as many numbers as a register, and the place begins with a cache line.
            unsafe { store_past::<T, S>(to.as_mut_ptr(), load::<T, S>(from.as_ptr())) };
        }
        return;
    }
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
        let bytes = size_of_val(from);
        let place = to.as_mut_ptr().cast::<__m128i>();
        if bytes.is_multiple_of(16) && place.is_aligned() {
            for i in 0..bytes / 16 {
                // SAFETY: both slices have these bytes, and the place is aligned; every such processor has the instruction.
                unsafe {
                    let value = _mm_loadu_si128(from.as_ptr().cast::<__m128i>().add(i));
                    _mm_stream_si128(place.add(i), value);
                }
            }
            return;
        }
    }
    to.copy_from_slice(from);
}

/// Makes what was written past the caches visible to other threads, before anything that this thread writes next.
pub fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every such processor has the instruction.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::*;
    use crate::real::with_simd;

    /// Copies every part of some numbers.
    struct Parts;

    impl WithSimd for Parts {
        type Output = ();

        fn with_simd<S: Simd>(self, _: S) {
            let from: Vec<f32> = (0..200).map(|i| i as f32).collect();
            for start in 0..40 {
                for end in [start, start + 1, start + 16, start + 64, 200] {
                    let mut to = vec![-1.0; 200];
                    copy::<f32, S>(&from[start..end], &mut to[start..end]);
                    fence();
                    let kept = |i: usize| (start..end).contains(&i);
                    assert!((0..200).all(|i| to[i] == if kept(i) { i as f32 } else { -1.0 }));
                }
            }
            assert!(!is_large(&from));
        }
    }

    #[test]
    fn any_part_is_copied() {
        with_simd(Parts);
        Parts.with_simd(pulp::Scalar::new());
    }
}

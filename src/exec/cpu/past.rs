//! Writes past the caches: what is larger than they are would only be read into them to be overwritten, and push out what is
//! still needed.

/// Bytes of a blob from which on it is written past the caches.
const LARGE: usize = 8 << 20;

/// Whether a blob is so large that it is written past the caches.
pub fn is_large<T>(blob: &[T]) -> bool {
    cfg!(target_arch = "x86_64") && LARGE <= size_of_val(blob)
}

/// Copies numbers past the caches where both begin at a multiple of 16 bytes. [`fence`] comes before others read them.
#[inline(always)]
pub fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    assert_eq!(from.len(), to.len());
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
    use super::*;

    #[test]
    fn any_part_is_copied() {
        let from: Vec<f32> = (0..100).map(|i| i as f32).collect();
        for start in 0..5 {
            for end in [start, start + 1, start + 16, 100] {
                let mut to = vec![-1.0; 100];
                copy(&from[start..end], &mut to[start..end]);
                fence();
                let kept = |i: usize| (start..end).contains(&i);
                assert!((0..100).all(|i| to[i] == if kept(i) { i as f32 } else { -1.0 }));
            }
        }
        assert!(!is_large(&from));
    }
}

//! Asks the system to map memory by large pages, so that kernels which stride through it find more of its addresses at hand.

/// Bytes of a large page, and from which on memory is worth them.
#[cfg(target_os = "linux")]
const PAGE: usize = 2 << 20;
#[cfg(target_os = "linux")]
const WORTH: usize = 16 * PAGE;

/// Asks for large pages in memory that nobody has touched. A system without them goes on as before.
pub fn large<T>(memory: &mut [T]) {
    #[cfg(target_os = "linux")]
    if WORTH <= size_of_val(memory) {
        let begin = memory.as_mut_ptr() as usize;
        let (first, last) =
            (begin.next_multiple_of(PAGE), (begin + size_of_val(memory)) / PAGE * PAGE);
        // SAFETY: the range lies within the slice; the advice changes no contents, and that it is refused does no harm.
        unsafe {
            libc::madvise(first as *mut libc::c_void, last - first, libc::MADV_HUGEPAGE);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

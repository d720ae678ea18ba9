//! Asks for memory that is read next, bit by bit while other things are computed.

use crate::real::{LINE, prefetch};

/// A run of memory of which the next part is asked for each time.
pub struct Ahead<T> {
    at: *const T,
    /// Cache lines asked for at a time.
    lines: usize,
}

impl<T> Ahead<T> {
    /// Asks for nothing.
    pub const NOTHING: Ahead<T> = Ahead { at: std::ptr::null(), lines: 0 };

    /// The memory from an address on, which need not be valid, so many cache lines at a time.
    pub fn new(at: *const T, lines: usize) -> Self {
        Ahead { at, lines }
    }

    /// Asks for the next part.
    #[inline(always)]
    pub fn fetch(&mut self) {
        for _ in 0..self.lines {
            prefetch(self.at);
            self.at = self.at.wrapping_add(LINE);
        }
    }
}

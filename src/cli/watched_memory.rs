//! How much memory a training takes while it runs, which the system only tells of the present moment.

use std::time::{Duration, Instant};

use crate::exec::query;

/// What the process holds of the memory, by looking now and then.
#[derive(Debug)]
pub(super) struct Memory {
    /// Bytes of the program itself.
    pub(super) program: u64,
    /// The most bytes of its own that were seen.
    pub(super) own: u64,
    looked: Instant,
}

impl Memory {
    /// Looks no more often than this.
    const EVERY: Duration = Duration::from_millis(200);

    pub(super) fn new() -> Self {
        let program = query::held().map_or(0, |held| held.files);
        Memory { program, own: 0, looked: Instant::now() }
    }

    /// Looks, unless that was just done.
    pub(super) fn glance(&mut self) {
        if Self::EVERY < self.looked.elapsed() {
            self.look();
        }
    }

    /// Looks at once.
    pub(super) fn look(&mut self) {
        self.looked = Instant::now();
        self.own = self.own.max(query::held().map_or(0, |held| held.own));
    }
}

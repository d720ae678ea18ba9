//! How much memory a training takes while it runs, which the system only tells of the present moment.

use std::time::{Duration, Instant};

use crate::exec::query::{self, Held};

/// What the process holds of the memory, by looking now and then.
#[derive(Debug)]
pub(super) struct Memory {
    /// The most of each kind that was seen; none where the system does not tell.
    pub(super) most: Option<Held>,
    looked: Instant,
}

impl Memory {
    /// Looks no more often than this.
    const EVERY: Duration = Duration::from_millis(200);

    pub(super) fn new() -> Self {
        Memory { most: None, looked: Instant::now() }
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
        let Some(now) = query::held() else { return };
        let most = self.most.get_or_insert(now);
        *most = Held { own: most.own.max(now.own), files: most.files.max(now.files) };
    }
}

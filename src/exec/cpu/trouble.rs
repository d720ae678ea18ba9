//! Keeps what went wrong inside kernels, which have nobody to return it to, until the run has ended.

use std::sync::{Arc, Mutex};

/// The first thing that went wrong in a run because of the data, such as an index that is out of range.
#[derive(Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// Keeps the reason of a failure, if it is the first.
    pub(super) fn note<E: std::fmt::Display>(&self, result: Result<(), E>) {
        if let Err(why) = result {
            let mut slot = self.0.lock().unwrap_or_else(|e| e.into_inner());
            slot.get_or_insert(why.to_string());
        }
    }

    /// The reason of the first failure since the last call.
    pub(super) fn take(&self) -> Result<(), String> {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).take().map_or(Ok(()), Err)
    }
}

//! What signals ask of a training.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_shutdown};

use crate::job::Control;

/// What signals ask for, as Caffe takes them.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// An interrupt, or a request to end: a snapshot, and the end.
    stop: Arc<AtomicBool>,
    /// The terminal is gone: a snapshot, and training goes on.
    save: Arc<AtomicBool>,
}

impl Signals {
    pub(super) fn watch(&self) -> std::io::Result<()> {
        for signal in [SIGINT, SIGTERM] {
            // A second one ends the process at once, as it would if nobody watched.
            register_conditional_shutdown(signal, 130, self.stop.clone())?;
            register(signal, self.stop.clone())?;
        }
        #[cfg(unix)]
        register(signal_hook::consts::SIGHUP, self.save.clone())?;
        Ok(())
    }

    pub(super) fn control(&self) -> Control {
        if self.stop.load(Ordering::SeqCst) {
            return Control::Stop;
        }
        match self.save.swap(false, Ordering::SeqCst) {
            true => Control::Snapshot,
            false => Control::Continue,
        }
    }
}

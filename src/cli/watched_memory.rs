//! How much memory a training takes while it runs, which the system only tells of the present moment.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::exec::query::{self, Held};

/// What the process holds of the memory, by looking again and again.
#[derive(Debug)]
pub(super) struct Memory {
    /// Ends the looking when it is dropped.
    stop: Sender<()>,
    /// None where no thread could be made.
    watching: Option<JoinHandle<Option<Held>>>,
}

impl Memory {
    /// Looks this often: a snapshot, or a file that is read, takes its memory for no longer than a few of these.
    const EVERY: Duration = Duration::from_millis(5);

    /// Begins to look.
    pub(super) fn watch() -> Self {
        let (stop, stopped) = channel();
        let look = move || {
            let mut most = query::held();
            while most.is_some() {
                let ended = stopped.recv_timeout(Self::EVERY) != Err(RecvTimeoutError::Timeout);
                most = most.zip(query::held()).map(|(most, now)| Held {
                    own: most.own.max(now.own),
                    files: most.files.max(now.files),
                });
                if ended {
                    break;
                }
            }
            most
        };
        let watching = std::thread::Builder::new().name("memory".into()).spawn(look).ok();
        Memory { stop, watching }
    }

    /// The most of each kind that was seen; none where the system does not tell.
    pub(super) fn most(self) -> Option<Held> {
        drop(self.stop);
        self.watching?.join().ok()?
    }
}

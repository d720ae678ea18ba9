//! The log of a run: one JSON object a line, appended as things happen.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use super::{StepReport, TestReport};
use crate::error::{Error, Result};

/// Something that happened in a run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An update.
    Train {
        /// Counted from 0.
        iteration: u64,
        /// In epochs, if their length is known.
        epoch: Option<f64>,
        /// The loss before the update.
        #[serde(deserialize_with = "number")]
        loss: f64,
        /// The mean of the last `average_loss` losses.
        #[serde(deserialize_with = "number")]
        smoothed_loss: f64,
        /// The learning rate.
        #[serde(deserialize_with = "number")]
        lr: f64,
        /// The net's outputs.
        outputs: serde_json::Map<String, serde_json::Value>,
        /// Seconds since the run (or its continuation) began.
        seconds: f64,
    },
    /// A test.
    Test {
        /// Updates made before.
        iteration: u64,
        /// In epochs, if their length is known.
        epoch: Option<f64>,
        /// Which test net.
        net: usize,
        /// The mean of the total loss.
        #[serde(deserialize_with = "number")]
        loss: f64,
        /// The mean of every output.
        outputs: serde_json::Map<String, serde_json::Value>,
        /// Seconds since the run began.
        seconds: f64,
    },
    /// A snapshot.
    Snapshot {
        /// Updates made before.
        iteration: u64,
        /// The file with the whole state.
        file: String,
    },
}

/// A number; JSON has null for those that it cannot hold.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

impl Event {
    /// The updates made when it happened.
    pub fn iteration(&self) -> u64 {
        match self {
            Event::Train { iteration, .. }
            | Event::Test { iteration, .. }
            | Event::Snapshot { iteration, .. } => *iteration,
        }
    }

    /// Whether a run that goes on after so many updates does not make it again: it saves what it began with only once, but
    /// tests it anew.
    fn is_before(&self, updates: u64) -> bool {
        match self {
            Event::Snapshot { iteration, .. } => *iteration <= updates,
            event => event.iteration() < updates,
        }
    }

    /// The event of an update.
    pub fn train(step: &StepReport, epoch: Option<f64>, seconds: f64) -> Event {
        Event::Train {
            iteration: step.iteration,
            epoch,
            loss: step.loss.into(),
            smoothed_loss: step.smoothed.into(),
            lr: step.rate.into(),
            outputs: outputs(&step.outputs),
            seconds,
        }
    }

    /// The event of a test.
    pub fn test(test: &TestReport, epoch: Option<f64>, seconds: f64) -> Event {
        Event::Test {
            iteration: test.iteration,
            epoch,
            net: test.net,
            loss: test.loss.into(),
            outputs: outputs(&test.outputs),
            seconds,
        }
    }
}

/// A number alone stays one, several become a list; what JSON cannot hold becomes null.
fn outputs(values: &[(String, Vec<f32>)]) -> serde_json::Map<String, serde_json::Value> {
    let json = |values: &[f32]| match values {
        [one] => serde_json::Value::from(f64::from(*one)),
        several => several.iter().map(|&x| f64::from(x)).collect(),
    };
    values.iter().map(|(name, values)| (name.clone(), json(values))).collect()
}

/// The log file of a run.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    /// Bytes of the whole lines in the file.
    written: u64,
    /// Lines that did not fit.
    waiting: VecDeque<String>,
    /// Whether a line did not fit at any time.
    failed: bool,
}

/// More lines than this do not wait for room; further ones are lost.
const MOST_WAITING: usize = 1 << 16;

impl Log {
    /// Opens a log to go on after `iteration` updates; what was written beyond is dropped.
    pub fn open(path: &Path, iteration: u64) -> Result<Self> {
        let kept = before(path, iteration)?;
        crate::file::write_atomically(path, |w| {
            kept.iter().try_for_each(|event| writeln!(w, "{}", line(event)))
        })?;
        let failed = |e| Error::io("write", path, e);
        let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        let written = file.metadata().map_err(failed)?.len();
        Ok(Log { path: path.to_owned(), file, written, waiting: VecDeque::new(), failed: false })
    }

    /// Appends an event. What does not fit, because the disk is full, is written with a later event.
    ///
    /// # Errors
    /// The first event that could not be written.
    pub fn write(&mut self, event: &Event) -> Result<()> {
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(line(event) + "\n");
        }
        while let Some(line) = self.waiting.front() {
            if let Err(e) = self.file.write_all(line.as_bytes()) {
                // Takes back a line that was cut off; where that fails as well, the log has a line that cannot be read.
                let _ = self.file.set_len(self.written);
                return match std::mem::replace(&mut self.failed, true) {
                    true => Ok(()),
                    false => Err(Error::io("write", &self.path, e)),
                };
            }
            self.written += line.len() as u64;
            self.waiting.pop_front();
        }
        Ok(())
    }
}

/// What a log tells of the time before a run goes on after `iteration` updates; nothing of a run that begins.
///
/// # Errors
/// The log cannot be read.
pub fn before(path: &Path, iteration: u64) -> Result<Vec<Event>> {
    match path.exists() && 0 < iteration {
        true => Ok(read(path)?.into_iter().filter(|event| event.is_before(iteration)).collect()),
        false => Ok(vec![]),
    }
}

fn line(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_else(|e| unreachable!("an event is plain data: {e}"))
}

/// The state that a run has written last, by its log.
pub fn last_snapshot(path: &Path) -> Option<PathBuf> {
    let bytes = crate::file::read(path).ok()?;
    let events = bytes.rsplit(|&byte| byte == b'\n').filter_map(|line| {
        let is_snapshot = line.windows(KIND.len()).any(|part| part == KIND);
        is_snapshot.then(|| serde_json::from_slice(line).ok()).flatten()
    });
    let mut files = events.filter_map(|event| match event {
        Event::Snapshot { file, .. } => Some(PathBuf::from(file)),
        _ => None,
    });
    files.next()
}

/// What only the lines of snapshots have.
const KIND: &[u8] = b"\"snapshot\"";

/// Reads a log; a last line that was cut off by a killed process is passed over.
pub fn read(path: &Path) -> Result<Vec<Event>> {
    parse(path, &crate::file::read(path)?)
}

/// Like [`read`] for bytes in memory; `path` is for errors only.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Event>> {
    let mut events = vec![];
    let lines: Vec<String> =
        bytes.lines().collect::<std::io::Result<_>>().map_err(|e| Error::io("read", path, e))?;
    let last = lines.len();
    for (number, text) in lines.iter().enumerate() {
        match serde_json::from_str(text) {
            Ok(event) => events.push(event),
            Err(_) if number + 1 == last => {}
            Err(e) => {
                return Err(Error::at_line(path, number + 1, e));
            }
        }
    }
    Ok(events)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn snapshot(iteration: u64) -> Event {
        Event::Snapshot { iteration, file: "x".into() }
    }

    #[test]
    fn lines_wait_for_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = Log::open(&path, 0).unwrap();
        log.write(&snapshot(1)).unwrap();
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let file = std::mem::replace(&mut log.file, full);
        let error = log.write(&snapshot(2)).unwrap_err().to_string();
        assert!(error.contains("log.jsonl"), "{error}");
        log.write(&snapshot(3)).expect("that the disk is full is told once");
        log.file = file;
        log.write(&snapshot(4)).unwrap();
        assert_eq!(read(&path).unwrap(), [1, 2, 3, 4].map(snapshot));
    }
}

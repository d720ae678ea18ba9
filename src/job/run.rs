//! The loop around a trainer: tests, snapshots, the log, in the order of Caffe's `Solver::Step`.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Job, Kept, LOG};
use crate::error::{Error, Result};
use crate::file::{is_locked, is_running, room};
use crate::train::checkpoint::Snapshot;
use crate::train::log::{Event, Log};
use crate::train::{StepReport, TestReport};

/// What an observer wants after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Write a snapshot and go on.
    Snapshot,
    /// Write a snapshot and stop.
    Stop,
}

/// Looks on while a job runs.
pub trait Observer {
    /// After an update; says how to go on.
    fn step(&mut self, job: &Job, step: &StepReport) -> Control;
    /// After a test.
    fn test(&mut self, job: &Job, test: &TestReport);
    /// After a snapshot.
    fn snapshot(&mut self, job: &Job, files: &Snapshot);
    /// After the last update, if its iteration is one that is displayed: the smoothed loss.
    fn closing(&mut self, job: &Job, smoothed: f32);
    /// Of what is no reason to end: one sentence.
    fn warn(&mut self, why: &str);
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The last snapshot.
    pub snapshot: Option<Snapshot>,
    /// Whether it was stopped before its last iteration.
    pub stopped: bool,
    /// The snapshots before the last that are still there.
    before: VecDeque<Snapshot>,
}

impl Outcome {
    /// Takes a snapshot for the last one, and removes the oldest where there are more than wanted.
    fn keep(&mut self, snapshot: Snapshot, most: Option<usize>) {
        let last = self.snapshot.replace(snapshot.clone());
        self.before.extend(last.filter(|last| last.state != snapshot.state));
        while most.is_some_and(|most| most <= self.before.len()) {
            let Some(Snapshot { caffemodel, safetensors, solverstate, state, flat }) =
                self.before.pop_front()
            else {
                break;
            };
            for file in [caffemodel, safetensors, solverstate, state, flat] {
                // Not every snapshot has all of these files; one that stays is in nobody's way.
                let _ = std::fs::remove_file(file);
            }
        }
    }
}

impl Job {
    /// The log of the run, if it has a folder.
    pub fn log_path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(LOG))
    }

    /// An iteration in epochs.
    pub fn epochs(&self, iteration: u64) -> Option<f64> {
        self.epoch.map(|epoch| iteration as f64 / epoch as f64)
    }
}

/// Trains to the last iteration.
///
/// # Errors
/// Results cannot be written, which is found before the first update; data cannot be read.
pub fn run(job: &mut Job, observer: &mut dyn Observer) -> Result<Outcome> {
    let start = Instant::now();
    if let Some(parent) = job.prefix.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    }
    let (mut log, mut _lock) = (None, None);
    if let Some(folder) = job.folder.clone() {
        std::fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
        _lock = lock(&folder)?;
        if let Some(Kept { name, text }) = &job.kept {
            crate::file::write_atomically(&folder.join(name), |w| w.write_all(text.as_bytes()))?;
        }
        log = job.log_path().map(|path| Log::open(&path, job.trainer.iteration())).transpose()?;
    }
    let solver = job.trainer.solver().clone();
    if 0 < solver.snapshot || solver.snapshot_after_train {
        try_snapshot(&job.prefix, solver.max_iter)?;
    }
    room_for_snapshots(job, observer)?;
    let mut outcome = Outcome { snapshot: None, stopped: false, before: VecDeque::new() };
    let mut written_at = None;
    while job.trainer.iteration() < solver.max_iter {
        let iteration = job.trainer.iteration();
        let due = 0 < solver.test_interval && iteration.is_multiple_of(solver.test_interval);
        if due && (0 < iteration || solver.test_initialization) {
            let steps = job.trainer.settle()?;
            let control = report(job, observer, &mut log, start, steps)?;
            if control != Control::Continue {
                outcome.keep(snapshot(job, observer, &mut log)?, job.keep);
            }
            if control == Control::Stop {
                outcome.stopped = true;
                return Ok(outcome);
            }
            test_all(job, observer, &mut log, start)?;
        }
        let steps = job.trainer.advance()?;
        let mut control = report(job, observer, &mut log, start, steps)?;
        let iteration = job.trainer.iteration();
        let due = 0 < solver.snapshot && iteration.is_multiple_of(solver.snapshot);
        if due || control != Control::Continue {
            let steps = job.trainer.settle()?;
            let late = report(job, observer, &mut log, start, steps)?;
            control = if late == Control::Continue { control } else { late };
            outcome.keep(snapshot(job, observer, &mut log)?, job.keep);
            written_at = Some(iteration);
        }
        if control == Control::Stop {
            outcome.stopped = iteration < solver.max_iter;
            return Ok(outcome);
        }
    }
    let iteration = job.trainer.iteration();
    if solver.snapshot_after_train && written_at != Some(iteration) {
        outcome.keep(snapshot(job, observer, &mut log)?, job.keep);
    }
    if 0 < solver.display && iteration.is_multiple_of(solver.display) {
        let smoothed = job.trainer.closing_loss()?;
        observer.closing(job, smoothed);
    }
    let due = 0 < solver.test_interval && iteration.is_multiple_of(solver.test_interval);
    if due || job.test_at_end {
        test_all(job, observer, &mut log, start)?;
    }
    Ok(outcome)
}

/// The file that a training holds locked in its folder.
const LOCK: &str = ".lock";

/// Whether a training writes a run's folder. The lock is tried only where the process that has left its number there is alive, so
/// that this look keeps out no training that begins.
pub fn is_being_written(folder: &Path) -> bool {
    let path = folder.join(LOCK);
    let process = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    process.is_some_and(is_running) && is_locked(&path)
}

/// Keeps other trainings out of a run's folder as long as the result lives; a process that ends, however it does, keeps
/// nobody out. Where the file system has no locks nobody is.
fn lock(folder: &Path) -> Result<Option<File>> {
    let path = folder.join(LOCK);
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = file.map_err(|e| Error::io("write", &path, e))?;
    match file.try_lock() {
        Ok(()) => {
            // Who is kept out may read which process does it; nothing else depends on it.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            Ok(Some(file))
        }
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let read = file.take(20).read_to_string(&mut process);
            let process = match read {
                Ok(1..) => format!(" (process {})", process.trim()),
                _ => String::new(),
            };
            let why = format!(
                "is being written by another cortado{process}; name another folder with --output"
            );
            Err(Error::format(folder, why))
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Finds out before anything is computed whether the last snapshot could be written, as Caffe's solver does.
fn try_snapshot(prefix: &Path, iteration: u64) -> Result<()> {
    let mut probe = prefix.as_os_str().to_owned();
    // As long as the longest name of a snapshot's files.
    probe.push(format!("_iter_{iteration}.writable_probe"));
    let probe = PathBuf::from(probe);
    match crate::file::write_atomically(&probe, |_| Ok(())) {
        Ok(()) => std::fs::remove_file(&probe).map_err(|e| Error::io("remove", &probe, e)),
        Err(Error::Io { source, .. }) => Err(Error::refused(format!(
            "snapshots cannot be written as {}_iter_N: {source}; make the place writable, or name another with --output",
            prefix.display()
        ))),
        Err(e) => Err(e),
    }
}

/// Compares what the snapshots of the run take with what the disk has: without room for one the run does not begin, without
/// room for all it is warned of.
fn room_for_snapshots(job: &Job, observer: &mut dyn Observer) -> Result<()> {
    let solver = job.trainer.solver();
    let (done, last) = (job.trainer.iteration(), solver.max_iter);
    let due = |at: u64| at.checked_div(solver.snapshot).unwrap_or(0);
    let is_last = solver.snapshot == 0 || !last.is_multiple_of(solver.snapshot);
    let mut count = due(last).saturating_sub(due(done));
    count += u64::from(solver.snapshot_after_train && is_last && done < last);
    // One more than are kept is there while the last one is written.
    let most = job.keep.map_or(count, |keep| count.min(keep as u64 + 1));
    let each = job.trainer.snapshot_bytes();
    if 0 < most {
        room::need(&job.prefix, each, "a snapshot takes")?;
    }
    let all = each.saturating_mul(most);
    if let Err(why) =
        room::need(&job.prefix, all, &format!("the {most} snapshots of this run take"))
    {
        let advice = match job.keep {
            None => "; `--set train.keep=3` keeps the last three of a run file's",
            Some(_) => "",
        };
        observer.warn(&format!("{why}{advice}"));
    }
    Ok(())
}

/// Logs and shows updates; says how to go on after the last. A loss that is no number stops nothing, as in Caffe, unless the
/// run file says so.
fn report(
    job: &Job,
    observer: &mut dyn Observer,
    log: &mut Option<Log>,
    start: Instant,
    steps: Vec<StepReport>,
) -> Result<Control> {
    let mut control = Control::Continue;
    for step in steps {
        let iteration = step.iteration;
        let event = || Event::train(&step, job.epochs(iteration), start.elapsed().as_secs_f64());
        note(log, observer, event);
        let wanted = observer.step(job, &step);
        if job.stop_on_nan && !step.loss.is_finite() {
            let loss = step.loss;
            return Err(Error::refused(format!(
                "the loss is {loss} at iteration {iteration}, and `train.stop_on_nan` ends the run there; the snapshots before are good"
            )));
        }
        match wanted {
            Control::Continue => {}
            wanted => control = wanted,
        }
    }
    Ok(control)
}

/// Logs what happened. A full disk, where the log does not fit, ends a training only when a snapshot does not fit.
fn note(log: &mut Option<Log>, observer: &mut dyn Observer, event: impl FnOnce() -> Event) {
    if let Some(Err(e)) = log.as_mut().map(|log| log.write(&event())) {
        observer.warn(&format!("{e}; training goes on, and the log when there is room for it"));
    }
}

/// Tests every test net once.
pub fn test(job: &mut Job) -> Result<Vec<TestReport>> {
    (0..job.trainer.tests()).map(|net| job.trainer.test(net)).collect()
}

fn test_all(
    job: &mut Job,
    observer: &mut dyn Observer,
    log: &mut Option<Log>,
    start: Instant,
) -> Result<()> {
    for net in 0..job.trainer.tests() {
        let report = job.trainer.test(net)?;
        let epoch = job.epochs(report.iteration);
        note(log, observer, || Event::test(&report, epoch, start.elapsed().as_secs_f64()));
        observer.test(job, &report);
    }
    Ok(())
}

fn snapshot(job: &mut Job, observer: &mut dyn Observer, log: &mut Option<Log>) -> Result<Snapshot> {
    let prefix = job.prefix.clone();
    let files = job.trainer.snapshot(&prefix)?;
    let file = files.state.display().to_string();
    note(log, observer, || Event::Snapshot { iteration: job.trainer.iteration(), file });
    observer.snapshot(job, &files);
    Ok(files)
}

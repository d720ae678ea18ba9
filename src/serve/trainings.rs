//! Trainings that the server was asked for: one runs, the others wait their turn, in the order in which they were asked for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::jobs::Job;
use super::refusal::Refusal;
use super::verb::{program, words};
use crate::error::{Error, Result};
use crate::exec::Device;

/// What a training prints, in the folder of its job.
pub(super) const CONSOLE: &str = "console.txt";

/// How long trainings that are asked to end have for their snapshots.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a training.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running,
    /// It was taken out of those that wait, or has ended well.
    Over,
    Failed,
}

/// A training that was asked for.
struct Training {
    state: State,
    /// Told when it has to end.
    stop: Arc<Notify>,
}

/// What was asked for since the server began.
#[derive(Default)]
struct Asked {
    /// The last training of each job, by the ids of the jobs.
    all: BTreeMap<String, Training>,
    /// Over when the training that was asked for last is, which is after all others.
    last: Option<JoinHandle<()>>,
}

/// The trainings of a server.
#[derive(Clone)]
pub(super) struct Trainings {
    device: Device,
    asked: Arc<Mutex<Asked>>,
}

impl Trainings {
    pub(super) fn new(device: Device) -> Self {
        Trainings { device, asked: Arc::default() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Asked) -> T) -> T {
        change(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What became of a job's training, if there was one.
    pub(super) fn state(&self, id: &str) -> Option<State> {
        self.with(|asked| asked.all.get(id).map(|training| training.state))
    }

    /// Whether a training was in a state, which is another one now. It may have been taken out of those that wait, and a new one of
    /// its job put behind them.
    fn goes(&self, id: &str, stop: &Arc<Notify>, from: State, to: State) -> bool {
        self.with(|asked| match asked.all.get_mut(id) {
            Some(training) if training.state == from && Arc::ptr_eq(&training.stop, stop) => {
                training.state = to;
                true
            }
            _ => false,
        })
    }

    /// Has a job trained as soon as all that was asked for before is over, from a state or anew.
    ///
    /// # Errors
    /// It waits or is being trained already, or what it prints cannot be written.
    pub(super) fn start(&self, job: &Job, resume: Option<PathBuf>) -> Result<(), Refusal> {
        let folder = job.folder().to_owned();
        let mut words = words(["train", "--device", &self.device.to_string()]);
        words.extend([OsString::from("--set"), format!("output={}", folder.display()).into()]);
        words.extend(
            resume.into_iter().flat_map(|state| [OsString::from("--resume"), state.into()]),
        );
        words.push(job.run_file().into());
        let path = folder.join(CONSOLE);
        let (trainings, id, stop) = (self.clone(), job.id().to_owned(), Arc::new(Notify::new()));
        self.with(|asked| {
            let state = asked.all.get(&id).map(|training| training.state);
            if matches!(state, Some(State::Waiting | State::Running)) {
                return Err(Refusal::failed(format!("`{id}` is being trained already")));
            }
            let console = File::create(&path).map_err(|e| Error::io("create", &path, e))?;
            let training = Training { state: State::Waiting, stop: stop.clone() };
            asked.all.insert(id.clone(), training);
            let before = asked.last.take();
            asked.last = Some(tokio::spawn(async move {
                if let Some(before) = before {
                    let _ = before.await;
                }
                if !trainings.goes(&id, &stop, State::Waiting, State::Running) {
                    return;
                }
                let state = match run(&words, console, &stop).await {
                    Ok(true) => State::Over,
                    Ok(false) => State::Failed,
                    Err(why) => {
                        let _ = fs::write(path, format!("error: {why}\n"));
                        State::Failed
                    }
                };
                trainings.goes(&id, &stop, State::Running, state);
            }));
            Ok(())
        })
    }

    /// Asks a training to end with a snapshot, or takes it out of those that wait.
    pub(super) fn abort(&self, id: &str) {
        self.with(|asked| match asked.all.get_mut(id) {
            Some(training) if training.state == State::Waiting => training.state = State::Over,
            Some(training) => training.stop.notify_one(),
            None => {}
        });
    }

    /// Ends all trainings, each with a snapshot, and waits for that.
    pub(super) async fn stop_all(&self) {
        let (ids, last): (Vec<String>, _) =
            self.with(|asked| (asked.all.keys().cloned().collect(), asked.last.take()));
        ids.iter().for_each(|id| self.abort(id));
        if let Some(last) = last {
            let _ = tokio::time::timeout(PATIENCE, last).await;
        }
    }
}

/// A training from its start to its end, where the server was started, as paths of data layers are relative to that; whether it
/// ended well.
async fn run(words: &[OsString], console: File, stop: &Notify) -> Result<bool> {
    let failed = |e| Error::refused(format!("cannot start this program again: {e}"));
    let mut command = program(Path::new("."))?;
    command.args(words).stdout(console.try_clone().map_err(failed)?).stderr(console);
    // Ctrl-C is for the server, which asks its training to end; and a training outlives a server that is killed.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.kill_on_drop(false).spawn().map_err(failed)?;
    // It is asked once: a second time would end it without a snapshot.
    tokio::select! {
        ended = child.wait() => return Ok(ended.map_err(failed)?.success()),
        () = stop.notified() => interrupt(&mut child),
    }
    Ok(child.wait().await.map_err(failed)?.success())
}

/// Asks a training to end, as Ctrl-C does.
fn interrupt(child: &mut tokio::process::Child) {
    #[cfg(unix)]
    if let Some(process) = child.id() {
        // SAFETY: nobody has waited for the child yet, so that no other process has its number.
        unsafe {
            libc::kill(process as i32, libc::SIGINT);
        }
    }
    #[cfg(not(unix))]
    let _ = child.start_kill();
}

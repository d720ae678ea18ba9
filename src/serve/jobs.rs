//! Jobs: folders with a run file and what its training has left there. A job is what lies on the disk, so trainings that were started
//! on the command line are jobs as well.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path as Named, State as Shared};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Server;
use super::definition::{Pasted, scratch};
use super::refusal::Refusal;
use super::trainings::{CONSOLE, State, Trainings};
use super::verb::verb;
use crate::error::{Error, Result};
use crate::exec::Device;
use crate::file::read_text;
use crate::job::run_file::{self, DEFAULT_EPOCHS, RunFile};
use crate::job::snapshots::{iteration_of, last_snapshot};
use crate::job::{LOG, RUN_FILE, is_being_written};

/// How much of the ends of logs is read, in bytes.
const TAIL: u64 = 32 << 10;

/// The jobs of a folder.
pub(super) struct Jobs {
    folder: PathBuf,
    trainings: Trainings,
}

/// A snapshot of a job.
pub(super) struct Snapshot {
    pub iteration: u64,
    /// Passes over the training data before it, where that is known.
    pub epoch: Option<f64>,
    /// The weights by name.
    pub path: PathBuf,
}

/// A folder of a job that is there.
pub(super) struct Job {
    id: String,
    folder: PathBuf,
}

impl Jobs {
    pub(super) fn new(folder: PathBuf, device: Device) -> Self {
        Jobs { folder, trainings: Trainings::new(device) }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The jobs by their ids, which are the names of their folders.
    pub(super) fn all(&self) -> Vec<Job> {
        let found = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let ids = found.filter_map(|entry| entry.file_name().into_string().ok());
        let mut all: Vec<Job> = ids.filter_map(|id| self.job(&id).ok()).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// The job of an id.
    pub(super) fn job(&self, id: &str) -> Result<Job, Refusal> {
        let mut parts = Path::new(id).components();
        let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        let folder = self.folder.join(id);
        match is_name && folder.join(RUN_FILE).is_file() {
            true => Ok(Job { id: id.to_owned(), folder }),
            false => Err(Refusal::unknown(format!("there is no job `{id}`"))),
        }
    }

    /// What a job is doing, in DIGITS' words.
    pub(super) fn status(&self, job: &Job) -> &'static str {
        self.status_at(job, job.log().last("train").map(|last| job.progress(&last)))
    }

    /// What a job is doing of whose training so much is done, if anything is.
    fn status_at(&self, job: &Job, done: Option<f64>) -> &'static str {
        match self.trainings.state(&job.id) {
            Some(State::Waiting) => "Waiting",
            Some(State::Running) => "Running",
            _ if is_being_written(&job.folder) => "Running",
            Some(State::Failed) => "Error",
            _ => match done {
                None => "Initialized",
                Some(done) if 0.999 <= done => "Done",
                Some(_) => "Aborted",
            },
        }
    }

    /// Has a job trained as soon as no other is, from a state or anew.
    fn start(&self, job: &Job, resume: Option<PathBuf>) -> Result<(), Refusal> {
        if is_being_written(&job.folder) {
            return Err(Refusal::failed(format!("`{}` is being trained already", job.id)));
        }
        self.trainings.start(job, resume)
    }

    /// Asks a training to end with a snapshot, or takes it out of those that wait.
    pub(super) fn abort(&self, id: &str) {
        self.trainings.abort(id);
    }

    /// Ends all trainings, each with a snapshot, and waits for that.
    pub(super) async fn stop_all(&self) {
        self.trainings.stop_all().await;
    }
}

impl Job {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn run_file(&self) -> PathBuf {
        self.folder.join(RUN_FILE)
    }

    fn log(&self) -> LogEnd {
        LogEnd(tail(&self.folder.join(LOG)))
    }

    /// Which part of the training the last update was.
    fn progress(&self, last: &Map<String, Value>) -> f64 {
        let Ok((file, _)) = run_file::read(&self.run_file(), &[]) else { return 0.0 };
        let number = |key: &str| last.get(key).and_then(Value::as_f64).unwrap_or(0.0);
        let done = number("iteration") + 1.0;
        match file.train.iterations {
            Some(iterations) => done / iterations as f64,
            None => {
                number("epoch") * done
                    / number("iteration").max(1.0)
                    / file.train.epochs.unwrap_or(DEFAULT_EPOCHS)
            }
        }
        .min(1.0)
    }

    /// The snapshots, the first one first.
    pub(super) fn snapshots(&self) -> Vec<Snapshot> {
        self.snapshots_by(&self.log())
    }

    fn snapshots_by(&self, log: &LogEnd) -> Vec<Snapshot> {
        let last = log.last("train").unwrap_or_default();
        let number = |key: &str| last.get(key).and_then(Value::as_f64);
        let for_each = number("epoch").zip(number("iteration")).map(|(e, i)| e / i);
        let found = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let weights = found.map(|entry| entry.path());
        let weights = weights.filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
        let mut all: Vec<Snapshot> = weights
            .filter_map(|path| {
                let iteration = iteration_of(&path)?;
                let epoch = for_each.map(|e| (e * iteration as f64 * 1000.0).round() / 1000.0);
                Some(Snapshot { iteration, epoch: epoch.filter(|e| e.is_finite()), path })
            })
            .collect();
        all.sort_by_key(|snapshot| snapshot.iteration);
        all
    }

    /// The weights after so many epochs, or the last ones.
    pub(super) fn weights(&self, epoch: Option<f64>) -> Result<PathBuf, Refusal> {
        let none = |_| Refusal::failed(format!("`{}` has no snapshot yet", self.id));
        let Some(epoch) = epoch.filter(|epoch| 0.0 <= *epoch) else {
            return last_snapshot(&self.folder).map_err(none);
        };
        let all = self.snapshots();
        let is_it = |s: &Snapshot| s.epoch.is_some_and(|e| (e - epoch).abs() < 0.005);
        let known: Vec<String> = all.iter().filter_map(|s| Some(s.epoch?.to_string())).collect();
        all.into_iter().find(is_it).map(|found| found.path).ok_or_else(|| {
            let which = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Refusal::unknown(format!("there is no snapshot of epoch {epoch}; there are: {which}"))
        })
    }

    /// What a list of jobs says of it.
    fn summary(&self, server: &Server, log: &LogEnd) -> Map<String, Value> {
        let last = log.last("train");
        let done = last.as_ref().map(|last| self.progress(last));
        let mut said = Map::new();
        said.insert("id".into(), self.id.clone().into());
        said.insert("status".into(), server.jobs.status_at(self, done).into());
        said.insert("progress".into(), done.into());
        said.insert("last".into(), last.into());
        said
    }

    /// All that its page shows.
    fn details(&self, server: &Server) -> Map<String, Value> {
        let log = self.log();
        let mut said = self.summary(server, &log);
        said.insert("folder".into(), self.folder.display().to_string().into());
        said.insert("test".into(), log.last("test").into());
        said.insert("console".into(), tail(&self.folder.join(CONSOLE)).into());
        let snapshots = self.snapshots_by(&log);
        let snapshots =
            snapshots.iter().map(|s| json!({ "iteration": s.iteration, "epoch": s.epoch }));
        said.insert("snapshots".into(), snapshots.collect());
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.path().is_file());
        let mut files: Vec<String> =
            files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        files.retain(|name| !name.starts_with('.'));
        files.sort();
        said.insert("files".into(), files.into());
        said
    }
}

/// The end of a log.
struct LogEnd(String);

impl LogEnd {
    /// The last event of a kind, if it is among those of the end.
    fn last(&self, kind: &str) -> Option<Map<String, Value>> {
        let mut events = self.0.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
        events.find(|event: &Map<String, Value>| event.get("event") == Some(&kind.into()))
    }
}

/// The last lines of a file that grows; nothing if there is no such file.
fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = vec![];
        file.take(TAIL).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let is_cut = TAIL < length;
        Ok(if is_cut {
            text.split_once('\n').map_or(String::new(), |t| t.1.to_owned())
        } else {
            text
        })
    };
    read().unwrap_or_default()
}

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/api/jobs", get(list).post(create))
        .route("/api/jobs/{id}", get(show))
        .route("/api/jobs/{id}/start", post(restart))
        .route("/api/jobs/{id}/abort", post(abort))
        .route("/api/jobs/{id}/network.svg", get(picture))
}

async fn list(Shared(server): Shared<Arc<Server>>) -> Json<Value> {
    let all = server.jobs.all();
    Json(all.iter().map(|job| Value::from(job.summary(&server, &job.log()))).collect())
}

async fn show(
    Shared(server): Shared<Arc<Server>>,
    Named(id): Named<String>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(server.jobs.job(&id)?.details(&server).into()))
}

/// The diagram of a job's net.
async fn picture(
    Shared(server): Shared<Arc<Server>>,
    Named(id): Named<String>,
) -> Result<impl IntoResponse, Refusal> {
    let job = server.jobs.job(&id)?;
    let folder = scratch()?;
    let path = folder.path().join("net.svg");
    let all: [OsString; 4] =
        ["visualize".into(), job.run_file().into(), "--output".into(), path.clone().into()];
    verb(Path::new("."), &all).await?.output()?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], read_text(&path)?))
}

/// A job that somebody asks for.
#[derive(Deserialize)]
struct Wanted {
    name: String,
    #[serde(flatten)]
    net: Pasted,
    /// The run file without its `network` and `output`; paths are relative to where the server was started.
    run: Map<String, Value>,
    /// The solver as a run file writes it.
    #[serde(default)]
    solver: String,
}

/// Makes a job and starts its training.
async fn create(
    Shared(server): Shared<Arc<Server>>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(wanted) = wanted?;
    let mut run = wanted.run;
    run.insert("network".into(), wanted.net.file_name()?.into());
    let run: Result<RunFile, _> = serde_json::from_value(run.into());
    let mut run = run.map_err(|e| Refusal::wrong(format!("the run file: {e}")))?;
    if !wanted.solver.trim().is_empty() {
        let solver = serde_yaml::from_str(&wanted.solver);
        run.train.solver = solver.map_err(|e| Refusal::wrong(format!("the solver: {e}")))?;
    }
    let folder = new_folder(server.jobs.folder(), &wanted.name)?;
    run.network = folder.join(wanted.net.file_name()?);
    let kept = run.kept(Path::new(""), &folder, &[])?;
    for (path, text) in [(&run.network, &wanted.net.text), (&folder.join(kept.name), &kept.text)] {
        fs::write(path, text).map_err(|e| Error::io("write", path, e))?;
    }
    let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let job = server.jobs.job(&id)?;
    server.jobs.start(&job, None)?;
    Ok(Json(json!({ "id": id })))
}

/// Makes a folder by a name, with a number behind it if there is one already.
fn new_folder(folder: &Path, name: &str) -> Result<PathBuf, Refusal> {
    let word: String = name.trim().chars().take(60).collect();
    let word = word.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c), "-");
    let word = word.trim_matches('-');
    let word = if word.is_empty() { "run" } else { word };
    for number in 1..10_000 {
        let name = if number == 1 { word.to_owned() } else { format!("{word}-{number}") };
        let path = folder.join(name);
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io("create", &path, e).into()),
        }
    }
    Err(Refusal::failed(format!("there are too many jobs called `{word}`")))
}

/// Goes on with a training from its last snapshot, or starts it anew where there is none.
async fn restart(
    Shared(server): Shared<Arc<Server>>,
    Named(id): Named<String>,
) -> Result<Json<Value>, Refusal> {
    let job = server.jobs.job(&id)?;
    let state = job.weights(None).map(|weights| weights.with_extension("state"));
    server.jobs.start(&job, state.ok().filter(|state| state.is_file()))?;
    Ok(Json(json!({ "id": id })))
}

async fn abort(
    Shared(server): Shared<Arc<Server>>,
    Named(id): Named<String>,
) -> Result<Json<Value>, Refusal> {
    let job = server.jobs.job(&id)?;
    server.jobs.abort(job.id());
    Ok(Json(json!({ "id": id })))
}

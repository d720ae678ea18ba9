//! `cortado train` and `cortado test`: runs jobs, with a progress bar on a terminal and plain lines in a pipe.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::processor::Processor;
use super::signals::Signals;
use super::watched_memory::Memory;
use super::{complain_about, counted, say, sound, warn};
use crate::error::{Error, Result};
use crate::exec::Device;
use crate::front::caffe::solver::asks_for_gpu;
use crate::job::snapshots::{iteration_of, last_snapshot, last_snapshot_of, left_snapshot};
use crate::job::{self, Control, Job, JobOptions, Observer};
use crate::report::figures::{bytes, shortest};
use crate::report::plot::{self, Run, Training};
use crate::train::checkpoint::{Snapshot, Unmatched};
use crate::train::log::{self, Event};
use crate::train::memory::{Needed, PROGRAM};
use crate::train::{StepReport, TestReport};

/// Arguments of `train`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A run file (.yaml) or a Caffe solver
    run: PathBuf,
    #[command(flatten)]
    job: JobArguments,
    /// Continue from a saved state (.state, or Caffe's .solverstate or .solverstate.h5)
    #[arg(long)]
    resume: Option<PathBuf>,
    /// Layers that do not take the weights of --weights, separated by commas
    #[arg(long, value_delimiter = ',')]
    reinit: Vec<String>,
    /// Take the largest batch whose predicted memory, on a GPU that of the GPU, is at most this, such as 2GiB, instead of the run file's
    #[arg(long, value_parser = amount)]
    fit: Option<u64>,
}

/// What `train` and `test` have in common.
#[derive(Debug, clap::Args)]
pub(super) struct JobArguments {
    /// Weights to start from: .caffemodel, .caffemodel.h5, .safetensors or .t7. Several files, by repeating the option or
    /// separated by commas, are taken one after the other
    #[arg(long)]
    weights: Vec<PathBuf>,
    #[command(flatten)]
    processor: Processor,
    /// Change the run file, --set train.epochs=3, or the solver, --set max_iter=500
    #[arg(long, value_parser = setting)]
    set: Vec<(String, String)>,
    /// Batches to train on, as a safetensors file with a tensor for each input, or the images of a MemoryData layer
    #[arg(long)]
    tensors: Option<PathBuf>,
    /// The folder of the results
    #[arg(short, long)]
    output: Option<PathBuf>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as train.epochs=3")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Bytes from a number and its unit; without one they are bytes.
fn amount(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(format!("`{unit}` is no unit; there are B, KiB, MiB, GiB, KB, MB and GB")),
    };
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((number * scale) as u64),
        _ => Err("write it as 2GiB".into()),
    }
}

impl JobArguments {
    fn options(&self) -> JobOptions {
        JobOptions {
            device: self.processor.device,
            threads: self.processor.threads,
            weights: self.weights.iter().flat_map(|path| files(path)).collect(),
            set: self.set.clone(),
            tensors: self.tensors.clone(),
            output: self.output.clone(),
            ..JobOptions::default()
        }
    }
}

/// The files of a list with commas, as `caffe train -weights` takes it; a file may also have commas in its name.
fn files(path: &Path) -> Vec<PathBuf> {
    match path.to_str() {
        Some(list) if list.contains(',') && !path.exists() => {
            list.split(',').map(|one| PathBuf::from(one.trim())).collect()
        }
        _ => vec![path.to_owned()],
    }
}

fn open(path: &Path, options: &JobOptions) -> Result<Job> {
    let opened = job::open(path, options)?;
    complain_about(&opened.diagnostics, &opened.sources)?;
    let job = opened.job.ok_or(Error::Definition)?;
    tell_unmatched(&job.unmatched);
    Ok(job)
}

/// Says which layers of weight files are not the net's, and which of the net's have no weights in any of the files.
fn tell_unmatched(files: &[Unmatched]) {
    for file in files.iter().filter(|file| !file.of_file.is_empty()) {
        let path = file.path.display();
        let layers = listed(&file.of_file);
        warn(&format!("note: {path} has weights of layers that are not in the net: {layers}"));
    }
    let Some((first, others)) = files.split_first() else { return };
    let nowhere = |layer: &&String| others.iter().all(|file| file.of_net.contains(layer));
    let missing: Vec<String> = first.of_net.iter().filter(nowhere).cloned().collect();
    if !missing.is_empty() {
        let layers = listed(&missing);
        warn(&format!("note: no weights were found for layers of the net: {layers}"));
    }
}

/// Names of layers, of very many the first.
fn listed(layers: &[String]) -> String {
    const MOST: usize = 20;
    let names: Vec<String> = layers.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match layers.len().saturating_sub(MOST) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

pub(super) fn train(arguments: &Arguments) -> Result<()> {
    if arguments.resume.is_some() && !arguments.job.weights.is_empty() {
        let why = "give a state to --resume from or --weights to start from, not both: a state has the weights it goes on with";
        return Err(Error::refused(why));
    }
    let mut options = JobOptions {
        resume: arguments.resume.clone(),
        reinit: arguments.reinit.clone(),
        ..arguments.job.options()
    };
    let device = options.device;
    if let Some(limit) = arguments.fit {
        match job::fit(&arguments.run, &options, limit) {
            Ok(fit) => {
                let (batch, bytes) = (fit.batch, bytes(fit.bytes));
                say(format_args!("batch size {batch}: {bytes} of memory are predicted"))?;
                options.set.push(("train.batch_size".to_owned(), fit.batch.to_string()));
            }
            // Opening the job says what is wrong with the definition.
            Err(Error::Definition) => {}
            Err(e) => return Err(e),
        }
    }
    let memory = Memory::watch();
    let mut job = open(&arguments.run, &options)?;
    super::return_what_is_free();
    let signals = Signals::default();
    signals.watch().map_err(|e| Error::refused(format!("cannot watch for signals: {e}")))?;
    job.remarks.iter().for_each(|remark| warn(&format!("warning: {remark}")));
    describe(&job)?;
    tell_device(&job, device);
    match arguments.resume {
        Some(_) => tell_done(&job),
        None => tell_left(&job),
    }
    let mut screen = Screen::new(&job, signals);
    let outcome = job::run(&mut job, &mut screen)?;
    screen.finish(&job);
    if let Some(remark) = job.trainer.remark() {
        warn(&format!("note: {remark}"));
    }
    if let Some(seen) = memory.most() {
        let needed = Needed { making: job.making, ..job.trainer.predicted_memory()? };
        let [most, predicted] = [seen.own + PROGRAM, needed.host()].map(bytes);
        let mapped = match seen.files.saturating_sub(PROGRAM) {
            ..MAPPED => String::new(),
            mapped => format!(
                ", and up to {} of mapped data, which the system takes back when it needs them",
                bytes(mapped)
            ),
        };
        say(format_args!("memory: {most} at most, {predicted} were predicted{mapped}"))?;
        if let Some(gpu) = needed.gpu.map(bytes) {
            say(format_args!("memory of {device}: {gpu}, and the scratch of cuDNN and cuBLAS"))?;
        }
    }
    if let Some(files) = &outcome.snapshot {
        say(format_args!("weights: {}", files.safetensors.display()))?;
    }
    let diverged = screen.diverged.take();
    let again = || diverged.iter().for_each(|warning| warn(&format!("warning: {warning}")));
    if outcome.stopped
        && let Some(files) = &outcome.snapshot
    {
        again();
        let (run, state) = (arguments.run.display(), files.state.display());
        let output = arguments.job.output.as_ref().map(|o| format!(" -o {}", o.display()));
        let output = output.unwrap_or_default();
        return say(format_args!(
            "stopped; continue with: cortado train {run} --resume {state}{output}"
        ));
    }
    let folder = job.folder.take().filter(|_| is_of_run_file(&job));
    // The clusters are of the weights that were written; what they take is not to come on top of the training's memory.
    drop(job);
    let drawn = match (&folder, &outcome.snapshot) {
        (Some(folder), Some(files)) => super::clusters::after_training(folder, &files.safetensors),
        _ => Ok(()),
    };
    match (drawn, &diverged) {
        (Err(e), Some(_)) => warn(&format!("warning: no clusters are drawn: {e}")),
        (drawn, _) => drawn?,
    }
    again();
    Ok(())
}

/// Says that nothing is left to be trained after a state.
fn tell_done(job: &Job) {
    let (done, last) = (job.trainer.iteration(), job.trainer.solver().max_iter);
    if last <= done {
        warn(&format!(
            "warning: the state is of iteration {done}, and the run ends at {last}: nothing is trained; --set train.epochs=N, or \
             train.iterations, makes it longer"
        ));
    }
}

/// Says that a run before this one has left snapshots that this one will not write anew.
fn tell_left(job: &Job) {
    let solver = job.trainer.solver();
    let every = if solver.snapshot == 0 { solver.max_iter } else { solver.snapshot };
    let left = job.folder.as_ref().and_then(|f| left_snapshot(f, every, solver.max_iter));
    if let Some(left) = left {
        warn(&format!(
            "note: {} is of an earlier run and stays; `test`, `infer` and `clusters` take the last snapshot of this one",
            left.display()
        ));
    }
}

fn is_of_run_file(job: &Job) -> bool {
    job.kept.as_ref().is_some_and(|kept| kept.name == job::RUN_FILE)
}

/// Says that a solver for the GPU computes on the processor.
fn tell_device(job: &Job, device: Device) {
    let text = job.kept.as_ref().filter(|_| !is_of_run_file(job)).map(|kept| &kept.text);
    if device == Device::Cpu && text.is_some_and(|text| asks_for_gpu(text)) {
        warn(
            "note: solver_mode is GPU; computing on the processor, where --device cuda:0 would take a GPU",
        );
    }
}

pub(super) fn test(arguments: &TestArguments) -> Result<()> {
    if job::is_net(&arguments.run)? {
        return test_net(arguments);
    }
    if arguments.iterations.is_some() || arguments.stage.is_some() {
        let why = "--iterations and --stage are for the test of a net; a run file or solver says how it tests";
        return Err(Error::refused(why));
    }
    let mut job = open(&arguments.run, &arguments.job.options())?;
    if job.trainer.tests() == 0 {
        return Err(Error::refused("the run names no data to validate on"));
    }
    let mut used = job.weights.last().cloned();
    if arguments.job.weights.is_empty() {
        let last = match &job.folder {
            Some(folder) if is_of_run_file(&job) => last_snapshot(folder),
            _ => last_snapshot_of(&job.prefix),
        };
        match last {
            Ok(last) => {
                tell_unmatched(&[job.trainer.load_weights(&last, &[])?]);
                if !arguments.json {
                    say(format_args!("weights: {}", last.display()))?;
                }
                used = Some(last);
            }
            Err(e) if job.weights.is_empty() => return Err(e),
            Err(_) => {}
        }
    }
    let iteration = used.and_then(|path| iteration_of(&path)).unwrap_or(0);
    let start = Instant::now();
    for report in job::test(&mut job)? {
        let report = TestReport { iteration, ..report };
        let at = (job.epochs(iteration), start.elapsed().as_secs_f64());
        show(arguments, &report, at, job.trainer.solver().test_compute_loss)?;
    }
    Ok(())
}

/// Tests a net without a solver, as `caffe test`.
fn test_net(arguments: &TestArguments) -> Result<()> {
    let JobArguments { weights, processor, set, tensors, output } = &arguments.job;
    if !set.is_empty() || output.is_some() {
        return Err(Error::refused(
            "a net has nothing to --set and writes no folder; give a run file or a solver",
        ));
    }
    let state = super::check::stages(arguments.stage.as_deref())?.pop();
    let session = processor.session();
    let net = (arguments.run.as_path(), state);
    let batches = arguments.iterations.unwrap_or(BATCHES);
    let weights: Vec<PathBuf> = weights.iter().flat_map(|path| files(path)).collect();
    let start = Instant::now();
    let report = sound(job::test_net(net, &weights, tensors.clone(), batches, &session)?)?;
    let iteration = weights.last().and_then(|path| iteration_of(path)).unwrap_or(0);
    let at = (None, start.elapsed().as_secs_f64());
    show(arguments, &TestReport { iteration, ..report }, at, true)
}

/// Prints the figures of a test of a snapshot, which is of an epoch where its length is known, and the seconds it took.
fn show(
    arguments: &TestArguments,
    report: &TestReport,
    (epoch, seconds): (Option<f64>, f64),
    with_loss: bool,
) -> Result<()> {
    if arguments.json {
        let event = Event::test(report, epoch, seconds);
        return say(serde_json::to_string(&event).unwrap_or_default());
    }
    report.debug.iter().try_for_each(say)?;
    say(test_line(report, with_loss))
}

/// Batches of the test of a net where nobody says how many.
const BATCHES: u64 = 50;

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub(super) struct TestArguments {
    /// A run file (.yaml), a Caffe solver, or a net with its data
    run: PathBuf,
    #[command(flatten)]
    job: JobArguments,
    /// Batches of the test of a net; 50 if not given, as in Caffe
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    iterations: Option<u64>,
    /// The stage of the net, such as val or TEST+fine
    #[arg(long)]
    stage: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn describe(job: &Job) -> Result<()> {
    let trainer = &job.trainer;
    let net = &trainer.typed().net;
    let name = if net.name.is_empty() { "the net" } else { &net.name };
    say(format_args!(
        "{name}: {}, {}, {}, {} of memory for a step",
        counted(net.graph.node_count() as u64, "layer"),
        counted(trainer.typed().parameter_count() as u64, "parameter"),
        counted(trainer.solver().max_iter, "iteration"),
        bytes(trainer.plan().arena as u64 * 4),
    ))
}

/// Mapped data that are worth a word, in bytes.
const MAPPED: u64 = 1 << 20;

/// Shows progress, and redraws the loss plot.
struct Screen {
    bar: Option<ProgressBar>,
    start: Instant,
    first: u64,
    drawn: Instant,
    signals: Signals,
    /// What the loss plot shows.
    curves: Run,
    /// What was told of a loss that is no number.
    diverged: Option<String>,
}

/// The loss plot is redrawn no more often than this.
const REDRAW: Duration = Duration::from_secs(10);

impl Screen {
    fn new(job: &Job, signals: Signals) -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::new(job.trainer.solver().max_iter);
            let style = "{bar:30} {pos}/{len} {per_sec} {eta} left  {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        let now = Instant::now();
        let first = job.trainer.iteration();
        let mut curves = Run::default();
        // The run itself says what is wrong with a log that cannot be read.
        let earlier = job.log_path().and_then(|path| log::before(&path, first).ok());
        for event in earlier.iter().flatten() {
            let at = place(job, event.iteration());
            match event {
                Event::Train { smoothed_loss, lr, .. } => {
                    curves.train.push((at, *smoothed_loss));
                    curves.rate.push((at, *lr));
                }
                Event::Test { net: 0, loss, .. } => curves.val.push((at, *loss)),
                Event::Test { .. } | Event::Snapshot { .. } => {}
            }
        }
        Screen { bar, start: now, first, drawn: now, signals, curves, diverged: None }
    }

    /// Shows a line; one that cannot be shown is no reason to stop training.
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => say(line).unwrap_or_default(),
        }
    }

    /// Draws what was learned so far as loss.svg in the folder of the run.
    fn draw(&mut self, job: &Job) {
        self.drawn = Instant::now();
        let Some(folder) = &job.folder else { return };
        let training = Training {
            title: job.trainer.typed().net.name.clone(),
            steps: if job.epoch.is_some() { "epoch" } else { "iteration" }.into(),
            runs: vec![self.curves.clone()],
            ..Training::default()
        };
        let svg = plot::training(&training);
        let path = folder.join("loss.svg");
        if let Err(e) = crate::file::write_atomically(&path, |w| w.write_all(svg.as_bytes())) {
            self.warn(&format!("the loss plot was not drawn: {e}"));
        }
    }

    fn finish(&mut self, job: &Job) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.draw(job);
    }
}

impl Observer for Screen {
    fn step(&mut self, job: &Job, step: &StepReport) -> Control {
        let display = job.trainer.solver().display;
        step.debug.iter().for_each(|line| self.say(line));
        if let Some(bar) = &self.bar {
            bar.set_position(step.iteration + 1);
            bar.set_message(format!("loss {:.5} lr {}", step.smoothed, shortest(step.rate)));
        } else if 0 < display && step.iteration.is_multiple_of(display) {
            let seconds = self.start.elapsed().as_secs_f64();
            let done = (step.iteration + 1 - self.first) as f64;
            let epoch = job.epochs(step.iteration).map(|e| format!(" epoch {e:.2}"));
            self.say(&format!(
                "iteration {}{} ({:.1} iter/s) loss = {:.6} lr = {}",
                step.iteration,
                epoch.unwrap_or_default(),
                done / seconds,
                step.smoothed,
                shortest(step.rate)
            ));
        }
        if let Some(warning) = step.divergence().filter(|_| self.diverged.is_none()) {
            self.warn(&warning);
            self.diverged = Some(warning);
        }
        let at = place(job, step.iteration);
        self.curves.train.push((at, step.smoothed.into()));
        self.curves.rate.push((at, step.rate.into()));
        if REDRAW < self.drawn.elapsed() {
            self.draw(job);
        }
        self.signals.control()
    }

    fn test(&mut self, job: &Job, test: &TestReport) {
        if test.net == 0 {
            self.curves.val.push((place(job, test.iteration), test.loss.into()));
        }
        test.debug.iter().for_each(|line| self.say(line));
        let epoch = job.epochs(test.iteration).map(|e| format!(" epoch {e:.2}"));
        let line = test_line(test, job.trainer.solver().test_compute_loss);
        self.say(&format!("{line}{}", epoch.unwrap_or_default()));
    }

    fn snapshot(&mut self, _job: &Job, files: &Snapshot) {
        super::return_what_is_free();
        self.say(&format!("snapshot {}", files.state.display()));
    }

    fn closing(&mut self, job: &Job, smoothed: f32) {
        self.say(&format!("iteration {} loss = {smoothed:.6}", job.trainer.iteration()));
    }

    fn warn(&mut self, why: &str) {
        let line = format!("warning: {why}");
        match &self.bar {
            Some(bar) => bar.println(line),
            None => warn(&line),
        }
    }
}

fn test_line(test: &TestReport, with_loss: bool) -> String {
    let mut line = format!("iteration {} test net #{}", test.iteration, test.net);
    // A net's only loss is its loss.
    let shown = test.outputs.iter().any(|(_, values)| values[..] == [test.loss]);
    if with_loss && !shown {
        line.push_str(&format!(" test loss = {:.6}", test.loss));
    }
    for (name, values) in &test.outputs {
        let values: Vec<String> = values.iter().map(|v| format!("{v:.6}")).collect();
        line.push_str(&format!(" {name} = {}", values.join(" ")));
    }
    line
}

/// Where the loss plot shows an iteration.
fn place(job: &Job, iteration: u64) -> f64 {
    job.epochs(iteration).unwrap_or(iteration as f64)
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn amounts_have_units() {
        assert_eq!(amount("2GiB"), Ok(2 << 30));
        assert_eq!(amount("1.5 MB"), Ok(1_500_000));
        assert_eq!(amount("4096"), Ok(4096));
        assert!(amount("2 apples").is_err_and(|why| why.contains("apples")));
        assert!(amount("GiB").is_err() && amount("-1").is_err());
    }
}

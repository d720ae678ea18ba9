//! Training trajectories of Caffe 1.0 replayed from the same parameters and batches: losses, learning rates and final
//! parameters within a modest multiple of the noise that real Caffe shows (tests/golden/caffe/nets).

use std::path::{Path, PathBuf};

use cortado::diag::Diagnostics;
use cortado::exec::Device;
use cortado::front::caffe::solver::read_solver;
use cortado::ir::NetState;
use cortado::job::{self, JobOptions};
use cortado::one_pass::{PassOptions, one_pass};
use cortado::pipeline::{self, Options};
use cortado::source::SourceMap;
use cortado::spec::Phase;
use cortado::train::Trainer;
use cortado::train::schedule::Schedule;
use cortado::weights::hdf5::Hdf5File;
use cortado::weights::{Blob, SolverState, read_safetensors};
use libtest_mimic::{Arguments, Failed, Trial};

/// How much more than Caffe's own noise a faithful implementation may deviate.
const NOISE: f64 = 20.0;

/// The same where the libraries of a GPU choose the order of sums. Where all sums are off by 1e-7 of their largest, a maximum or
/// a ReLU decides otherwise here and there, and parameters deviate by up to 1000 times Caffe's noise.
const NOISE_OF_LIBRARIES: f64 = 2000.0;

/// How much a case's `what`, whose noise Caffe shows there, may deviate.
fn tolerance(json: &serde_json::Value, what: &str, least: f64, device: Device) -> f64 {
    let times = if device == Device::Cpu { NOISE } else { NOISE_OF_LIBRARIES };
    json["noise_floor"][what].as_f64().unwrap_or(least).max(least) * times
}

/// The folders of the golden nets.
fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the golden cases are part of the repository")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

fn name_of(case: &Path) -> String {
    case.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The trajectories on a device: from the start, and from Caffe's snapshots.
pub fn trajectories(device: Device) -> Vec<Trial> {
    let mut trials = vec![];
    for case in cases() {
        let (name, again) = (name_of(&case), case.clone());
        let from_start = move || trajectory(&case, device);
        trials.push(Trial::test(format!("{name}/trajectory"), from_start));
        if again.join("snap_iter_10.solverstate").exists() {
            trials.push(Trial::test(format!("{name}/restored"), move || restored(&again, device)));
        }
    }
    let resumed = move || resumed(device);
    trials.push(Trial::test("resumed_run_ends_in_the_same_bits", resumed));
    trials
}

#[allow(dead_code, reason = "not called where the trajectories run on another device")]
fn main() {
    let mut trials = trajectories(Device::Cpu);
    for again in cases() {
        let name = name_of(&again);
        if again.join(AFTERWARDS).exists() {
            let case = again.clone();
            trials.push(Trial::test(format!("{name}/afterwards"), move || afterwards(&case)));
        }
        if !again.join("snap_iter_10.solverstate").exists()
            && again.join("snap_iter_20.solverstate.h5").exists()
        {
            let case = again.clone();
            trials.push(Trial::test(format!("{name}/read"), move || read_hdf5(&again)));
            trials.push(Trial::test(format!("{name}/written"), move || written_hdf5(&case)));
        }
    }
    trials.push(Trial::test("same_bits_for_any_number_of_threads", same_bits));
    let policies =
        std::fs::read(folder().join("lr_policies.json")).expect("part of the repository");
    let policies: serde_json::Value = serde_json::from_slice(&policies).expect("valid JSON");
    for (name, case) in policies.as_object().expect("policies by name").clone() {
        trials.push(Trial::test(format!("lr_policy/{name}"), move || lr_policy(&case)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn folder() -> PathBuf {
    PathBuf::from("tests/golden/caffe/nets")
}

fn case_json(case: &Path) -> Result<serde_json::Value, Failed> {
    Ok(serde_json::from_slice(&std::fs::read(case.join("case.json"))?)?)
}

fn open(case: &Path, options: JobOptions) -> Result<Trainer, Failed> {
    let json = case_json(case)?;
    let batches = json["batches"].as_str().unwrap_or("batches.safetensors").to_owned();
    let options = JobOptions { tensors: Some(case.join(batches)), ..options };
    let opened = job::open(&case.join("solver.prototxt"), &options)?;
    match opened.job {
        Some(job) => Ok(job.trainer),
        None => {
            Err(cortado::diag::render::render(&opened.diagnostics, &opened.sources, false).into())
        }
    }
}

fn from_start(case: &Path, threads: usize) -> Result<Trainer, Failed> {
    on_device(case, Device::Cpu, threads)
}

fn on_device(case: &Path, device: Device, threads: usize) -> Result<Trainer, Failed> {
    let weights = vec![case.join("data.safetensors")];
    open(case, JobOptions { weights, device, threads, ..JobOptions::default() })
}

fn trajectory(case: &Path, device: Device) -> Result<(), Failed> {
    let json = case_json(case)?;
    let golden = read_safetensors(&case.join("data.safetensors"))?;
    let loss_rel = tolerance(&json, "loss_rel", 1e-6, device);
    let param_abs = tolerance(&json, "param_abs", 1e-7, device);
    let mut trainer = on_device(case, device, 1)?;
    let iterations = json["iterations"].as_u64().unwrap_or(20);
    for i in 0..iterations as usize {
        let step = trainer.step()?;
        let (want, lr) = (golden["loss"].data[i], golden["lr"].data[i]);
        if (f64::from(step.loss) - f64::from(want)).abs()
            > loss_rel * f64::from(want.abs()).max(1e-3)
        {
            return Err(format!("loss {i} is {}, not {want}", step.loss).into());
        }
        if step.rate != lr {
            return Err(format!("rate {i} is {}, not {lr}", step.rate).into());
        }
    }
    compare_parameters(&mut trainer, &golden, iterations, param_abs)
}

/// What the trained net gave of the first batch.
const AFTERWARDS: &str = "after20_forward_batch0.safetensors";

fn afterwards(case: &Path) -> Result<(), Failed> {
    let json = case_json(case)?;
    let golden = read_safetensors(&case.join("data.safetensors"))?;
    let batches = read_safetensors(&case.join(json["batches"].as_str().unwrap_or_default()))?;
    let parameters = golden.iter().filter_map(|(name, blob)| {
        Some((format!("param.{}", name.strip_prefix("param@20.")?), blob.clone()))
    });
    let inputs = batches.iter().map(|(name, blob)| {
        let shape = blob.shape[1..].to_vec();
        let first = blob.data[..shape.iter().product()].to_vec();
        (format!("in.{name}"), Blob { shape, data: first })
    });
    let tensors = parameters.chain(inputs).collect();
    let options = Options { stages: vec![NetState::phase(Phase::Test)], ..Options::default() };
    let checked = pipeline::check_file(&case.join("net.prototxt"), &options)?;
    let env = pipeline::environment(&options, &|_| None);
    let pass = PassOptions { backward: false, device: Device::Cpu, threads: 1, seed: 0 };
    let got = one_pass(&checked.stages[0], &env, &tensors, &pass)?;
    for (name, want) in read_safetensors(&case.join(AFTERWARDS))? {
        let got = &got[&format!("out.{name}")].data;
        let differs = |(a, b): &(&f32, &f32)| (**a - **b).abs() > 1e-5 * b.abs().max(0.1);
        if got.len() != want.data.len() || got.iter().zip(&want.data).any(|pair| differs(&pair)) {
            return Err(format!("{name} is {got:?}, not {:?}", want.data).into());
        }
    }
    Ok(())
}

fn compare_parameters(
    trainer: &mut Trainer,
    golden: &std::collections::BTreeMap<String, Blob>,
    iteration: u64,
    tolerance: f64,
) -> Result<(), Failed> {
    let parameters = trainer.parameters();
    let prefix = format!("param@{iteration}.");
    let mut compared = 0;
    for (name, want) in golden {
        let Some(name) = name.strip_prefix(&prefix) else { continue };
        let got = parameters.get(&format!("param.{name}")).ok_or(format!("{name} is missing"))?;
        for (i, (a, b)) in got.data.iter().zip(&want.data).enumerate() {
            let limit = tolerance + 1e-5 * f64::from(b.abs());
            if f64::from(a - b).abs() > limit {
                return Err(format!("{name}[{i}] is {a}, not {b} (within {limit:e})").into());
            }
        }
        compared += 1;
    }
    if compared == 0 { Err("no parameters were compared".into()) } else { Ok(()) }
}

/// Caffe's own snapshot of iteration 10 continues to Caffe's parameters of iteration 20.
fn restored(case: &Path, device: Device) -> Result<(), Failed> {
    let json = case_json(case)?;
    let golden = read_safetensors(&case.join("data.safetensors"))?;
    let resume = Some(case.join("snap_iter_10.solverstate"));
    let options = JobOptions { resume, device, threads: 1, ..JobOptions::default() };
    let mut trainer = open(case, options)?;
    if trainer.iteration() != 10 {
        return Err(format!("restored to iteration {}", trainer.iteration()).into());
    }
    for _ in 0..10 {
        trainer.step()?;
    }
    let param_abs = tolerance(&json, "param_abs", 1e-7, device);
    compare_parameters(&mut trainer, &golden, 20, param_abs)
}

/// Caffe's own HDF5 snapshot gives Caffe's parameters, and its histories to the bit.
fn read_hdf5(case: &Path) -> Result<(), Failed> {
    let golden = read_safetensors(&case.join("data.safetensors"))?;
    let resume = Some(case.join("snap_iter_20.solverstate.h5"));
    let mut trainer = open(case, JobOptions { resume, threads: 1, ..JobOptions::default() })?;
    if trainer.iteration() != 20 {
        return Err(format!("restored to iteration {}", trainer.iteration()).into());
    }
    compare_parameters(&mut trainer, &golden, 20, 0.0)?;
    let state = SolverState::read(&case.join("snap_iter_20.solverstate.h5"))?;
    if state.learned_net.as_deref() != Some("snap_iter_20.caffemodel.h5") {
        return Err(format!("the weights are called {:?}", state.learned_net).into());
    }
    let histories = golden.keys().filter(|name| name.starts_with("history.")).count();
    if state.history.len() != histories || histories == 0 {
        return Err(format!("{} histories, not {histories}", state.history.len()).into());
    }
    for (i, blob) in state.history.iter().enumerate() {
        if *blob != golden[&format!("history.{i}")] {
            return Err(format!("history {i} differs").into());
        }
    }
    trainer.step()?;
    Ok(())
}

/// A snapshot in HDF5 holds what Caffe's holds, and a run goes on from it to Caffe's parameters.
fn written_hdf5(case: &Path) -> Result<(), Failed> {
    let json = case_json(case)?;
    let golden = read_safetensors(&case.join("data.safetensors"))?;
    let folder = tempfile::tempdir()?;
    let mut first = from_start(case, 1)?;
    for _ in 0..10 {
        first.step()?;
    }
    let files = first.snapshot(&folder.path().join("snap"))?;
    let names = |path: &Path| -> Result<Vec<String>, Failed> {
        let mut names = Hdf5File::open(path)?.contents()?.datasets;
        names.sort();
        Ok(names)
    };
    for (ours, theirs) in [
        (&files.caffemodel, "snap_iter_20.caffemodel.h5"),
        (&files.solverstate, "snap_iter_20.solverstate.h5"),
    ] {
        let (ours, theirs) = (names(ours)?, names(&case.join(theirs))?);
        if ours != theirs {
            return Err(format!("the file holds {ours:?}, Caffe's {theirs:?}").into());
        }
    }
    let resume = Some(files.solverstate);
    let mut second = open(case, JobOptions { resume, threads: 1, ..JobOptions::default() })?;
    for _ in 10..20 {
        second.step()?;
    }
    let param_abs = tolerance(&json, "param_abs", 1e-7, Device::Cpu);
    compare_parameters(&mut second, &golden, 20, param_abs)
}

/// The learning rate of the first iterations, to the bit.
fn lr_policy(case: &serde_json::Value) -> Result<(), Failed> {
    let text = format!("net: 'n' {}", case["solver"].as_str().unwrap_or_default());
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("solver", text.clone());
    let solver = read_solver(file, &text, &mut diagnostics).ok_or("the solver is refused")?.solver;
    let mut schedule = Schedule::new(&solver);
    let rates = case["lr"].as_array().ok_or("no rates")?;
    for (i, want) in rates.iter().enumerate() {
        let (got, want) = (schedule.rate(i as u64), want.as_f64().unwrap_or(f64::NAN) as f32);
        if got != want {
            return Err(format!("rate {i} is {got}, not {want}").into());
        }
    }
    Ok(())
}

fn bits(trainer: &mut Trainer) -> Vec<u32> {
    trainer.parameters().values().flat_map(|b| b.data.iter().map(|x| x.to_bits())).collect()
}

fn same_bits() -> Result<(), Failed> {
    let case = folder().join("siamese_full_sgd");
    let mut all = vec![];
    for threads in [1, 2, 3] {
        let mut trainer = from_start(&case, threads)?;
        for _ in 0..3 {
            trainer.step()?;
        }
        all.push(bits(&mut trainer));
    }
    if all[0] != all[1] || all[0] != all[2] {
        return Err("1, 2 and 3 threads give different bits".into());
    }
    Ok(())
}

fn resumed(device: Device) -> Result<(), Failed> {
    let case = folder().join("siamese_adam");
    let folder = tempfile::tempdir()?;
    let mut whole = on_device(&case, device, 1)?;
    for _ in 0..8 {
        whole.step()?;
    }
    let mut first = on_device(&case, device, 1)?;
    for _ in 0..5 {
        first.step()?;
    }
    let files = first.snapshot(&folder.path().join("snap"))?;
    drop(first);
    let resume = Some(files.state);
    let options = JobOptions { resume, device, threads: 2, ..JobOptions::default() };
    let mut second = open(&case, options)?;
    for _ in 5..8 {
        second.step()?;
    }
    if bits(&mut whole) != bits(&mut second) {
        return Err("the resumed run ends in other bits".into());
    }
    Ok(())
}

//! Training trajectories of real Torch replayed from the same parameters and batches, through run files with Lua
//! definitions: losses and final parameters within a modest multiple of the noise that real Torch shows
//! (tests/golden/torch/nets).

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use cortado::exec::Device;
use cortado::job::{self, JobOptions};
use cortado::weights::t7::write_flat;
use cortado::weights::{Blob, read_safetensors, write_safetensors};
use serde_json::Value;

type Failed = Box<dyn std::error::Error>;

/// Runs that one unit in the last place of a third of the first weights sends another way, and the loss at which they
/// part. Another device adds in another order, so there only what comes before is compared.
const FORKS: &[(&str, &str, usize)] = &[("bnnet", "rmsprop_a", 12)];

/// Losses from which on a trajectory hangs on a coin's edge: an element lies so near to the corner of ReLU that starting
/// parameters moved by a unit in their last place fall on either side, most of them on Torch's. Where all 20 losses agree,
/// it is the final parameters of one unit (the 88th of the 500 of the towers) that part.
const ON_EDGE: &[(&str, &str, usize)] = &[("bnnet", "rmsprop_a", 12), ("siamese", "sgd_plain", 20)];

/// Names a folder of golden data larger than those of the repository, which has `torch/nets` with more nets in it.
const MORE: &str = "CORTADO_GOLDEN";

fn folder(net: &str) -> PathBuf {
    // Run files elsewhere name it.
    let own = std::path::absolute(Path::new("tests/golden/torch/nets").join(net));
    let own = own.expect("there is a current folder");
    match std::env::var_os(MORE) {
        Some(more) if !own.exists() => Path::new(&more).join("torch/nets").join(net),
        _ => own,
    }
}

#[test]
fn tied_towers() -> Result<(), Failed> {
    replay("siamese_small", Device::Cpu)
}

#[test]
fn residual_net_with_batch_normalisation() -> Result<(), Failed> {
    replay("bnnet", Device::Cpu)
}

/// The same towers in the tutorial's size, by all methods: too many numbers for the repository.
#[test]
#[ignore = "needs the golden data that CORTADO_GOLDEN names"]
fn tied_towers_in_full_size() -> Result<(), Failed> {
    replay("siamese", Device::Cpu)
}

/// Replays every run of a net whose golden data are here, on a device; those that drift apart in Torch itself, by its
/// arithmetic alone, are left out.
pub fn replay(net: &str, device: Device) -> Result<(), Failed> {
    let meta: Value = serde_json::from_slice(&std::fs::read(folder(net).join("meta.json"))?)?;
    let data = read_safetensors(&folder(net).join("data.safetensors"))?;
    let runs = meta["optimizers"].as_array().ok_or("no runs")?;
    let here = runs.iter().filter(|run| {
        let name = run["name"].as_str().unwrap_or_default();
        run["ill_conditioned"] == false && folder(net).join(format!("{name}.safetensors")).exists()
    });
    let mut replayed = 0;
    let mut failures = vec![];
    for run in here {
        replayed += 1;
        if let Err(e) = trajectory(net, &meta, run, &data, device) {
            failures.push(format!("{net} {}: {e}", run["name"]));
        }
    }
    assert!(4 < replayed, "{replayed} runs");
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

fn trajectory(
    net: &str,
    meta: &Value,
    run: &Value,
    data: &BTreeMap<String, Blob>,
    device: Device,
) -> Result<(), Failed> {
    let work = tempfile::tempdir()?;
    let at = |name: &str| work.path().join(name);
    let (input, target) = (stacked(data, "in")?, stacked(data, "label")?);
    write_safetensors(&at("batches.safetensors"), [("input", &input), ("target", &target)])?;
    write_flat(&at("init_Weights.t7"), &first_parameters(data))?;
    let mut solver = run["config"].as_object().cloned().unwrap_or_default();
    solver.insert("method".into(), run["method"].clone());
    let mut dataset = serde_json::json!({ "train": { "tensors": "batches.safetensors" } });
    if !meta["params"]["nclasses"].is_null() {
        dataset["classes"] = meta["params"]["nclasses"].clone();
    }
    let file = serde_json::json!({
        "network": folder(net).join("def.lua"),
        "dataset": dataset,
        "train": { "iterations": 20, "solver": solver },
        "weights": ["init_Weights.t7"],
        "output": at("run"),
    });
    std::fs::write(at("run.yaml"), serde_yaml::to_string(&file)?)?;
    let opened = job::open(&at("run.yaml"), &JobOptions { device, ..JobOptions::default() })?;
    let complaints = cortado::diag::render::render(&opened.diagnostics, &opened.sources, false);
    let mut trainer = opened.job.ok_or(complaints)?.trainer;

    let name = run["name"].as_str().unwrap_or_default();
    let golden = read_safetensors(&folder(net).join(format!("{name}.safetensors")))?;
    let limit = |key: &str| run[key].as_f64().unwrap_or(0.0) * 10.0 + 1e-6;
    let edge = ON_EDGE.iter().find(|(of, run, _)| (*of, *run) == (net, name));
    let fork = FORKS.iter().find(|fork| (fork.0, fork.1) == (net, name) && device != Device::Cpu);
    for (i, want) in golden["losses"].data.iter().enumerate() {
        if fork.is_some_and(|&(_, _, loss)| loss == i) {
            return Ok(());
        }
        if edge.is_some_and(|&(.., from)| from == i) {
            return Ok(());
        }
        let loss = trainer.step()?.loss;
        let limit = limit("f32_vs_f64_loss_abs");
        if limit + 2e-6 * f64::from(want.abs()) < f64::from(loss - want).abs() {
            return Err(format!("loss {i} is {loss}, not {want} (within {limit:e})").into());
        }
    }
    if edge.is_some() {
        return Ok(());
    }
    let flat = trainer.flat_parameters();
    // Of some runs every so-manieth parameter was kept.
    let (stride, want) = match golden.get("final.flat") {
        Some(all) => (1, &all.data),
        None => (golden["sample.stride"].data[0] as usize, &golden["sample.final"].data),
    };
    let flat: Vec<f32> = flat.into_iter().step_by(stride).collect();
    assert_eq!(flat.len(), want.len());
    let limit = limit("f32_vs_f64_param_abs");
    for (i, (a, b)) in flat.iter().zip(want).enumerate() {
        if limit + 1e-5 * f64::from(b.abs()) < f64::from(a - b).abs() {
            return Err(format!("parameter {i} is {a}, not {b} (within {limit:e})").into());
        }
    }
    buffers(&trainer.parameters(), &golden)
}

/// The parameters before training as one vector.
fn first_parameters(data: &BTreeMap<String, Blob>) -> Vec<f32> {
    match data.get("init.flat") {
        Some(flat) => flat.data.clone(),
        None => {
            let each = (0..).map_while(|i: usize| data.get(&format!("init.param.{i}")));
            each.flat_map(|blob| blob.data.iter().copied()).collect()
        }
    }
}

/// Running means and variances. Their order is that of the layers' paths, so they are compared as sets of vectors.
fn buffers(
    parameters: &BTreeMap<String, Blob>,
    golden: &BTreeMap<String, Blob>,
) -> Result<(), Failed> {
    let mut by_len: HashMap<usize, Vec<&[f32]>> = HashMap::new();
    for blob in parameters.values() {
        by_len.entry(blob.data.len()).or_default().push(&blob.data);
    }
    for (name, want) in golden.iter().filter(|(name, _)| name.starts_with("final.buf.")) {
        let close = |have: &&[f32]| {
            have.iter().zip(&want.data).all(|(a, b)| (a - b).abs() <= 2e-5 * (1.0 + b.abs()))
        };
        let candidates = by_len.get(&want.data.len()).map_or(&[][..], Vec::as_slice);
        if !candidates.iter().any(close) {
            return Err(format!("no buffer is `{name}`").into());
        }
    }
    Ok(())
}

/// All batches of a kind as one tensor with an axis for batches.
fn stacked(data: &BTreeMap<String, Blob>, kind: &str) -> Result<Blob, Failed> {
    let batches: Vec<&Blob> =
        (0..).map_while(|k: usize| data.get(&format!("batch.{k}.{kind}"))).collect();
    let first = batches.first().ok_or("no batches")?;
    let mut shape = vec![batches.len()];
    shape.extend(&first.shape);
    let values = batches.iter().flat_map(|b| b.data.iter().copied()).collect();
    Blob::new(shape, values).ok_or_else(|| "batches of different sizes".into())
}

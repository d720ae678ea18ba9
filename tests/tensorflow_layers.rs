//! Every golden case of real TensorFlow as a named test: whole definitions as DIGITS takes them, forward, the gradients of
//! loss and parameters, and the moving moments after one update (tests/golden/tensorflow; TensorFlow 2.12 in its 1.x
//! mode with tf-slim 1.1). Tensors are TensorFlow's: images with their channels last, `param.model/<scope>/<name>`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cortado::exec::Device;
use cortado::ir::NetState;
use cortado::one_pass::{PassOptions, check_options, inward, one_pass, outward};
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::weights::{Blob, read_safetensors};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

#[allow(dead_code, reason = "not called where the cases run on another device")]
fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials(Device::Cpu)).exit();
}

/// The cases on a device.
pub fn trials(device: Device) -> Vec<Trial> {
    let folder = Path::new("tests/golden/tensorflow");
    let entries = std::fs::read_dir(folder).expect("the golden cases are part of the repository");
    let mut cases: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    cases.retain(|path| path.join("def.py").exists());
    cases.sort();
    assert_eq!(cases.len(), 21, "cases of the golden data");
    let trials = cases.into_iter().map(move |case| {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name, move || run(&case, device))
    });
    trials.collect()
}

fn run(case: &Path, device: Device) -> Result<(), Failed> {
    let tensors = read_safetensors(&case.join("data.safetensors"))?;
    let meta: Value = serde_json::from_slice(&std::fs::read(case.join("meta.json"))?)?;
    let training = meta["is_training"] == true;
    let phase = if training { Phase::Train } else { Phase::Test };
    let path = case.join("def.py");
    let given: BTreeMap<String, Blob> = tensors
        .iter()
        .filter(|(name, _)| name.starts_with("in.") || name.starts_with("param."))
        .map(|(name, blob)| (name.clone(), blob.clone()))
        .collect();
    let mut options = check_options(&path, &given, Some(NetState::phase(phase)));
    options.request.classes = meta["nclasses"].as_u64().map(|n| n as usize);
    let checked = pipeline::check_file(&path, &options)?;
    if !checked.diagnostics.is_empty() {
        return Err(
            cortado::diag::render::render(&checked.diagnostics, &checked.sources, false).into()
        );
    }
    let record = |_: &str| None;
    let env = pipeline::environment(&options, &record);
    let pass = PassOptions { backward: true, device, threads: 1, seed: 0 };
    let definition = &checked.definition;
    let results = one_pass(&checked.stages[0], &env, &inward(definition, &given), &pass)?;
    let results = outward(definition, &given, results);
    let mut failures = vec![];
    for (name, want) in tensors.iter().filter(|(name, _)| !given.contains_key(*name)) {
        match results.get(name) {
            None => failures.push(format!("{name} is missing")),
            Some(got) => failures.extend(compare(name, got, want)),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// The golden data's tolerance: 1e-5 of the largest value, at least of 1, and for gradients 1e-4 of the largest value. What is
/// zero in exact arithmetic comes out as noise.
fn compare(name: &str, got: &Blob, want: &Blob) -> Option<String> {
    if got.shape != want.shape {
        return Some(format!("{name} is {:?}, not {:?}", got.shape, want.shape));
    }
    let largest = want.data.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    let tolerance = match name.starts_with('d') {
        true => 1e-4 * largest + 1e-6,
        false => 1e-5 * largest.max(1.0),
    };
    let far = |(&a, &b): (&f32, &f32)| (a - b).abs() > tolerance || a.is_nan();
    let wrong = got.data.iter().zip(&want.data).position(far)?;
    let (a, b) = (got.data[wrong], want.data[wrong]);
    Some(format!("{name}[{wrong}] is {a}, not {b}"))
}

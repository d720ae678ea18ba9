//! Every golden layer case of Caffe 1.0 as a named test: forward, backward and parameter gradients on the tensors
//! that real Caffe computed (tests/golden/caffe/layers); and more layers and small nets, most with random parameters and
//! shapes (tests/golden/caffe/more). Layers of well-known forks are compared with what PyTorch and plain loops compute in
//! double precision from their documented formulas (tests/golden/caffe/forks).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, input_shapes, input_values, one_pass};
use cortado::pipeline::{self, Options};
use cortado::weights::{Blob, read_safetensors};
use libtest_mimic::{Arguments, Failed, Trial};

/// Results of Caffe that are artefacts of its memory aliasing or undefined, where cortado knowingly differs; the
/// layers' documentation says how.
const QUIRKS: &[&str] = &[
    "alias_flatten_inplace",
    "alias_order_matters",
    "bnll_inplace",
    "clip_inplace",
    "eltwise_inplace_sum",
    "log_inplace",
    "power_inplace_affine",
    "power_inplace_square",
    "relu_inplace_negslope",
];

#[allow(dead_code, reason = "not called where the cases run on another device")]
fn main() {
    let mut trials = trials(Device::Cpu);
    trials.extend(trials_of("more", Device::Cpu));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The cases of Caffe and of its forks on a device.
pub fn trials(device: Device) -> Vec<Trial> {
    let mut trials = trials_of("layers", device);
    trials.extend(trials_of("forks", device));
    trials
}

fn trials_of(folder: &str, device: Device) -> Vec<Trial> {
    let golden = Path::new("tests/golden/caffe");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(golden.join(folder))
        .expect("the golden cases are part of the repository")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    let trials = cases.into_iter().map(move |case| {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name, move || run(&case, device))
    });
    trials.collect()
}

fn run(case: &Path, device: Device) -> Result<(), Failed> {
    let tensors = read_safetensors(&case.join("data.safetensors"))?;
    let backward =
        tensors.keys().any(|name| name.starts_with("din.") || name.starts_with("dparam."));
    let options = Options {
        own_state: true,
        shapes: input_shapes(&tensors),
        values: input_values(&tensors),
        ..Options::default()
    };
    let checked = pipeline::check_file(&case.join("net.prototxt"), &options)?;
    if checked.diagnostics.has_errors() {
        return Err(
            cortado::diag::render::render(&checked.diagnostics, &checked.sources, false).into()
        );
    }
    let record = |_: &str| None;
    let env = pipeline::environment(&options, &record);
    let pass = PassOptions { backward, device, threads: 1, seed: 0 };
    let given: BTreeMap<String, Blob> = tensors
        .iter()
        .filter(|(name, _)| ["in.", "in2.", "param.", "dout."].iter().any(|p| name.starts_with(p)))
        .map(|(name, blob)| (name.clone(), blob.clone()))
        .collect();
    let results = one_pass(&checked.stages[0], &env, &given, &pass)?;

    let mut failures = vec![];
    for (name, want) in &tensors {
        if given.contains_key(name) {
            continue;
        }
        match results.get(name) {
            None => failures.push(format!("{name} is missing")),
            Some(got) => failures.extend(compare(name, got, want)),
        }
    }
    let name = case.file_name().unwrap_or_default().to_string_lossy();
    let quirk = QUIRKS.contains(&name.as_ref());
    match (failures.is_empty(), quirk) {
        (false, true) => Ok(()),
        (true, true) => Err("agrees with Caffe, so it belongs in no list of quirks".into()),
        (true, false) => Ok(()),
        (false, false) => Err(failures.join("\n").into()),
    }
}

/// The golden data's tolerance: 1e-5 + 1e-4 |b| forward, 1e-4 + 1e-3 |b| for gradients.
fn compare(name: &str, got: &Blob, want: &Blob) -> Option<String> {
    if got.shape != want.shape {
        return Some(format!("{name} is {:?}, not {:?}", got.shape, want.shape));
    }
    let gradient = name.starts_with("din") || name.starts_with("dparam");
    let (absolute, relative) = if gradient { (1e-4, 1e-3) } else { (1e-5, 1e-4) };
    let wrong = got.data.iter().zip(&want.data).position(|(&a, &b)| {
        let same = a == b || a.is_nan() && b.is_nan();
        let close = (a - b).abs() <= absolute + relative * b.abs();
        !same && (!close || !b.is_finite())
    })?;
    let (a, b) = (got.data[wrong], want.data[wrong]);
    Some(format!("{name}[{wrong}] is {a}, not {b}"))
}

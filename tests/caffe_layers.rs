//! Every golden layer case of Caffe 1.0 as a named test: forward, backward and parameter gradients on the tensors
//! that real Caffe computed (tests/golden/caffe/layers); and more layers and small nets, most with random parameters and
//! shapes (tests/golden/caffe/more). Layers of well-known forks are compared with what PyTorch and plain loops compute in
//! double precision from their documented formulas (tests/golden/caffe/forks).

mod golden_case;

use std::path::Path;

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, one_pass};
use cortado::pipeline;
use cortado::weights::Blob;
use golden_case::{Case, cases, difference, verdict};
use libtest_mimic::{Arguments, Failed, Trial};

/// Results of Caffe that are artefacts of its memory aliasing, where cortado knowingly differs: gradients of layers in place,
/// which Caffe computes from the results that have replaced the inputs, and a blob that two layers in place share.
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
    let cases = cases(&format!("caffe/{folder}")).into_iter();
    cases.map(|(name, folder)| Trial::test(name, move || run(&folder, device))).collect()
}

fn run(folder: &Path, device: Device) -> Result<(), Failed> {
    let case = Case::open(folder)?;
    let tensors = &case.tensors;
    let backward =
        tensors.keys().any(|name| name.starts_with("din.") || name.starts_with("dparam."));
    let checked = case.checked(false)?;
    let env = pipeline::environment(&case.options, &|_| None);
    let pass = PassOptions { backward, device, threads: 1, seed: 0 };
    let given = case.given(&["in.", "in2.", "param.", "dout."]);
    let results = one_pass(&checked.stages[0], &env, &given, &pass)?;
    let mut failures = vec![];
    for (name, want) in tensors.iter().filter(|(name, _)| !given.contains_key(*name)) {
        match results.get(name) {
            None => failures.push(format!("{name} is missing")),
            Some(got) => failures.extend(compare(name, got, want)),
        }
    }
    verdict(folder, QUIRKS, &failures)
}

/// The golden data's tolerance: 1e-5 + 1e-4 |b| forward, 1e-4 + 1e-3 |b| for gradients.
fn compare(name: &str, got: &Blob, want: &Blob) -> Option<String> {
    let gradient = name.starts_with("din") || name.starts_with("dparam");
    let (absolute, relative) = if gradient { (1e-4, 1e-3) } else { (1e-5, 1e-4) };
    difference(name, got, want, |b| absolute + relative * b.abs())
}

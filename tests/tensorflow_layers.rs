//! Every golden case of real TensorFlow as a named test: whole definitions as DIGITS takes them, forward, the gradients of
//! loss and parameters, and the moving moments after one update (tests/golden/tensorflow; TensorFlow 2.12 in its 1.x
//! mode with tf-slim 1.1). Tensors are TensorFlow's: images with their channels last, `param.model/<scope>/<name>`.

mod golden_case;

use std::path::Path;

use cortado::exec::Device;
use cortado::one_pass::{PassOptions, inward, one_pass, outward};
use cortado::pipeline;
use cortado::weights::Blob;
use golden_case::{Case, cases, difference, verdict};
use libtest_mimic::{Arguments, Failed, Trial};

#[allow(dead_code, reason = "not called where the cases run on another device")]
fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials(Device::Cpu)).exit();
}

/// The cases on a device.
pub fn trials(device: Device) -> Vec<Trial> {
    let cases = cases("tensorflow");
    assert_eq!(cases.len(), 21, "cases of the golden data");
    let cases = cases.into_iter();
    cases.map(|(name, folder)| Trial::test(name, move || run(&folder, device))).collect()
}

fn run(folder: &Path, device: Device) -> Result<(), Failed> {
    let case = Case::open(folder)?;
    let given = case.given(&["in.", "param."]);
    let checked = case.checked(true)?;
    let env = pipeline::environment(&case.options, &|_| None);
    let pass = PassOptions { backward: true, device, threads: 1, seed: 0 };
    let definition = &checked.definition;
    let results = one_pass(&checked.stages[0], &env, &inward(definition, &given), &pass)?;
    let results = outward(definition, &given, results);
    let mut failures = vec![];
    for (name, want) in case.tensors.iter().filter(|(name, _)| !given.contains_key(*name)) {
        match results.get(name) {
            None => failures.push(format!("{name} is missing")),
            Some(got) => failures.extend(compare(name, got, want)),
        }
    }
    verdict(folder, &[], &failures)
}

/// The golden data's tolerance: 1e-5 of the largest value, at least of 1, and for gradients 1e-4 of the largest value. What is
/// zero in exact arithmetic comes out as noise.
fn compare(name: &str, got: &Blob, want: &Blob) -> Option<String> {
    let largest = want.data.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    let tolerance = match name.starts_with('d') {
        true => 1e-4 * largest + 1e-6,
        false => 1e-5 * largest.max(1.0),
    };
    difference(name, got, want, |_| tolerance)
}

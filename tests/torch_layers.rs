//! Every golden case of real Torch7 as a named test: forward, backward and parameter gradients of modules, containers
//! and criterions, and the text that `tostring` gives (tests/golden/torch/modules). The packages rnn, dpnn, nnx and cudnn are compared with
//! PyTorch (tests/golden/torch/sequences, tests/golden/torch/packages).

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

/// Results of Torch that are artefacts of its shared memory, where cortado knowingly differs.
///
/// - `batchnorm_eval_1d`: the gradient of a batch of one without a batch axis comes back without that axis, because the
///   module resized the caller's tensor; here the gradient of an input has the input's shape.
const QUIRKS: &[&str] = &["batchnorm_eval_1d"];

#[allow(dead_code, reason = "not called where the cases run on another device")]
fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials(Device::Cpu)).exit();
}

/// The cases on a device.
pub fn trials(device: Device) -> Vec<Trial> {
    let folder = Path::new("tests/golden/torch");
    let files = ["modules", "sequences", "packages"].into_iter().flat_map(|kind| {
        std::fs::read_dir(folder.join(kind)).expect("the golden cases are part of the repository")
    });
    let mut cases: Vec<PathBuf> =
        files.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    cases.sort();
    let trials = cases.into_iter().map(move |case| {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name, move || run(&case, device))
    });
    trials.collect()
}

/// Whether a tensor of a golden file is given to the net.
fn is_given(name: &str, criterion: bool) -> bool {
    let given = ["in.", "param.", "buf.", "target"];
    given.iter().any(|p| name.starts_with(p)) || !criterion && name.starts_with("dout.")
}

fn run(case: &Path, device: Device) -> Result<(), Failed> {
    let tensors = read_safetensors(&case.join("data.safetensors"))?;
    // Cases of PyTorch are modules in training, of which Torch has said nothing more.
    let of_torch = case.parent().is_some_and(|folder| folder.ends_with("modules"));
    let meta: Value = match of_torch {
        true => serde_json::from_slice(&std::fs::read(case.join("meta.json"))?)?,
        false => Value::Null,
    };
    let criterion = meta["kind"] == "criterion" || !of_torch && tensors.contains_key("target");
    let phase = if meta["mode"] == "eval" { Phase::Test } else { Phase::Train };
    let path = case.join("def.lua");
    let mut options = check_options(&path, &tensors, Some(NetState::phase(phase)));
    let params = &meta["params"];
    options.request.classes = params["nclasses"].as_u64().map(|n| n as usize);
    options.request.input_shape = params["inputShape"]
        .as_array()
        .map(|list| list.iter().filter_map(|d| Some(d.as_u64()? as usize)).collect());
    let checked = pipeline::check_file(&path, &options)?;
    if checked.diagnostics.has_errors() {
        return Err(
            cortado::diag::render::render(&checked.diagnostics, &checked.sources, false).into()
        );
    }
    let record = |_: &str| None;
    let env = pipeline::environment(&options, &record);
    let has_gradients = tensors.keys().any(|name| name.starts_with('d'));
    let pass = PassOptions { backward: has_gradients, device, threads: 1, seed: 0 };
    let given: BTreeMap<String, Blob> = tensors
        .iter()
        .filter(|(name, _)| is_given(name, criterion))
        .map(|(name, blob)| (name.clone(), blob.clone()))
        .collect();
    let definition = &checked.definition;
    let results = one_pass(&checked.stages[0], &env, &inward(definition, &given), &pass)?;
    let results = outward(definition, &given, results);

    let mut failures = vec![];
    for (name, want) in tensors.iter().filter(|(name, _)| !given.contains_key(*name)) {
        match results.get(name) {
            None if want.data.iter().all(|&x| x == 0.0) && name.starts_with('d') => {}
            None => failures.push(format!("{name} is missing")),
            Some(got) => failures.extend(compare(name, got, want, device)),
        }
    }
    let text = match of_torch {
        true => std::fs::read_to_string(case.join("tostring.txt"))?,
        false => String::new(),
    };
    let printed = format!("{}\n", checked.definition.printed.trim_end_matches('\n'));
    // Torch's own text of one module fails; its file is empty.
    if !text.is_empty() && printed != text {
        failures.push(format!("tostring gives\n{printed}instead of\n{text}"));
    }
    let name = case.file_name().unwrap_or_default().to_string_lossy();
    let quirk = QUIRKS.contains(&name.as_ref());
    match (failures.is_empty(), quirk) {
        (false, true) => Ok(()),
        (true, true) => Err("agrees with Torch, so it belongs in no list of quirks".into()),
        (true, false) => Ok(()),
        (false, false) => Err(failures.join("\n").into()),
    }
}

/// The golden data's tolerance, with room for sums in another order: 2e-6 + 5e-5 of the largest value, and some more for
/// sums to 0 on another device.
fn compare(name: &str, got: &Blob, want: &Blob, device: Device) -> Option<String> {
    let least = if device == Device::Cpu { 2e-6 } else { 4e-6 };
    // Torch views the gradient of one module's weights in more axes than the weights.
    let viewed = name.starts_with("dparam.") && got.data.len() == want.data.len();
    if got.shape != want.shape && !viewed {
        return Some(format!("{name} is {:?}, not {:?}", got.shape, want.shape));
    }
    let finite = want.data.iter().filter(|x| x.is_finite());
    let largest = finite.fold(0.0f32, |m, x| m.max(x.abs()));
    let wrong = got.data.iter().zip(&want.data).position(|(&a, &b)| {
        let same = a == b || a.is_nan() && b.is_nan();
        let close = (a - b).abs() <= least + 5e-5 * largest;
        !same && (!close || !b.is_finite())
    })?;
    let (a, b) = (got.data[wrong], want.data[wrong]);
    Some(format!("{name}[{wrong}] is {a}, not {b}"))
}

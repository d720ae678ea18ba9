//! Training steps of small definitions against those of real TensorFlow as DIGITS' driver makes them: gradients that
//! `gradientUpdate` changes, and several losses that each make a step of their own (tests/golden/tensorflow_steps).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cortado::diag::render::render;
use cortado::exec::Device;
use cortado::job::{self, JobOptions};
use cortado::weights::{Blob, read_safetensors, write_safetensors};
use serde_json::Value;

type Failed = Box<dyn std::error::Error>;

const CASES: [&str; 2] = [
    include_str!("golden/tensorflow_steps/cases.json"),
    include_str!("golden/tensorflow_steps/more.json"),
];

/// How many steps the cases have.
const STEPS: usize = 3;

fn numbers(value: &Value) -> Vec<f32> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(Value::as_f64).map(|number| number as f32).collect()
}

fn blob(value: &Value) -> Blob {
    let shape = numbers(&value["shape"]).into_iter().map(|extent| extent as usize).collect();
    Blob { shape, data: numbers(&value["data"]) }
}

/// Tensors by their names.
fn blobs(value: &Value) -> BTreeMap<String, Blob> {
    let all = value.as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), blob(value))).collect()
}

/// The cases.
pub fn cases() -> Vec<Value> {
    let all = CASES.map(|text| serde_json::from_str::<Value>(text).unwrap_or_default());
    all.iter().flat_map(|all| all["cases"].as_array()).flatten().cloned().collect()
}

/// Writes a case into a folder: the run file, and the first values of variables.
pub fn write_case(
    case: &Value,
    folder: &Path,
) -> Result<(PathBuf, BTreeMap<String, Blob>), Failed> {
    let at = |name: &str| folder.join(name);
    std::fs::write(at("net.py"), case["text"].as_str().unwrap_or_default())?;
    let (x, y) = (blob(&case["x"]), blob(&case["y"]));
    write_safetensors(&at("batches.safetensors"), [("input", &x), ("target", &y)])?;
    let first = blobs(&case["first"]);
    write_safetensors(&at("first.safetensors"), first.iter().map(|(n, b)| (n.as_str(), b)))?;
    let run = serde_json::json!({
        "network": "net.py",
        "dataset": { "classes": 3, "train": { "tensors": "batches.safetensors" } },
        "train": { "iterations": STEPS, "solver": case["solver"] },
        "weights": ["first.safetensors"],
        "output": at("run"),
    });
    std::fs::write(at("run.yaml"), serde_yaml::to_string(&run)?)?;
    Ok((at("run.yaml"), first))
}

/// Trains a case in a folder and says what is not as in TensorFlow.
fn differs(case: &Value, folder: &Path, device: Device) -> Result<Vec<String>, Failed> {
    let (run, first) = write_case(case, folder)?;
    let opened = job::open(&run, &JobOptions { device, ..JobOptions::default() })?;
    let complaints = render(&opened.diagnostics, &opened.sources, false);
    let mut trainer = opened.job.ok_or(complaints)?.trainer;
    let mut wrong = vec![];
    for losses in case["losses"].as_array().into_iter().flatten() {
        let (got, want) = (trainer.step()?.loss, numbers(losses).iter().sum::<f32>());
        if 2e-5 * (1.0 + want.abs()) < (got - want).abs() {
            wrong.push(format!("the loss is {got}, not {want}"));
        }
    }
    let last = read_safetensors(&trainer.snapshot(&folder.join("end"))?.safetensors)?;
    for (name, want) in blobs(&case["last"]) {
        let Some(got) = last.get(&name) else {
            // A variable that nothing reads is none of the net's.
            if first[&name].data != want.data {
                wrong.push(format!("{name} is missing among {:?}", last.keys()));
            }
            continue;
        };
        let largest = want.data.iter().fold(1.0f32, |m, x| m.max(x.abs()));
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 2e-5 * largest;
        if !got.data.iter().zip(&want.data).all(near) {
            wrong.push(format!("{name} is {:?}, not {:?}", got.data, want.data));
        }
    }
    Ok(wrong)
}

#[test]
fn steps_are_those_of_tensorflow() -> Result<(), Failed> {
    replay(Device::Cpu)
}

/// Trains every case on a device.
pub fn replay(device: Device) -> Result<(), Failed> {
    let mut wrong = vec![];
    for case in cases() {
        let folder = tempfile::tempdir()?;
        let found = differs(&case, folder.path(), device)?;
        wrong.extend(found.into_iter().map(|why| format!("{}: {why}", case["name"])));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
